package main

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"herd/config"
)

// fakeLife is one life of a node: it runs until it is closed, has left, or ctx is done.
type fakeLife struct {
	*fakeNode
	left  chan struct{}
	ended chan struct{}
	once  atomic.Bool
}

func (f *fakeLife) Run(ctx context.Context) error {
	close(f.ready)
	select {
	case <-ctx.Done():
		return nil
	case <-f.left:
		return nil
	case <-f.ended:
		return errors.New("closed while it ran")
	}
}

func (f *fakeLife) Close() error {
	if f.once.CompareAndSwap(false, true) {
		close(f.ended)
	}
	return nil
}

// newFakeHerd is a herd of two whose lives come on the channel. Binding fails while
// fail is set, and says so.
func newFakeHerd(t *testing.T, fail *atomic.Bool, failed chan<- struct{}) (h *devHerd, lives chan *fakeLife, stop func()) {
	t.Helper()
	lives = make(chan *fakeLife, 16)
	h = newDevHerd(func(l *config.Loaded, _ around) (server, error) {
		if fail.Load() {
			failed <- struct{}{}
			return nil, errFake
		}
		f := &fakeLife{fakeNode: &fakeNode{loaded: l, ready: make(chan struct{})}, left: make(chan struct{}), ended: make(chan struct{})}
		lives <- f
		return f, nil
	})
	ctx, cancel := context.WithCancel(t.Context())
	var done []chan error
	for _, name := range []string{"Bona", "Clark"} {
		c := config.Default()
		c.Name = name
		c.Gossip.Addr = name + ":1"
		n := newDevNode(&config.Loaded{Config: c}, hclog.NewNullLogger())
		if err := h.begin(n); err != nil {
			t.Fatal(err)
		}
		n.addrs = n.server.Addrs()
		h.nodes = append(h.nodes, n)
	}
	for _, n := range h.nodes {
		ended := make(chan error, 1)
		done = append(done, ended)
		go func() { ended <- h.live(ctx, n, func() {}) }()
	}
	return h, lives, func() {
		cancel()
		for _, ended := range done {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
		h.close()
	}
}

// A killed node starts again when it is told to, at the same addresses, and joins
// through the others.
func TestDevKill(t *testing.T) {
	var fail atomic.Bool
	h, lives, stop := newFakeHerd(t, &fail, nil)
	defer stop()
	<-lives
	clark := <-lives
	<-clark.ready

	if err := h.Restart("Clark"); err == nil || !strings.Contains(err.Error(), "has not been killed") {
		t.Errorf("restart of a node that runs: %v", err)
	}
	kill, err := h.Kill("Clark", 0)
	if err != nil {
		t.Fatal(err)
	}
	if len(h.Killed()) != 0 {
		t.Error("it is killed before it is done")
	}
	kill()
	kill() // is no use
	<-clark.ended
	if got := h.Killed(); !slices.Equal(got, []string{"Clark"}) {
		t.Errorf("killed: %q", got)
	}
	if _, err := h.Kill("Bona", 0); err == nil || !strings.Contains(err.Error(), "the last node") {
		t.Errorf("kill of the last one: %v", err)
	}
	for range 2 { // the second is no use
		if err := h.Restart("Clark"); err != nil {
			t.Fatal(err)
		}
	}
	again := <-lives
	<-again.ready
	if join := again.loaded.Config.Gossip.Join; !slices.Equal(join, []string{"Bona:1"}) {
		t.Errorf("it joins through %q", join)
	}
	for what, err := range map[string]error{"kill": second(h.Kill("Nobody", 0)), "restart": h.Restart("Nobody")} {
		if err == nil || !strings.Contains(err.Error(), `"Nobody"`) {
			t.Errorf("%s of nobody: %v", what, err)
		}
	}
}

// Of the last two that run only one is killed for good, however close together the two
// are asked for.
func TestDevKillLastTwo(t *testing.T) {
	var fail atomic.Bool
	h, lives, stop := newFakeHerd(t, &fail, nil)
	defer stop()
	<-lives
	<-lives
	clark, err := h.Kill("Clark", 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Kill("Bona", 0); err == nil { // before Clark is done with
		t.Error("both were to be killed: nobody could start one again")
	}
	clark()
}

func second(_ func(), err error) error { return err }

// With a time it starts again by itself; if its ports are taken then, when it is told
// to the next time.
func TestDevKillFor(t *testing.T) {
	var fail atomic.Bool
	failed := make(chan struct{}, 1)
	h, lives, stop := newFakeHerd(t, &fail, failed)
	defer stop()
	<-lives
	clark := <-lives
	<-clark.ready
	kill, err := h.Kill("Clark", time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	kill()
	again := <-lives
	<-again.ready

	fail.Store(true)
	if kill, err = h.Kill("Clark", time.Hour); err != nil {
		t.Fatal(err)
	}
	kill()
	<-again.ended
	if err := h.Restart("Clark"); err != nil {
		t.Fatal(err)
	}
	<-failed
	fail.Store(false)
	if err := h.Restart("Clark"); err != nil {
		t.Fatal(err)
	}
	<-(<-lives).ready
}

// A node that has left is gone for good, and a herd ends while some are dead.
func TestDevLeft(t *testing.T) {
	var fail atomic.Bool
	h, lives, stop := newFakeHerd(t, &fail, nil)
	defer stop()
	<-lives
	<-lives
	kill, err := h.Kill("Clark", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	kill()
	h.nodes[0].mu.Lock()
	h.nodes[0].state = devLeft
	h.nodes[0].mu.Unlock()
	if err := h.Restart("Bona"); err == nil || !strings.Contains(err.Error(), "left for good") {
		t.Errorf("got %v", err)
	}
}

// A herd is over when no node runs and none will: one that is dead for good is started by
// nobody. One that has its time is waited for.
func TestDevOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var fail atomic.Bool
		h, lives, stop := newFakeHerd(t, &fail, nil)
		defer stop()
		bona := <-lives
		<-lives
		kill, err := h.Kill("Clark", 0)
		if err != nil {
			t.Fatal(err)
		}
		kill()
		close(bona.left)
		<-h.over
	})
	synctest.Test(t, func(t *testing.T) {
		var fail atomic.Bool
		failed := make(chan struct{}, 1)
		h, lives, stop := newFakeHerd(t, &fail, failed)
		defer stop()
		bona := <-lives
		<-lives
		die := func() {
			kill, err := h.Kill("Clark", time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			kill()
			synctest.Wait()
		}
		die()
		close(bona.left)
		<-lives // again
		select {
		case <-h.over:
			t.Fatal("it is over while a node runs")
		default:
		}
		fail.Store(true)
		die()
		<-failed
		<-h.over
	})
}
