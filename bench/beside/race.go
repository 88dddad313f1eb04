// Package beside measures things side by side: they take turns, and are compared by the
// ratios of what one sample saw of each.
package beside

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// A Contender does something again and again.
type Contender struct {
	Name string
	// Turns is how many a sample has of it.
	Turns int
	// Block lets it take its turns in one piece, as what runs in another process must.
	Block bool
	// Take takes so many turns, and says how long they took together. Without Block
	// it is one turn at a time.
	Take func(turns int) (time.Duration, error)
}

// A Go is so many turns of a contender.
type Go struct{ Contender, Turns int }

// Order is the order of one sample, by chance.
func Order(contenders []Contender, chance *rand.Rand) []Go {
	var order []Go
	for i, c := range contenders {
		if c.Block {
			order = append(order, Go{i, c.Turns})
			continue
		}
		for range c.Turns {
			order = append(order, Go{i, 1})
		}
	}
	chance.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	return order
}

// Sample lets all take their turns once, and says what a turn of each took on average, in
// nanoseconds.
func Sample(contenders []Contender, chance *rand.Rand) ([]float64, error) {
	all := make([]float64, len(contenders))
	for _, next := range Order(contenders, chance) {
		c := contenders[next.Contender]
		took, err := c.Take(next.Turns)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.Name, err)
		}
		all[next.Contender] += float64(took.Nanoseconds()) / float64(c.Turns)
	}
	return all, nil
}
