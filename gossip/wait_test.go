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
		gone := func(w *waiter) bool { return len(w.done) > 0 }
		released := uint64(0)
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				w := newWaiter().(*waiter)
				all = append(all, w)
				q.add(w, rapid.Uint64Range(1, 50).Draw(t, "ticket"))
			},
			"release": func(t *rapid.T) { released = rapid.Uint64Range(0, 50).Draw(t, "released"); q.release(released) },
			"remove": func(t *rapid.T) {
				if len(all) > 0 {
					i := rapid.IntRange(0, len(all)-1).Draw(t, "which")
					q.remove(all[i])
					if gone(all[i]) || all[i].at >= 0 {
						t.Fatal("removed, and not fit to wait again")
					}
					all = slices.Delete(all, i, i+1)
				}
			},
			"": func(t *rapid.T) {
				waiting := 0
				for _, w := range all {
					if !gone(w) {
						waiting++
					}
				}
				if waiting != len(q) {
					t.Fatalf("%d wait, %d in the queue", waiting, len(q))
				}
				for _, w := range q {
					if gone(w) {
						t.Fatal("released and still in")
					}
				}
			},
		})
		q.release(1 << 40)
		for _, w := range all {
			if !gone(w) {
				t.Fatalf("ticket %d was never released", w.ticket)
			}
		}
	})
}
