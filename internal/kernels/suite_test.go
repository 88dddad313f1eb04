package kernels

import "testing"

func TestAsked(t *testing.T) {
	all := []user{{name: "root"}, {name: "user", id: 1}}
	for as, want := range map[string]int{"": 2, "root": 1, "user": 1, "nobody": 0} {
		got := Suite{As: as}.asked(all)
		if len(got) != want {
			t.Errorf("%q: %d users, want %d", as, len(got), want)
		}
		for _, u := range got {
			if as != "" && u.name != as {
				t.Errorf("%q: %s", as, u.name)
			}
		}
	}
}
