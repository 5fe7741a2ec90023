package gossip

import (
	"testing"
	"time"
)

// Each node knows how far everyone has come with its own batches, and how far it has
// come itself with those of others.
func TestProgress(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		all := h.startFive()
		for i := range 10 {
			all[i%5].report(t, "kiwi", 1000+i)
		}
		here := func(n *testNode, of string) (uint64, map[string]uint64) {
			for _, p := range n.Progress() {
				if p.Name == of {
					return p.Here, p.Lag
				}
			}
			t.Fatalf("%s knows nothing of %s", n.name, of)
			return 0, nil
		}
		for _, n := range all {
			for _, m := range all {
				want, _ := here(m, m.name)
				got, lag := here(n, m.name)
				if got != want || want == 0 {
					t.Errorf("%s has %d of %s's %d batches", n.name, got, m.name, want)
				}
				lags := 1
				if n == m {
					lags = 4
				}
				if len(lag) != lags {
					t.Errorf("at %s, lag behind %s: %v", n.name, m.name, lag)
				}
				for who, behind := range lag {
					if behind != 0 {
						t.Errorf("at %s, %s lacks %d batches of %s", n.name, who, behind, m.name)
					}
				}
			}
		}

		// One that gets nothing is behind, by what the others have sealed since.
		n := all[0]
		before, _ := here(n, n.name)
		h.net.Pause(all[1].ip)
		n.Report(0, []byte("kiwi"), fixAt(t, n.name, 2000))
		n.Flush()
		time.Sleep(10 * time.Millisecond)
		now, lag := here(n, n.name)
		if now <= before || lag[all[1].name] != now-before || lag[all[2].name] != 0 {
			t.Errorf("%d batches, %d before, lag %v", now, before, lag)
		}
		h.net.Resume(all[1].ip)

		h.kill(all[4])
		h.await("the others see the kill", 10*time.Second, func() bool { return len(n.Progress()) == 4 })
	})
}
