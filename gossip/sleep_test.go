package gossip

import (
	"sync/atomic"
	"testing"
	"time"
)

// A node whose machine was suspended does not trust the leases of before: it asks before it says
// that it does not know a client. Nobody is put out for that, and no session ends.
func TestSleep(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		var slept atomic.Int64
		slept.Store(int64(time.Hour)) // before the node started
		h.slept = map[string]func() time.Duration{"node0": func() time.Duration { return time.Duration(slept.Load()) }}
		three := h.startFirst(3)
		n, stranger := three[0], []byte("stranger")
		if age := n.now(); age > time.Minute {
			t.Errorf("its clock is at %v", age)
		}
		if _, found, ok := n.Prompt(stranger); found || !ok {
			t.Errorf("in sync: found: %v, at once: %v", found, ok)
		}
		for _, ask := range []func() bool{
			func() bool { _, _, ok := n.Prompt(stranger); return !ok },
			func() bool {
				before := n.Stats().LookupsSent
				n.Lookup(t.Context(), stranger)
				return n.Stats().LookupsSent > before
			},
		} {
			slept.Add(int64(10 * time.Second))
			if !ask() {
				t.Error("it has just woken, and believes that it has all")
			}
			h.await("one view", time.Second, h.oneView)
		}
		before := n.now()
		slept.Add(int64(10 * time.Second))
		h.await("its clock goes on, though nobody asks", 100*time.Millisecond, func() bool { return n.now()-before > 10*time.Second })
		before = n.now()
		slept.Add(-int64(5 * time.Second)) // a clock that runs back is not believed
		if n.wake(); n.now() < before {
			t.Errorf("its clock runs back by %v", before-n.now())
		}
		for _, n := range three {
			if s := n.Stats(); s.SessionsLost > 0 || s.MembersByState[Failed.String()] > 0 {
				t.Errorf("%s: %d sessions lost, %v", n.name, s.SessionsLost, s.MembersByState)
			}
		}
	})
}

// No machine has slept for ten years: that would be another clock.
func TestSlept(t *testing.T) {
	if slept := Slept(); slept < 0 || slept > 10*365*24*time.Hour {
		t.Errorf("slept for %v", slept)
	}
}
