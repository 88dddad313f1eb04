package cli

import (
	"fmt"
	"strconv"
)

// fdFlag is the value of a flag: the number of a descriptor.
type fdFlag int

func (fd *fdFlag) Set(text string) error {
	// The kernel would cut a larger number down to another descriptor.
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil || n < 0 {
		return fmt.Errorf("%q is not a descriptor, write a number from 0 on", text)
	}
	*fd = fdFlag(n)
	return nil
}

func (fd *fdFlag) String() string { return strconv.Itoa(int(*fd)) }

// Type is what the help calls the value.
func (fd *fdFlag) Type() string { return "FD" }
