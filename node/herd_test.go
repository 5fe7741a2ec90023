package node_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"herd/node"
	"herd/node/nodetest"
)

// A herd in a bubble: its time is the test's own, and starts at the year 2000.

// report is an IAMAT line of a client at a place and a time.
func report(id string, lat, seconds int) string {
	return fmt.Sprintf("IAMAT %s +%d-118 %d", id, lat, seconds)
}

// lookFor asks each node for each client and compares with the AT lines.
func lookFor(t *testing.T, h *nodetest.Herd, ats map[string]string) {
	t.Helper()
	for i := range h.Len() {
		if h.Node(i) == nil {
			continue
		}
		var lines, want []string
		for id, at := range ats {
			lines, want = append(lines, "WHATSAT "+id+" 0 0"), append(want, at)
		}
		for j, got := range h.Send(i, lines...) {
			if at, _, _ := strings.Cut(got, "\n"); at != want[j] {
				t.Errorf("%s answers %q with %q, want %q", h.Name(i), lines[j], at, want[j])
			}
		}
	}
}

// A fix sent to one node is found at any other by the next command.
func TestHerdReadsEverywhere(t *testing.T) {
	nodetest.Bubble(t, func(t *testing.T) {
		h := nodetest.Start(t, 5)
		for i := range h.Len() {
			id := fmt.Sprintf("client%d", i)
			line := report(id, i, 946684800)
			at := h.Send(i, line)[0]
			if !strings.HasPrefix(at, "AT "+h.Name(i)+" +0.") || !strings.HasSuffix(at, strings.TrimPrefix(line, "IAMAT")) {
				t.Errorf("got %q for %q", at, line)
			}
			lookFor(t, h, map[string]string{id: at})
		}
	})
}

