package location

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"
)

// floorModel is a table with limits as one would write it first.
type floorModel struct {
	entries  map[string]Entry
	arrivals []string
	floor    *Floor
	hidden   int64
}

func (m *floorModel) covered(id string, e Entry) bool {
	return m.floor != nil && (e.Order < m.floor.Order || e.Order == m.floor.Order && id <= m.floor.ID)
}

func (m *floorModel) merge(id string, e Entry) Result {
	was, known := m.entries[id]
	switch c := e.Compare(&was.Fix); {
	case !known && m.covered(id, e):
		return Refused
	case !known:
		m.arrivals = append(m.arrivals, id)
		m.entries[id] = e
		return Added
	case c > 0:
		m.entries[id] = e
		return Replaced
	case c < 0:
		return Stale
	case e.Dot.compare(was.Dot) > 0:
		m.entries[id] = e
		return Retagged
	}
	return Duplicate
}

func (m *floorModel) sweep() (deleted int) {
	maps.DeleteFunc(m.entries, func(id string, e Entry) bool {
		gone := m.covered(id, e)
		if gone {
			deleted++
			m.arrivals = slices.DeleteFunc(m.arrivals, func(other string) bool { return other == id })
		}
		return gone
	})
	return deleted
}

// lowest are the k that are to go first.
func (m *floorModel) lowest() (all []Floor) {
	for id, e := range m.entries {
		all = append(all, Floor{e.Order, id})
	}
	slices.SortFunc(all, Floor.Compare)
	return all
}

// Whatever is merged, given up and deleted, the table holds, says and shows what a map
// would, and finds who is to go first.
func TestTableWithLimitsIsLikeAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table := NewTable(rapid.SampledFrom([]int{1, 4}).Draw(t, "shards"), 5)
		if rapid.IntRange(0, 3).Draw(t, "collide") == 0 {
			table.keys = hashKeys{}
		}
		m := floorModel{entries: map[string]Entry{}, hidden: -1}
		places := []Position{mustParse("+34.068930-118.445127"), mustParse("+0+0.0000000000000000")}
		length := rapid.SampledFrom([]int{1, 200}).Draw(t, "length")
		clientID := rapid.Map(rapid.IntRange(0, 40), func(n int) string { return fmt.Sprintf("%0*d", length, n) })
		draw := func() Entry {
			when, _ := ParseTime(fmt.Append(nil, rapid.IntRange(0, 30).Draw(t, "time")))
			return Entry{
				NewFix("Clark", 1, 1<<62, rapid.SampledFrom(places).Draw(t, "position"), when),
				Dot{Origin: 1, Seq: uint64(rapid.IntRange(1, 3).Draw(t, "number"))},
			}
		}
		steps := map[string]func(*rapid.T){
			"merge": func(t *rapid.T) {
				for range rapid.IntRange(1, 20).Draw(t, "merges") {
					id, e := clientID.Draw(t, "id"), draw()
					want := m.merge(id, e)
					if _, r := table.Merge([]byte(id), e); r != want {
						t.Fatalf("%q: %s, want %s", id, resultNames[r], resultNames[want])
					}
				}
			},
			"refuse": func(t *rapid.T) {
				f := Floor{int64(rapid.IntRange(0, 30).Draw(t, "order")) * 1e9, clientID.Draw(t, "floor")}
				table.Refuse(f)
				if m.floor == nil || f.Compare(*m.floor) > 0 {
					m.floor = &f
				}
			},
			"hide": func(t *rapid.T) {
				order := int64(rapid.IntRange(0, 30).Draw(t, "hidden")) * 1e9
				table.Hide(order)
				m.hidden = max(m.hidden, order)
			},
			"evict": func(t *rapid.T) {
				all := m.lowest()
				if len(all) == 0 {
					return
				}
				l := NewLowest(table, rapid.IntRange(1, 70).Draw(t, "most"))
				for i := range table.Shards() {
					l.Add(i)
				}
				if l.Len() != min(l.most, len(all)) {
					t.Fatalf("%d are the lowest %d of %d", l.Len(), l.most, len(all))
				}
				k := rapid.IntRange(1, l.Len()).Draw(t, "k")
				f := l.Floor(k)
				if f != all[k-1] {
					t.Fatalf("the lowest %d end with %v, want %v", k, f, all[k-1])
				}
				table.Refuse(f)
				if m.floor == nil || f.Compare(*m.floor) > 0 {
					m.floor = &f
				}
			},
			"sweep": func(t *rapid.T) {
				if m.floor == nil {
					return
				}
				deleted := 0
				for i := range table.Shards() {
					deleted += table.Sweep(i, *m.floor)
				}
				if want := m.sweep(); deleted != want {
					t.Fatalf("%d deleted, want %d", deleted, want)
				}
			},
			"": func(t *rapid.T) { checkTable(t, table, &m) },
		}
		t.Repeat(steps)
	})
}

