package gossip

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"herd/gossip/location"
	"herd/gossip/replica"
	"herd/gossip/simnet"
)

func fix(t *testing.T, node string, seconds int) location.Fix {
	t.Helper()
	p, err := location.ParsePosition([]byte("+34.068930-118.445127"))
	if err != nil {
		t.Fatal(err)
	}
	when, err := location.ParseTime(fmt.Appendf(nil, "%d.5", seconds))
	if err != nil {
		t.Fatal(err)
	}
	return location.NewFix(node, int64(seconds)*1e9, time.Minute, p, when)
}

// linked is two clusters with a session between them on the system's sockets, on which
// only what the test does is written.
func linked(t *testing.T) (near, far *Cluster) {
	t.Helper()
	var all [2]*Cluster
	for i := range all {
		c, err := New(Config{Name: fmt.Sprint("node-", i), BindAddr: "127.0.0.1:0", AckTimeout: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		all[i] = c
	}
	near, far = all[0], all[1]
	far.spawn(far.acceptStreams)
	if err := near.dialSession(t.Context(), Member{Meta: far.self, Gossip: far.Addr().String()}, time.Second); err != nil {
		t.Fatal(err)
	}
	for inSync := false; !inSync; runtime.Gosched() {
		near.mu.Lock()
		l := near.links[far.self.Origin]
		inSync = l.core.State() == replica.In && !l.out[replica.Live].taken && len(l.out[replica.Live].wake) == 0
		near.mu.Unlock()
	}
	return near, far
}

// Who reports writes the batch himself: when Flush returns it has gone, and the lane's
// goroutine was not told.
func TestNewsNeedsNoWakeUp(t *testing.T) {
	near, far := linked(t)
	near.Report(0, []byte("kiwi"), fix(t, "node-0", 1))
	near.Flush()
	near.mu.Lock()
	l := near.links[far.self.Origin]
	o := &l.out[replica.Live]
	if len(o.buf) != 0 || l.core.Queued() > 0 || o.taken || len(o.wake) > 0 {
		t.Errorf("%d bytes unsent, %d queued, taken %t, told %t", len(o.buf), l.core.Queued(), o.taken, len(o.wake) > 0)
	}
	last := near.core.Last()
	near.mu.Unlock()
	if err := near.Wait(t.Context(), last); err != nil {
		t.Fatal(err)
	}
	if _, ok := far.Get([]byte("kiwi")); !ok {
		t.Error("acknowledged and not there")
	}
}

// A peer that reads nothing holds up nobody who reports, and nothing of what was
// reported is lost: the lane's goroutine takes over.
func TestFullSocket(t *testing.T) {
	near, far := linked(t)
	far.mu.Lock() // its reader waits
	id := make([]byte, 200)
	last := uint64(0)
	passed := false
	for i := 0; i < 400_000 && !passed; i++ {
		copy(id, fmt.Sprintf("%08d", i))
		last = near.Report(0, id, fix(t, "node-0", 1))
		if i%100 == 99 {
			near.Flush()
			near.mu.Lock()
			for _, l := range near.links {
				passed = passed || l.out[replica.Live].passed || l.core.Queued() > 0
			}
			near.mu.Unlock()
		}
	}
	if !passed {
		t.Error("the socket took all of it")
	}
	far.mu.Unlock()
	near.Flush()
	if err := near.Wait(t.Context(), last); err != nil {
		t.Fatal(err)
	}
	if _, ok := far.Get(id); !ok {
		t.Error("acknowledged and not there")
	}
}

// What is reported in the gap behind a batch leaves when the gap ends, though nobody
// reports any more, and no sooner.
func TestFlushLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		host := simnet.New(1).Host("10.0.0.1")
		c, err := New(Config{Name: "Clark", BindAddr: "10.0.0.1:0", Network: host})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.core = replica.New(replica.Config{Self: c.self.Origin, Name: "Clark", Table: c.table, GapPeers: -1, GapEach: 2 * time.Millisecond})
		l := c.core.Open(c.now(), 1)
		for more := true; more; { // until its writer is idle
			_, more = c.core.Next(c.now(), l, replica.Live, nil, 1<<20)
		}
		c.spawn(c.flushLate)
		for range 3 {
			c.Report(0, []byte("kiwi"), fix(t, "Clark", 1))
			c.Flush()
			time.Sleep(500 * time.Microsecond)
			c.Report(0, []byte("emu"), fix(t, "Clark", 1))
			c.Flush()
			before := c.sealedBatches()
			time.Sleep(1499 * time.Microsecond)
			if n := c.sealedBatches(); n != before {
				t.Fatal("sealed in the gap")
			}
			time.Sleep(2 * time.Microsecond)
			synctest.Wait()
			if n := c.sealedBatches(); n != before+1 {
				t.Fatalf("%d batches after the gap, want %d", n, before+1)
			}
			time.Sleep(5 * time.Millisecond)
		}
	})
}

func (c *Cluster) sealedBatches() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.core.Sealed()
}

// Links end, by either end and in the middle of a write, while many report: nobody waits for
// a link that is gone, and the next one brings all.
func TestLinksEndInWrites(t *testing.T) {
	near, far := linked(t)
	const reporters = 3
	var all sync.WaitGroup
	var stop atomic.Bool
	var last [reporters]string
	for r := range reporters {
		all.Go(func() {
			for i := 0; !stop.Load(); i++ {
				last[r] = fmt.Sprint("client-", r, "-", i%1000)
				near.Report(0, []byte(last[r]), fix(t, "node-0", i))
				near.Flush()
			}
		})
	}
	link := func(c, to *Cluster) *link {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.links[to.self.Origin]
	}
	for i := range 12 {
		l := link(near, far)
		switch {
		case l == nil:
		case i%3 == 0:
			l.end(errSilent)
		case i%3 == 1:
			l.streams[replica.Live].raw.Close()
		default:
			if l := link(far, near); l != nil {
				l.end(errSilent)
			}
		}
		for acks := false; !acks; runtime.Gosched() {
			next := link(near, far)
			if next == nil {
				_ = near.dialSession(t.Context(), Member{Meta: far.self, Gossip: far.Addr().String()}, time.Second) // or once more
				continue
			}
			near.mu.Lock()
			acks = next != l && next.core.Acked() > 0
			near.mu.Unlock()
		}
	}
	stop.Store(true)
	all.Wait()
	for _, id := range last {
		for _, ok := far.Get([]byte(id)); !ok; _, ok = far.Get([]byte(id)) {
			runtime.Gosched()
		}
	}
}