// Different fixes of one time, taken by three nodes at once, end as the same one
// everywhere: that of the node whose name sorts last.
func TestHerdEqualTimes(t *testing.T) {
	nodetest.Bubble(t, func(t *testing.T) {
		h := nodetest.Start(t, 3)
		const clients = 200
		ats := make([][]string, h.Len())
		var wg sync.WaitGroup
		for i := range h.Len() {
			var lines []string
			for c := range clients {
				lines = append(lines, report(fmt.Sprint(c), 10*i, 946684800))
			}
			wg.Go(func() {
				var err error
				if ats[i], err = h.Ask(i, lines...); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if t.Failed() {
			return
		}
		h.Settle()
		want := make(map[string]string)
		for c := range clients {
			want[fmt.Sprint(c)] = ats[h.Len()-1][c]
		}
		lookFor(t, h, want)
	})
}

// Any one or two nodes may be killed: the others answer throughout, and nothing is
// lost of what the dead have acknowledged just before. Started again, empty, under
// the same name, they know it all.
func TestHerdKills(t *testing.T) {
	for _, victims := range [][]int{{0}, {4}, {0, 1}, {1, 3}} {
		nodetest.Bubble(t, func(t *testing.T) {
			h := nodetest.Start(t, 5)
			ats := make(map[string]string)
			for _, v := range victims {
				id := "of-" + h.Name(v)
				ats[id] = h.Send(v, report(id, v, 946684800))[0]
			}
			for _, v := range victims {
				h.Kill(v)
			}
			for round := range 40 { // 4 s: until all know of the deaths, and after
				for i := range h.Len() {
					if slices.Contains(victims, i) {
						continue
					}
					id := fmt.Sprintf("%s-%d", h.Name(i), round)
					ats[id] = h.Send(i, report(id, i, 946684800))[0]
				}
				time.Sleep(100 * time.Millisecond)
			}
			lookFor(t, h, ats)
			h.Settle()
			for _, v := range victims {
				began := time.Now()
				h.Restart(v)
				if took := time.Since(began); took > 2*time.Second {
					t.Errorf("%s is ready after %s", h.Name(v), took)
				}
				lookFor(t, h, ats)
			}
			h.Settle()
		})
	}
}

// A node that is killed and started again at once, before anybody has noticed, is
// back under its name.
func TestHerdQuickRestart(t *testing.T) {
	nodetest.Bubble(t, func(t *testing.T) {
		h := nodetest.Start(t, 3)
		ats := map[string]string{"kiwi": h.Send(1, report("kiwi", 1, 1))[0]}
		for range 3 {
			h.Kill(1)
			h.Restart(1)
			lookFor(t, h, ats)
		}
		h.Settle()
	})
}

// An empty node that joins a full herd while it is written to is ready only when
// it can answer for all.
func TestHerdJoin(t *testing.T) {
	nodetest.Bubble(t, func(t *testing.T) {
		h := nodetest.Start(t, 2)
		const clients, chunk = 100_000, 1000
		for c := 0; c < clients; c += chunk {
			lines := make([]string, chunk)
			for i := range lines {
				lines[i] = report(fmt.Sprint(c+i), 34, 946684800)
			}
			h.Send(c/chunk%2, lines...)
		}
		stop := make(chan struct{})
		var writing sync.WaitGroup
		writing.Go(func() {
			for seconds := 946684801; ; seconds++ {
				var lines []string
				for c := range 50 { // each 10 ms: 5,000 a second
					lines = append(lines, report(fmt.Sprint(c), 35, seconds))
				}
				if _, err := h.Ask(seconds%2, lines...); err != nil {
					t.Error(err)
				}
				select {
				case <-stop:
					return
				case <-time.After(10 * time.Millisecond):
				}
			}
		})
		i := h.Add()
		if got := h.Table(i).Len(); got != clients {
			t.Errorf("ready with %d of %d clients", got, clients)
		}
		if got := h.Send(i, "WHATSAT 0 0 0", "WHATSAT 99999 0 0"); strings.HasPrefix(got[0], "?") || strings.HasPrefix(got[1], "?") {
			t.Errorf("got %q", got)
		}
		close(stop)
		writing.Wait()
		h.Settle()
	})
}

// A cut of any length, with both sides written to, heals: one view and equal
// tables in a few seconds.
func TestHerdPartition(t *testing.T) {
	for _, cut := range []time.Duration{10 * time.Second, 45 * time.Second, 100 * time.Second} {
		nodetest.Bubble(t, func(t *testing.T) {
			h := nodetest.Start(t, 5, func(_ int, c *node.Config) {
				c.Settings.Herd.AckTimeout = time.Second // fewer heartbeats: the cut is long
			})
			h.Partition([]int{0, 1}, []int{2, 3, 4})
			end := time.Now().Add(cut)
			for round := 0; time.Now().Before(end); round++ {
				for i := range h.Len() {
					h.Send(i, report("everybody's", i, 946684800+round), report(fmt.Sprintf("%d's", i), i, 946684800+round))
				}
				time.Sleep(time.Second)
			}
			for i := range h.Len() {
				gone := 0
				for _, m := range h.Node(i).Members() {
					if m.State.String() == "failed" {
						gone++
					}
				}
				if want := []int{3, 3, 2, 2, 2}[i]; gone != want {
					t.Errorf("%s takes %d members for failed, want %d", h.Name(i), gone, want)
				}
			}
			h.Heal()
			took := h.SettleWithin(5 * time.Second)
			t.Logf("a cut of %s heals in %s", cut, took)
		})
	}
}

// A node whose name a live one has refuses to start, and says who has it.
func TestHerdNameTaken(t *testing.T) {
	nodetest.Bubble(t, func(t *testing.T) {
		h := nodetest.Start(t, 2, func(i int, c *node.Config) {
			if i == 2 {
				c.Settings.Name = "Bona"
			}
		})
		time.Sleep(2 * time.Second) // of nodes that start together chance decides
		h.Launch(h.Reserve())
		err := h.Wait(2)
		var taken *node.NameTakenError
		if !errors.As(err, &taken) || taken.Name != "Bona" || taken.Holder.Gossip != "10.0.0.2:4132" {
			t.Errorf("got %v", err)
		}
		h.Settle()
	})
}

// A node with another key stays up, alone; both sides say so, once a minute.
func TestHerdWrongKey(t *testing.T) {
	nodetest.Bubble(t, func(t *testing.T) {
		h := nodetest.Start(t, 1, func(i int, c *node.Config) {
			if i == 1 {
				c.Keys = [][]byte{bytes.Repeat([]byte{8}, 32)}
				c.Settings.Herd.ReadyTimeout = time.Second
			}
		})
		h.Restart(h.Reserve())
		time.Sleep(3 * time.Minute)
		for i := range 2 {
			if members := h.Node(i).Members(); len(members) != 1 {
				t.Errorf("%s sees %d members", h.Name(i), len(members))
			}
			if reply := h.Send(i, report("kiwi", i, 1))[0]; !strings.HasPrefix(reply, "AT "+h.Name(i)) {
				t.Errorf("%s answers %q", h.Name(i), reply)
			}
			said := strings.Count(h.Log(i), "wrong key")
			if said < 3 || said > 5 {
				t.Errorf("%s speaks %d times of the key in 3 minutes:\n%s", h.Name(i), said, h.Log(i))
			}
		}
		if !strings.Contains(h.Log(0), "peer=Bona") {
			t.Errorf("nobody is named:\n%s", h.Log(0))
		}
	})
}

// A node that leaves answers what it has been asked, tells the herd, and takes no
// acknowledged fix with it.
func TestHerdStopUnderLoad(t *testing.T) {
	nodetest.Bubble(t, func(t *testing.T) {
		h := nodetest.Start(t, 3)
		var mu sync.Mutex // guards ats
		ats := make(map[string]string)
		var writing sync.WaitGroup
		for w := range 20 {
			writing.Go(func() {
				c, err := h.Dial(0)
				if err != nil {
					t.Error(err)
					return
				}
				defer c.Close()
				for n := 0; ; n++ {
					id := fmt.Sprintf("%d-%d", w, n)
					replies, err := c.Ask(report(id, 1, 1))
					if err != nil {
						return
					}
					mu.Lock()
					ats[id] = replies[0]
					mu.Unlock()
				}
			})
		}
		time.Sleep(200 * time.Millisecond)
		began := time.Now()
		if err := h.Stop(0); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took > 1500*time.Millisecond {
			t.Errorf("it took %s", took)
		}
		writing.Wait()
		if len(ats) < 100 {
			t.Errorf("only %d reports: that is no load", len(ats))
		}
		lookFor(t, h, ats)
		h.Settle()
	})
}

// An idle node leaves in no time, and the herd knows that it has left, not failed.
func TestHerdLeave(t *testing.T) {
	nodetest.Bubble(t, func(t *testing.T) {
		h := nodetest.Start(t, 3)
		began := time.Now()
		if code, body := h.HTTP(0, "POST", "/v1/leave"); code != 202 {
			t.Errorf("got %d %s", code, body)
		}
		if err := h.Wait(0); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took > 300*time.Millisecond {
			t.Errorf("it took %s", took)
		}
		h.Settle()
		for i := 1; i < h.Len(); i++ {
			for _, m := range h.Node(i).Members() {
				if m.Name == h.Name(0) && m.State.String() != "left" {
					t.Errorf("%s takes it for %s", h.Name(i), m.State)
				}
			}
		}
	})
}
