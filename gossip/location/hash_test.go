package location

import (
	"fmt"
	"testing"
)

// Every byte of an ID counts, and so does its length.
func TestHashTakesAllOfTheID(t *testing.T) {
	keys := newHashKeys(1)
	seen := map[uint64]string{}
	note := func(id []byte, what string) {
		h := keys.sum(id)
		if before, ok := seen[h]; ok {
			t.Fatalf("%s hashes like %s", what, before)
		}
		seen[h] = what
	}
	for n := range MaxID + 1 {
		id := make([]byte, n)
		note(id, fmt.Sprint(n, " zeros"))
		for i := range id {
			id[i] = 1
			note(id, fmt.Sprint(n, " bytes, the one at ", i, " set"))
			id[i] = 0
		}
	}
}

func TestHashDependsOnTheSeed(t *testing.T) {
	a, b, c := newHashKeys(1), newHashKeys(1), newHashKeys(2)
	id := []byte("kiwi.cs.ucla.edu")
	if a.sum(id) != b.sum(id) {
		t.Error("the same seed gives another hash")
	}
	if a.sum(id) == c.sum(id) {
		t.Error("another seed gives the same hash")
	}
}

// Clients with names that differ little spread over the shards as by chance: with
// 1000 in the mean, 200 more or less is six times the standard deviation.
func TestHashSpreads(t *testing.T) {
	for _, form := range []string{"%d", "client-%d", "%020d", "%d.example.org", "%08x-0000-4000-8000-000000000000"} {
		table := NewTable(64, 1)
		var high, low, tags [64]int
		for i := range 64_000 {
			h := table.keys.sum(fmt.Appendf(nil, form, i))
			high[h>>table.shift]++
			low[h&63]++
			tags[h>>46&63]++
		}
		for i := range high {
			for _, n := range []int{high[i], low[i], tags[i]} {
				if n < 800 || n > 1200 {
					t.Errorf("%s: %d of 64 parts has %d of 64000 clients", form, i, n)
				}
			}
		}
	}
}
