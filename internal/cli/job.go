package cli

import "syscall"

// A tree has a process group of its own, and a terminal serves one group at a time: the
// foreground group reads, and gets its signals (credentials(7)). What a shell does for
// its jobs autokill does for the tree.
//
// A tree that begins where autokill has the terminal for input and output gets it at
// once. Otherwise others may need it, as in autokill run X | less, and the tree begins
// in the background; it gets the terminal when it asks, which stops it with SIGTTIN or
// SIGTTOU.

// reply is what autokill does when the tree has stopped.
type reply int

const (
	leave reply = iota
	lend        // give it the terminal and let it go on
	stop        // stop, too, for the shell to see; when we go on, so does the tree
)

// replyTo decides. front, own and tree are process groups: the terminal's foreground
// group, ours, the tree's.
func replyTo(sig syscall.Signal, front, own, tree int) reply {
	switch sig {
	case syscall.SIGTTIN, syscall.SIGTTOU:
		if front == own || front == tree {
			return lend
		}
		return stop
	case syscall.SIGTSTP:
		return stop
	}
	return leave
}
