//go:build !linux || !(amd64 || arm64)

package cli

import "testing"

// TestOtherSystem: what starts something fails as autokill itself does, and what only
// tells works.
func TestOtherSystem(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want int
	}{
		{[]string{"run", "--", "sh"}, statusFailed},
		{[]string{"run", "--with-parent=false", "--", "sh"}, statusFailed},
		{[]string{"exec", "--fd", "3", "--", "sh"}, statusFailed},
		{[]string{"probe"}, statusFailed},
		{[]string{"version"}, 0},
		{[]string{"--help"}, 0},
	} {
		if got := Main(tt.args); got != tt.want {
			t.Errorf("autokill %q: exit status %d, want %d", tt.args, got, tt.want)
		}
	}
}
