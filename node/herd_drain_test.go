package node_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"herd/gossip"
	"herd/node/nodetest"
)

// A node that is drained is not ready and takes no clients, and tells the herd so; those it has
// go on reporting until their turn comes. It ends in time, and what it acknowledged is there.
func TestHerdDrain(t *testing.T) {
	nodetest.Bubble(t, func(t *testing.T) {
		h := nodetest.Start(t, 3)
		const clients, drain = 10, 10 * time.Second
		var mu sync.Mutex // guards the fields below
		ats := make(map[string]string)
		var ends []time.Duration
		var writing sync.WaitGroup
		began := time.Now()
		for w := range clients {
			c, err := h.Dial(0)
			if err != nil {
				t.Fatal(err)
			}
			writing.Go(func() {
				defer c.Close()
				for n := 0; ; n++ {
					id := fmt.Sprintf("%d-%d", w, n)
					replies, err := c.Ask(report(id, 1, 1))
					mu.Lock()
					if err == nil {
						ats[id] = replies[0]
					} else {
						ends = append(ends, time.Since(began))
					}
					mu.Unlock()
					if err != nil {
						return
					}
					time.Sleep(50 * time.Millisecond)
				}
			})
		}
		time.Sleep(100 * time.Millisecond)
		for _, bad := range []string{"?drain=30", "?drain=-1s", "?drain=1h1s", "?drain=x", "?drain=", "?drian=1s", "?drain=1s&drain=2s"} {
			if code, body := h.HTTP(0, "POST", "/v1/leave"+bad); code != 400 {
				t.Errorf("%s: got %d %s", bad, code, body)
			}
		}
		if code, body := h.HTTP(0, "POST", "/v1/leave?drain=10s"); code != 202 || !strings.Contains(body, `"drain":"10s"`) {
			t.Errorf("got %d %s", code, body)
		}
		if code, body := h.HTTP(0, "POST", "/v1/leave?drain=1h"); code != 202 { // it stays at the sooner end
			t.Errorf("a second time: got %d %s", code, body)
		}
		time.Sleep(2 * time.Second)
		if _, body := h.HTTP(0, "GET", "/metrics"); !strings.Contains(body, "\nherd_leaving 1\n") {
			t.Error("its metrics do not say that it leaves")
		}
		if _, body := h.HTTP(1, "GET", "/metrics"); !strings.Contains(body, "\nherd_leaving 0\n") {
			t.Error("another one's say that it leaves")
		}
		if code, body := h.HTTP(0, "GET", "/readyz"); code != 503 || !strings.Contains(body, "leaving") {
			t.Errorf("/readyz: got %d %s", code, body)
		}
		if code, body := h.HTTP(0, "PUT", "/v1/clients/kiwi"); code == 204 || code == 200 {
			t.Errorf("a report over HTTP: got %d %s", code, body)
		}
		if c, err := h.Dial(0); err == nil {
			c.Close()
			t.Error("a client is let in")
		}
		for i := range h.Len() {
			for _, m := range h.Node(i).Members() {
				if m.Leaving != (m.Name == h.Name(0)) || m.State != gossip.Alive {
					t.Errorf("%s has %s as %s, leaving: %v", h.Name(i), m.Name, m.State, m.Leaving)
				}
			}
		}
		if err := h.Wait(0); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took > 100*time.Millisecond+drain {
			t.Errorf("it took %s", took)
		}
		writing.Wait()
		if late := ends[clients-1] - ends[0]; late < drain/2 {
			t.Errorf("all clients end within %s", late)
		}
		lookFor(t, h, ats)
		for _, line := range []string{"clients are drained: connections=10 within=10s", "drained=10 cut=0"} {
			if !strings.Contains(h.Log(0), line) {
				t.Errorf("the log lacks %q", line)
			}
		}
		if n := strings.Count(h.Log(1), "member is about to leave"); n != 1 {
			t.Errorf("%s says %d times that a member is about to leave", h.Name(1), n)
		}
		h.Settle()
	})
}

// A node that has yet to join ends at once, however long its drain may take.
func TestHerdDrainWhileJoining(t *testing.T) {
	nodetest.Bubble(t, func(t *testing.T) {
		h := nodetest.Start(t, 2)
		h.Kill(0)
		h.Partition([]int{0}) // its seed does not answer
		h.Launch(0)
		time.Sleep(200 * time.Millisecond)
		began := time.Now()
		if code, body := h.HTTP(0, "POST", "/v1/leave?drain=1h"); code != 202 {
			t.Errorf("got %d %s", code, body)
		}
		if err := h.Wait(0); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("it took %s", took)
		}
		h.Heal()
	})
}
