package cli

import (
	"errors"
	"strings"

	"github.com/autokill/autokill"
)

// scopeFlag is the value of a flag: a scope by name.
type scopeFlag autokill.Scope

func (s *scopeFlag) Set(name string) error {
	parsed, err := autokill.ParseScope(name)
	if err != nil {
		return errors.New(strings.TrimPrefix(err.Error(), "autokill: "))
	}
	*s = scopeFlag(parsed)
	return nil
}

func (s *scopeFlag) String() string { return autokill.Scope(*s).String() }

// Type is what the help calls the value.
func (s *scopeFlag) Type() string { return "NAME" }
