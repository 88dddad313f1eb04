package mark

import (
	"testing"
	"time"
)

func TestName(t *testing.T) {
	m := Mark{Scope: "tree", PID: 4711, Namespace: 4026531836, At: 12*time.Second + 345}
	const name = "autokill/1/tree/4711/4026531836/12000000345"
	if got := m.Name(); got != name {
		t.Errorf("%+v is named %q, want %q", m, got, name)
	}
	if got, ok := Parse(name); !ok || got != m {
		t.Errorf("%q is %+v, %v; want %+v", name, got, ok, m)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, name := range []string{
		"",
		"autokill",
		"autokill/2/tree/4711/0/1",
		"tree/4711/0/1",
		"autokill/1/forest/4711/0/1",
		"autokill/1/tree/4711/0",
		"autokill/1/tree/4711/0/1/",
		"autokill/1/tree/4711/0/1\n",
		"autokill/1/tree/04711/0/1",
		"autokill/1/tree/+4711/0/1",
		"autokill/1/tree/0/0/1",
		"autokill/1/tree/-1/0/1",
		"autokill/1/tree/4711/-1/1",
		"autokill/1/tree/4711/0/-1",
		"autokill/1/tree/99999999999999999999/0/1",
		"autokill/1/tree/4711/0/99999999999999999999",
	} {
		if m, ok := Parse(name); ok {
			t.Errorf("%q is %+v", name, m)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("autokill/1/process/1/4026531836/1")
	f.Fuzz(func(t *testing.T, name string) {
		if m, ok := Parse(name); ok && m.Name() != name {
			t.Errorf("%q is %+v, which is named %q", name, m, m.Name())
		}
	})
}
