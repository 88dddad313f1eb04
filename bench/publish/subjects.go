package main

// A subject is what a result is of, for people. Results of sub-benchmarks come under the name of
// the whole.
type subject struct{ result, title, text string }

// subjects are in the order of the document.
var subjects = []subject{
	{"StartWait", "Start and wait", "/bin/true is started and waited for. The C floor (`bench/c/floor.c`) is clone3 with CLONE_VM and CLONE_VFORK, execve and waitid in a loop; with the bond, its child makes a parcel first as a tripwire does, without checks."},
	{"Allocations", "Allocations of a start and wait", "On Go's heap, by the whole program."},
	{"Start", "Start alone", "The program sleeps; its end is not measured. With and without the bond are `internal/bond` and `internal/clone` alone: the same vector of system calls with and without a parcel."},
	{"Parallel", "Eight goroutines", "Time for a start and wait when 8 goroutines do nothing else. The ratio is of throughputs."},
	{"Close", "Ending a child", "A child that sleeps: Close and Wait, beside Kill and Wait."},
	{"HolderKilled", "kill -9 of the holder", "From SIGKILL to the holder until the last of its children has closed its descriptors, for so many children."},
	{"Heap", "A large heap", "Start and wait of /bin/true from a process with a live heap of 4 GiB and from one with an empty heap."},
	{"Descriptors", "Many open descriptors", "The same from a process with 19,500 open descriptors and from one with 10."},
	{"WrittenAndRun", "A program that is written and run at once", "3,000 times, while four goroutines start other programs."},
	{"SlowExec", "A slow exec", "An exec is held up for 300 ms (fanotify, FAN_OPEN_EXEC_PERM). Meanwhile the same process stops the world (runtime.ReadMemStats), or starts another program, again and again: the longest of them."},
	{"ServesItself", "A program that answers the request of its own exec", "With GOMAXPROCS 1 and 2, while the garbage collector runs without pause."},
	{"TenThousand", "10,000 living children", "As root, whose descriptors in flight are not limited. RLIMIT_NOFILE must allow two descriptors for each child. Slab is the kernel's memory in objects; the bond is what a child with it has more than one without, started by the same vector of system calls. `os/exec`'s child copies the holder's descriptor table, and keeps one of that size. StartOther is `os/exec`'s."},
	{"Pipes", "Pipes of the same user", "An ordinary user starts children until a limit is reached, or 10,000. Then another program of the user makes a pipe. The limit is RLIMIT_NOFILE, which counts descriptors in flight: their number for each child is the ratio. Each child has pipes of one page, and pipe-user-pages-soft (16,384 pages, pipe(7)) is what a user can have before pipes become small."},
	{"Idle", "An idle holder", "1,000 children for 10 seconds. A thread that was never put on a processor (/proc/PID/task/TID/schedstat) has made no system call and was not woken."},
	{"Run", "The command", "`true` by each command, started by `bench/c/floor.c`."},
	{"WrapperMemory", "The waiting command", "RssAnon of `autokill run --scope process`."},
	{"Scope", "Scopes", "Start and wait of /bin/true. autokill alone is scope process."},
	{"Seal", "System calls in a sealed tree", "A program that makes one system call again and again, for each call. The seal looks at the arguments of ioctl."},
}
