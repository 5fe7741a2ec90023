package load

import (
	"context"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// Every command that was due is accounted for, and all are answered.
func TestOpenLoop(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"plain":                           func(*Config) {},
		"one connection":                  func(c *Config) { c.Connections = 1 },
		"mixed":                           func(c *Config) { c.Updates, c.Queries = 1, 3 },
		"queries alone":                   func(c *Config) { c.Queries = 1 },
		"an odd rate":                     func(c *Config) { c.Rate = 997 },
		"less than one a second for each": func(c *Config) { c.Rate = 3 },
	} {
		synctest.Test(t, func(t *testing.T) {
			c := newFakeHerd().config()
			c.Rate = 1000
			change(&c)
			r := run(t, t.Context(), c)
			if want := uint64(c.Rate * 10); r.Commands != want || r.Updates+r.Queries != want || !r.Good() || r.Unsent != 0 {
				t.Errorf("%s: %+v, want %d commands", name, r, want)
			}
			switch queries := float64(r.Queries) / float64(r.Commands); {
			case c.Queries == 0 && queries != 0, c.Updates == 0 && c.Queries > 0 && queries != 1,
				c.Updates > 0 && c.Queries > 0 && (queries < 0.7 || queries > 0.8):
				t.Errorf("%s: %f are queries", name, queries)
			}
			if c.Queries > 0 && (r.Filled != c.Clients || r.Results != 2) {
				t.Errorf("%s: %d clients stored before, %f results", name, r.Filled, r.Results)
			}
			if r.Latency.Max > time.Millisecond || r.Lateness.Max > time.Millisecond {
				t.Errorf("%s: latency %+v, lateness %+v of a server that takes no time", name, r.Latency, r.Lateness)
			}
			if len(r.Series) != 10 || r.Seconds != 10 || r.PerSecond != float64(c.Rate) {
				t.Errorf("%s: %d seconds, %f, %f/s", name, len(r.Series), r.Seconds, r.PerSecond)
			}
		})
	}
}

// stall is a delay that holds up all replies from the fourth second to the fifth.
func stall(usual time.Duration) func() {
	begun := time.Now()
	return func() {
		time.Sleep(usual)
		if since := time.Since(begun); since >= 4*time.Second && since < 5*time.Second {
			time.Sleep(5*time.Second - since)
		}
	}
}

// A server that stalls for a second of ten has a tenth of the latencies between 0 and
// 1 s: what was due in that second counts, though nothing was sent on a connection
// whose window is full.
func TestCoordinatedOmission(t *testing.T) {
	for _, rate := range []int{1000, 4000} {
		synctest.Test(t, func(t *testing.T) {
			f := newFakeHerd()
			f.delay = stall(0)
			c := f.config()
			c.Rate = rate
			begun := time.Now()
			f.answer = func(n int, line, reply string) (string, bool) {
				if due := time.Duration((n-1)*c.Connections) * time.Second / time.Duration(rate); time.Since(begun) < due {
					t.Errorf("at %d/s: command %d of a connection came before it was due, at %s", rate, n, due)
				}
				return reply, false
			}
			r := run(t, t.Context(), c)
			if r.Commands != uint64(10*rate) || !r.Good() || r.Unsent != 0 {
				t.Errorf("at %d/s: %+v", rate, r)
			}
			if l := r.Latency; l.P50 > 2*time.Millisecond || l.P99 < 890*time.Millisecond || l.P99 > 910*time.Millisecond || l.Max < 990*time.Millisecond {
				t.Errorf("at %d/s: %+v, want a p99 of 0.9 s", rate, l)
			}
			if r.Lateness.Max > time.Millisecond {
				t.Errorf("at %d/s: the generator blames itself: %+v", rate, r.Lateness)
			}
			// The end of the stall is the end of a second: either side may count it.
			if max(r.Series[4].Max, r.Series[5].Max) != r.Latency.Max || r.Series[3].P99 > time.Millisecond || r.Series[6].P99 > time.Millisecond {
				t.Errorf("at %d/s: the stall is not where it was: %+v", rate, r.Series)
			}
		})
	}
}