// checkTable compares what is in a table, and what of that is shown.
func checkTable(t *rapid.T, table *Table, m *floorModel) {
	place := map[string]int{}
	for i, id := range m.arrivals {
		place[id] = i
	}
	for name, scan := range map[string]struct {
		of   func(int, func(string, *Entry))
		want func(Entry) bool
	}{
		"held":  {table.ScanHeld, func(Entry) bool { return true }},
		"shown": {table.Scan, func(e Entry) bool { return e.Order > m.hidden }},
	} {
		want := 0
		for _, e := range m.entries {
			if scan.want(e) {
				want++
			}
		}
		for i := range table.Shards() {
			last := -1
			scan.of(i, func(id string, e *Entry) {
				if at, ok := place[id]; !ok || at <= last || *e != m.entries[id] || !scan.want(*e) {
					t.Fatalf("%s: the scan gives %q: %+v, want %+v", name, id, *e, m.entries[id])
				}
				last = place[id]
				want--
			})
		}
		if want != 0 {
			t.Fatalf("%s: the scan lacks %d clients", name, want)
		}
	}
	for _, length := range []int{1, 200} {
		for n := range 41 {
			id := fmt.Sprintf("%0*d", length, n)
			want, there := m.entries[id]
			if e, ok := table.Held([]byte(id)); ok != there || e != want {
				t.Fatalf("%q: held is %+v, %t; want %+v, %t", id, e, ok, want, there)
			}
			if e, ok := table.Get([]byte(id)); ok != (there && want.Order > m.hidden) || ok && e != want {
				t.Fatalf("%q: shown is %+v, %t; want %+v", id, e, ok, want)
			}
		}
	}
	checkOdds(t, table, m.entries)
	if table.Len() != len(m.entries) {
		t.Fatalf("Len is %d, want %d", table.Len(), len(m.entries))
	}
}

func mustParse(text string) Position {
	p, err := ParsePosition([]byte(text))
	if err != nil {
		panic(err)
	}
	return p
}

// The memory of a table is bound to the clients that it holds, not to those that it held.
func TestSweptMemoryIsUsedAgain(t *testing.T) {
	const most, rounds = 20_000, 30
	table, e := NewTable(64, 1), benchEntry(t)
	var id [20]byte
	var full int
	for n := range most * rounds {
		e.Order, e.Time.nanos = int64(n), int64(n)
		table.Merge(benchID(&id, uint32(n)), e)
		if n%(most/8) == 0 && n > most {
			f := Floor{Order: int64(n - most), ID: "z"}
			table.Refuse(f)
			for i := range table.Shards() {
				table.Sweep(i, f)
			}
			if n < 2*most {
				full = table.Bytes()
			}
		}
	}
	if got := table.Bytes(); got > full*9/8 {
		t.Errorf("%d bytes for %d clients, and %d when as many have come %d times", full, most, got, rounds)
	}
	if n := table.Len(); n < most || n > most*9/8+1 {
		t.Errorf("%d clients", n)
	}
	t.Logf("%.1f bytes a client", float64(table.Bytes())/float64(table.Len()))
}

