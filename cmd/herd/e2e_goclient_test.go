//go:build unix

package main

import (
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	api "herd/node/client"
)

// A program that uses the Go client sees nothing of nodes that are killed, nor of those that
// start again one after the other: every call has its answer, and what was reported is there.
func TestE2EGoClient(t *testing.T) {
	herd := startHerd(t, 5)
	var c api.Config
	for _, p := range herd {
		c.Addrs = append(c.Addrs, p.Ready.Client)
	}
	user, err := api.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { user.Close() })

	var calls atomic.Int64
	var by sync.Map // the node that answered last
	stop := make(chan struct{})
	var running sync.WaitGroup
	for g := range 8 {
		running.Go(func() {
			id := fmt.Sprint("walker-", g)
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				at, when := api.PositionOf(float64(n%90), float64(g)), api.SecondsOf(time.Now())
				fix, err := user.Report(t.Context(), id, at, when)
				if err != nil || fix.ID != id || fix.Position != at || fix.Time != when {
					t.Errorf("report %d of %s: %v, %v", n, id, fix, err)
					return
				}
				by.Store("last", fix.Node)
				p, err := user.Places(t.Context(), id, 50, 1)
				if err != nil || p.Fix.ID != id || p.Fix.Time != when || p.Status == "" {
					t.Errorf("%s reported %v, and is shown as %v, %v", id, fix, p.Fix, err)
					return
				}
				calls.Add(2)
			}
		})
	}
	// more returns after some more calls.
	more := func() {
		t.Helper()
		from := calls.Load()
		until(t, "calls are answered", func() bool { return t.Failed() || calls.Load() > from+200 })
	}
	again := func(i int) {
		herd[i] = start(t, herd[i].same())
		settle(t, herd)
	}
	for i := range herd { // the node that is used; the first joins through another from now on
		herd[i].spec.join = []string{herd[(i+1)%len(herd)].Ready.Gossip}
	}
	more()
	last, _ := by.Load("last")
	for i, p := range herd {
		if p.spec.name == last {
			p.kill()
			more()
			again(i)
			break
		}
	}
	for i, p := range herd {
		more()
		if code, _ := p.stop(syscall.SIGTERM); code != exitDone {
			t.Errorf("%s ends with %d", p.spec.name, code)
		}
		more()
		again(i)
	}
	more()
	close(stop)
	running.Wait()
	t.Logf("%d calls while one node was killed and all five started again: 0 errors wanted", calls.Load())
}
