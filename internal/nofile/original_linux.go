//go:build amd64 || arm64

package nofile

var original = read()

func read() (l Limit) {
	getrlimit(&l)
	return l
}

// ForChild is the limit that a child must be given now, or nil: see [Restore].
func ForChild() *Limit {
	var now Limit
	getrlimit(&now)
	limit, ok := Restore(original, now)
	if !ok {
		return nil
	}
	return &Limit{limit.Cur, limit.Max} // allocated only here
}

// getrlimit is prlimit64(0, RLIMIT_NOFILE, NULL, l). A failure leaves *l zero.
//
//go:noescape
func getrlimit(l *Limit)
