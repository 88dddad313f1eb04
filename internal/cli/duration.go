package cli

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// duration is the value of a flag: a time as timeout(1) takes it. Zero means no
// limit.
type duration time.Duration

func (d *duration) Set(text string) error {
	parsed, err := parseDuration(text)
	if err == nil {
		*d = duration(parsed)
	}
	return err
}

func (d *duration) String() string {
	if *d == 0 {
		return "0" // which pflag knows for a default not worth printing
	}
	return time.Duration(*d).String()
}

// Type is what the help calls the value.
func (d *duration) Type() string { return "DURATION" }

// parseDuration reads a number, whole or not, of seconds, or of what its suffix
// says. It rounds up, so that only zero is no limit.
func parseDuration(text string) (time.Duration, error) {
	unit := time.Second
	number := text
	if n := len(text) - 1; n > 0 {
		switch text[n] {
		case 's':
			number = text[:n]
		case 'm':
			number, unit = text[:n], time.Minute
		case 'h':
			number, unit = text[:n], time.Hour
		case 'd':
			number, unit = text[:n], 24*time.Hour
		}
	}
	value, err := strconv.ParseFloat(number, 64)
	// ParseFloat would also read words, hexadecimal numbers and underscores; too
	// large a number is no error here.
	if strings.Trim(number, "0123456789.eE+-") != "" || math.IsNaN(value) || value < 0 || err != nil && !math.IsInf(value, 1) {
		return 0, fmt.Errorf("%q is not a duration, write 5, 1.5m, 2h or 1d", text)
	}
	nanoseconds := math.Ceil(value * float64(unit))
	if nanoseconds >= math.MaxInt64 {
		return math.MaxInt64, nil
	}
	return time.Duration(nanoseconds), nil
}
