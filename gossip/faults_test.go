package gossip

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"herd/gossip/location"
	"herd/gossip/simnet"
)

var (
	faultSeeds = flag.Int("fault-seeds", 3, "schedules of faults for whole clusters")
	faultSeed  = flag.Uint64("fault-seed", 1, "the first of them")
)

// reported is a fix that was acknowledged.
type reported struct {
	id     string
	fix    location.Fix
	origin location.Origin
}

// Whole clusters under random faults, with a shared state that all of them change: an
// acknowledged fix is at every member that holds a lease of its origin at that moment; and when
// the faults stop, all see the same members and hold the same fixes, none of them lost, and the
// same state.
func TestFaults(t *testing.T) {
	seeds := *faultSeeds
	if testing.Short() {
		seeds = 1
	}
	for seed := *faultSeed; seed < *faultSeed+uint64(seeds); seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			inBubble(t, func(t *testing.T, h *herd) { playFaults(t, h, rand.New(rand.NewPCG(seed, 1))) })
		})
	}
}

func playFaults(t *testing.T, h *herd, r *rand.Rand) {
	tallies := h.tallies("calls")
	h.startFive()
	h.net.SetLinks(simnet.Link{Latency: 300 * time.Microsecond, Jitter: time.Millisecond, Loss: []float64{0, 0.01, 0.1}[r.IntN(3)]})
	names := []string{"node0", "node1", "node2", "node3", "node4"}
	var acked []reported
	lost := make(map[location.Origin]bool) // killed, having acknowledged alone at some time
	port := 100
	for step := range 250 {
		n := h.nodes[r.IntN(len(h.nodes))]
		tallies[n.name].add(1)
		n.Changed("calls")
		now := make([]reported, 3)
		var wg sync.WaitGroup
		for i := range now { // at once, now and then of the same client with the same time
			at := h.nodes[r.IntN(len(h.nodes))]
			id, seconds := fmt.Sprint("c", r.IntN(60)), 1000+step+r.IntN(5)
			wg.Go(func() {
				now[i] = reported{id, at.report(t, id, seconds), at.self.Origin}
				for _, m := range h.nodes {
					for _, other := range m.Members() {
						if other.Origin != at.self.Origin || !other.Leased {
							continue
						}
						if e, ok := m.Get([]byte(id)); !ok || e.Compare(&now[i].fix) < 0 {
							t.Errorf("step %d: %s holds a lease of %s and lacks %s", step, m.name, at.name, id)
						}
					}
				}
			})
		}
		wg.Wait()
		acked = append(acked, now...)
		switch r.IntN(60) {
		case 0, 1: // kill, leaving a majority
			if len(h.nodes) > 3 {
				lost[n.self.Origin] = n.Stats().Replica.Alone > 0
				h.kill(n)
			}
		case 2: // cut in two
			var left []string
			for _, m := range h.nodes {
				if r.IntN(2) == 0 {
					left = append(left, m.ip)
				}
			}
			h.net.Partition(left)
		case 3: // cut one way
			h.net.Cut(n.ip, h.nodes[r.IntN(len(h.nodes))].ip)
		case 4, 5:
			h.net.Heal()
		case 6, 7, 8: // start one that is missing, where it was or elsewhere
			for i, name := range names {
				if slices.ContainsFunc(h.nodes, func(m *testNode) bool { return m.name == name }) {
					continue
				}
				ip := fmt.Sprintf("10.0.0.%d", i+1)
				if r.IntN(2) == 0 {
					port++
					ip = fmt.Sprintf("10.0.0.%d", port)
				}
				h.startAs(name, ip, h.nodes[0].addr(), h.nodes[len(h.nodes)-1].addr())
				break
			}
		}
		time.Sleep(time.Duration(r.IntN(200)) * time.Millisecond)
	}
	h.net.Heal()
	h.net.SetLinks(simnet.Link{Latency: 300 * time.Microsecond})
	took := h.await("one view, equal tables and states", time.Minute, func() bool { return h.oneView() && h.equal() && h.same(tallies) })
	t.Logf("%d fixes acknowledged, %d nodes, whole again after %v", len(acked), len(h.nodes), took)
	greatest := make(map[string]reported)
	for _, a := range acked {
		if g, ok := greatest[a.id]; !lost[a.origin] && (!ok || a.fix.Compare(&g.fix) > 0) {
			greatest[a.id] = a
		}
	}
	for id, a := range greatest {
		for _, n := range h.nodes {
			if e, ok := n.Get([]byte(id)); !ok || e.Compare(&a.fix) < 0 {
				t.Errorf("%s has lost %s, acknowledged by %s", n.name, id, a.fix.Node)
			}
		}
	}
}
