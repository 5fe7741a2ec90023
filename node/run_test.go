package node

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"herd/gossip"
)

func isReady(n testNode) bool {
	select {
	case <-n.Ready():
		return true
	default:
		return false
	}
}

// The order of a start: HTTP answers and says no; caught up; clients; ready.
func TestStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newTestNode(t)
		ctx, stop := context.WithCancel(t.Context())
		done := n.start(ctx)
		synctest.Wait()
		if isReady(n) {
			t.Error("ready before it has caught up")
		}
		if code, body := n.get(t, "GET", "/readyz"); code != 503 || body != "not ready: catching up\n" {
			t.Errorf("got %d %q", code, body)
		}
		if code, _ := n.get(t, "GET", "/livez"); code != 200 {
			t.Errorf("not alive: %d", code)
		}

		close(n.cluster.caughtUp)
		synctest.Wait()
		if !isReady(n) {
			t.Error("not ready though caught up")
		}
		if code, body := n.get(t, "GET", "/readyz"); code != 200 || body != "ready\n" {
			t.Errorf("got %d %q", code, body)
		}

		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if !n.cluster.hasLeft() {
			t.Error("the cluster has not left")
		}
		for _, port := range []string{"4131", "4133"} {
			if _, err := n.host.Dial(t.Context(), "10.0.0.1:"+port); err == nil {
				t.Errorf("port %s is still open", port)
			}
		}
		last := 0
		for _, line := range []string{"node starts", "caught up", "ready", "leaving", "left"} {
			i := strings.Index(n.log.String()[last:], "[INFO]  "+line)
			if i < 0 {
				t.Fatalf("no line %q where it should be in the log:\n%s", line, n.log)
			}
			last += i
		}
	})
}

// Without the herd's data the node goes on after ready_timeout, and says so.
func TestReadyTimeout(t *testing.T) {
	readyTimeout(t, gossip.Sync{Behind: []string{"Bona", "Jaquez"}}, "Bona, Jaquez")
	for range 10 { // chance must not say what is late
		readyTimeout(t, gossip.Sync{Awaits: true}, "seeds that have yet to answer")
	}
}

func readyTimeout(t *testing.T, sync gossip.Sync, whom string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := newTestNode(t)
		n.cluster.sync = sync
		began := time.Now()
		done := n.start(t.Context())
		<-n.Ready()
		if took := time.Since(began); took != 30*time.Second {
			t.Errorf("ready after %s", took)
		}
		synctest.Wait()
		if log := n.log.String(); !strings.Contains(log, "[WARN]  ready without having caught up") || !strings.Contains(log, whom) {
			t.Errorf("nobody is told: %s", log)
		}
		if log := n.log.String(); strings.Contains(log, "before all files") {
			t.Errorf("files are read, and said not to be: %s", log)
		}
		close(n.cluster.caughtUp)
		synctest.Wait()
		if !strings.Contains(n.log.String(), "[INFO]  caught up") {
			t.Errorf("nobody is told that it has caught up after all: %s", n.log)
		}
		n.leave()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// A part that ends by itself ends the node with an error.
func TestPartFails(t *testing.T) {
	cases := map[string]func(testNode) string{
		"gossip":                 func(n testNode) string { n.cluster.fail <- errors.New("the sky fell"); return "gossip: the sky fell" },
		"gossip, without a word": func(n testNode) string { n.cluster.fail <- nil; return "gossip: ended unasked" },
		"HTTP":                   func(n testNode) string { n.httpListener.Close(); return "HTTP API: " },
		"clients":                func(n testNode) string { n.clientListener.Close(); return "clients: " },
	}
	for name, break_ := range cases {
		synctest.Test(t, func(t *testing.T) {
			n := newTestNode(t)
			close(n.cluster.caughtUp)
			done := n.start(t.Context())
			<-n.Ready()
			synctest.Wait()
			want := break_(n)
			if err := <-done; err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: got %v, want %q", name, err, want)
			}
			if code, _ := n.get(t, "GET", "/readyz"); code != 503 {
				t.Errorf("%s: still ready: %d", name, code)
			}
		})
	}
}

// A cluster that fails while it joins ends the node too: its name is taken.
func TestPartFailsEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newTestNode(t)
		taken := &NameTakenError{Name: "Clark"}
		n.cluster.fail <- taken
		err := n.Run(t.Context())
		var got *NameTakenError
		if !errors.As(err, &got) || isReady(n) {
			t.Errorf("got %v", err)
		}
	})
}

func TestLeaveOverHTTP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newTestNode(t)
		close(n.cluster.caughtUp)
		done := n.start(t.Context())
		<-n.Ready()
		if code, body := n.get(t, "POST", "/v1/leave"); code != 202 || body != `{"state":"leaving","drain":"500ms"}`+"\n" {
			t.Errorf("got %d %q", code, body)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
		if !n.cluster.hasLeft() {
			t.Error("it has not left")
		}
	})
}

