package cli

import (
	"errors"
	"strings"

	"github.com/autokill/autokill"
)

// mechanismFlag is the value of a flag: a mechanism by name.
type mechanismFlag autokill.Mechanism

func (m *mechanismFlag) Set(name string) error {
	parsed, err := autokill.ParseMechanism(name)
	if err != nil {
		return errors.New(strings.TrimPrefix(err.Error(), "autokill: "))
	}
	*m = mechanismFlag(parsed)
	return nil
}

func (m *mechanismFlag) String() string { return autokill.Mechanism(*m).String() }

// Type is what the help calls the value.
func (m *mechanismFlag) Type() string { return "NAME" }
