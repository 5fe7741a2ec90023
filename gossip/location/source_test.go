package location

import (
	"fmt"
	"sync"
	"testing"
)

// Each source has one number, whoever asks first, and the number gives it back.
func TestSources(t *testing.T) {
	var all []Entry
	for i := range 300 {
		all = append(all,
			Entry{Fix{Node: fmt.Sprint("node-", i)}, Dot{Origin: 1}},
			Entry{Fix{Node: "Clark"}, Dot{Origin: Origin(i)}},
			Entry{Fix{Node: "Clark"}, Dot{Origin: 1 << 60, Takeovers: uint32(i)}},
		)
	}
	s := newSources()
	numbers := make([][]uint32, 4)
	var group sync.WaitGroup
	for g := range numbers {
		group.Go(func() {
			for i := range all {
				e := &all[(i*7+g*100)%len(all)]
				numbers[g] = append(numbers[g], s.find(e).number)
				if got := s.get(s.find(e).number); !got.of(e) {
					t.Errorf("%+v comes back as %+v", e, got)
				}
			}
		})
	}
	group.Wait()
	if n := len(*s.all.Load()); n != len(all) {
		t.Errorf("%d sources, want %d", n, len(all))
	}
	for i := range all {
		e := &all[i]
		first := s.find(e).number
		for g := range numbers {
			for j, n := range numbers[g] {
				if &all[(j*7+g*100)%len(all)] == e && n != first {
					t.Fatalf("%+v has the numbers %d and %d", e, first, n)
				}
			}
		}
	}
}

func TestFindingASourceDoesNotAllocate(t *testing.T) {
	s := newSources()
	e := Entry{Fix: Fix{Node: "Clark"}}
	if n := testing.AllocsPerRun(100, func() { s.find(&e) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// However many sources a peer names, what is kept of them has a bound, and no fix is the
// worse for it.
func TestTooManySources(t *testing.T) {
	table := NewTable(1, 1)
	p, err := ParsePosition([]byte("+34.0-118.4"))
	if err != nil {
		t.Fatal(err)
	}
	entry := func(i int) Entry {
		at, err := ParseTime(fmt.Append(nil, i))
		if err != nil {
			t.Fatal(err)
		}
		return Entry{NewFix("Clark", int64(i)*1e9, 0, p, at), Dot{Origin: Origin(1 + i), Seq: 7}}
	}
	const more = 1000
	for i := range maxSources + more {
		want := entry(i)
		if _, r := table.Merge([]byte("kiwi"), want); !r.Won() {
			t.Fatalf("%d: %v", i, r)
		}
		if got, _ := table.Get([]byte("kiwi")); got != want {
			t.Fatalf("%d: %+v comes back as %+v", i, want, got)
		}
	}
	if n := len(*table.sources.all.Load()); n != maxSources {
		t.Errorf("%d sources are kept, want %d", n, maxSources)
	}
	known := entry(maxSources + more + 1)
	known.Dot.Origin = 1
	table.Merge([]byte("kiwi"), known) // out of the map again
	if got, _ := table.Get([]byte("kiwi")); got != known {
		t.Errorf("%+v comes back as %+v", known, got)
	}
	checkOdds(t, table, nil)
}
