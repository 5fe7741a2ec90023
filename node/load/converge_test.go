package load

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// The two bounds have between them when the write became visible.
func TestConverge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeHerd()
		f.visible = 3450 * time.Microsecond
		const travel = 300 * time.Microsecond // of a reply
		f.answer = func(_ int, _, reply string) (string, bool) {
			time.Sleep(travel)
			return reply, false
		}
		c := f.config()
		c.Addrs, c.Duration = []string{"a:1", "b:2", "c:3"}, time.Second
		r, err := Converge(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		if !r.Good() || r.Servers != 3 || r.Writes < 50 || r.Polls < uint64(15*r.Writes) {
			t.Errorf("%+v", r)
		}
		for _, l := range []Latency{r.Seen, r.Everywhere} {
			if l.P50 < f.visible || l.Max > f.visible+2*pollPause+2*travel {
				t.Errorf("upper bound %+v of %s", l, f.visible)
			}
		}
		for _, l := range []Latency{r.SeenLower, r.EverywhereLower} {
			if l.Max > f.visible || l.P50 < f.visible-2*pollPause-2*travel {
				t.Errorf("lower bound %+v of %s", l, f.visible)
			}
		}
	})
}

// Of a burst each client is written once, and the watched ones are seen.
func TestConvergeBurst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeHerd()
		f.visible = time.Millisecond
		c := f.config()
		c.Burst, c.Connections, c.Duration = 100, 7, time.Second
		r, err := Converge(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		if !r.Good() || r.Burst != 100 || r.Watched != mostWatched || r.Writes < 1000 || r.Writes%100 != 0 || r.Writes != len(f.known) {
			t.Errorf("%d known: %+v", len(f.known), r)
		}
		if r.Whole.P50 < r.Everywhere.P50 || r.Whole.P50 < f.visible || r.SeenLower.Max > f.visible {
			t.Errorf("%+v", r)
		}
	})
}

func TestConvergeFaults(t *testing.T) {
	tests := map[string]struct {
		fake                 func(*fakeHerd)
		wrong, lost, missing bool
		sample               string
	}{
		"never shown": {func(f *fakeHerd) { f.visible = time.Hour }, false, false, true, "the write is not visible"},
		"wrong": {func(f *fakeHerd) {
			f.answer = func(_ int, _, reply string) (string, bool) {
				return strings.Replace(reply, "bench-0", "bench-1", 1), false
			}
		}, true, false, false, "does not end with what was sent"},
		"hung up": {func(f *fakeHerd) {
			f.answer = func(n int, _, reply string) (string, bool) { return reply, n == 3 }
		}, false, true, false, "pipe: "},
	}
	for name, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			f := newFakeHerd()
			tt.fake(f)
			c := f.config()
			c.Timeout = 100 * time.Millisecond
			c.Duration = time.Second
			r, err := Converge(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			if r.Good() || r.Wrong > 0 != tt.wrong || r.Lost > 0 != tt.lost || r.Missing > 0 != tt.missing {
				t.Errorf("%s: %+v", name, r)
			}
			if all := strings.Join(r.Samples, "\n"); !strings.Contains(all, tt.sample) {
				t.Errorf("%s: samples %q", name, r.Samples)
			}
		})
	}
}

// What is written in the warm-up does not count: a replica may still be empty.
func TestConvergeWarmup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeHerd()
		begun := time.Now()
		f.answer = func(_ int, line, reply string) (string, bool) {
			if strings.HasPrefix(line, "WHATSAT") && time.Since(begun) < 300*time.Millisecond {
				reply = "? " + line + "\n"
			}
			return reply, false
		}
		c := f.config()
		c.Warmup, c.Duration = 300*time.Millisecond, 700*time.Millisecond
		r, err := Converge(t.Context(), c)
		if err != nil || !r.Good() || r.Seen.Max > time.Millisecond || r.Writes < 50 {
			t.Errorf("%+v, %v", r, err)
		}
	})
}

func TestConvergeNeeds(t *testing.T) {
	c := newFakeHerd().config()
	c.Addrs = c.Addrs[:1]
	if _, err := Converge(t.Context(), c); err == nil {
		t.Error("one server converges with itself")
	}
	c = newFakeHerd().config()
	c.Protocol = RedisGeoSearch
	if _, err := Converge(t.Context(), c); err == nil {
		t.Error("GEOSEARCH shows what was written")
	}
}
