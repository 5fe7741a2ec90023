package replica

import (
	"testing"

	"herd/gossip/location"
)

// What does not become the fix of its client is counted by why: an older one is stale, the
// same is no news.
func TestCountsOfLosers(t *testing.T) {
	_, x, _, _, _ := inSync(t, Config{})
	f := fixAt(t, "node-1", 7)
	for _, f := range []location.Fix{f, f, fixAt(t, "node-1", 6)} {
		x.AcceptNow(x.now, 0, []byte("kiwi"), f)
	}
	if s := x.Stats(); s.Accepted != 3 || s.Stale != 2 || s.Repeated != 1 {
		t.Errorf("reports: %+v", s)
	}

	b, x, _, atX, _ := inSync(t, Config{})
	take := func(seconds int, seq uint64, ahead bool) {
		t.Helper()
		e := location.Entry{Fix: fixAt(t, "node-9", seconds), Dot: location.Dot{Origin: 9, Seq: seq}}
		w := chunkWriter{limit: 1 << 16}
		w.add("kiwi", &e)
		w.close()
		m := messages(t, w.buf)[0]
		if ahead {
			atX.Prepare(Delta, m)
		}
		if err := x.Receive(b.now, atX, Delta, m); err != nil {
			t.Fatal(err)
		}
	}
	take(7, 1, true)
	take(7, 1, true)
	take(7, 2, false) // under a greater dot
	take(6, 3, false)
	if s := x.Stats(); s.Applied != 1 || s.Redundant != 3 || s.Duplicate != 2 {
		t.Errorf("fixes of others: %+v", s)
	}
}
