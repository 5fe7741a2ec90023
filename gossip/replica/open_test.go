package replica

import (
	"fmt"
	"sync"
	"testing"

	"herd/gossip/location"
)

// Many report, few of them the same client, while writers seal batch after batch: every
// report that had a ticket is in the batch of that number or one before, or a greater
// fix of its client is; no batch is too long, and in the end a peer has what the
// table has.
func TestAcceptFromMany(t *testing.T) {
	const reporters, reports = 4, 3000
	x := New(Config{Self: 1, Name: "node-1", Table: location.NewTable(8, 1), ChunkBytes: 4 << 10, QueueBytes: 64 << 20})
	y := New(Config{Self: 2, Name: "node-2", Table: location.NewTable(8, 1)})
	atX, atY := x.Open(0, 2), y.Open(0, 1)
	type ticket struct {
		id     string
		fix    location.Fix
		number uint64
	}
	var (
		mu      sync.Mutex // the caller's of x
		wg      sync.WaitGroup
		tickets [reporters][]ticket
		f       = fixAt(t, "node-1", 7)
	)
	for r := range reporters {
		wg.Go(func() {
			f := f
			for i := range reports {
				id := fmt.Appendf(nil, "client-%d", i*i%97)
				f.Received = int64(i*7%1000) + int64(r)
				n, ok := x.Accept(r, id, f)
				if !ok {
					mu.Lock()
					n = x.AcceptNow(0, r, id, f)
					mu.Unlock()
				}
				if open := x.open.number(); open < n {
					t.Errorf("batch %d is said to be open, a fix is of %d", open, n)
				}
				tickets[r] = append(tickets[r], ticket{string(id), f, n})
			}
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	sent := map[string]location.Fix{} // the greatest sent so far
	best := []map[string]location.Fix{{}}
	for ended := false; ; {
		mu.Lock()
		out, _ := x.Next(0, atX, Live, nil, 1<<20)
		mu.Unlock()
		for _, m := range messages(t, out) {
			if kind(m[0]) != kindBatch {
				continue
			}
			if len(m) > 4<<10 {
				t.Fatalf("a batch of %d bytes", len(m))
			}
			for _, r := range fixesOf(append(make([]byte, prefixLen), m...)) {
				if was, ok := sent[r.id]; !ok || r.entry.Compare(&was) > 0 {
					sent[r.id] = r.entry.Fix
				}
			}
			best = append(best, map[string]location.Fix{})
			for id, f := range sent {
				best[len(best)-1][id] = f
			}
			if err := y.Receive(0, atY, Live, m); err != nil {
				t.Fatal(err)
			}
		}
		if ended && len(out) == 0 {
			break
		}
		select {
		case <-done:
			ended = true
		default:
		}
	}
	for _, all := range tickets {
		for _, k := range all {
			if k.number == 0 || k.number >= uint64(len(best)) {
				t.Fatalf("ticket %d, %d batches", k.number, len(best)-1)
			}
			if got, ok := best[k.number][k.id]; !ok || got.Compare(&k.fix) < 0 {
				t.Fatalf("up to batch %d nobody was told of %v of %s", k.number, k.fix, k.id)
			}
		}
	}
	if s := x.Stats(); s.Accepted != reporters*reports || y.table.Len() != x.table.Len() {
		t.Errorf("%d accepted; %d clients there, %d here", s.Accepted, y.table.Len(), x.table.Len())
	}
	for i := range x.table.Shards() {
		x.table.Scan(i, func(id string, e *location.Entry) {
			if got, _ := y.table.Get([]byte(id)); got != *e {
				t.Errorf("%s: %v there, %v here", id, got, *e)
			}
		})
	}
}

// Of a client that reports again and again while a batch is open the batch holds the
// last report only.
func TestOpenHoldsTheGreatest(t *testing.T) {
	x := New(Config{Self: 1, Name: "node-1", Table: location.NewTable(8, 1)})
	l := x.Open(0, 2)
	for i := range 100 {
		for _, id := range []string{"kiwi", "emu", "moa"} {
			x.AcceptNow(0, 0, []byte(id), fixAt(t, "node-1", 20+i))
		}
	}
	out, _ := x.Next(0, l, Live, nil, 1<<20)
	var fixes []record
	for _, m := range messages(t, out) {
		if kind(m[0]) == kindBatch {
			fixes = append(fixes, fixesOf(append(make([]byte, prefixLen), m...))...)
		}
	}
	if len(fixes) != 3 {
		t.Errorf("%d fixes of 3 clients", len(fixes))
	}
	for _, r := range fixes {
		if r.entry.Time.Nanos() != 119e9 {
			t.Errorf("%s of %v", r.id, r.entry.Time)
		}
	}
}

// Whoever takes reports alone has the room of the whole batch, wherever he begins.
func TestOneStripeHasAllTheRoom(t *testing.T) {
	const most = 4 << 10
	for stripe := range 3 {
		x := New(Config{Self: 1, Name: "node-1", Table: location.NewTable(8, 1), ChunkBytes: most, QueueBytes: 64 << 20})
		l := x.Open(0, 2)
		for i := range 1000 {
			id, f := fmt.Appendf(nil, "client-%d", i), fixAt(t, "node-1", 7)
			if _, ok := x.Accept(stripe, id, f); !ok {
				x.AcceptNow(0, stripe, id, f)
			}
		}
		out, _ := x.Next(0, l, Live, nil, 1<<20)
		sealed := x.Sealed() - 1 // but for the last, which is short
		for _, m := range messages(t, out) {
			if kind(m[0]) != kindBatch || sealed == 0 {
				continue
			}
			if sealed--; len(m) > most || len(m) < most*9/10 {
				t.Errorf("a batch of %d bytes", len(m))
			}
		}
	}
}

// Of a client that reports by several stripes in one batch all are sent, and the one that is
// shown here wins there, whichever comes last: at one time the contents decide.
func TestOneClientInSeveralStripes(t *testing.T) {
	x := New(Config{Self: 1, Name: "node-1", Table: location.NewTable(8, 1)})
	y := New(Config{Self: 2, Name: "node-2", Table: location.NewTable(8, 1)})
	atX, atY := x.Open(0, 2), y.Open(0, 1)
	ids := [][]byte{[]byte("kiwi"), []byte("emu")}
	for stripe := range 4 {
		for i, id := range ids {
			f := mustFix(t, "node-1", 7e9, fmt.Sprintf("+%d+1", 1+(stripe+2*i)%4), "7")
			if ticket, ok := x.Accept(stripe, id, f); !ok || ticket != 1 {
				t.Errorf("ticket %d", ticket)
			}
		}
	}
	pass(t, x, atX, y, atY, Live)
	for _, id := range ids {
		here, _ := x.table.Get(id)
		if there, ok := y.table.Get(id); !ok || there != here {
			t.Errorf("of %s %v is there, %v here", id, there, here)
		}
	}
	if s := x.Stats(); s.Mailed+s.Stale != 8 {
		t.Errorf("%d mailed and %d stale of 8", s.Mailed, s.Stale)
	}
}

// Without a peer that takes it a batch is numbered and no message is made of it. Who
// comes then gets what was in it by a delta.
func TestSealForNobody(t *testing.T) {
	x := New(Config{Self: 1, Name: "node-1", Table: location.NewTable(8, 1)})
	y := New(Config{Self: 2, Name: "node-2", Table: location.NewTable(8, 1)})
	id, f := []byte("kiwi"), fixAt(t, "node-1", 7)
	if n := testing.AllocsPerRun(100, func() {
		f.Received++
		ticket, ok := x.Accept(0, id, f)
		x.Flush(0)
		if !ok || x.Released() != ticket || ticket != x.Sealed() {
			t.Errorf("ticket %d, %d sealed, %d released", ticket, x.Sealed(), x.Released())
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
	atX, atY := x.Open(0, 2), y.Open(0, 1)
	for range 3 {
		for _, lane := range []Lane{Live, Delta} {
			pass(t, y, atY, x, atX, lane)
			pass(t, x, atX, y, atY, lane)
		}
	}
	if got, ok := y.table.Get(id); !ok || got.Fix != f || y.Vector()[1] != x.Sealed() {
		t.Errorf("%v there, up to batch %d of %d", got, y.Vector()[1], x.Sealed())
	}
}

// pass has what is to be sent on a lane received.
func pass(t *testing.T, from *Core, atFrom *Link, to *Core, atTo *Link, lane Lane) {
	t.Helper()
	out, _ := from.Next(0, atFrom, lane, nil, 1<<20)
	for _, m := range messages(t, out) {
		if err := to.Receive(0, atTo, lane, m); err != nil {
			t.Fatal(err)
		}
	}
}

// A report of a known client costs no allocation.
func TestAcceptDoesNotAllocate(t *testing.T) {
	x := New(Config{Self: 1, Name: "node-1", Table: location.NewTable(8, 1)})
	id, f := []byte("kiwi.cs.ucla.edu"), fixAt(t, "node-1", 7)
	x.AcceptNow(0, 0, id, f)
	if n := testing.AllocsPerRun(100, func() {
		f.Received++
		if _, ok := x.Accept(0, id, f); !ok {
			t.Error("no room")
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
