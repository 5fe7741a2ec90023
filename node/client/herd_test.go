package client_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"herd/node/client"
	"herd/node/nodetest"
)

// herdConfig is how a machine of its own reaches all nodes of a herd.
func herdConfig(h *nodetest.Herd, port string) client.Config {
	me := h.Net.Host("10.0.9.9")
	c := client.Config{Dial: func(ctx context.Context, _, addr string) (net.Conn, error) { return me.Dial(ctx, addr) }}
	for i := range h.Len() {
		c.Addrs = append(c.Addrs, net.JoinHostPort(h.IP(i), port))
	}
	return c
}

func newClient(t testing.TB, c client.Config) *client.Client {
	t.Helper()
	herd, err := client.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { herd.Close() })
	return herd
}

// load reports and asks from many goroutines until stop is closed, and returns how many calls
// there were. Every answer is checked, each error fails the test.
func load(t testing.TB, herd *client.Client, stop <-chan struct{}) (calls func() int) {
	var wg sync.WaitGroup
	counts := make([]int, 8)
	for g := range counts {
		wg.Go(func() {
			id := fmt.Sprint("client-", g)
			for n := 1; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				at, when := client.PositionOf(float64(g), float64(n%180)), client.SecondsOf(time.Now())
				fix, err := herd.Report(t.Context(), id, at, when)
				if err != nil || fix.ID != id || fix.Position != at || fix.Time != when {
					t.Errorf("report %d of %s: %v, %v", n, id, fix, err)
				}
				seen, err := herd.Locate(t.Context(), id)
				if err != nil || seen.ID != id || seen.Time != when || seen.Position != at {
					t.Errorf("%s reported %v and is shown as %v, %v", id, fix, seen, err)
				}
				counts[g] += 2
				time.Sleep(10 * time.Millisecond)
			}
		})
	}
	return func() (n int) {
		wg.Wait()
		for _, c := range counts {
			n += c
		}
		return n
	}
}

// Nodes start again one after the other, after a goodbye or a kill, and nobody who uses the
// herd sees any of it.
func TestRestarts(t *testing.T) {
	nodetest.Bubble(t, func(t *testing.T) {
		h := nodetest.Start(t, 3)
		herd := newClient(t, herdConfig(h, "4131"))
		stop := make(chan struct{})
		calls := load(t, herd, stop)
		for i := range h.Len() {
			time.Sleep(50 * time.Millisecond)
			if err := h.Stop(i); err != nil {
				t.Error(err)
			}
			h.Restart(i)
		}
		for i := range 2 {
			time.Sleep(50 * time.Millisecond)
			h.Kill(i)
			time.Sleep(50 * time.Millisecond)
			h.Restart(i)
		}
		close(stop)
		t.Logf("%d calls", calls())
		_, err := herd.Locate(t.Context(), "nobody")
		var invalid *client.InvalidError
		if !errors.As(err, &invalid) || invalid.Line != "WHATSAT nobody 0 0" || !strings.Contains(err.Error(), "locate nobody: refused") {
			t.Errorf("got %v", err)
		}
		herd.Close()
	})
}
