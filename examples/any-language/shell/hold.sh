#!/bin/bash
# hold.sh COMMAND...: run COMMAND, which dies with this shell, kill -9 included.
#
# For that alone "autokill run -- COMMAND &" would do, since it dies with who has started it.
# Here a descriptor decides: that of the shell in ${HOLD[1]}, the other end of the coprocess's
# standard input. Who gets a copy of it keeps COMMAND alive, too.

exec 3>&1 # the standard output of a coprocess is a pipe, COMMAND shall have ours
coproc HOLD { exec autokill run --with-parent=false --hold 0 -- "$@" >&3 3>&-; }
pid=$! # HOLD_PID is unset when it has ended
echo "held $pid" # the pid of autokill
# exec {HOLD[1]}>&- would kill COMMAND and all that it has started.
wait "$pid"
echo "ended $?"
