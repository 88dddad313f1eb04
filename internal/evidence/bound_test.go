package evidence

import "testing"

func TestBound(t *testing.T) {
	for _, tt := range []struct {
		seen, tries int
		want        string
	}{
		{0, 0, "unknown"},
		{0, 2, "below 100 %"},
		{0, 100, "below 3 %"},
		{0, 20_000, "below 0.015 %"},
		{6, 6_600, "0.091 % (0.042 % to 0.2 %)"},
		{10, 10, "100 % (72 % to 100 %)"},
	} {
		if got := Bound(tt.seen, tt.tries); got != tt.want {
			t.Errorf("%d of %d: %q, want %q", tt.seen, tt.tries, got, tt.want)
		}
	}
}
