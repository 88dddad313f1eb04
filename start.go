package autokill

import "github.com/autokill/autokill/internal/bond"

// start is the way of one start: what the Cmd says becomes a request and a wish,
// and package bond does the rest.
func (c *Cmd) start() (*Process, error) {
	f, err := c.files()
	if err != nil {
		return nil, err
	}
	defer f.close()
	var child *bond.Child
	err = f.hold(func(numbers []int) error {
		request, wish, err := c.request(numbers)
		if err == nil {
			child, err = bond.Start(request, wish)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	process := watch(child)
	if err := c.givePidFD(child.Observer); err != nil {
		_ = process.Close()
		<-process.Done()
		return nil, err
	}
	return process, nil
}
