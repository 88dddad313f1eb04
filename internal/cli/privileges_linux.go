package cli

import (
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

func examine(path string) (executable, error) {
	info, err := os.Stat(path)
	if err != nil {
		return executable{}, err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return executable{}, fmt.Errorf("stat %s: no owner", path)
	}
	size, err := unix.Getxattr(path, "security.capability", nil)
	return executable{
		mode: info.Mode(), uid: int(st.Uid), gid: int(st.Gid),
		capabilities: err == nil && size > 0,
	}, nil
}
