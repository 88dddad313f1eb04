package autokill

import "github.com/autokill/autokill/internal/bond"

// start is the way of one start: what the Cmd says becomes a request and a wish,
// and package bond does the rest.
func (c *Cmd) start() (*Process, error) {
	if err := c.streams.prepare(c); err != nil {
		return nil, err
	}
	var child *bond.Child
	err := hold(c.streams.child, func(numbers []int) error {
		request, wish, err := c.request(numbers)
		if err == nil {
			child, err = bond.Start(request, wish)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	process := newProcess(child)
	if err := c.givePidFD(child.Observer); err != nil {
		_ = process.Close()
		<-process.Done()
		return nil, err
	}
	return process, nil
}
