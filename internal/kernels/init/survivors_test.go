//go:build linux

package main

import (
	"os"
	"testing"
)

func TestParseStat(t *testing.T) {
	tests := []struct {
		name  string
		stat  string
		want  process
		alive bool
	}{
		{
			"running", "7 (sleep) S 1 7 7 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 1 0 5 0 0",
			process{7, "sleep", "S", 1, 1, 4194560},
			true,
		},
		{
			"a name with parentheses and blanks", "8 (a) Z (b) R 7 7 7 0 -1 0 0 0 0 0 0 0 0 0 20 0 3 0 5 0 0",
			process{8, "a) Z (b", "R", 7, 3, 0},
			true,
		},
		{
			"dead, not yet reaped", "9 (sh) Z 7 7 7 0 -1 4228108 0 0 0 0 0 0 0 0 20 0 1 0 5 0 0",
			process{9, "sh", "Z", 7, 1, 4228108},
			false,
		},
		{
			"its leader is dead, its threads are not", "9 (sh) Z 7 7 7 0 -1 4228108 0 0 0 0 0 0 0 0 20 0 2 0 5 0 0",
			process{9, "sh", "Z", 7, 2, 4228108},
			true,
		},
		{
			"a thread of the kernel", "2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 0 0 0 20 0 1 0 5 0 0",
			process{2, "kthreadd", "S", 0, 1, 2129984},
			false,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := parseStat(test.stat)
			if err != nil || got != test.want {
				t.Fatalf("got %+v, %v, want %+v", got, err, test.want)
			}
			if got.alive() != test.alive {
				t.Errorf("alive: %v", got.alive())
			}
		})
	}
	for _, broken := range []string{"", "7 sleep S 1", "7 (sleep) S 1", "x (sleep) S 1 7 7 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0"} {
		if p, err := parseStat(broken); err == nil {
			t.Errorf("%q: %+v, want an error", broken, p)
		}
	}
}

func TestParseStatOfThisProcess(t *testing.T) {
	stat, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		t.Fatal(err)
	}
	p, err := parseStat(string(stat))
	if err != nil {
		t.Fatal(err)
	}
	if p.pid != os.Getpid() || p.parent != os.Getppid() || p.threads < 2 || !p.alive() {
		t.Errorf("%+v is not this test", p)
	}
}
