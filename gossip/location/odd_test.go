package location

import (
	"fmt"
	"strings"
	"testing"
)

// checkOdds checks that of what the table should hold those entries are kept whole that
// records can't hold, and that their texts are counted.
func checkOdds(t interface {
	Helper()
	Fatalf(format string, args ...any)
}, table *Table, want map[string]Entry,
) {
	t.Helper()
	entries, texts := 0, 0
	for _, e := range want {
		if odd(&e) {
			entries++
			texts += textBytes(&e)
		}
	}
	for i := range table.shards {
		if o := table.shards[i].odd; o != nil {
			entries -= len(o.entries)
			texts -= o.texts
			if o.most < len(o.entries) || o.most >= minOdds && o.most > 2*len(o.entries) {
				t.Fatalf("a map that had %d entries has %d", o.most, len(o.entries))
			}
		}
	}
	if entries != 0 || texts != 0 {
		t.Fatalf("%d entries too few are kept whole, %d bytes of text too few counted", entries, texts)
	}
}

// A map that many entries have left is made anew, whether their clients are gone or not.
func TestOddsShrink(t *testing.T) {
	place, when := mustPosition(t, usualPosition), mustTime(t, "5")
	for _, gone := range []bool{false, true} {
		table, held := NewTable(4, 1), map[string]Entry{}
		for i := range 1000 {
			id := fmt.Sprintf("client-%d", i)
			e := Entry{Fix: NewFix("Clark", 1e9, 2e9, place, when)} // clamped
			table.Merge([]byte(id), e)
			held[id] = e
		}
		checkOdds(t, table, held)
		for i := range 900 {
			id := fmt.Sprintf("client-%d", i)
			if gone {
				delete(held, id)
				continue
			}
			e := Entry{Fix: NewFix("Clark", 9e9, 2e9, place, when)}
			table.Merge([]byte(id), e)
			held[id] = e
		}
		for i := range 100 { // who stays
			id := fmt.Sprintf("client-%d", 900+i)
			e := Entry{Fix: NewFix("Clark", 4e9, 2e9, place, mustTime(t, "7"))}
			table.Merge([]byte(id), e)
			held[id] = e
		}
		if gone {
			for i := range table.Shards() {
				table.Sweep(i, Floor{Order: 5e9})
			}
		}
		checkOdds(t, table, held)
	}
}

// What text takes is about what the heap says, or more.
func TestTextBytes(t *testing.T) {
	for _, n := range []int{1, 10, 100, 500, 1000, 2000, 2300, 4000, 8000, 30_000} {
		e := Entry{Fix: Fix{Position: mustPosition(t, "+34.0689300000000000"+strings.Repeat("0", n)+"-118.445127")}}
		length := len(e.Position.text)
		real := cap(append([]byte(nil), e.Position.text...)) // as much as the heap gives
		if got := textBytes(&e); got < real || got > real*5/4+16 {
			t.Errorf("%d bytes of text take %d, %d are counted", length, real, got)
		}
	}
}