// The closed loop does not see the stall in its p99: that is why there is another.
func TestClosedLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeHerd()
		f.delay = stall(time.Millisecond)
		c := f.config()
		c.Pipeline = 4
		r := run(t, t.Context(), c)
		if !r.Good() || r.Lateness != nil || r.Latency.P50 > 5*time.Millisecond || r.Latency.P99 > 5*time.Millisecond || r.Latency.Max < time.Second {
			t.Errorf("%+v", r)
		}
		if want := 9000.0 / 10 * 10; r.PerSecond < 0.95*want || r.PerSecond > want {
			t.Errorf("%f/s, want some %f", r.PerSecond, want)
		}
	})
}

// A server that is too slow is seen as that: what it has no room for is counted.
func TestOverload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeHerd()
		f.delay = func() { time.Sleep(10 * time.Millisecond) } // 1000 a second, all ten
		c := f.config()
		c.Rate, c.Warmup = 10_000, time.Second
		r := run(t, t.Context(), c)
		if r.PerSecond < 980 || r.PerSecond > 1020 {
			t.Errorf("%f/s, want 1000", r.PerSecond)
		}
		const due = 110_000
		answered := r.Commands + 1000 // in the warm-up
		if sum := answered + r.Unsent + r.Missing; sum < due-30 || sum > due+30 {
			t.Errorf("%d of %d are accounted for: %+v", sum, due, r)
		}
		if r.Latency.P50 < 4*time.Second {
			t.Errorf("latency %+v", r.Latency)
		}
	})
}

func TestWrongReplies(t *testing.T) {
	tests := map[string]struct {
		answer func(n int, line, reply string) (string, bool)
		wrong  uint64
		lost   uint64
		sample string
	}{
		"another fix": {
			func(n int, _, reply string) (string, bool) {
				if n == 3 {
					reply = strings.Replace(reply, "bench-0", "bench-1", 1)
				}
				return reply, false
			}, 10, 0, "the AT line does not end with what was sent: \"IAMAT bench-",
		},
		"not understood": {
			func(n int, line, reply string) (string, bool) { return "? " + line + "\n", false }, 1000, 0, "no AT line",
		},
		"hung up": {
			func(n int, _, reply string) (string, bool) { return reply, n == 7 }, 0, 10, "read: EOF",
		},
		"hung up in the middle": {
			func(n int, _, reply string) (string, bool) {
				if n == 7 {
					return reply[:20], true
				}
				return reply, false
			}, 0, 10, "read: EOF",
		},
		"more than was asked": {
			func(n int, _, reply string) (string, bool) { return reply + reply, false }, 10, 10, "a reply to nothing",
		},
		"no end": {
			func(n int, _, reply string) (string, bool) { return strings.Repeat("x", 2*maxReply), false }, 0, 10, "does not end",
		},
	}
	for name, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			f := newFakeHerd()
			f.answer = tt.answer
			c := f.config()
			c.Rate = 100
			r := run(t, t.Context(), c)
			if r.Good() || r.Wrong != tt.wrong || r.Lost != tt.lost {
				t.Errorf("%s: %d wrong, %d lost, want %d, %d", name, r.Wrong, r.Lost, tt.wrong, tt.lost)
			}
			if all := strings.Join(r.Samples, "\n"); !strings.Contains(all, tt.sample) || len(r.Samples) > maxSamples {
				t.Errorf("%s: samples %q, want %q", name, r.Samples, tt.sample)
			}
			if tt.lost > 0 && r.Seconds > 9 {
				t.Errorf("%s: it went on for %f s without connections", name, r.Seconds)
			}
		})
	}
}

// A server that stops answering holds nothing up.
func TestSilence(t *testing.T) {
	for _, pipeline := range []int{0, 3} {
		synctest.Test(t, func(t *testing.T) {
			f := newFakeHerd()
			f.answer = func(n int, _, reply string) (string, bool) {
				if n > 6 {
					reply = ""
				}
				return reply, false
			}
			c := f.config()
			c.Pipeline = pipeline
			if pipeline == 0 {
				c.Rate = 100
			}
			begun := time.Now()
			r := run(t, t.Context(), c)
			if want := uint64(pipeline * 10); pipeline > 0 && r.Missing != want || r.Good() {
				t.Errorf("pipeline %d: %+v", pipeline, r)
			}
			if r.Commands != 60 || pipeline == 0 && r.Missing+r.Unsent != 1000-60 {
				t.Errorf("pipeline %d: %+v", pipeline, r)
			}
			if took := time.Since(begun); took > 15*time.Second+time.Millisecond {
				t.Errorf("pipeline %d: it took %s", pipeline, took)
			}
		})
	}
}

