//go:build linux && (amd64 || arm64)

package autokilltest

import "github.com/autokill/autokill"

// partner is the descriptor by which a watched program talks to another one.
const partner = 3

func sendAway(s Subject) (play, error) {
	p, err := startSleep(s)
	if err != nil {
		return play{}, err
	}
	conn := socketAt(partner)
	return play{
		shared: true,
		act:    func() error { return p.Send(conn) },
		settle: func(error) error {
			_ = p.Close()
			return conn.Close()
		},
	}, nil
}

func receiveFromAway(Subject) (play, error) {
	conn := socketAt(partner)
	var p *autokill.Process
	return play{
		shared: true,
		act:    func() (err error) { p, err = autokill.Receive(conn); return err },
		settle: func(error) error { _ = p.Close(); return conn.Close() },
	}, nil
}

func handOverAway(s Subject) (play, error) {
	given, err := startTwo(s)
	conn := socketAt(partner)
	return play{
		shared: true,
		act:    func() error { return autokill.HandOver(conn, given) },
		settle: func(error) error { return conn.Close() },
	}, err
}

func takeOverAway(Subject) (play, error) {
	conn := socketAt(partner)
	var taken map[string]autokill.Handed
	return play{
		shared: true,
		act:    func() (err error) { taken, err = autokill.TakeOver(conn); return err },
		settle: func(error) error {
			for _, p := range processesOf(taken) {
				_ = p.Close()
			}
			return conn.Close()
		},
	}, nil
}

// startTwo starts children for a handover.
func startTwo(s Subject) (map[string]autokill.Handed, error) {
	two := map[string]autokill.Handed{}
	for _, name := range []string{"one", "two"} {
		p, err := startSleep(s)
		if err != nil {
			return nil, err
		}
		two[name] = autokill.Handed{Process: p}
	}
	return two, nil
}
