package location

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"unsafe"

	"pgregory.net/rapid"
)

// anyEntry draws fixes that a record can hold and fixes that it can't, in every form
// of text.
func anyEntry() *rapid.Generator[Entry] {
	return rapid.Custom(func(t *rapid.T) Entry {
		p, err := ParsePosition([]byte(positionText().Draw(t, "position")))
		if err != nil {
			t.Fatal(err)
		}
		v, err := ParseTime([]byte(timeText().Draw(t, "time")))
		if err != nil {
			t.Fatal(err)
		}
		node := rapid.SampledFrom([]string{"", "Bona", "Clark"}).Draw(t, "node")
		e := Entry{Fix: NewFix(node, rapid.Int64Min(0).Draw(t, "received"), 1e9, p, v)}
		e.Dot.Takeovers = rapid.Uint32().Draw(t, "takeovers")
		e.Dot.Origin = Origin(rapid.Uint64().Draw(t, "origin"))
		e.Dot.Seq = rapid.OneOf(rapid.Uint64(), rapid.SampledFrom([]uint64{0, maxSeq, maxSeq + 1})).Draw(t, "number")
		return e
	})
}

func TestRecordGivesBackWhatWasSet(t *testing.T) {
	check := func(t interface {
		Helper()
		Fatalf(string, ...any)
	}, id string, e, before Entry,
	) {
		t.Helper()
		r := record(bytes.Repeat([]byte{0xee}, chunkSize))
		r.setID([]byte(id))
		source := &source{e.Node, e.Dot.Origin, e.Dot.Takeovers, 1<<sourceBits - 1 - firstSource}
		r.set(&e, source)
		got := before
		if r.get(&got, source); got.Fix != e.Fix || got.Dot != e.Dot {
			t.Fatalf("%+v comes back as %+v", e, got)
		}
		if string(r.id()) != id || r.source() != firstSource+source.number {
			t.Fatalf("ID %q and source %d come back as %q and %d", id, source.number, r.id(), r.source()-firstSource)
		}
	}
	t.Run("nothing", func(t *testing.T) { check(t, "", Entry{}, Entry{Fix: at(t, 1, "1", "Clark", 1, "-9-9/")}) })
	t.Run("anything", rapid.MakeCheck(func(t *rapid.T) {
		e := anyEntry().Draw(t, "entry")
		if odd(&e) {
			if e.Order == e.Time.nanos && e.Dot.Seq <= maxSeq && e.Time.text == "" && e.Position.text == "" {
				t.Fatalf("a record could hold %+v", e)
			}
			return
		}
		check(t, strings.Repeat("x", rapid.IntRange(0, MaxID).Draw(t, "length")), e, anyEntry().Draw(t, "before"))
	}))
}

// model is a table as one would write it first.
type model struct {
	entries  map[string]Entry
	arrivals []string
}

func (m *model) merge(id string, e Entry) (was Entry, r Result) {
	was, known := m.entries[id]
	switch c := e.Compare(&was.Fix); {
	case !known:
		m.arrivals = append(m.arrivals, id)
		r = Added
	case c > 0:
		r = Replaced
	case c < 0:
		return was, Stale
	case e.Dot.compare(was.Dot) > 0:
		r = Retagged
	default:
		return was, Duplicate
	}
	m.entries[id] = e
	return was, r
}

// Whatever is merged, the table holds and says what a map would, and a scan keeps to
// the order of arrival; also if the hashes of all clients are the same.
func TestTableIsLikeAMap(t *testing.T) {
	clientID := rapid.OneOf(
		rapid.Map(rapid.IntRange(0, 40), func(n int) string { return fmt.Sprint("client-", n) }),
		rapid.Map(rapid.IntRange(0, MaxID), func(n int) string { return strings.Repeat("\x00", n) }),
		rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 40), func(b []byte) string { return string(b) }),
	)
	rapid.Check(t, func(t *rapid.T) {
		table := NewTable(rapid.SampledFrom([]int{1, 2, 8}).Draw(t, "shards"), 5)
		if rapid.Bool().Draw(t, "collide") {
			table.keys = hashKeys{}
		}
		m := model{entries: map[string]Entry{}}
		entries := rapid.OneOf(entry(), anyEntry())
		for range rapid.IntRange(1, 120).Draw(t, "merges") {
			id, e := clientID.Draw(t, "id"), entries.Draw(t, "entry")
			want, wantResult := m.merge(id, e)
			if was, r := table.Merge([]byte(id), e); was != want || r != wantResult {
				t.Fatalf("%q: there was %+v, %s; want %+v, %s", id, was, resultNames[r], want, resultNames[wantResult])
			}
			if got, ok := table.Get([]byte(id)); !ok || got != m.entries[id] {
				t.Fatalf("%q: there is %+v, want %+v", id, got, m.entries[id])
			}
			other := clientID.Draw(t, "other")
			if got, ok := table.Get([]byte(other)); got != m.entries[other] || ok != slices.Contains(m.arrivals, other) {
				t.Fatalf("%q: there is %+v, %t; want %+v", other, got, ok, m.entries[other])
			}
		}
		place := map[string]int{}
		for i, id := range m.arrivals {
			place[id] = i
		}
		seen := 0
		for i := range table.Shards() {
			last := -1
			table.Scan(i, func(id string, e *Entry) {
				if at, ok := place[id]; !ok || at <= last || *e != m.entries[id] {
					t.Fatalf("the scan gives %q: %+v, want %+v", id, *e, m.entries[id])
				}
				last = place[id]
				seen++
			})
		}
		if seen != len(m.arrivals) || table.Len() != seen {
			t.Fatalf("%d clients in the scan, Len is %d, want %d", seen, table.Len(), len(m.arrivals))
		}
		checkOdds(t, table, m.entries)
	})
}

