package gossip

import (
	"fmt"
	"testing"
	"time"

	"herd/gossip/location"
)

// limited has all nodes of a herd, but those named, keep to limits.
func (h *herd) limited(l Limits, others map[string]Limits) {
	h.limits = func(name string) Limits {
		if other, ok := others[name]; ok {
			return other
		}
		return l
	}
}

// Wherever clients report, all nodes keep the same ones, as many as may be: also those who
// join later, or were cut off, and have what the others gave up.
func TestHerdsGiveUpAlike(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		const most = 50
		h.audits = 20 * time.Second
		h.limited(Limits{MaxClients: most}, nil)
		five := h.startFive()
		n := 0
		add := func(clients int, nodes ...*testNode) {
			for i := range clients {
				n++
				nodes[i%len(nodes)].report(t, fmt.Sprint("client", n), 1000+n)
			}
		}
		alike := func() bool {
			floor := five[0].core.Floor()
			for _, n := range h.nodes {
				if n.table.Len() != most || n.core.Floor() != floor {
					return false
				}
			}
			return h.equal()
		}
		add(3*most, five...)
		h.await("alike", 5*time.Second, alike)
		if got, want := five[0].core.Floor(), (location.Floor{Order: int64(1000+2*most)*1e9 + 5e8, ID: fmt.Sprint("client", 2*most)}); got != want {
			t.Errorf("floor %v, want %v", got, want)
		}
		h.net.Partition([]string{five[0].ip, five[1].ip}, []string{five[2].ip, five[3].ip, five[4].ip})
		time.Sleep(2 * time.Second)
		add(most/2, five[0]) // older than those that the others will keep
		n += most / 2
		add(2*most, five[2:]...)
		h.net.Heal()
		h.await("alike after a cut", 30*time.Second, alike)
		h.start(5, five[1].addr())
		h.await("alike with a joiner", 10*time.Second, func() bool { return h.oneView() && alike() })
		time.Sleep(time.Minute) // for audits
		if alarms := h.sum(func(s Stats) uint64 { return s.AuditAlarms + s.AuditsUnfounded }); alarms > 0 {
			t.Errorf("%d alarms of the audit", alarms)
		}
		if made := h.sum(func(s Stats) uint64 { return s.Audits }); made == 0 {
			t.Error("no audit was made")
		}
	})
}

// The tightest limits hold at all nodes, those who have others are counted, and when the
// node with the tightest has gone, the next ones do.
func TestTightestLimitsHold(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		h.limited(Limits{MaxClients: 100}, map[string]Limits{"node1": {}, "node2": {TTL: time.Hour, MaxClients: 40}})
		five := h.startFive()
		h.await("limits", 5*time.Second, func() bool {
			for i, n := range five {
				if s := n.Stats(); s.Limits != (Limits{TTL: time.Hour, MaxClients: 40}) || s.LimitsDiffer != map[int]int{1: 4, 2: 4}[i]+map[bool]int{true: 2}[i != 1 && i != 2] {
					return false
				}
			}
			return true
		})
		if h.log.count("configured to other limits") == 0 {
			t.Error("nobody says so")
		}
		for i := range 150 {
			five[1].report(t, fmt.Sprint("client", i), int(time.Now().Unix())+i)
		}
		h.await("40 are left", 5*time.Second, func() bool { return five[1].table.Len() == 40 && five[4].table.Len() == 40 })
		h.kill(five[2])
		h.await("other limits", 10*time.Second, func() bool {
			return five[1].Stats().Limits == Limits{MaxClients: 100} && five[3].Stats().Limits == Limits{MaxClients: 100}
		})
	})
}

// A client expires at its order time + TTL, at all nodes, and is forgotten later; nobody
// finds it by asking others, and no audit takes it for lost.
func TestHerdsForget(t *testing.T) {
	if testing.Short() {
		t.Skip("eight virtual minutes of a herd take long")
	}
	inBubble(t, func(t *testing.T, h *herd) {
		const ttl = time.Minute
		h.audits = 30 * time.Second
		h.limited(Limits{TTL: ttl}, nil)
		h.clocks = map[string]*testClock{"node1": new(testClock).set(-20 * time.Second), "node2": new(testClock).set(20 * time.Second)}
		five := h.startFive()
		begin := time.Now().Truncate(time.Second)
		for i := range 100 {
			five[i%5].report(t, fmt.Sprint("client", i), int(begin.Unix())-i)
		}
		until := func(n *testNode, i int) time.Time {
			return begin.Add(time.Duration(-i)*time.Second + 500*time.Millisecond + ttl)
		}
		for range 15 {
			time.Sleep(7 * time.Second)
			for _, n := range five {
				for i := range 100 {
					id := fmt.Appendf(nil, "client%d", i)
					_, ok := n.Get(id)
					if want := n.wall().Before(until(n, i)); ok != want {
						t.Fatalf("%s: client %d, which expires at %v, is shown: %t", n.name, i, until(n, i), ok)
					}
					if _, found := n.Lookup(t.Context(), id); found != ok {
						t.Fatalf("%s: client %d is found by asking: %t", n.name, i, found)
					}
				}
			}
			if time.Since(begin) > ttl/2 && len(h.nodes) == 5 {
				h.start(5, five[0].addr())
			}
		}
		time.Sleep(ttl + 5*time.Minute)
		for _, n := range h.nodes {
			if n.table.Len() > 0 || n.Stats().Replica.Expired == 0 {
				t.Errorf("%s: %d clients are held, %d are forgotten", n.name, n.table.Len(), n.Stats().Replica.Expired)
			}
		}
		if alarms := h.sum(func(s Stats) uint64 { return s.AuditAlarms + s.AuditsUnfounded }); alarms > 0 {
			t.Errorf("%d alarms of the audit", alarms)
		}
	})
}

// A node of a release before there were floors is in the herd all the same; it keeps what
// it has, and nobody audits it.
func TestLimitsAndAnOlderRelease(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		h.audits = 20 * time.Second
		h.limited(Limits{MaxClients: 50}, nil)
		h.version = func(name string) uint8 {
			if name == "node3" {
				return floorVersion - 1
			}
			return sessionVersion
		}
		five := h.startFive()
		for i := range 150 {
			five[i%5].report(t, fmt.Sprint("client", i), 1000+i)
		}
		time.Sleep(time.Minute)
		if !h.oneView() || h.log.count("quarantine") > 0 {
			t.Error("the herd has fallen apart")
		}
		for _, n := range five {
			if n.name != "node3" && n.table.Len() != 50 {
				t.Errorf("%s has %d clients", n.name, n.table.Len())
			}
		}
		if alarms := h.sum(func(s Stats) uint64 { return s.AuditAlarms }); alarms > 0 {
			t.Errorf("%d alarms of the audit", alarms)
		}
	})
}
