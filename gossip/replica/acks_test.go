package replica

import (
	"testing"
	"time"

	"herd/gossip/location"
)

// Who waits for a number of peers waits for those who are first, and for no more than
// are in: that is counted.
func TestAcks(t *testing.T) {
	b := newLab(t)
	cfg := Config{Acks: 2, AckTimeout: 250 * time.Millisecond}
	x := b.core(1, cfg)
	var peers []*Core
	for i := range 3 {
		peers = append(peers, b.core(location.Origin(2+i), cfg))
		b.link(x, peers[i])
	}
	b.pass(time.Second)
	stop := func(still ...bool) {
		for i, p := range peers {
			b.deaf[p], b.still[p] = still[i], still[i]
		}
	}
	for _, c := range []struct {
		still []bool // of the peers
		atOnce,
		short bool
	}{
		{[]bool{false, false, false}, true, false},
		{[]bool{true, false, false}, true, false},
		{[]bool{true, true, false}, false, true}, // when they are out
		{[]bool{true, true, false}, true, true},  // now they are
		{[]bool{true, true, true}, false, true},
		{[]bool{true, true, true}, true, true},
		{[]bool{false, false, false}, true, false},
	} {
		stop(c.still...)
		if !c.still[0] {
			b.pass(time.Second) // they are back
		}
		before := x.Stats().Short
		ticket := b.report(x, "kiwi", 7)
		b.talk()
		if got := x.Released() >= ticket; got != c.atOnce {
			t.Errorf("with %v still: acknowledged at once %v, want %v", c.still, got, c.atOnce)
		}
		b.pass(2 * x.cfg.AckTimeout)
		if x.Released() < ticket {
			t.Errorf("with %v still: not acknowledged after the time-out", c.still)
		}
		if got := x.Stats().Short > before; got != c.short {
			t.Errorf("with %v still: counted as short %v, want %v", c.still, got, c.short)
		}
	}
}
