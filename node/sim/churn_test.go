package sim

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"herd/node/nodetest"
)

var (
	flagChurn      = flag.Duration("churn", 12*time.Second, "how long nodes are restarted, in virtual time")
	flagChurnNodes = flag.Int("churn-nodes", 5, "of how many")
)

// holds is what the process holds when nothing happens.
type holds struct {
	goroutines int
	heap       uint64 // bytes
}

func holdsNow() holds {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return holds{runtime.NumGoroutine(), m.HeapAlloc}
}

func (h holds) String() string {
	return fmt.Sprintf("%d goroutines, %.1f MiB", h.goroutines, float64(h.heap)/(1<<20))
}

// TestChurn kills and restarts nodes, fifty a minute, one after the other, and some of them at
// once. In the end all are of one mind, and what they hold is what they held before.
//
//	go test ./node/sim -run Churn -v -churn 5m -churn-nodes 30 -timeout 1h
func TestChurn(t *testing.T) {
	if testing.Short() {
		t.Skip("five virtual minutes of a herd take long")
	}
	nodetest.Bubble(t, func(t *testing.T) {
		began := time.Now()
		h := nodetest.Start(t, *flagChurnNodes)
		t.Logf("%d nodes are one herd after %v", h.Len(), time.Since(began).Round(time.Millisecond))
		random := rand.New(rand.NewPCG(*flagSeed, 1))
		restart := func() {
			i := random.IntN(h.Len())
			if h.Node(i) == nil {
				return
			}
			if random.IntN(3) == 0 {
				h.Stop(i)
			} else {
				h.Kill(i)
			}
			h.Launch(i)
		}
		restart()                    // what the first one needs is needed for ever
		const rest = 2 * time.Minute // origins of the dead are forgotten after one
		h.Settle()
		time.Sleep(rest)
		before := holdsNow()
		restarts := 0
		for began = time.Now(); time.Since(began) < *flagChurn; restarts++ {
			restart()
			time.Sleep(time.Minute/50/2 + rand.N(time.Minute/50))
		}
		settled := h.SettleWithin(15 * time.Second)
		time.Sleep(rest)
		after := holdsNow()
		t.Logf("%d restarts; settled after %v; before: %v; after: %v", restarts, settled, before, after)
		if after.goroutines > before.goroutines*11/10 {
			t.Errorf("%d goroutines, %d before", after.goroutines, before.goroutines)
		}
		const buffers = 4 << 20 // that happen to be in use; a node takes half of that and more
		if after.heap > before.heap*11/10+buffers {
			t.Errorf("%d bytes, %d before", after.heap, before.heap)
		}
	})
}