// While the cluster leaves, HTTP answers and clients are not served any more.
func TestOrderOfStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newTestNode(t)
		n.cluster.linger = make(chan struct{})
		close(n.cluster.caughtUp)
		ctx, stop := context.WithCancel(t.Context())
		done := n.start(ctx)
		<-n.Ready()
		stop()
		synctest.Wait()
		if code, body := n.get(t, "GET", "/readyz"); code != 503 || body != "not ready: leaving\n" {
			t.Errorf("got %d %q", code, body)
		}
		if _, err := n.host.Dial(t.Context(), "10.0.0.1:4131"); err == nil {
			t.Error("the client port is open")
		}
		close(n.cluster.linger)
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// A cluster that can't get away is given up, and that is said.
func TestStopIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newTestNode(t)
		n.cluster.linger = make(chan struct{})
		close(n.cluster.caughtUp)
		ctx, stop := context.WithCancel(t.Context())
		done := n.start(ctx)
		<-n.Ready()
		began := time.Now()
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("it took %s", took)
		}
		if !strings.Contains(n.log.String(), "gave up leaving") {
			t.Errorf("nobody is told: %s", n.log)
		}
	})
}

// Close is a kill: Run returns at once and nothing is told to anybody.
func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newTestNode(t)
		close(n.cluster.caughtUp)
		done := n.start(t.Context())
		<-n.Ready()
		began := time.Now()
		n.Close()
		n.Close()
		if took := time.Since(began); took != 0 {
			t.Errorf("it took %s", took)
		}
		if err := <-done; !errors.Is(err, errClosed) || n.cluster.hasLeft() {
			t.Errorf("got %v", err)
		}
		if err := n.Run(t.Context()); err == nil {
			t.Error("a node runs twice")
		}
	})
}

// slowListener takes a moment to close.
type slowListener struct{ net.Listener }

func (l slowListener) Close() error {
	time.Sleep(time.Millisecond)
	return l.Listener.Close()
}

// A node that is killed does not leave, even if its Run notices before the cluster
// is closed.
func TestCloseSaysNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newTestNode(t)
		n.httpListener = slowListener{n.httpListener}
		close(n.cluster.caughtUp)
		done := n.start(t.Context())
		<-n.Ready()
		n.Close()
		if <-done; n.cluster.hasLeft() {
			t.Error("it has left")
		}
	})
}

// A node that never ran frees its ports.
func TestCloseUnused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newTestNode(t)
		n.Close()
		for _, port := range []string{"4131", "4133"} {
			l, err := n.host.Listen(t.Context(), "10.0.0.1:"+port)
			if err != nil {
				t.Fatal(err)
			}
			l.Close()
		}
		if err := n.Run(t.Context()); !errors.Is(err, errClosed) {
			t.Errorf("got %v", err)
		}
	})
}

// shortOf is a listener that the system is short of something for, as often as a test says.
type shortOf struct {
	net.Listener
	times atomic.Int64
}

func (l *shortOf) Accept() (net.Conn, error) {
	if l.times.Add(-1) >= 0 {
		return nil, &net.OpError{Op: "accept", Net: "tcp", Err: os.NewSyscallError("accept4", syscall.ENOMEM)}
	}
	return l.Listener.Accept()
}

// A system that is short of memory for a moment has no node leave; what is asked for is
// answered when there is some. The end is not held up by a pause.
func TestHTTPAcceptErrors(t *testing.T) {
	for name, times := range map[string]int64{"a moment": 10, "for ever": 1 << 40} {
		synctest.Test(t, func(t *testing.T) {
			var short *shortOf
			n := newTestNode(t, func(c *Config) {
				listen := c.Listen
				c.Listen = func(ctx context.Context, addr string) (net.Listener, error) {
					l, err := listen(ctx, addr)
					if addr == "10.0.0.1:4133" {
						short = &shortOf{Listener: l}
						short.times.Store(times)
						return short, err
					}
					return l, err
				}
			})
			ctx, stop := context.WithCancel(t.Context())
			done := n.start(ctx)
			close(n.cluster.caughtUp)
			time.Sleep(time.Minute)
			if !isReady(n) || n.in(leaving) {
				t.Fatalf("%s: the node has gone:\n%s", name, n.log)
			}
			if got := n.Stats().HTTPAcceptErrors; got < 10 || got > 100 {
				t.Errorf("%s: %d are counted", name, got)
			}
			if got := strings.Count(n.log.String(), "cannot accept operators"); got != 1 {
				t.Errorf("%s: %d lines in the log, want 1:\n%s", name, got, n.log)
			}
			if times == 10 {
				if code, _ := n.get(t, "GET", "/livez"); code != 200 {
					t.Errorf("%s: got %d", name, code)
				}
			}
			began := time.Now()
			stop()
			if err := <-done; err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if took := time.Since(began); took > 100*time.Millisecond {
				t.Errorf("%s: it took %s to leave", name, took)
			}
		})
	}
}
