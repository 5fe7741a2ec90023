package node_test

import (
	"strings"
	"testing"
	"time"

	"herd/node"
	"herd/node/nodetest"
)

// A node whose clock is wrong does not become ready before ready_timeout, and says
// why; its reports are received by that clock.
func TestHerdWrongClock(t *testing.T) {
	nodetest.Bubble(t, func(t *testing.T) {
		const wrong = time.Hour
		h := nodetest.Start(t, 2, func(i int, c *node.Config) {
			if i == 2 {
				c.Clock = func() time.Time { return time.Now().Add(wrong) }
			}
		})
		i := h.Reserve()
		began := time.Now()
		h.Launch(i)
		time.Sleep(5 * time.Second)
		const want = "1h0m0s ahead of the median of 2 peers"
		if code, body := h.HTTP(i, "GET", "/readyz?verbose"); code != 503 ||
			!strings.Contains(body, "\n[-] clock: "+want+", more than 2m30s\n") ||
			!strings.HasSuffix(body, "\nnot ready: its clock is "+want+"\n") {
			t.Errorf("got %d %s", code, body)
		}
		if _, body := h.HTTP(i, "GET", "/metrics"); !strings.Contains(body, "\nherd_clock_ahead_seconds 3600\n") || !strings.Contains(body, "\nherd_clock_astray 1\n") {
			t.Errorf("metrics:\n%s", body)
		}
		if code, body := h.HTTP(0, "GET", "/readyz?verbose"); code != 200 || !strings.Contains(body, "\n[+] clock: ") {
			t.Errorf("got %d %s", code, body)
		}
		if _, body := h.HTTP(0, "GET", "/v1/members"); !strings.Contains(body, `"clock_ahead_us":3600000`) || !strings.Contains(body, `"clock_ahead_us":null`) {
			t.Errorf("members: %s", body)
		}
		<-h.Node(i).Ready()
		if took := time.Since(began).Round(time.Second); took != 30*time.Second {
			t.Errorf("ready after %v", took)
		}
		for _, line := range []string{"[ERROR] " + h.Name(i) + ": ready with a clock that is wrong", "[ERROR] " + h.Name(i) + ".gossip: this node's clock is wrong"} {
			if !strings.Contains(h.Log(i), line) {
				t.Errorf("no line %q in the log:\n%s", line, h.Log(i))
			}
		}
		h.Settle()
		if at := h.Send(i, report("kiwi", 1, 946684800))[0]; !strings.HasPrefix(at, "AT "+h.Name(i)+" +36") {
			t.Errorf("got %q", at)
		}
	})
}

// A clock that is off by less than half of max_client_ahead holds up nobody.
func TestHerdClockABitOff(t *testing.T) {
	nodetest.Bubble(t, func(t *testing.T) {
		h := nodetest.Start(t, 2, func(i int, c *node.Config) {
			if i == 2 {
				c.Clock = func() time.Time { return time.Now().Add(-2 * time.Minute) }
			}
		})
		began := time.Now()
		i := h.Add()
		if took := time.Since(began); took > time.Second {
			t.Errorf("ready after %v", took)
		}
		if code, body := h.HTTP(i, "GET", "/readyz?verbose"); code != 200 || !strings.Contains(body, "\n[+] clock: 2m0s behind the median of 2 peers\n") {
			t.Errorf("got %d %s", code, body)
		}
	})
}
