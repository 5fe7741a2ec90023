package gossip

import (
	"testing"
	"time"

	"herd/gossip/simnet"
)

// At a loss of 30 % members are suspected all the time, and hardly any is taken for dead.
func TestLossKillsNobody(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		h.startFive()
		h.net.SetLinks(simnet.Link{Latency: 300 * time.Microsecond, Jitter: time.Millisecond, Loss: 0.3})
		long := 2 * time.Minute
		if testing.Short() {
			long /= 4
		}
		time.Sleep(long)
		if h.log.count("Refuting a suspect message") == 0 {
			t.Error("nobody was suspected")
		}
		// Each of the other four says it. One in two minutes has lost all that would have
		// saved it, once in dozens of runs; when news is passed on less it is eight.
		if n := h.log.count("member has failed"); n > 4 {
			t.Errorf("members were taken for dead %d times", n)
		}
		h.net.SetLinks(simnet.Link{Latency: 300 * time.Microsecond})
		h.await("one view", 10*time.Second, h.oneView)
	})
}
