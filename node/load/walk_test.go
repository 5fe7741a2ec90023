package load

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// line is a crowd whose clients go north, each on a meridian of its own.
type line int

func (l line) Len() int { return int(l) }
func (l line) AppendID(b []byte, i int) []byte {
	return strconv.AppendInt(append(b, "walker-"...), int64(i), 10)
}

func (l line) At(i int, t time.Duration) (_, _ float64) { return t.Seconds() / 1000, float64(i) / 1000 }

// switchboard is a fake herd whose nodes can be shut.
type switchboard struct {
	*fakeHerd
	mu    sync.Mutex // guards the fields below
	shut  map[string]bool
	conns map[string][]net.Conn
	dials int
}

func newSwitchboard() *switchboard {
	return &switchboard{fakeHerd: newFakeHerd(), shut: map[string]bool{}, conns: map[string][]net.Conn{}}
}

func (b *switchboard) dial(ctx context.Context, addr string, source netip.Addr) (net.Conn, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.dials++
	if b.shut[addr] {
		return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	}
	conn, err := b.fakeHerd.dial(ctx, addr, source)
	b.conns[addr] = append(b.conns[addr], conn)
	return conn, err
}

// set shuts a node or opens it again.
func (b *switchboard) set(addr string, shut bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.shut[addr] = shut
	if shut {
		for _, c := range b.conns[addr] {
			c.Close()
		}
	}
}

// config is a walk of 100 clients in 30 s, for a bubble of synctest: 20 reports a second.
func (b *switchboard) config() WalkConfig {
	return WalkConfig{
		Crowd: line(100), Addrs: []string{"a:1", "b:2"}, Connections: 10, Every: 5 * time.Second, Duration: 30 * time.Second, Dial: b.dial,
	}
}

func walked(t *testing.T, config WalkConfig) *Walked {
	t.Helper()
	w, err := Walk(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// Every client reports every 5 s where it is by then; reports are spread evenly over time
// and nodes.
func TestWalk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSwitchboard()
		c := b.config()
		var seconds []uint64
		c.Progress = func(s Second, nodes int) {
			seconds = append(seconds, s.Commands)
			// When the last second is told of, connections may have ended.
			if nodes != 2 && s.Second < 30 {
				t.Errorf("second %d: %d nodes", s.Second, nodes)
			}
		}
		w := walked(t, c)
		if !w.Good() || w.Reports != 600 || w.PerSecond != 20 || w.Nodes["a:1"] != 300 || w.Nodes["b:2"] != 300 || len(w.Errors) > 0 || w.Repeated > 0 {
			t.Errorf("%+v", w)
		}
		for i, n := range seconds[:29] {
			if n < 19 || n > 21 { // one of them is due when the second ends
				t.Errorf("second %d has %d reports", i+1, n)
			}
		}
		if b.dials != 1+10 {
			t.Errorf("%d connections", b.dials)
		}
		for i := range 100 {
			// The last round begins after 25 s. Connections take turns, ten of them every half
			// a second, each for the next of its ten clients.
			turn := 10*(i%10) + i/10
			want := fmt.Sprintf("walker-%d +%09.6f+%010.6f ", i, (25+float64(turn)/20)/1000, float64(i)/1000)
			if at := b.known[fmt.Sprintf("walker-%d", i)].at; !strings.Contains(at, want) {
				t.Errorf("%q, want %q", at, want)
			}
		}
	})
}

// However many clients and connections there are, each client reports.
func TestWalkShares(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 300).Draw(t, "clients")
		w := &walk{config: WalkConfig{Crowd: line(n), Every: time.Second}, homes: newHomes(rapid.IntRange(1, n).Draw(t, "connections"), []string{"a", "b", "c"})}
		seen, turns := make([]bool, n), map[int64]bool{}
		for i := range w.homes.of {
			s := newStrand(w, i)
			for ; s.member < s.len; s.member++ {
				seen[s.first+s.member] = true
				turns[s.due()] = true
			}
		}
		if slices.Contains(seen, false) || len(turns) != n {
			t.Fatalf("of %d clients, some never report: %v; %d moments", n, seen, len(turns))
		}
	})
}

