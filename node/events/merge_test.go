package events

import (
	"testing"
	"testing/synctest"
	"time"

	"herd/gossip/location"
)

// Fixes of one client are merged; the newest is sent, not more often than asked for.
func TestMerge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Config{})
		r, _ := read(t, l, all, "")
		r.Merge(time.Second)
		for n := range 100 {
			say(l, "kiwi", n)
			if n == 50 {
				say(l, "emu", n)
				l.Member([]byte("Bona"))
			}
		}
		began := time.Now()
		events, err := r.Next(t.Context(), time.Minute)
		if err != nil || len(events) != 3 || time.Since(began) > 0 {
			t.Fatalf("%d events after %v, %v", len(events), time.Since(began), err)
		}
		expect(t, []string{text(events[0]), text(events[1]), text(events[2])}, "emu 50, Bona, kiwi 99")
		say(l, "kiwi", 100)
		go func() {
			for n := 101; n < 150; n++ {
				time.Sleep(10 * time.Millisecond)
				say(l, "kiwi", n)
			}
		}()
		events, err = r.Next(t.Context(), time.Minute)
		if err != nil || len(events) != 1 || text(events[0]) != "kiwi 149" || time.Since(began) != time.Second {
			t.Fatalf("%d events after %v, %v", len(events), time.Since(began), err)
		}
		if s := l.Stats(); s.Sent != [Kinds]uint64{Fix: 3, Member: 1} || s.Merged != 99+49 {
			t.Errorf("counts %+v", s)
		}
	})
}

// Who is gone is told of in place of its fixes, and a fix in place of that.
func TestMergeGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Config{})
		r, _ := read(t, l, all, "")
		r.Merge(time.Second)
		say(l, "kiwi", 1)
		say(l, "emu", 2)
		l.Gone([]byte("kiwi"), location.Expired)
		l.Gone([]byte("emu"), location.Evicted)
		say(l, "emu", 3)
		expect(t, drain(t, r), "kiwi expired, emu 3")
		if s := l.Stats(); s.Sent != [Kinds]uint64{Fix: 1, Gone: 1} || s.Merged != 3 {
			t.Errorf("counts %+v", s)
		}
	})
}

// While fixes wait to be merged the ID is the one before the first of them.
func TestIDWhileMerging(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Config{})
		r, _ := read(t, l, all, "")
		r.Merge(10 * time.Second)
		say(l, "kiwi", 1)
		if _, err := r.Next(t.Context(), time.Second); err != nil {
			t.Fatal(err)
		}
		at := r.ID()
		say(l, "kiwi", 2)
		if events, err := r.Next(t.Context(), time.Second); len(events) > 0 || err != nil {
			t.Fatalf("got %v, %v", events, err)
		}
		if r.ID() != at {
			t.Errorf("ID %s though an event after %s was not given", r.ID(), at)
		}
		r, start := read(t, l, all, r.ID())
		expect(t, drain(t, r), "kiwi 2")
		if start.ID != at {
			t.Errorf("begins at %s", start.ID)
		}
	})
}