func TestMergeRefusesAnIDThatIsTooLong(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	NewTable(1, 0).Merge(make([]byte, MaxID+1), Entry{})
}

// An index knows records up to some place in the memory that all shards share. A
// shard that rests while the others fill that memory finds its clients all the same.
func TestShardThatRests(t *testing.T) {
	fix := at(t, 1, "1", "Clark", 1, "+0+0")
	table := NewTable(2, 1)
	var resting [][]byte
	for i := 0; len(resting) < 90; i++ {
		id := fmt.Append(nil, "client-", i)
		if table.keys.sum(id)>>table.shift != 0 {
			continue
		}
		if resting = append(resting, id); len(resting) <= 50 {
			table.Merge(id, Entry{Fix: fix})
		}
	}
	long := bytes.Repeat([]byte{'x'}, MaxID)
	for i := 0; table.shards[1].end <= 1<<minShift; i++ {
		copy(long, fmt.Append(nil, i, "-"))
		if table.keys.sum(long)>>table.shift == 1 {
			table.Merge(long, Entry{Fix: fix})
		}
	}
	for i, id := range resting {
		if _, r := table.Merge(id, Entry{Fix: fix}); (r == Added) != (i >= 50) {
			t.Errorf("%s: %s", id, resultNames[r])
		}
	}
	for _, id := range resting {
		if _, ok := table.Get(id); !ok {
			t.Errorf("%s is gone", id)
		}
	}
}

// While the table grows, who has been there is found.
func TestGetWhileTheTableGrows(t *testing.T) {
	const clients = 20_000
	table := NewTable(4, 1)
	p := []Position{mustPosition(t, usualPosition), mustPosition(t, "+34.06893000000000001-118.445127")}
	v := mustTime(t, usualTime)
	var (
		merged atomic.Int64
		group  sync.WaitGroup
	)
	for r := range 2 {
		group.Go(func() {
			for n := int64(0); n < clients; {
				n = merged.Load()
				for i := max(0, n-100+int64(r)); i < n; i++ {
					e, ok := table.Get(fmt.Append(nil, "client-", i))
					if !ok || e.Received != i || e.Position != p[i%2] {
						t.Errorf("client %d of %d: %+v, %t", i, n, e, ok)
						return
					}
				}
			}
		})
	}
	for i := range int64(clients) {
		table.Merge(fmt.Append(nil, "client-", i), Entry{Fix: NewFix("Clark", i, 0, p[i%2], v)})
		merged.Store(i + 1)
	}
	group.Wait()
}

// A client with an ID of 20 bytes takes no more than 100 bytes, what the parts that
// are not full yet cost included.
func TestBytesOfAClient(t *testing.T) {
	const clients, shards = 1_000_000 / 16, 4096 / 16
	table := NewTable(shards, 1)
	e := benchEntry(t)
	var id [20]byte
	for i := range clients {
		table.Merge(benchID(&id, uint32(i)), e)
	}
	total := 0
	for i := range table.shards {
		s := &table.shards[i]
		total += int(unsafe.Sizeof(*s)) + 4*cap(s.index) + 4*cap(s.chunks)
	}
	for _, block := range *table.shards[0].arena.blocks.Load() {
		total += len(block) * chunkSize
	}
	if per := float64(total) / clients; per > 100 {
		t.Errorf("%.1f bytes a client", per)
	}
}