// What was measured until somebody had enough is reported.
func TestCutShort(t *testing.T) {
	for _, rate := range []int{0, 100} {
		synctest.Test(t, func(t *testing.T) {
			f := newFakeHerd()
			f.delay = func() { time.Sleep(30 * time.Millisecond) } // some are under way at the end
			c := f.config()
			c.Rate = rate
			ctx, cancel := context.WithTimeout(t.Context(), 3500*time.Millisecond)
			defer cancel()
			begun := time.Now()
			r := run(t, ctx, c)
			if r.Seconds != 3.5 || len(r.Series) != 4 || !r.Good() || r.Unsent != 0 {
				t.Errorf("rate %d: %+v", rate, r)
			}
			if rate > 0 && (r.Commands < 345 || r.Commands > 352) {
				t.Errorf("rate %d: %d commands", rate, r.Commands)
			}
			if took := time.Since(begun); took > 4*time.Second {
				t.Errorf("rate %d: it took %s", rate, took)
			}
		})
	}
}

func TestBeginAndEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newFakeHerd().config()
		c.Rate, c.Warmup, c.Duration = 100, 2*time.Second, 2500*time.Millisecond
		begun := time.Now()
		var begin, end time.Duration
		var seconds []int
		c.Begin = func() { begin = time.Since(begun) }
		c.End = func() { end = time.Since(begun) }
		c.Progress = func(s Second) { seconds = append(seconds, s.Second) }
		r := run(t, t.Context(), c)
		if begin != c.Warmup || end != c.Warmup+c.Duration || len(seconds) != 3 || seconds[2] != 3 {
			t.Errorf("measured from %s to %s, progress %v", begin, end, seconds)
		}
		if r.Commands != 250 || r.Seconds != 2.5 {
			t.Errorf("%+v", r)
		}
	})
}

func TestKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeHerd()
		c := f.config()
		c.Clients = 1000
		if err := Fill(t.Context(), c); err != nil || len(f.known) != 1000 {
			t.Fatalf("%d stored, %v", len(f.known), err)
		}
		c.Clients = 1500
		asked, known, err := Known(t.Context(), c)
		if asked != 1500 || known != 1000 || err != nil {
			t.Errorf("asked for %d, known %d, %v", asked, known, err)
		}
		f.answer = func(n int, _, reply string) (string, bool) { return reply, n == 2 }
		if err := Fill(t.Context(), c); err == nil || !strings.Contains(err.Error(), "20 of 1500 stored") {
			t.Errorf("got %v", err)
		}
	})
}

// turns is the inverse of due.
func TestTurns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		total := rapid.IntRange(1, 1000).Draw(t, "connections")
		p := pacer{
			group: &group{total: total}, start: rapid.Int64Range(0, 1e9).Draw(t, "start"),
			rate: rapid.Int64Range(1, maxRate).Draw(t, "rate"),
		}
		c := &connection{number: rapid.IntRange(0, total-1).Draw(t, "number")}
		at := rapid.Int64Range(0, int64(48*time.Hour)).Draw(t, "at")
		n := p.turns(at, c)
		if n > 0 && p.due(n-1, c) >= at {
			t.Fatalf("turn %d is due at %d, not before %d", n-1, p.due(n-1, c), at)
		}
		if p.due(n, c) < at {
			t.Fatalf("turn %d is due at %d, before %d", n, p.due(n, c), at)
		}
	})
}

// A server that takes commands and answers none does not hold up the bench for ever.
func TestFillStalls(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() // and what nobody has accepted
	err = Fill(t.Context(), Config{
		Addrs: []string{l.Addr().String()}, Protocol: Herd, Connections: 2, Clients: 10,
		Updates: 1, Rate: 1, Duration: time.Second, Timeout: 50 * time.Millisecond,
	})
	if err == nil || !strings.Contains(err.Error(), "store the clients: no reply for 50ms") {
		t.Errorf("got %v", err)
	}
}