// Clients come, are asked for and are given up at the same time; who is above the floor is
// found, and nobody who is at it comes back.
func TestSweepBeside(t *testing.T) {
	const clients, most = 30_000, 2000
	table := NewTable(4, 1)
	p := []Position{mustPosition(t, usualPosition), mustPosition(t, "+34.06893000000000001-118.445127")}
	v := mustTime(t, usualTime)
	var merged, floor atomic.Int64
	floor.Store(-1)
	id := func(i int64) []byte { return fmt.Append(nil, "client-", i) }
	var all sync.WaitGroup
	all.Go(func() {
		for i := range int64(clients) {
			v.nanos = i
			table.Merge(id(i), Entry{Fix: Fix{Order: i, Received: i, Position: p[i%2], Time: v}})
			merged.Store(i + 1)
		}
	})
	all.Go(func() {
		for merged.Load() < clients {
			f := Floor{merged.Load() - most, strings.Repeat("z", 9)}
			table.Refuse(f)
			floor.Store(f.Order)
			l := NewLowest(table, 50)
			for i := range table.Shards() {
				table.Sweep(i, f)
			}
			for i := range table.Shards() {
				l.Add(i)
			}
			if l.Len() > 0 && l.Floor(1).Order <= f.Order {
				t.Error("there is one at the floor")
			}
		}
	})
	all.Go(func() {
		for n := int64(0); n < clients; {
			n = merged.Load()
			for i := max(0, n-100); i < n; i++ {
				e, ok := table.Get(id(i))
				if ok && (e.Received != i || e.Position != p[i%2]) || !ok && i > merged.Load()-most {
					t.Errorf("client %d of %d: %+v, %t", i, n, e, ok)
					return
				}
			}
			if old := floor.Load(); old >= 0 {
				if _, r := table.Merge(id(old), Entry{Fix: Fix{Order: old, Received: old}}); r == Added || r == Replaced {
					t.Errorf("client %d is back", old)
				}
			}
		}
	})
	all.Wait()
}

func TestFloor(t *testing.T) {
	f := Floor{5, "kiwi"}
	for _, tt := range []struct {
		order int64
		id    string
		want  bool
	}{{4, "z", true}, {5, "a", true}, {5, "kiwi", true}, {5, "kiwi2", false}, {5, "z", false}, {6, "a", false}} {
		if f.Covers(tt.order, []byte(tt.id)) != tt.want || (f.Compare(Floor{tt.order, tt.id}) >= 0) != tt.want {
			t.Errorf("%v: covers %v", f, tt)
		}
	}
	table := NewTable(1, 1)
	id := bytes.Repeat([]byte{'a'}, 3)
	table.Refuse(Floor{5, string(id)})
	table.Refuse(Floor{4, "zzz"}) // it is there already
	if !table.Refuses(id, &Fix{Order: 5}) || table.Refuses([]byte("b"), &Fix{Order: 5}) {
		t.Error("a floor sank")
	}
}

// BenchmarkEvict is what it takes to find and to delete a hundredth of a million clients.
func BenchmarkEvict(b *testing.B) {
	const clients = 1_000_000
	table := NewTable(4096, 1)
	e, next := benchEntry(b), 0
	var id [20]byte
	add := func(n int) {
		for range n {
			next++
			e.Order = int64(next)<<20 + int64(uint32(next)*0x9e3779b9)<<8 // about in order
			e.Time.nanos = e.Order
			table.Merge(benchID(&id, uint32(next)), e)
		}
	}
	add(clients)
	for b.Loop() {
		b.StopTimer()
		add(clients / 100)
		b.StartTimer()
		l := NewLowest(table, clients/100)
		for i := range table.Shards() {
			l.Add(i)
		}
		f := l.Floor(l.Len())
		table.Refuse(f)
		for i := range table.Shards() {
			table.Sweep(i, f)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1e6, "ms")
}
