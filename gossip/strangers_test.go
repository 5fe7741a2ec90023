package gossip

import (
	"testing"
	"time"

	"herd/gossip/location"
)

// A peer with the key that opens sessions under hundreds of origins of its own making has
// few of them, and none for long. Meanwhile a node joins and reports are acknowledged.
func TestInventedOrigins(t *testing.T) {
	if testing.Short() {
		t.Skip("under the race detector 300 sessions take half a minute; TestStrangeMember and TestAbuse stay")
	}
	inBubble(t, func(t *testing.T, h *herd) {
		all := h.startFive()
		e := h.evil(t, "10.0.0.66")
		defer e.Shutdown()
		open, refused := 0, 0
		var lanes []*stream
		said := time.Now()
		lively := func() { // a session that is silent ends anyway
			if time.Since(said) > time.Second {
				said = time.Now()
				for _, s := range lanes {
					s.Write([]byte(alive))
				}
			}
		}
		for o := range location.Origin(300) {
			lively()
			if live, delta, ok := e.trySession(all[0], 1+o); ok {
				lanes = append(lanes, live, delta)
				open++
			} else {
				refused++
			}
			if n := all[0].Stats(); n.Strangers > maxStrangers || n.Links > 4+maxStrangers {
				t.Fatalf("%d strangers, %d links", n.Strangers, n.Links)
			}
		}
		if open < maxStrangers || refused == 0 || all[0].Stats().SessionsRefused != uint64(refused) {
			t.Errorf("%d open, %d refused; counted %d", open, refused, all[0].Stats().SessionsRefused)
		}
		late := h.start(5, all[0].addr())
		h.await("caught up", 5*time.Second, func() bool { return isClosed(late.CaughtUp()) })
		h.await("one view", 10*time.Second, h.oneView)
		lively()
		all[0].report(t, "kiwi", 7)
		if all[0].Stats().Strangers == 0 {
			t.Error("the strangers have gone by themselves")
		}
		h.await("no stranger", strangerTime+time.Second, func() bool {
			lively()
			return all[0].Stats().Links == 5
		})
		s := all[0].Stats()
		t.Logf("%d sessions were opened, %d were refused, %d ended for the stranger", open, refused, s.StrangersEnded)
		if s.Strangers != 0 || s.StrangersEnded == 0 || !h.oneView() {
			t.Errorf("%+v", s)
		}
	})
}

// A member that is taken for dead, and is not, keeps its sessions for a while.
func TestStrangeMember(t *testing.T) {
	now := time.Now()
	c := &Cluster{links: map[location.Origin]*link{7: {peer: 7}}}
	live := map[location.Origin]bool{7: true}
	c.watchStrangersLocked(live, now)
	live[7] = false
	c.watchStrangersLocked(live, now.Add(time.Hour))
	c.watchStrangersLocked(live, now.Add(time.Hour+strangerTime))
	if c.strangersLocked() != 1 || c.links[7] == nil {
		t.Error("its session has ended")
	}
	live[7] = true
	c.watchStrangersLocked(live, now.Add(2*time.Hour))
	if c.strangersLocked() != 0 {
		t.Error("it is a stranger still")
	}
}
