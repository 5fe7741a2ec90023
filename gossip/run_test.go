package gossip

import (
	"testing"
	"time"

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
		c.checkCaughtUp(true, false)
		if got := isClosed(c.CaughtUp()); got != test.want {
			t.Errorf("%s: caught up %v, want %v", test.name, got, test.want)
		}
		c.Close()
	}
}

// When a node is ready all members are in sync at it, however long their acknowledgements take:
// what it acknowledges first they have.
func TestReadyWithAllInSync(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		three := h.startFirst(3)
		h.kill(three[2])
		slow := simnet.Link{Latency: 40 * time.Millisecond}
		for _, n := range three[:2] {
			h.net.SetLink(n.ip, three[2].ip, slow)
		}
		again := h.start(2, three[0].addr())
		h.await("ready", 5*time.Second, func() bool { return isClosed(again.CaughtUp()) })
		for _, m := range again.Members() {
			if m.Name != again.name && !m.InSync { // it may not be known yet that its life before has ended
				t.Errorf("%s is not in sync", m.Name)
			}
		}
		f := again.report(t, "kiwi", 1000)
		for _, n := range three[:2] {
			if e, ok := n.Get([]byte("kiwi")); !ok || e.Fix != f {
				t.Errorf("%s lacks what the node acknowledged first", n.name)
			}
		}
	})
}

// Nobody waits for a member that stands still, or whose answers get lost: it is met later.
func TestReadyWithoutOneThatIsStill(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		three := h.startFirst(3)
		h.net.Pause(three[1].ip)
		h.kill(three[2])
		again := h.start(2, three[0].addr())
		took := h.await("ready", 5*time.Second, func() bool { return isClosed(again.CaughtUp()) })
		t.Logf("ready after %v", took)
		h.net.Resume(three[1].ip)
		h.await("one view", 10*time.Second, h.oneView)
	})
}
