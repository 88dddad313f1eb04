//go:build amd64 || arm64

package nofile

var original = read()

func read() (l Limit) {
	getrlimit(&l)
	return l
}

// getrlimit is prlimit64(0, RLIMIT_NOFILE, NULL, l). A failure leaves *l zero.
//
//go:noescape
func getrlimit(l *Limit)
