package bond

import (
	"errors"
	"strings"
	"syscall"
	"testing"
)

func TestChoose(t *testing.T) {
	there := Facts{}
	missing := Facts{Native: unsupported("no native here")}
	tests := []struct {
		name string
		wish Wish
		fact Facts
		want Plan
		err  error  // errors.Is
		says string // part of the text
	}{
		{"auto takes native", Wish{}, there, Plan{Kind: Native}, nil, ""},
		{"auto falls back", Wish{}, missing, Plan{Kind: Tripwire}, nil, ""},
		{"native asked for", Wish{Kind: Native}, there, Plan{Kind: Native}, nil, ""},
		{"native missing is not replaced", Wish{Kind: Native}, missing, Plan{Kind: Native}, errors.ErrUnsupported, "no native here"},
		{"tripwire asked for", Wish{Kind: Tripwire}, there, Plan{Kind: Tripwire}, nil, ""},
		{"rusage selects tripwire", Wish{Rusage: true}, there, Plan{Kind: Tripwire}, nil, ""},
		{"rusage and native", Wish{Kind: Native, Rusage: true}, there, Plan{Kind: Native}, errors.ErrUnsupported, "no resource usage"},
		{"a traced child selects tripwire", Wish{Ptrace: true}, there, Plan{Kind: Tripwire}, nil, ""},
		{"a traced child and native", Wish{Kind: Native, Ptrace: true}, there, Plan{Kind: Native}, errors.ErrUnsupported, "does not reap a traced child"},
		{"CAP_SETUID, native", Wish{Setuid: true}, there, Plan{Kind: Native}, nil, ""},
		{"CAP_SETUID, tripwire of root", Wish{Kind: Tripwire, Setuid: true}, Facts{Setuid: true, Root: true}, Plan{Kind: Tripwire}, nil, ""},
		{
			"CAP_SETUID, tripwire of somebody else",
			Wish{Kind: Tripwire, Setuid: true},
			Facts{Setuid: true},
			Plan{Kind: Tripwire},
			errors.ErrUnsupported, "CAP_SETUID",
		},

		{"P2 without CAP_SYS_ADMIN", Wish{AllowNewPrivs: true}, there, Plan{}, syscall.EPERM, "CAP_SYS_ADMIN"},
		{"P2 comes before what is missing", Wish{Kind: Native, AllowNewPrivs: true}, missing, Plan{Kind: Native}, syscall.EPERM, "CAP_SYS_ADMIN"},
		{"P2 native", Wish{AllowNewPrivs: true}, Facts{SysAdmin: true}, Plan{Kind: Native}, nil, ""},
		{
			"P2 tripwire of root",
			Wish{Kind: Tripwire, AllowNewPrivs: true},
			Facts{SysAdmin: true, Setuid: true, Root: true},
			Plan{Kind: Tripwire},
			nil, "",
		},
		{
			"P2 tripwire of a namespace's root could lose the child",
			Wish{Kind: Tripwire, AllowNewPrivs: true},
			Facts{SysAdmin: true, Setuid: true},
			Plan{Kind: Tripwire},
			errors.ErrUnsupported, "another uid",
		},

		{"init of a PID namespace, native", Wish{NewPIDNS: true}, there, Plan{Kind: Native}, nil, ""},
		{
			"init of a PID namespace, tripwire",
			Wish{NewPIDNS: true},
			Facts{Native: unsupported(""), Root: true},
			Plan{Kind: Tripwire},
			errors.ErrUnsupported, "another PID namespace",
		},

		{"another uid, native", Wish{OtherUID: true}, there, Plan{Kind: Native}, nil, ""},
		{"another uid, tripwire of root", Wish{Kind: Tripwire, OtherUID: true}, Facts{Root: true}, Plan{Kind: Tripwire}, nil, ""},
		{
			"another uid, tripwire of somebody else",
			Wish{Kind: Tripwire, OtherUID: true},
			there,
			Plan{Kind: Tripwire},
			errors.ErrUnsupported, "another uid",
		},

		{
			"root without /proc is refused what root of a user namespace is",
			Wish{Kind: Tripwire, OtherUID: true},
			Facts{Setuid: true, Blind: true},
			Plan{Kind: Tripwire},
			errors.ErrUnsupported, "cannot be known without /proc",
		},
		{"root without /proc drops CAP_SETUID", Wish{Kind: Tripwire}, Facts{Setuid: true, Blind: true}, Plan{Kind: Tripwire, DropSetuid: true}, nil, ""},
		{"CAP_SETUID is dropped", Wish{Kind: Tripwire}, Facts{Setuid: true}, Plan{Kind: Tripwire, DropSetuid: true}, nil, ""},
		{"CAP_SETUID of root may stay", Wish{Kind: Tripwire}, Facts{Setuid: true, Root: true}, Plan{Kind: Tripwire}, nil, ""},
		{"CAP_SETUID may stay with native", Wish{}, Facts{Setuid: true}, Plan{Kind: Native}, nil, ""},

		{"a tree takes tripwire", Wish{Scope: ScopeTree}, there, Plan{Kind: Tripwire}, nil, ""},
		{"a tree by native", Wish{Scope: ScopeTree, Kind: Native}, there, Plan{Kind: Native}, errors.ErrUnsupported, "native kills one process"},
		{"a tree does not need native", Wish{Scope: ScopeTree}, missing, Plan{Kind: Tripwire}, nil, ""},
		{"a tree with resource usage", Wish{Scope: ScopeTree, Rusage: true}, there, Plan{Kind: Tripwire}, nil, ""},
		{"a tree in a tree", Wish{Scope: ScopeTree}, Facts{Sealed: true}, Plan{Kind: Tripwire}, ErrSealed, "in a sealed tree"},
		{
			"a tree in another's group",
			Wish{Scope: ScopeTree, OtherGroup: true},
			there,
			Plan{Kind: Tripwire},
			syscall.EINVAL, "SysProcAttr.Pgid",
		},
		{
			"a tree in a new PID namespace",
			Wish{Scope: ScopeTree, NewPIDNS: true},
			Facts{Root: true},
			Plan{Kind: Tripwire},
			errors.ErrUnsupported, "PID namespace",
		},
		{
			"a tree of another uid",
			Wish{Scope: ScopeTree, OtherUID: true},
			there,
			Plan{Kind: Tripwire},
			errors.ErrUnsupported, "another uid",
		},
		{
			"a tree whose children would be in another PID namespace",
			Wish{Scope: ScopeTree, UnsharePIDNS: true},
			there,
			Plan{Kind: Tripwire},
			errors.ErrUnsupported, "whose init ignores the signal",
		},
		{"P2 comes before the scope", Wish{Scope: ScopeTree, Kind: Native, AllowNewPrivs: true}, there, Plan{Kind: Native}, syscall.EPERM, "CAP_SYS_ADMIN"},
		{
			"CAP_SETUID is dropped in a tree",
			Wish{Scope: ScopeTree},
			Facts{Setuid: true},
			Plan{Kind: Tripwire, DropSetuid: true},
			nil, "",
		},
		{"a process may join a group", Wish{OtherGroup: true}, there, Plan{Kind: Native}, nil, ""},

		{"no such mechanism for a tree", Wish{Scope: ScopeTree, Kind: 9}, there, Plan{Kind: 9}, syscall.EINVAL, "no mechanism 9"},
		{"no such mechanism", Wish{Kind: 9}, there, Plan{Kind: 9}, syscall.EINVAL, "no mechanism 9"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := choose(tt.wish, tt.fact)
			if got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
			if !errors.Is(err, tt.err) {
				t.Fatalf("error %v, want one that is %v", err, tt.err)
			}
			if err != nil && !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%q does not say %q", err, tt.says)
			}
		})
	}
}
