//go:build linux && (amd64 || arm64)

package autokilltest

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill"
	"github.com/autokill/autokill/internal/testproc"
)

// nowhere is where an exec comes to that does all before it.
const nowhere = "/nowhere/nothing"

// execPlay goes as far as an exec goes that fails: the program must have all that it had.
func execPlay(s Subject) (play, error) {
	given, err := startTwo(s)
	return play{
		act: func() error {
			err := autokill.Exec(nowhere, []string{"nothing"}, nil, given)
			var last *os.PathError
			if errors.As(err, &last) && last.Op == "exec" && errors.Is(err, unix.ENOENT) {
				return nil
			}
			return err
		},
		settle: func(error) error { return errors.Join(bound(given["one"].Process), bound(given["two"].Process)) },
	}, err
}

// inherited is an operation of a program that was another one, which has left it two handles by
// Exec.
const inherited = "Inherited"

// heirEnv tells the program that it is that, and its duty.
const heirEnv = "AUTOKILL_TEST_HEIR"

type duty struct {
	Do   order
	Kept map[int]string // descriptors that were open without being left by Exec
}

// bequeath makes this program that one. It returns only if it fails.
func bequeath(s Subject, do order, args []string) outcome {
	text, err := json.Marshal(duty{do, descriptorsOf(false)})
	check(err)
	left, err := startTwo(s)
	if err == nil {
		env := append(testproc.RoleEnv(watchedRole), heirEnv+"="+string(text))
		err = autokill.Exec(testproc.Exe, append([]string{testproc.Exe}, args...), env, left)
	}
	return outcome{Err: err.Error(), Broken: "the exec before the operation has failed"}
}

// heir does the duty, if there is one.
func heir() outcome {
	text, ok := os.LookupEnv(heirEnv)
	if !ok {
		return outcome{}
	}
	check(os.Unsetenv(heirEnv))
	var d duty
	check(json.Unmarshal([]byte(text), &d))
	before := descriptorsOf(true)
	maps.Copy(before, d.Kept)
	return carryOut(d.Do, before, inheritedPlay)
}

// descriptorsOf are those that are open and that an exec closes, or does not.
func descriptorsOf(closeOnExec bool) map[int]string {
	all := testproc.OpenDescriptors()
	maps.DeleteFunc(all, func(fd int, _ string) bool {
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
		return err != nil || closeOnExec != (flags&unix.FD_CLOEXEC != 0)
	})
	return all
}

// inheritedPlay: where that fails, what was not got goes with the program.
func inheritedPlay() (play, error) {
	var got map[string]autokill.Handed
	return play{
		failsForGood: true,
		act:          func() (err error) { got, err = autokill.Inherited(); return err },
		settle: func(err error) error {
			if err != nil {
				return nil
			}
			if len(got) != 2 {
				return fmt.Errorf("%d of 2 handles", len(got))
			}
			return errors.Join(bound(got["one"].Process), bound(got["two"].Process))
		},
	}, nil
}
