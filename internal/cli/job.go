package cli

import "syscall"

// Autokill stops when its command has, and not before, as a Ctrl-Z would have it: the
// shell takes the terminal then, which a program that uses the whole screen first puts
// in order.
//
// A terminal serves one process group at a time: the foreground group reads, and gets its
// signals (credentials(7)). A command in our own group has what we have. For one in a
// group of its own autokill does what a shell does for its jobs. A tree is such a
// command; an interactive shell makes itself one.
//
// A tree that begins where autokill has the terminal for input and output gets it at
// once. Otherwise others may need it, as in autokill run X | less, and the tree begins
// in the background; it gets the terminal when it asks, which stops it with SIGTTIN or
// SIGTTOU.

// reply is what autokill does when the command has stopped.
type reply int

const (
	leave reply = iota
	lend        // give it the terminal and let it go on
	stop        // stop, too, for the shell to see; when we go on, so does the command
)

// groups are process groups, and what is known of them.
type groups struct {
	front int // the terminal's foreground group
	own   int // ours
	its   int // the command's

	tree bool // its group is all of a scope
	// watched: our parent is a shell that made a job of us. It sees that we have
	// stopped, and makes us go on.
	watched bool
}

// asks says whether the signal is that of a process which needs the terminal.
func asks(sig syscall.Signal) bool { return sig == syscall.SIGTTIN || sig == syscall.SIGTTOU }

// replyTo decides.
func replyTo(sig syscall.Signal, g groups) reply {
	switch {
	case g.tree && asks(sig) && (g.front == g.own || g.front == g.its):
		return lend
	case g.its == g.own && asks(sig):
		// The terminal has stopped all of the group, us too.
		return leave
	case g.watched, sig != syscall.SIGSTOP:
		return stop
	}
	// Somebody wants the command to stop, and not us.
	return leave
}
