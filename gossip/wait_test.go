package gossip

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestWaitQueue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var q waitQueue
		var all []*waiter
		released := uint64(0)
		t.Repeat(map[string]func(*rapid.T){
			"add":     func(t *rapid.T) { all = append(all, q.add(rapid.Uint64Range(1, 50).Draw(t, "ticket"))) },
			"release": func(t *rapid.T) { released = rapid.Uint64Range(0, 50).Draw(t, "released"); q.release(released) },
			"remove": func(t *rapid.T) {
				if len(all) > 0 {
					i := rapid.IntRange(0, len(all)-1).Draw(t, "which")
					q.remove(all[i])
					if !isClosed(all[i].done) {
						all = slices.Delete(all, i, i+1)
					}
				}
			},
			"": func(t *rapid.T) {
				waiting := 0
				for _, w := range all {
					if !isClosed(w.done) {
						waiting++
					}
				}
				if waiting != len(q) {
					t.Fatalf("%d wait, %d in the queue", waiting, len(q))
				}
				for _, w := range q {
					if isClosed(w.done) {
						t.Fatal("released and still in")
					}
				}
			},
		})
		q.release(1 << 40)
		for _, w := range all {
			if !isClosed(w.done) {
				t.Fatalf("ticket %d was never released", w.ticket)
			}
		}
	})
}
