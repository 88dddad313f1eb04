package bond

import (
	"errors"
	"strings"
	"syscall"
	"testing"
)

func TestChoosePIDNamespace(t *testing.T) {
	admin := Facts{SysAdmin: true, Setuid: true, Root: true}
	user := Facts{}
	without := func(f Facts) Facts { f.Native = unsupported("no native here"); return f }
	mixed := func(f Facts) Facts { f.MixedIDs = true; return f }
	tests := []struct {
		name string
		wish Wish
		fact Facts
		want Plan
		err  error
		says string
	}{
		{"root", Wish{}, admin, Plan{Kind: Native}, nil, ""},
		{"root without native", Wish{}, without(admin), Plan{Kind: Tripwire}, nil, ""},
		{"an ordinary user", Wish{}, user, Plan{Kind: Native, UserNamespace: true}, nil, ""},
		{"an ordinary user without native", Wish{}, without(user), Plan{Kind: Tripwire, UserNamespace: true}, nil, ""},
		{"native asked for", Wish{Kind: Native}, admin, Plan{Kind: Native}, nil, ""},
		{"native missing is not replaced", Wish{Kind: Native}, without(admin), Plan{Kind: Native}, errors.ErrUnsupported, "no native here"},
		{"tripwire asked for", Wish{Kind: Tripwire}, admin, Plan{Kind: Tripwire}, nil, ""},
		{"the init tells the usage", Wish{Rusage: true}, admin, Plan{Kind: Native}, nil, ""},

		{"P2 without CAP_SYS_ADMIN", Wish{AllowNewPrivs: true}, user, Plan{}, syscall.EPERM, "CAP_SYS_ADMIN"},
		{"P2 native", Wish{AllowNewPrivs: true}, admin, Plan{Kind: Native}, nil, ""},
		{
			"P2 tripwire: whatever the command becomes, the monitor is ours",
			Wish{Kind: Tripwire, AllowNewPrivs: true},
			Facts{SysAdmin: true, Setuid: true},
			Plan{Kind: Tripwire},
			nil, "",
		},
		{"another uid, tripwire", Wish{Kind: Tripwire, OtherUID: true}, Facts{SysAdmin: true, Setuid: true}, Plan{Kind: Tripwire}, nil, ""},
		{
			"another uid in a user namespace",
			Wish{OtherUID: true},
			Facts{Setuid: true},
			Plan{Kind: Native, UserNamespace: true},
			errors.ErrUnsupported, "no other user",
		},

		{"mixed ids, native", Wish{}, mixed(admin), Plan{Kind: Native}, nil, ""},
		{"mixed ids, tripwire", Wish{Kind: Tripwire}, mixed(admin), Plan{Kind: Tripwire}, errors.ErrUnsupported, "death signal"},
		{"mixed ids in a user namespace", Wish{}, mixed(user), Plan{Kind: Native, UserNamespace: true}, errors.ErrUnsupported, "one user"},

		{"in a tree", Wish{Kind: Native}, Facts{Sealed: true, SysAdmin: true, Native: unsupported("")}, Plan{Kind: Native}, errors.ErrUnsupported, "in a sealed tree"},
		{"no such mechanism", Wish{Kind: 9}, admin, Plan{Kind: 9}, syscall.EINVAL, "no mechanism 9"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.wish.Scope = ScopePIDNamespace
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
