package main

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"
)

// notices are what a service manager was sent, without what time it was.
type notices struct {
	mu   sync.Mutex // guards sent
	sent []string
}

func (n *notices) send(state string) error {
	if i := strings.Index(state, "\nMONOTONIC_USEC="); i >= 0 {
		state = state[:i]
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.sent = append(n.sent, state)
	return nil
}

// take returns what was sent since the last time.
func (n *notices) take() []string {
	synctest.Wait()
	n.mu.Lock()
	defer n.mu.Unlock()
	sent := n.sent
	n.sent = nil
	return sent
}

// lockedNode has to take a lock to say how it does.
type lockedNode struct {
	fakeNode
	lock chan struct{} // has a place: who fills it has the lock
}

func (l *lockedNode) Status() string {
	l.lock <- struct{}{}
	defer func() { <-l.lock }()
	return "fine"
}

// A manager is told that the node begins, is ready, reloads and ends; and as long as it is
// alive that it is.
func TestNotify(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := &notices{}
		n := &notifier{send: got.send, every: time.Second, watch: true, log: hclog.NewNullLogger(), ended: make(chan struct{})}
		node := &lockedNode{fakeNode{leaving: make(chan struct{})}, make(chan struct{}, 1)}
		expect := func(what string, want ...string) {
			t.Helper()
			if sent := got.take(); !slices.Equal(sent, want) {
				t.Errorf("%s: sent %q, want %q", what, sent, want)
			}
		}
		const alive, patience = "WATCHDOG=1", "EXTEND_TIMEOUT_USEC=10000000\n"
		n.start(node)
		expect("it begins", "STATUS=fine\n"+patience+alive)
		n.reload(func() {})
		expect("a reload before it is ready")
		time.Sleep(time.Second)
		expect("it is not ready yet", patience+alive)
		n.ready()
		expect("it is ready", "READY=1")
		n.reload(func() { expect("it reloads", "RELOADING=1") })
		expect("it has reloaded", "READY=1")
		time.Sleep(2 * time.Second)
		expect("it is alive", alive, alive)

		node.lock <- struct{}{}
		time.Sleep(time.Minute)
		expect("it hangs")
		<-node.lock
		got.take()

		close(node.leaving)
		expect("it leaves", "STOPPING=1", patience+alive)
		n.ready()
		n.reload(func() {})
		expect("it is no longer ready")
		n.end()
	})
}

// Without a manager nobody is told; one that is gone is told of once.
func TestNotifyNobody(t *testing.T) {
	f := newFakeApp(fine)
	f.notify = func(string) error { return errors.New("nobody is there") }
	n := f.newNotifier(hclog.NewNullLogger())
	n.start(&fakeNode{})
	n.ready()
	n.end()
	if n.failed {
		t.Error("somebody was told")
	}

	f.environ = []string{"NOTIFY_SOCKET=/run/nobody"}
	var log output
	n = f.newNotifier(hclog.New(&hclog.LoggerOptions{Output: &log}))
	n.ready()
	n.beat("fine")
	if got := log.String(); strings.Count(got, "nobody is there") != 1 {
		t.Errorf("logged %q", got)
	}
}

// A node that a manager has started tells it when it is ready, and not before.
func TestNotifyReady(t *testing.T) {
	f := newFakeApp(fine)
	f.environ = []string{"NOTIFY_SOCKET=/run/manager"}
	sent := make(chan string, 10)
	f.notify = func(state string) error { sent <- state; return nil }
	ctx, stop := context.WithCancel(t.Context())
	code := f.start(ctx, "node", "--name", "Clark")
	for state := range sent {
		if state == "READY=1" {
			break
		}
		if !strings.HasPrefix(state, "STATUS=fine\nEXTEND_TIMEOUT_USEC=") {
			t.Errorf("sent %q", state)
		}
	}
	stop()
	if c := <-code; c != exitDone {
		t.Errorf("exit code %d: %s", c, &f.err)
	}

	// One that does not come to that does not say it.
	f = newFakeApp(func(_ int, n *fakeNode) error { n.fail = errFake; return nil })
	f.environ = []string{"NOTIFY_SOCKET=/run/manager"}
	f.notify = func(state string) error {
		if strings.Contains(state, "READY=1") {
			t.Errorf("sent %q", state)
		}
		return nil
	}
	if c := f.run(t.Context(), []string{"node", "--name", "Clark"}); c != exitFailed {
		t.Errorf("exit code %d: %s", c, &f.err)
	}
}
