package gossip

import (
	"sync/atomic"
	"testing"
	"time"
)

// TestSetLimits: other limits hold when more than half of the nodes are configured to them while
// they run, and everybody is told of them: a node that has yet to join, too.
func TestSetLimits(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		for i := range 3 {
			if i == 0 {
				h.start(0)
			} else {
				h.start(i, h.nodes[0].addr())
			}
		}
		h.await("one herd", 5*time.Second, h.oneView)
		hold := func(l Limits, differ int) func() bool {
			return func() bool {
				sum := 0
				for _, n := range h.nodes {
					s := n.Stats()
					if s.Limits != l {
						return false
					}
					sum += s.LimitsDiffer
				}
				return sum == differ
			}
		}
		tight := Limits{TTL: time.Hour, MaxClients: 50}
		h.nodes[0].SetLimits(tight)
		h.await("a minority is told of, and changes nothing", 5*time.Second, hold(Limits{}, 4))
		h.nodes[1].SetLimits(tight)
		h.await("a majority rules", 5*time.Second, hold(tight, 4))
		h.nodes[2].SetLimits(tight)
		h.await("all agree", 5*time.Second, hold(tight, 0))
		h.limited(tight, nil)
		h.start(3, h.nodes[0].addr())
		h.await("a joiner agrees", 10*time.Second, hold(tight, 0))
		for _, n := range h.nodes {
			n.SetLimits(Limits{})
			n.SetLimits(tight)
			n.SetLimits(Limits{})
		}
		h.await("all is kept", 5*time.Second, hold(Limits{}, 0))
		if h.nodes[0].Self().Limits != (Limits{}) {
			t.Error("the node does not say so of itself")
		}
	})
}

// TestSetLimitsEarly: what is set before the node has begun, and while it ends, does no harm.
func TestSetLimitsEarly(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		tight := Limits{MaxClients: 50}
		a := h.start(0)
		a.SetLimits(tight)
		b := h.start(1, a.addr())
		b.SetLimits(tight)
		h.await("both agree", 5*time.Second, func() bool { return a.Stats().Limits == tight && b.Stats().LimitsDiffer == 0 })
		b.stop()
		b.SetLimits(Limits{})
		<-b.ended
		b.SetLimits(tight)
		b.ended <- nil // for the end of the test
	})
}

// TestParting: that a node is about to leave is told, whatever else is being told of it.
func TestParting(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		two := h.startFirst(2)
		two[0].leaving <- struct{}{} // as while other limits are told
		two[0].Parting()
		two[0].Parting()
		time.Sleep(time.Second)
		<-two[0].leaving
		h.await("told", 5*time.Second, func() bool {
			for _, m := range two[1].Members() {
				if !m.Self {
					return m.Leaving
				}
			}
			return false
		})
		if !two[0].Self().Leaving || two[1].Self().Leaving {
			t.Error("the node does not say so of itself")
		}
	})
}

// TestRefreshInTurn: a node that tells the herd of itself anew, since a peer does not see it, does
// so when what it has begun to tell is told. Else other limits would be taken back by it.
func TestRefreshInTurn(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		two := h.startFirst(2)
		n := two[0]
		n.leaving <- struct{}{} // as while other limits are told
		var told atomic.Bool
		n.spawn(func() {
			n.refresh(t.Context(), n.list, two[1].addr())
			told.Store(true)
		})
		time.Sleep(time.Second)
		if told.Load() {
			t.Error("it did not wait")
		}
		<-n.leaving
		h.await("told", time.Second, told.Load)
	})
}
