package gossip

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"
)

// A fix that is acknowledged is at every member.
func TestAcknowledgedIsEverywhere(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		all := h.startFive()
		for i := range 200 {
			n, m := all[i%5], all[(i*7+3)%5]
			id := fmt.Sprintf("client%d", i)
			f := n.report(t, id, 1000+i)
			e, ok := m.Get([]byte(id))
			if !ok || e.Fix != f {
				t.Fatalf("%s reported at %s: %s has %v %v", id, n.name, m.name, e, ok)
			}
		}
		for _, n := range all {
			if s := n.Stats(); s.Replica.Outs != 0 || s.Replica.Alone != 0 {
				t.Errorf("%s: %d fell out of sync, %d batches acknowledged alone", n.name, s.Replica.Outs, s.Replica.Alone)
			}
		}
	})
}

// kill -9 of two: what they have acknowledged lives on, and the others know.
func TestKill(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		all := h.startFive()
		a := all[1].report(t, "a", 1)
		b := all[2].report(t, "b", 2)
		h.kill(all[1])
		h.kill(all[2])
		for _, n := range h.nodes {
			if e, ok := n.Get([]byte("a")); !ok || e.Fix != a {
				t.Errorf("%s has lost a", n.name)
			}
			if e, ok := n.Get([]byte("b")); !ok || e.Fix != b {
				t.Errorf("%s has lost b", n.name)
			}
		}
		h.nodes[0].report(t, "c", 3) // nobody waits for the dead
		took := h.await("failed", 10*time.Second, func() bool {
			for _, n := range h.nodes {
				if n.Stats().MembersByState["failed"] != 2 {
					return false
				}
			}
			return true
		})
		t.Logf("known to all after %v", took)
		// Both start again with nothing: one where it was, one elsewhere.
		again := h.startAs("node1", "10.0.0.2", all[0].addr())
		h.await("caught up", 2*time.Second, func() bool { return isClosed(again.CaughtUp()) })
		other := h.startAs("node2", "10.0.0.9", all[4].addr())
		h.await("caught up", 2*time.Second, func() bool { return isClosed(other.CaughtUp()) })
		h.await("one view", 5*time.Second, h.oneView)
		if !h.equal() {
			t.Error("tables differ")
		}
	})
}

// A killed node that starts again at once, under its old name, is let in at once.
func TestRestartAtOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		all := h.startFive()
		for i := range 50 {
			all[3].report(t, fmt.Sprint("c", i), i)
		}
		h.kill(all[3])
		again := h.startAs("node3", "10.0.0.4", all[0].addr())
		took := h.await("caught up", 2*time.Second, func() bool { return isClosed(again.CaughtUp()) })
		t.Logf("caught up after %v", took)
		if n := again.Table().Len(); n != 50 {
			t.Errorf("caught up with %d of 50 clients", n)
		}
		h.await("one view", 5*time.Second, h.oneView)
	})
}

// A cut of any length heals.
func TestPartitionHeals(t *testing.T) {
	for _, cut := range []time.Duration{3 * time.Second, 10 * time.Second, 45 * time.Second, 100 * time.Second} {
		if testing.Short() && cut > 10*time.Second {
			continue
		}
		t.Run(cut.String(), func(t *testing.T) {
			inBubble(t, func(t *testing.T, h *herd) {
				all := h.startFive()
				h.net.Partition([]string{all[0].ip, all[1].ip}, []string{all[2].ip, all[3].ip, all[4].ip})
				begin := time.Now()
				for i := 0; time.Since(begin) < cut; i++ { // both sides write
					all[i%5].report(t, fmt.Sprint("c", i%97), i)
					time.Sleep(cut / 200)
				}
				h.net.Heal()
				took := h.await("one view and equal tables", 20*time.Second, func() bool { return h.oneView() && h.equal() })
				t.Logf("healed after %v", took)
				if took > 5*time.Second { // of the simulated clock
					t.Errorf("healed after %v, want 5 s", took)
				}
			})
		})
	}
}