// The clients of a node that is killed go on at another, and come back to it.
func TestWalkFailsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSwitchboard()
		c := b.config()
		var nodes []int
		c.Progress = func(_ Second, n int) { nodes = append(nodes, n) }
		time.AfterFunc(9990*time.Millisecond, func() { b.set("b:2", true) })
		time.AfterFunc(17*time.Second, func() { b.set("b:2", false) })
		w := walked(t, c)
		if !w.Good() || w.Reports != 600 || len(w.Errors) == 0 {
			t.Errorf("%+v", w)
		}
		if nodes[8] != 2 || nodes[14] != 1 || nodes[28] != 2 {
			t.Errorf("nodes by the second: %v", nodes)
		}
		if n := w.Nodes["b:2"]; n < 150 || n > 250 {
			t.Errorf("%d reports at the node that was away for about half of the time", n)
		}
		if w.Latency.Max > 100*time.Millisecond {
			t.Errorf("a report waited for %s", w.Latency.Max)
		}
	})
}

// Nodes that close each connection at once are not dialed again and again without a pause.
func TestWalkClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		b := newSwitchboard()
		config := b.config()
		var dials atomic.Int64
		config.Dial = func(context.Context, string, netip.Addr) (net.Conn, error) {
			if dials.Add(1) == 10_000 {
				cancel()
			}
			near, far := net.Pipe()
			far.Close()
			return near, nil
		}
		w, err := Walk(ctx, config)
		if err != nil {
			t.Fatal(err)
		}
		if n := dials.Load(); n > 500 || w.Reports > 0 { // ten connections for thirty seconds
			t.Errorf("%d dials, %d reports answered", n, w.Reports)
		}
	})
}

// A node that hangs is left too, and tried again less and less often.
func TestWalkHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSwitchboard()
		c := b.config()
		c.Duration, c.Timeout = 10*time.Minute, 2*time.Second
		dial := c.Dial
		c.Dial = func(ctx context.Context, addr string, source netip.Addr) (net.Conn, error) {
			if addr == "b:2" {
				return hanging(), nil
			}
			return dial(ctx, addr, source)
		}
		w := walked(t, c)
		if !w.Good() || w.Reports != 12_000 || w.Nodes["b:2"] != 0 || w.Latency.Max < 2*time.Second || w.Latency.Max > 4*time.Second {
			t.Errorf("%+v", w)
		}
		// After 5, 10, 15, 15 … s: five strands, some 35 times each.
		if n := w.Errors[errTimeout]; n < 150 || n > 210 || w.Repeated < n {
			t.Errorf("%d time-outs, %d repeated", n, w.Repeated)
		}
	})
}

// hanging is a connection to nobody. It takes what is sent and says nothing.
func hanging() net.Conn {
	ours, theirs := net.Pipe()
	go func() {
		for b := make([]byte, 4096); ; {
			if _, err := theirs.Read(b); err != nil {
				return
			}
		}
	}()
	return ours
}

// While no node is there reports are outdated; they count, and the walk goes on after it.
func TestWalkAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSwitchboard()
		c := b.config()
		b.set("b:2", true)
		time.AfterFunc(5*time.Second-1, func() { b.set("a:1", true) })
		time.AfterFunc(20*time.Second-1, func() { b.set("a:1", false) })
		w := walked(t, c)
		if w.Good() || w.Unsent < 150 || w.Unsent > 250 || w.Reports+w.Unsent != 600 || w.Missing > 0 || w.Errors[errRefused] == 0 {
			t.Errorf("%+v", w)
		}
		b.set("a:1", true)
		if _, err := Walk(t.Context(), c); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("nobody is there: %v", err)
		}
	})
}

