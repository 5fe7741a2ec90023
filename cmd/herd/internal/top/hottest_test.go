package top

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Any client with more than its share of all fixes is listed, and no rate is more than
// was, whatever the order.
func TestHottest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		clients := rapid.IntRange(1, 3*maxHot).Draw(t, "clients")
		hots := rapid.IntRange(0, 5).Draw(t, "hot")
		h := newHottest()
		h.hear(noon, true)
		counts := map[string]int{}
		const all = 4 * maxHot
		for range all {
			id := fmt.Sprint("c", rng.IntN(clients))
			if hots > 0 && rng.IntN(2) == 0 {
				id = fmt.Sprint("hot", rng.IntN(hots))
			}
			counts[id]++
			h.add(noon, Fix{ID: id})
		}
		if len(h.byID) > maxHot || len(h.byID) != len(h.least) {
			t.Fatalf("%d are counted by %d counters", len(h.byID), len(h.least))
		}
		h.at = noon.Add(-time.Second) // one second was heard, and nothing has faded
		h.heard = time.Second
		for i, c := range h.least {
			if c.place != i || i > 0 && h.least[(i-1)/2].count > c.count {
				t.Fatalf("the heap is none at %d", i)
			}
		}
		listed := map[string]bool{}
		for _, c := range h.top(maxHot) {
			listed[c.ID] = true
			if c.PerSecond > float64(counts[c.ID]) {
				t.Errorf("%s: %v a second, it had %d", c.ID, c.PerSecond, counts[c.ID])
			}
		}
		for id, n := range counts {
			if n > all/maxHot && h.byID[id] == nil {
				t.Errorf("%s had %d and is not counted", id, n)
			}
			if n > 2*all/maxHot && !listed[id] {
				t.Errorf("%s had %d and is not listed", id, n)
			}
		}
	})
}

// The rate of a client is right at a steady pace, also when only a part of the time is
// listened to, and goes to nothing after the last update.
func TestHottestRates(t *testing.T) {
	for _, part := range []int{1, 4} { // of the time
		h := newHottest()
		now := noon
		for i := range 240 { // quarters of a second
			h.hear(now, i%part == 0)
			if i%part == 0 {
				for range 5 {
					h.add(now, Fix{ID: "kiwi"})
				}
				if i%8 == 0 {
					h.add(now, Fix{ID: "emu"})
				}
			}
			now = now.Add(250 * time.Millisecond)
		}
		h.hear(now, false)
		kiwi, emu := 20.0, 0.5*float64(part)
		got := h.top(2)
		if len(got) != 2 || got[0].ID != "kiwi" || !near(got[0].PerSecond, kiwi) || !near(got[1].PerSecond, emu) {
			t.Errorf("1/%d of the time: %v, want %v and %v", part, got, kiwi, emu)
		}
		h.hear(now, true)
		h.advance(now.Add(2 * time.Minute))
		if got = h.top(1); len(got) != 0 {
			t.Errorf("1/%d of the time, two minutes later: %v", part, got)
		}
	}
}

func near(got, want float64) bool { return got > want*0.9 && got < want*1.1 }

// What no client can be called is not counted, and a clock that steps back does no harm.
func TestHottestWrong(t *testing.T) {
	h := newHottest()
	h.hear(noon, true)
	h.add(noon, Fix{})
	h.add(noon, Fix{ID: strings.Repeat("k", 100_000)})
	h.add(noon, Fix{ID: "kiwi"})
	h.advance(noon.Add(-time.Hour))
	h.advance(noon)
	if got := h.top(10); len(got) != 1 || len(h.byID) != 1 {
		t.Errorf("got %v", got)
	}
}
