package gossip

import (
	"testing"

	"herd/gossip/location"
	"herd/gossip/simnet"
)

// A node is ready alone only if there is nobody to meet. That it can't reach those
// who are there is no reason, nor is a dead one of its own name.
func TestCaughtUpWithNobody(t *testing.T) {
	var (
		away = expected{origin: 1, name: "Bailey", unreachable: true}
		slow = expected{origin: 2, name: "Bona"}
		dead = expected{origin: 3, name: "Clark", superseded: true}
	)
	for _, test := range []struct {
		name     string
		expected []expected
		want     bool
	}{
		{"nobody", nil, true},
		{"only the one it follows", []expected{dead}, true},
		{"one that can't be reached", []expected{away}, false},
		{"one that has no link yet", []expected{slow}, false},
		{"one that can't be reached, and the one it follows", []expected{dead, away}, false},
	} {
		c, err := New(Config{Name: "Clark", Network: simnet.New(1).Host("127.0.0.1"), BindAddr: "127.0.0.1:4132"})
		if err != nil {
			t.Fatal(err)
		}
		c.expected, c.links = test.expected, map[location.Origin]*link{}
		c.checkCaughtUp(true)
		if got := isClosed(c.CaughtUp()); got != test.want {
			t.Errorf("%s: caught up %v, want %v", test.name, got, test.want)
		}
		c.Close()
	}
}
