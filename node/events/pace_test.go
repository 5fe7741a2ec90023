package events

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"herd/gossip/location"
)

// A busy log does not wake its readers for each event.
func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Config{})
		r, _ := read(t, l, all, "")
		go func() {
			for n := range 1000 {
				say(l, "kiwi", n)
				time.Sleep(100 * time.Microsecond)
			}
		}()
		batches, events := 0, 0
		for events < 1000 {
			some, err := r.Next(t.Context(), time.Minute)
			if err != nil {
				t.Fatal(err)
			}
			batches++
			events += len(some)
		}
		if batches < 8 || batches > 12 {
			t.Errorf("%d batches in 100 ms", batches)
		}
	})
}

// Nor for those that it does not want.
func TestPaceUnwanted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Config{})
		looks := map[time.Time]bool{}
		f := fixes
		f.Where = func(*location.Fix) bool { looks[time.Now()] = true; return false }
		r, _ := read(t, l, f, "")
		go func() {
			for n := range 1000 {
				say(l, "kiwi", n)
				time.Sleep(100 * time.Microsecond)
			}
		}()
		if events, err := r.Next(t.Context(), time.Second); len(events) > 0 || err != nil {
			t.Errorf("got %v, %v", events, err)
		}
		if n := len(looks); n < 8 || n > 12 {
			t.Errorf("it looked %d times in 100 ms", n)
		}
	})
}

// A batch is no longer than there are clients, however long they move, and leaves before
// its time when there are too many.
func TestMergeBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Config{})
		r, _ := read(t, l, fixes, "")
		r.Merge(10 * time.Second)
		say(l, "kiwi", 0)
		if events, err := r.Next(t.Context(), time.Minute); len(events) != 1 || err != nil {
			t.Fatalf("got %v, %v", events, err)
		}
		for n := range 10_000 {
			say(l, "kiwi", n)
		}
		if _, err := r.Next(t.Context(), time.Millisecond); err != nil || len(r.batch.events) > 3 {
			t.Errorf("%d places for one client, %v", len(r.batch.events), err)
		}
		began := time.Now()
		for n := range maxMerging {
			say(l, fmt.Sprint("client-", n), n)
			if n%1000 == 0 {
				if events, err := r.Next(t.Context(), gather); len(events) > 0 || err != nil {
					t.Fatalf("%d events, %v", len(events), err)
				}
			}
		}
		events, err := r.Next(t.Context(), time.Minute)
		if err != nil || len(events) < maxMerging || time.Since(began) > 5*time.Second {
			t.Errorf("%d events after %v, %v", len(events), time.Since(began), err)
		}
	})
}
