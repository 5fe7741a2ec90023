package location

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
)

func TestNewTableRoundsUp(t *testing.T) {
	for shards, want := range map[int]int{-1: 1, 0: 1, 1: 1, 2: 2, 3: 4, 64: 64, 65: 128} {
		if got := NewTable(shards, 0).Shards(); got != want {
			t.Errorf("NewTable(%d) has %d shards, want %d", shards, got, want)
		}
	}
}

func TestTableKeepsNoReferenceToID(t *testing.T) {
	table := NewTable(4, 1)
	id := []byte("kiwi")
	table.Merge(id, Entry{Fix: at(t, 1, "1", "Clark", 1, "+0+0")})
	copy(id, "rhea")
	if _, ok := table.Get([]byte("kiwi")); !ok {
		t.Error("the client is gone")
	}
	if _, ok := table.Get(id); ok {
		t.Error("a client that nobody reported is known")
	}
}

// IDs are bytes: empty, with NUL, not UTF-8.
func TestTableTakesAnyID(t *testing.T) {
	table := NewTable(4, 1)
	ids := []string{"", "\x00", "\x00\x00", "\xff", "a", "A", "é", "e\u0301"}
	for i, id := range ids {
		table.Merge([]byte(id), Entry{Fix: at(t, int64(i), "1", "Clark", 1, "+0+0")})
	}
	if table.Len() != len(ids) {
		t.Errorf("%d clients, want %d", table.Len(), len(ids))
	}
	for i, id := range ids {
		if e, ok := table.Get([]byte(id)); !ok || e.Order != int64(i) {
			t.Errorf("%q: %+v, %t", id, e, ok)
		}
	}
}

// A scan gives every client once, those of a shard in order of first arrival; the
// same seed gives the same scan.
func TestScan(t *testing.T) {
	fix := at(t, 1, "1", "Clark", 1, "+0+0")
	const clients = 1000
	fill := func(seed uint64) (table *Table, order []string) {
		table = NewTable(8, seed)
		for i := range clients {
			id := fmt.Append(nil, i)
			table.Merge(id, Entry{Fix: fix})
			table.Merge(id, Entry{Fix: fix}) // a second report moves nobody
		}
		for i := range table.Shards() {
			last := -1
			table.Scan(i, func(id string, _ *Entry) {
				var n int
				fmt.Sscan(id, &n)
				if n <= last {
					t.Errorf("shard %d: client %d after %d", i, n, last)
				}
				last = n
				order = append(order, id)
			})
		}
		return table, order
	}
	table, order := fill(7)
	if len(order) != clients || len(contents(table)) != clients {
		t.Errorf("a scan gives %d clients, %d different ones; want %d", len(order), len(contents(table)), clients)
	}
	if _, again := fill(7); !slices.Equal(order, again) {
		t.Error("the same seed gives another scan")
	}
	if _, other := fill(8); slices.Equal(order, other) {
		t.Error("another seed gives the same scan")
	}
}

// While others write, a scan sees every client that was there when it began.
func TestScanIsComplete(t *testing.T) {
	fix := at(t, 1, "1", "Clark", 1, "+0+0")
	table := NewTable(4, 3)
	const old = 500
	for i := range old {
		table.Merge(fmt.Append(nil, "old", i), Entry{Fix: fix})
	}
	var (
		stop    atomic.Bool
		writers sync.WaitGroup
	)
	for w := range 2 {
		writers.Go(func() {
			for i := 0; !stop.Load() && i < 20_000; i++ {
				table.Merge(fmt.Append(nil, "new", w, i), Entry{Fix: fix})
				table.Merge(fmt.Append(nil, "old", i%old), Entry{Fix: fix, Dot: Dot{0, 1, uint64(i)}})
			}
		})
	}
	for range 20 {
		all := contents(table)
		for i := range old {
			if _, ok := all[fmt.Sprint("old", i)]; !ok {
				t.Fatalf("client old%d is missing", i)
			}
		}
	}
	stop.Store(true)
	writers.Wait()
}

// Nobody ever sees an entry go back, by Get or by Scan, and in the end each
// client's greatest is there.
func TestReadersNeverSeeAnEntryGoBack(t *testing.T) {
	ids := [][]byte{[]byte("kiwi"), []byte("emu"), []byte("rhea")}
	table := NewTable(2, 9)
	offers := make([][]Entry, 3) // one list for each writer
	p, q := mustPosition(t, "+0+0"), mustPosition(t, "+0+0/")
	random := rand.New(rand.NewPCG(1, 2))
	for w := range offers {
		for range 3000 {
			v := mustTime(t, fmt.Sprint(random.IntN(500)))
			position := p
			if random.IntN(2) == 0 {
				position = q
			}
			offers[w] = append(offers[w], Entry{
				NewFix([]string{"Bona", "Clark"}[random.IntN(2)], int64(random.IntN(3)), 400e9, position, v),
				Dot{0, 1, uint64(random.IntN(10))},
			})
		}
	}
	var (
		writers, readers sync.WaitGroup
		done             atomic.Bool
	)
	newer := func(last, e *Entry) bool {
		c := e.Compare(&last.Fix)
		return c > 0 || c == 0 && e.Dot.compare(last.Dot) >= 0
	}
	for r := range 2 {
		readers.Go(func() {
			seen := map[string]Entry{}
			look := func(id string, e *Entry) {
				if last, ok := seen[id]; ok && !newer(&last, e) {
					t.Errorf("reader %d, %s: %+v after %+v", r, id, *e, last)
				}
				seen[id] = *e
			}
			for last := false; !last; {
				last = done.Load() // one more round after the last write
				for _, id := range ids {
					e, ok := table.Get(id)
					if _, before := seen[string(id)]; before && !ok {
						t.Errorf("reader %d: %s is gone", r, id)
					} else if ok {
						look(string(id), &e)
					}
				}
				for i := range table.Shards() {
					table.Scan(i, look)
				}
			}
		})
	}
	for w := range offers {
		writers.Go(func() {
			for i, e := range offers[w] {
				table.Merge(ids[i%len(ids)], e)
			}
		})
	}
	writers.Wait()
	done.Store(true)
	readers.Wait()

	want := map[string]Entry{}
	for _, list := range offers {
		for i, e := range list {
			id := string(ids[i%len(ids)])
			if best, ok := want[id]; !ok || newer(&best, &e) {
				want[id] = e
			}
		}
	}
	for id, e := range contents(table) {
		if e != want[id] {
			t.Errorf("%s: %+v, want %+v", id, e, want[id])
		}
	}
	if table.Len() != len(ids) {
		t.Errorf("%d clients, want %d", table.Len(), len(ids))
	}
}