// A taken name is refused, whoever is asked, before anybody has seen the newcomer.
func TestNameTaken(t *testing.T) {
	for _, seed := range []int{0, 2} { // 2 has the name itself
		inBubble(t, func(t *testing.T, h *herd) {
			all := h.startFive()
			n, err := h.tryStart("node2", "10.0.0.77", h.key, all[seed].addr())
			if err != nil {
				t.Fatal(err)
			}
			err = <-n.ended
			n.ended <- err
			var taken *NameTakenError
			if !errors.As(err, &taken) || taken.Holder.Gossip != all[2].addr() {
				t.Errorf("got %v", err)
			}
			h.nodes = h.nodes[:5]
			if !h.oneView() || h.log.count("10.0.0.77") > 0 {
				t.Error("the herd was disturbed")
			}
		})
	}
}

func TestLeave(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		all := h.startFive()
		begin := time.Now()
		all[4].stop()
		if err := <-all[4].ended; err != nil {
			t.Error(err)
		}
		t.Logf("left in %v", time.Since(begin))
		h.nodes = h.nodes[:4]
		h.await("known to all", time.Second, func() bool {
			for _, n := range h.nodes {
				if n.Stats().MembersByState["left"] != 1 {
					return false
				}
			}
			return true
		})
		if h.log.count("member has failed") > 0 {
			t.Error("it was taken for failed")
		}
	})
}

// When all leave at once nobody is taken for failed.
func TestLeaveTogether(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		for _, n := range h.startFive() {
			n.stop()
		}
		for _, n := range h.nodes {
			err := <-n.ended
			n.ended <- err
			if err != nil {
				t.Errorf("%s: %v", n.name, err)
			}
		}
		if h.log.count("member has failed") > 0 {
			t.Error("somebody was taken for failed")
		}
	})
}

// No seed answers: the node serves alone and joins when one does.
func TestLateSeed(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		n := h.start(0, "10.0.0.2:4132")
		time.Sleep(20 * time.Second)
		if isClosed(n.CaughtUp()) {
			t.Error("caught up with nobody")
		}
		n.report(t, "a", 1)
		h.start(1)
		h.await("one view", 5*time.Second, h.oneView)
		h.await("caught up", time.Second, func() bool { return isClosed(n.CaughtUp()) })
	})
}

func TestAlone(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		h.net.Host("10.0.0.9") // it is there, and nobody listens
		n := h.start(0, "10.0.0.9:4132", "10.0.0.1:4132")
		took := h.await("caught up", time.Second, func() bool { return isClosed(n.CaughtUp()) })
		t.Logf("ready alone after %v", took)
	})
}

func TestWrongKey(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		all := h.startFirst(2)
		n, err := h.tryStart("stranger", "10.0.0.77", []byte("another key of 32 bytes, I think"), all[0].addr())
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(70 * time.Second)
		for _, line := range []string{"gossip stream refused: wrong key", "gossip stream not opened: wrong key"} {
			if got := h.log.count(line); got < 2 || got > 3 {
				t.Errorf("%q was said %d times in 70 s", line, got)
			}
		}
		if n.Stats().Links != 0 {
			t.Error("it got in")
		}
		h.nodes = h.nodes[:2]
		if !h.oneView() {
			t.Error("the herd was disturbed")
		}
		n.stop()
		<-n.ended
	})
}

// Whoever closes a cluster that somebody else closes waits for the same end.
func TestCloseTwice(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		n := h.start(0)
		h.await("caught up", time.Second, func() bool { return isClosed(n.CaughtUp()) })
		var slow bool
		n.spawn(func() { time.Sleep(time.Second); slow = true })
		var both sync.WaitGroup
		for range 2 {
			both.Go(func() {
				n.Close()
				if !slow {
					t.Error("closed while a goroutine runs")
				}
			})
		}
		both.Wait()
	})
}
