package replica

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"herd/gossip/location"
)

var flagIDs = flag.Int("ids", 0, "how many clients report once each; 0: 100,000, or fewer in a hurry")

// TestManyIDs has two nodes keep a tenth of all clients that ever reported: memory stays
// bound, and both keep the same.
//
//	go test ./gossip/replica -run ManyIDs -v -ids 10000000 -timeout 1h
func TestManyIDs(t *testing.T) {
	ids := *flagIDs
	if ids == 0 {
		if ids = 100_000; raceEnabled || testing.Short() {
			ids = 20_000
		}
	}
	most := ids / 10
	b := newLab(t)
	for self := range location.Origin(2) {
		c := b.core(self+1, Config{Limits: Limits{MaxClients: int64(most)}})
		c.table = location.NewTable(max(16, most/250), 1) // as full as those of a node
		c.cfg.Table = c.table
	}
	x, y := b.cores[0], b.cores[1]
	b.link(x, y)
	b.talk()
	random := rand.New(rand.NewPCG(1, 1))
	f := fixAt(t, "node-1", 1)
	before := heap()
	peak, clients := 0, 0
	for n := range ids {
		c := b.cores[n%2]
		at := int64(n)*1e6 + random.Int64N(1e9) // they come about in order
		when, err := location.ParseTime(fmt.Appendf(nil, "%d.%09d", at/1e9, at%1e9))
		if err != nil {
			t.Fatal(err)
		}
		f = location.NewFix(c.cfg.Name, at, time.Minute, f.Position, when)
		id := fmt.Appendf(nil, "client-%013d", n)
		if _, ok := c.Accept(0, id, f); !ok {
			c.AcceptNow(b.now, 0, id, f)
		}
		if n%1000 == 999 || n == ids-1 {
			b.now += 5 * time.Millisecond
			for _, c := range b.cores {
				c.Flush(b.now)
				c.Tick(b.now)
				for range 4 { // Trim keeps pace
					c.Trim(b.now)
				}
			}
			b.talk()
			clients = max(clients, x.table.Len(), y.table.Len())
		}
		if n%(ids/20) == 0 {
			peak = max(peak, heap()-before)
		}
	}
	for range 600 { // the last few are given up at leisure
		b.pass(100 * time.Millisecond)
		for _, c := range b.cores {
			b.trim(c)
		}
		if x.table.Len() == most && y.table.Len() == most {
			break
		}
	}
	peak = max(peak, heap()-before)
	t.Logf("%d clients, %d may stay: up to %d were there, in %.0f bytes of heap for each that may stay, of two nodes", ids, most, clients, float64(peak)/float64(2*most))
	if x.table.Len() != most || y.table.Len() != most || x.Floor() != y.Floor() {
		t.Errorf("%d and %d clients, floors %v and %v", x.table.Len(), y.table.Len(), x.Floor(), y.Floor())
	}
	if clients > most*11/10+10_000 {
		t.Errorf("%d clients were there at once", clients)
	}
	for i := range x.table.Shards() {
		x.table.Scan(i, func(id string, e *location.Entry) {
			if other, ok := y.table.Get([]byte(id)); !ok || other.Fix != e.Fix {
				t.Fatalf("%s: one node has %v, the other %v", id, e.Fix, other.Fix)
			}
		})
	}
	if limit := 2 * (150*most + 4<<20); peak > limit {
		t.Errorf("%d bytes, more than %d", peak, limit)
	}
}

// heap is what is on the heap, without garbage.
func heap() int {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}
