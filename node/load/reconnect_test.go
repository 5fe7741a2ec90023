package load

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// Every command that was due has a connection of its own, which is closed.
func TestReconnect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeHerd()
		c := f.config()
		var mu sync.Mutex // guards the next two
		dialed, open := 0, 0
		var begun, ended time.Time
		c.Dial = func(ctx context.Context, addr string, source netip.Addr) (net.Conn, error) {
			conn, err := f.dial(ctx, addr, source)
			mu.Lock()
			defer mu.Unlock()
			dialed++
			open++
			return &closing{conn, func() {
				mu.Lock()
				defer mu.Unlock()
				open--
			}}, err
		}
		c.Begin, c.End = func() { begun = time.Now() }, func() { ended = time.Now() }
		c.Rate, c.Warmup, c.Duration = 50, time.Second, 4*time.Second
		r, err := Reconnect(t.Context(), c)
		if err != nil || !r.Good() || r.Commands != 200 || r.PerSecond != 50 || r.Seconds != 4 {
			t.Errorf("%+v, %v", r, err)
		}
		if want := 250 + len(c.Addrs); dialed != want || open != 0 {
			t.Errorf("%d connections, want %d; %d are open", dialed, want, open)
		}
		if d := ended.Sub(begun); d != 4*time.Second {
			t.Errorf("measured for %s", d)
		}
	})
}

// closing is a connection that tells when it is closed, once.
type closing struct {
	net.Conn
	closed func()
}

func (c *closing) Close() error {
	c.closed()
	return c.Conn.Close()
}

func TestReconnectFaults(t *testing.T) {
	for name, tt := range map[string]struct {
		kind   string
		err    error // of dialing, after the first connections
		answer func(n int, line, reply string) (string, bool)
	}{
		"refused": {errRefused, &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}, nil},
		"no port": {errNoPort, syscall.EADDRNOTAVAIL, nil},
		"no file": {errNoFile, syscall.EMFILE, nil},
		"odd":     {errOther, errors.New("odd"), nil},
		"wrong":   {errWrong, nil, func(_ int, line, _ string) (string, bool) { return "? " + line + "\n", false }},
		"closed":  {errClosed, nil, func(int, string, string) (string, bool) { return "", true }},
		"hangs":   {errTimeout, nil, func(int, string, string) (string, bool) { return "", false }},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := newFakeHerd()
			f.answer = tt.answer
			c := f.config()
			var mu sync.Mutex // guards dialed
			dialed := 0
			c.Dial = func(ctx context.Context, addr string, source netip.Addr) (net.Conn, error) {
				mu.Lock()
				defer mu.Unlock()
				if dialed++; dialed > len(c.Addrs) && tt.err != nil {
					return nil, tt.err
				}
				return f.dial(ctx, addr, source)
			}
			c.Rate, c.Duration, c.Timeout = 50, time.Second, 100*time.Millisecond
			r, err := Reconnect(t.Context(), c)
			if err != nil || r.Good() || r.Commands != 0 || len(r.Samples) != maxSamples {
				t.Fatalf("%s: %+v, %v", name, r, err)
			}
			if r.Errors[tt.kind] != 50 || r.Failed() != 50 {
				t.Errorf("%s: %v", name, r.Errors)
			}
		})
	}
}

// A server that is slower than the rate: what is due counts, sent or not.
func TestReconnectBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeHerd()
		f.delay = func() { time.Sleep(time.Second) }
		c := f.config()
		c.Connections, c.Rate, c.Duration, c.Timeout = 2, 10, 10*time.Second, 2*time.Second
		r, err := Reconnect(t.Context(), c)
		if err != nil || r.Good() || r.Failed() > 0 || r.Commands+r.Unsent != 100 || r.Commands < 20 || r.Latency.Max < 5*time.Second {
			t.Errorf("%+v, %v", r, err)
		}
	})
}

func TestReconnectEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newFakeHerd().config()
		c.Rate, c.Duration = 10, time.Hour
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		r, err := Reconnect(ctx, c)
		if err != nil || r.Failed() > 0 || r.Commands < 19 || r.Seconds > 3 {
			t.Errorf("%+v, %v", r, err)
		}
	})
	c := newFakeHerd().config()
	if _, err := Reconnect(t.Context(), c); err == nil {
		t.Error("no rate is a rate")
	}
	c.Rate = 1
	c.Dial = func(context.Context, string, netip.Addr) (net.Conn, error) { return nil, syscall.ECONNREFUSED }
	if _, err := Reconnect(t.Context(), c); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("nobody is there: %v", err)
	}
}

func TestErrorKinds(t *testing.T) {
	for err, want := range map[error]string{
		fmt.Errorf("read: %w", syscall.ECONNRESET): errReset, syscall.EPIPE: errReset, io.EOF: errClosed,
		context.DeadlineExceeded: errTimeout, syscall.ETIMEDOUT: errTimeout, syscall.EADDRINUSE: errNoPort,
	} {
		if got := kindOf(err); got != want {
			t.Errorf("%v is of the kind %s, want %s", err, got, want)
		}
	}
}

// Connections are held until the end, and asked once more.
func TestHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeHerd()
		c := f.config()
		c.Connections = 80
		h, err := Hold(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		right, samples, err := h.Ask(t.Context())
		if right != 80 || len(samples) > 0 || err != nil {
			t.Errorf("%d answer, %q, %v", right, samples, err)
		}
		h.conns[7].Close()
		right, samples, err = h.Ask(t.Context())
		if right != 79 || len(samples) != 1 || err != nil {
			t.Errorf("%d answer, %q, %v", right, samples, err)
		}
		h.Close()
	})
}

// What is not answered rightly is not held.
func TestHoldFaults(t *testing.T) {
	for want, answer := range map[string]func(int, string, string) (string, bool){
		"no AT line": func(_ int, line, _ string) (string, bool) { return "? " + line + "\n", false },
		"EOF":        func(int, string, string) (string, bool) { return "", true },
		"timeout":    func(int, string, string) (string, bool) { return "", false },
	} {
		synctest.Test(t, func(t *testing.T) {
			f := newFakeHerd()
			f.answer = answer
			if _, err := Hold(t.Context(), f.config()); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got the error %v, want %s", err, want)
			}
		})
	}
}
