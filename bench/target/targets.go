package target

const (
	ours      = "autokill"
	plain     = "os/exec"
	pdeathsig = "os/exec with Pdeathsig"
	kilobyte  = 1024
	ms        = 1e6 // nanoseconds
)

// Targets are for a machine with two processors, and the mechanism tripwire.
var Targets = []Target{
	{What: "start and wait of /bin/true, over os/exec", Result: "StartWait", Of: ours, Over: plain, Bound: atMost(0.95), Missed: "A start"},
	{What: "start and wait of /bin/true, over the C floor", Result: "StartWait", Of: ours, Over: "C floor", Bound: atMost(1.20), Missed: "A start"},
	{What: "allocations of a start and wait", Result: "Allocations/Count", Of: ours, Bound: atMost(12)},
	{What: "bytes allocated by a start and wait", Result: "Allocations/Bytes", Of: ours, Bound: atMost(2.5 * kilobyte), Unit: "bytes"},
	{What: "start alone, over os/exec", Result: "Start", Of: ours, Over: plain, Bound: atMost(0.95), Missed: "A start"},
	{What: "a start with the bond, over one without", Result: "Start", Of: "with the bond", Over: "without the bond", Bound: atMost(1.12), Missed: "A start"},
	{What: "throughput of 8 goroutines, over os/exec's", Result: "Parallel", Of: plain, Over: ours, Bound: atLeast(1.20), Missed: "A start"},
	{What: "another start while one waits 300 ms for its exec", Result: "SlowExec/start_meanwhile", Of: ours, Bound: atMost(50 * ms), Unit: "ns"},
	{What: "Close until Done, over Kill and Wait of os/exec", Result: "Close", Of: ours, Over: plain, Bound: atMost(0.85), Missed: "Close until Done"},
	{What: "kill -9 of the holder of 1 child, over Pdeathsig", Result: "HolderKilled/1", Of: ours, Over: pdeathsig, Bound: atMost(1.2), Missed: "kill -9 of the holder"},
	{What: "kill -9 of the holder of 100, over Pdeathsig", Result: "HolderKilled/100", Of: ours, Over: pdeathsig, Bound: atMost(1.2), Missed: "kill -9 of the holder"},
	{What: "kill -9 of the holder of 1,000, over Pdeathsig", Result: "HolderKilled/1000", Of: ours, Over: pdeathsig, Bound: atMost(1.2), Missed: "kill -9 of the holder"},
	{What: "start from a heap of 4 GiB, over an empty one", Result: "Heap", Of: ours + " with 4 GiB", Over: ours, Bound: atMost(1.1)},
	{What: "start beside 19,500 descriptors, over 10", Result: "Descriptors", Of: ours + " with 19,500 descriptors", Over: ours, Bound: atMost(1.3)},
	{What: "ETXTBSY of 3,000 programs, written and run at once", Result: "WrittenAndRun", Of: ours, Bound: atMost(0), Missed: "ETXTBSY"},
	{What: "stop of the world while an exec waits 300 ms", Result: "SlowExec/stop_meanwhile", Of: ours, Bound: atMost(5 * ms), Unit: "ns"},
	{What: "deadlocks of a program that serves its own exec", Result: "ServesItself", Of: ours, Bound: atMost(0)},
	{What: "the last start of 10,000 living children, over the first", Result: "TenThousand/Start", Of: "last", Over: "first", Bound: atMost(1.3)},
	{What: "descriptors of the holder for each child", Result: "TenThousand/Descriptors", Of: ours, Bound: atMost(3)},
	{What: "memory of the holder for each child", Result: "TenThousand/Memory", Of: ours, Bound: atMost(6 * kilobyte), Unit: "bytes"},
	{What: "kernel memory of the bond for each child", Result: "TenThousand/Slab", Of: "the bond", Bound: atMost(6 * kilobyte), Unit: "bytes", Missed: "Memory of a child"},
	{What: "a new pipe of another program of the user", Result: "Pipes/Size", Of: ours, Bound: atLeast(64 * kilobyte), Unit: "bytes"},
	{What: "closing 10,000, over 1,000", Result: "TenThousand/Close", Of: "all", Over: "a tenth", Bound: atMost(12)},
	{What: "times on a processor in 10 idle seconds, 1,000 children", Result: "Idle", Of: ours, Bound: atMost(0)},
	{What: "autokill run --scope process -- true, over setpriv", Result: "Run", Of: "autokill run --scope process", Over: "setpriv", Bound: atMost(2.0), Missed: "autokill run"},
	{What: "autokill run --scope process -- true, over bwrap", Result: "Run", Of: "autokill run --scope process", Over: "bwrap", Bound: atMost(1.0), Missed: "autokill run"},
	{What: "anonymous memory of the waiting autokill run", Result: "WrapperMemory", Of: "autokill run", Bound: atMost(4 * kilobyte * kilobyte), Unit: "bytes"},
}
