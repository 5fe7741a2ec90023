package sim

import (
	"slices"
	"testing"
	"time"
)

// What is generated can be played, is the same for the same seed, and has everything in it
// sooner or later, two things at once included.
func TestGenerate(t *testing.T) {
	var seen [kinds]int
	var moved, joined, together, expire, few, little, unlike int
	all := map[string]bool{}
	for seed := range uint64(500) {
		s := Generate(seed, 5*time.Minute)
		if err := s.Check(); err != nil {
			t.Fatalf("seed %d: %v in\n%s", seed, err, s)
		}
		if s.String() != Generate(seed, 5*time.Minute).String() {
			t.Fatalf("seed %d makes two scenarios", seed)
		}
		all[s.String()] = true
		if s.TTL > 0 {
			expire++
		}
		if s.MaxClients > 0 {
			few++
		}
		if s.MemoryFor > 0 && len(s.Unlike.MemoryFor) > 0 {
			little++
		}
		if len(s.Unlike.TTL) > 0 && len(s.Unlike.MaxClients) > 0 {
			unlike++
		}
		var ends time.Duration
		for _, f := range s.Faults {
			seen[f.Kind]++
			if f.Moved {
				moved++
			}
			if f.Kind == Start && slices.ContainsFunc(f.Nodes, func(i int) bool { return i >= s.Nodes }) {
				joined++
			}
			if f.At < ends {
				together++
			}
			ends = max(ends, f.At+f.For)
		}
	}
	if len(all) != 500 {
		t.Errorf("500 seeds make %d scenarios", len(all))
	}
	for k, n := range seen {
		if n < 100 {
			t.Errorf("%d of %s", n, Kind(k))
		}
	}
	if moved < 100 || joined < 100 || together < 1000 {
		t.Errorf("%d came back elsewhere, %d are new, %d overlap", moved, joined, together)
	}
	if expire < 50 || few < 50 || little < 20 || unlike < 10 {
		t.Errorf("%d have a ttl, %d few clients, %d little memory and other nodes more or less, %d the first two at other nodes only", expire, few, little, unlike)
	}
	t.Logf("%v, %d elsewhere, %d new, %d overlap", seen, moved, joined, together)
}