func TestWalkWrong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSwitchboard()
		b.answer = func(n int, line, reply string) (string, bool) {
			if n == 3 {
				return "? " + line + "\n", false
			}
			return reply, false
		}
		if w := walked(t, b.config()); w.Good() || w.Wrong != 10 || w.Reports != 590 || len(w.Samples) != maxSamples || !strings.Contains(w.Samples[0], "no AT line") {
			t.Errorf("%+v", w)
		}
	})
}

// A node that joins has its share; one that has left has none.
func TestWalkRefreshes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSwitchboard()
		c := b.config()
		begun := time.Now()
		c.Refresh = func(context.Context) ([]string, error) {
			switch since := time.Since(begun); {
			case since < 9*time.Second:
				return nil, errors.New("nobody tells")
			case since < 19*time.Second:
				return []string{"c:3", "a:1", "b:2"}, nil
			}
			return []string{"c:3", "b:2"}, nil
		}
		w := walked(t, c)
		if !w.Good() || w.Reports != 600 || len(w.Errors) > 0 || w.Nodes["a:1"] < 130 || w.Nodes["a:1"] > 200 || w.Nodes["c:3"] < 130 || w.Nodes["c:3"] > 200 {
			t.Errorf("%+v", w)
		}
	})
}

func TestWalkEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 7*time.Second+1)
		defer cancel()
		w, err := Walk(ctx, newSwitchboard().config())
		if err != nil || !w.Good() || w.Reports != 141 || w.Seconds < 7 || w.Seconds > 7.1 {
			t.Errorf("%+v, %v", w, err)
		}
	})
}

func TestWalkConfig(t *testing.T) {
	for want, change := range map[string]func(*WalkConfig){
		"no address":           func(c *WalkConfig) { c.Addrs = nil },
		"clients must":         func(c *WalkConfig) { c.Crowd = line(0) },
		"from 1 to 1000000":    func(c *WalkConfig) { c.Crowd = line(maxWalkers + 1) },
		"connections must":     func(c *WalkConfig) { c.Connections = 0 },
		"between reports":      func(c *WalkConfig) { c.Every = time.Microsecond },
		"10000000 reports":     func(c *WalkConfig) { c.Crowd, c.Every = line(maxWalkers), time.Millisecond },
		"the duration must":    func(c *WalkConfig) { c.Duration = 0 },
		`"a" is not an addres`: func(c *WalkConfig) { c.Addrs = []string{"a"} },
	} {
		c := newSwitchboard().config()
		change(&c)
		if _, err := Walk(t.Context(), c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got the error %v, want %s", err, want)
		}
	}
}

// Connections are spread evenly whatever comes and goes, and no more of them move than
// must.
func TestHomes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		addrs := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f", "g"}), 1, 7, rapid.ID[string])
		h := newHomes(rapid.IntRange(1, 40).Draw(t, "connections"), addrs.Draw(t, "addrs"))
		for range 4 {
			before, now := slices.Clone(h.of), addrs.Draw(t, "addrs")
			h.set(now)
			count, was := map[string]int{}, map[string]int{}
			moved := 0
			for i := range h.of {
				count[h.home(i)]++
				was[before[i]]++
				if h.of[i] != before[i] {
					moved++
				}
			}
			least, must, odd := len(h.of)/len(now), 0, 0
			for _, addr := range now {
				if n := count[addr]; n != least && n != least+1 {
					t.Fatalf("%s has %d of %d connections to %v", addr, n, len(h.of), now)
				}
				must += max(least-was[addr], 0)
				if was[addr] > least {
					odd++
				}
			}
			must += max(len(h.of)%len(now)-odd, 0) // too few had more: others are given one more
			if moved != must {
				t.Fatalf("%d of %d moved, %d had to: %v, then %v", moved, len(h.of), must, before, h.of)
			}
			if others := h.others(3); len(others) != len(now) {
				t.Fatalf("%v are all of %v", others, now)
			}
		}
	})
}
