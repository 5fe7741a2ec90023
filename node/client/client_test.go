package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

const (
	clark = "10.0.0.1:4131"
	bona  = "10.0.0.2:4131"
	emu   = "10.0.0.3:4131"
)

func TestCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFakeHerd()
		h.add(clark, "Clark", nil)
		c := h.client(t, Config{Addrs: []string{clark}})
		ctx := t.Context()
		fix, err := c.Report(ctx, "kiwi", "+34.068930-118.445127", "1621464827.9594985030")
		want := Fix{"Clark", 263873386, "kiwi", "+34.068930-118.445127", "1621464827.9594985030"}
		if fix != want || err != nil || fix.String() != "AT Clark +0.263873386 kiwi +34.068930-118.445127 1621464827.9594985030" {
			t.Errorf("report: %v, %v", fix, err)
		}
		want.Difference = -1
		if fix, err := c.Locate(ctx, "kiwi"); fix != want || err != nil {
			t.Errorf("locate: %v, %v", fix, err)
		}
		p, err := c.Places(ctx, "kiwi", 10.5, 1)
		if err != nil || p.Fix != want || p.Status != "OK" || string(p.Raw) != somePlaces || len(p.Results) != 1 {
			t.Fatalf("places: %+v, %v", p, err)
		}
		r := p.Results[0]
		if r.Raw = nil; fmt.Sprint(r) != fmt.Sprint(Place{"geonames:2510911", "Sevilla", "Andalusia", []string{"locality"}, 37.38, -5.97, nil}) {
			t.Errorf("a place: %+v", r)
		}
		if got := h.dialled(); len(got) != 2 {
			t.Errorf("connections to %v, want one for each manner of command", got)
		}
	})
}

// What is refused is refused for good, and what would break a line is not even sent.
func TestInvalid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFakeHerd()
		h.add(clark, "Clark", nil)
		h.add(bona, "Bona", nil)
		c := h.client(t, Config{Addrs: []string{clark, bona}})
		for want, call := range map[string]func() (Fix, error){
			"WHATSAT nobody 0 0": func() (Fix, error) { return c.Locate(t.Context(), "nobody") },
			"WHATSAT nobody 99.5 7": func() (Fix, error) {
				p, err := c.Places(t.Context(), "nobody", 99.5, 7)
				return p.Fix, err
			},
			"IAMAT kiwi here 1":                            func() (Fix, error) { return c.Report(t.Context(), "kiwi", "here", "1") },
			"IAMAT ki wi +1-1 1":                           func() (Fix, error) { return c.Report(t.Context(), "ki wi", "+1-1", "1") },
			"IAMAT  +1-1 1":                                func() (Fix, error) { return c.Report(t.Context(), "", "+1-1", "1") },
			"IAMAT kiwi +1-1\nIAMAT 1":                     func() (Fix, error) { return c.Report(t.Context(), "kiwi", "+1-1\nIAMAT", "1") },
			"IAMAT kiwi +1-1 ":                             func() (Fix, error) { return c.Report(t.Context(), "kiwi", "+1-1", "") },
			"WHATSAT a\rb 0 0":                             func() (Fix, error) { return c.Locate(t.Context(), "a\rb") },
			"IAMAT k +1-1 " + nines(4096):                  func() (Fix, error) { return c.Report(t.Context(), "k", "+1-1", Seconds(nines(4096))) },
			"WHATSAT " + strings.Repeat("k", 256) + " 0 0": func() (Fix, error) { return c.Locate(t.Context(), strings.Repeat("k", 256)) },
		} {
			fix, err := call()
			var invalid *InvalidError
			if !errors.As(err, &invalid) || invalid.Line != want || fix != (Fix{}) {
				t.Errorf("%.40q: got %v, %v", want, fix, err)
			}
			if text := fmt.Sprint(err); len(text) > 1000 {
				t.Errorf("an error of %d bytes", len(text))
			}
		}
		if got := h.dialled(); len(got) > 2 {
			t.Errorf("dialled %v", got)
		}
	})
}

func nines(n int) string { return strings.Repeat("9", n) }

// Calls share a connection: none waits for the answer of another before it is sent.
func TestPipeline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const calls = 50
		h := newFakeHerd()
		h.add(clark, "Clark", func(_ int, conn net.Conn) {
			var lines []string
			buf := make([]byte, 64<<10)
			for text := ""; len(lines) < calls; { // all come before any is answered
				n, err := conn.Read(buf)
				if err != nil {
					return
				}
				text += string(buf[:n])
				lines = strings.SplitAfter(text, "\n")
				lines = lines[:len(lines)-1]
			}
			for _, line := range lines {
				io.WriteString(conn, h.answer("Clark", strings.TrimSuffix(line, "\n")))
			}
			conn.Read(buf)
		})
		c := h.client(t, Config{Addrs: []string{clark}, Conns: 1})
		var wg sync.WaitGroup
		for i := range calls {
			wg.Go(func() {
				id := fmt.Sprint("kiwi", i)
				if fix, err := c.Report(t.Context(), id, "+1-1", "1"); fix.ID != id || err != nil {
					t.Errorf("%s: %v, %v", id, fix, err)
				}
			})
		}
		wg.Wait()
	})
}

// A question that its provider is slow to answer holds up no report.
func TestSlowPlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFakeHerd()
		n := &fakeNode{herd: h, name: "Clark"}
		h.add(clark, "Clark", func(_ int, conn net.Conn) {
			n.answerAll(readWriter{conn, func(p []byte) (int, error) {
				if strings.HasSuffix(string(p), "}\n\n") && len(p) > 200 {
					time.Sleep(5 * time.Second)
				}
				return conn.Write(p)
			}})
		})
		c := h.client(t, Config{Addrs: []string{clark}, Timeout: time.Minute}) // questions may all be on one connection
		if _, err := c.Report(t.Context(), "kiwi", "+1-1", "1"); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if _, err := c.Places(t.Context(), "kiwi", 10, 5); err != nil {
					t.Error(err)
				}
			})
		}
		for range 10 {
			if _, err := c.Locate(t.Context(), "kiwi"); err != nil {
				t.Error(err)
			}
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("reports took %v", took)
		}
		wg.Wait()
	})
}

type readWriter struct {
	io.Reader
	write func(p []byte) (int, error)
}

func (w readWriter) Write(p []byte) (int, error) { return w.write(p) }

// A call that is given up leaves its answer on the way. The one after it gets its own.
func TestGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFakeHerd()
		n := &fakeNode{herd: h, name: "Clark"}
		h.add(clark, "Clark", func(_ int, conn net.Conn) {
			n.answerAll(readWriter{conn, func(p []byte) (int, error) {
				time.Sleep(time.Second)
				return conn.Write(p)
			}})
		})
		c := h.client(t, Config{Addrs: []string{clark}, Conns: 1})
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := c.Report(ctx, "kiwi", "+1-1", "1"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if _, err := c.Report(ctx, "kiwi", "+1-1", "1"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a context that is done: got %v", err)
		}
		fix, err := c.Report(t.Context(), "emu", "+2-2", "2")
		if err != nil || fix.ID != "emu" {
			t.Errorf("got %v, %v", fix, err)
		}
		if got := h.dialled(); len(got) != 1 {
			t.Errorf("dialled %v", got)
		}
	})
}

// A node that is silent is left, one that does not even take a connection too; and they come
// last from then on.
func TestSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFakeHerd()
		silent := func(_ int, conn net.Conn) { io.Copy(io.Discard, conn) }
		h.add(clark, "Clark", silent)
		h.add(bona, "Bona", silent)
		h.add(emu, "Emu", nil)
		c := h.client(t, Config{Addrs: []string{clark, bona, emu, "10.0.0.4:4131"}})
		began := time.Now()
		for i := range 5 {
			if fix, err := c.Report(t.Context(), "kiwi", "+1-1", Seconds(fmt.Sprint(i))); err != nil || fix.Node != "Emu" {
				t.Fatalf("got %v, %v", fix, err)
			}
		}
		if took := time.Since(began); took > 2*usual().Silence {
			t.Errorf("took %v", took)
		}
	})
}

// A dial that hangs ends in time.
func TestHangingDial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := New(Config{Addrs: []string{clark}, Rounds: 2, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_, err = c.Locate(t.Context(), "kiwi")
		var node *NodeError
		if !errors.As(err, &node) || node.Addr != clark || err.Error() != "locate kiwi: no node answers: 10.0.0.1:4131: dial: no connection within 2s" {
			t.Errorf("got %v", err)
		}
	})
}

// What is not an answer to the command is no answer: the next node is asked.
func TestNonsense(t *testing.T) {
	at := "AT Clark +0.000000001 kiwi +1-1 1"
	for name, c := range map[string]struct{ report, locate string }{
		"silence":            {"", ""},
		"another command":    {"? IAMAT emu +1-1 1\n", "? WHATSAT emu 0 0\n"},
		"a bare refusal":     {"? \n", "? \n"},
		"another client":     {"AT Clark +0.000000001 emu +1-1 1\n", "AT Clark +0.000000001 emu +1-1 1\n{\"status\":\"OK\"}\n\n"},
		"another position":   {"AT Clark +0.000000001 kiwi +1-2 1\n", ""},
		"another time":       {"AT Clark +0.000000001 kiwi +1-1 11\n", ""},
		"no difference":      {"AT Clark 0.000000001 kiwi +1-1 1\n", "AT Clark +0.1 kiwi +1-1 1\n{\"status\":\"OK\"}\n\n"},
		"no position":        {"", "AT Clark +0.000000001 kiwi 1-1 1\n{\"status\":\"OK\"}\n\n"},
		"no time":            {"", "AT Clark +0.000000001 kiwi +1-1 -1\n{\"status\":\"OK\"}\n\n"},
		"a field too many":   {at + " 1\n", at + " 1\n{\"status\":\"OK\"}\n\n"},
		"two spaces":         {strings.Replace(at, " k", "  k", 1) + "\n", ""},
		"half a line":        {at[:20], at[:20]},
		"a CR":               {at + "\r\n", at + "\r\n"},
		"HTTP":               {"HTTP/1.1 400 Bad Request\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n\r\n"},
		"bytes":              {"\x16\x03\x01\x00\xff\x00\n", "\x00\x00\n"},
		"a line of 70 kB":    {"AT " + strings.Repeat("C", 70_000) + " +0.000000001 kiwi +1-1 1\n", "AT " + strings.Repeat("C", 70_000) + "\n"},
		"no end of a line":   {strings.Repeat("A", 70_000), strings.Repeat("A", 70_000)},
		"no body":            {"", at + "\n\n"},
		"truncated JSON":     {"", at + "\n{\"status\":\"OK\",\"results\":[{\n\n"},
		"no status":          {"", at + "\n{\"results\":[]}\n\n"},
		"a place of numbers": {"", at + "\n{\"status\":\"OK\",\"results\":[1]}\n\n"},
		"too many places":    {"", at + "\n{\"status\":\"OK\",\"results\":[{}]}\n\n"},
		"half a body":        {"", at + "\n{\"status\":\"OK\"}\n"},
		"places of 5 MB":     {"", at + "\n{\"status\":\"" + strings.Repeat("K", 5<<20)},
	} {
		synctest.Test(t, func(t *testing.T) {
			h := newFakeHerd()
			h.add(clark, "Clark", func(_ int, conn net.Conn) {
				line := make([]byte, 4096)
				if n, _ := conn.Read(line); strings.HasPrefix(string(line[:n]), "IAMAT") {
					io.WriteString(conn, c.report)
				} else {
					io.WriteString(conn, c.locate)
				}
				conn.Read(line) // it stays open
			})
			cl := h.client(t, Config{Addrs: []string{clark}, Rounds: 1})
			if fix, err := cl.Report(t.Context(), "kiwi", "+1-1", "1"); !isUnreachable(err) || fix != (Fix{}) {
				t.Errorf("%s: report: %v, %v", name, fix, err)
			}
			if fix, err := cl.Locate(t.Context(), "kiwi"); !isUnreachable(err) || fix != (Fix{}) {
				t.Errorf("%s: locate: %v, %v", name, fix, err)
			} else if len(err.Error()) > 1000 {
				t.Errorf("%s: an error of %d bytes", name, len(err.Error()))
			}
			h.add(bona, "Bona", nil)
			cl = h.client(t, Config{Addrs: []string{clark, bona}})
			if fix, err := cl.Report(t.Context(), "kiwi", "+1-1", "1"); err != nil || fix.Node != "Bona" {
				t.Errorf("%s: with another node: %v, %v", name, fix, err)
			}
		})
	}
}

func isUnreachable(err error) bool {
	var u *UnreachableError
	return errors.As(err, &u) && len(u.Causes) > 0
}

// A line that is too long for the node is refused, though the connection ends with it: calls
// behind it go another way.
func TestLineTooLongForNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFakeHerd()
		n := &fakeNode{herd: h, name: "Clark"}
		h.add(clark, "Clark", func(i int, conn net.Conn) {
			if i > 0 {
				n.answerAll(conn)
				return
			}
			line := make([]byte, 40)
			io.ReadFull(conn, line)
			io.WriteString(conn, "? "+string(line)+"\n")
		})
		c := h.client(t, Config{Addrs: []string{clark}})
		_, err := c.Report(t.Context(), "kiwi", "+1-1", Seconds("1."+nines(100)))
		var invalid *InvalidError
		if !errors.As(err, &invalid) || !strings.HasSuffix(invalid.Line, "99") {
			t.Errorf("got %v", err)
		}
		if fix, err := c.Report(t.Context(), "kiwi", "+1-1", "1"); err != nil {
			t.Errorf("got %v, %v", fix, err)
		}
	})
}

// With all nodes gone a call says what became of each, and returns in time; it waits for one
// that comes back.
func TestAllGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFakeHerd()
		c := h.client(t, Config{Addrs: []string{clark, "nowhere:4131"}})
		began := time.Now()
		_, err := c.Locate(t.Context(), "kiwi")
		if took := time.Since(began); !isUnreachable(err) || took != usual().Timeout {
			t.Errorf("got %v after %v", err, took)
		}
		if text := fmt.Sprint(err); !errors.Is(err, syscall.ECONNREFUSED) || !strings.Contains(text, "10.0.0.1:4131: dial: connection refused") ||
			!strings.Contains(text, "look up nowhere: no such host") || strings.Count(text, ";") != 1 {
			t.Errorf("got %v", err)
		}
		if n := len(h.dialled()); n < 15 || n > 40 {
			t.Errorf("%d dials in %v", n, usual().Timeout)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := c.Locate(ctx, "kiwi"); !errors.Is(err, context.DeadlineExceeded) || !isUnreachable(err) {
			t.Errorf("got %v", err)
		}
		time.AfterFunc(3*time.Second, func() { h.add(clark, "Clark", nil) })
		if fix, err := c.Report(t.Context(), "kiwi", "+1-1", "1"); err != nil || fix.Node != "Clark" {
			t.Errorf("got %v, %v", fix, err)
		}
	})
}

// A name stands for all its addresses, and for others tomorrow.
func TestNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFakeHerd()
		h.names["herd"] = []string{"10.0.0.1", "10.0.0.2"}
		h.add(clark, "Clark", nil)
		c := h.client(t, Config{Addrs: []string{"herd:4131", clark}})
		if fix, err := c.Report(t.Context(), "kiwi", "+1-1", "1"); err != nil || fix.Node != "Clark" {
			t.Errorf("got %v, %v", fix, err)
		}
		h.kill(clark)
		h.names["herd"] = []string{"fe80::3%eth0"}
		h.add("[fe80::3%eth0]:4131", "Emu", nil)
		if fix, err := c.Report(t.Context(), "kiwi", "+1-1", "1"); err != nil || fix.Node != "Emu" {
			t.Errorf("got %v, %v", fix, err)
		}
	})
}

// Of many nodes each client begins with any, and stays with it.
func TestSpread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFakeHerd()
		for _, addr := range []string{clark, bona, emu} {
			h.add(addr, addr, nil)
		}
		seen := map[string]int{}
		for range 60 {
			c := h.client(t, Config{Addrs: []string{clark, bona, emu}})
			first, err := c.Report(t.Context(), "kiwi", "+1-1", "1")
			again, err2 := c.Report(t.Context(), "kiwi", "+1-1", "1")
			if err != nil || err2 != nil || first.Node != again.Node {
				t.Errorf("got %v, %v, %v, %v", first, again, err, err2)
			}
			seen[first.Node]++
		}
		if len(seen) != 3 {
			t.Errorf("they begin with %v", seen)
		}
	})
}

// The end of a client is the end of its calls.
func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFakeHerd()
		h.add(clark, "Clark", func(_ int, conn net.Conn) { io.Copy(io.Discard, conn) })
		c := h.client(t, Config{Addrs: []string{clark}})
		ended := make(chan error, 2)
		for range cap(ended) {
			go func() {
				_, err := c.Report(t.Context(), "kiwi", "+1-1", "1")
				ended <- err
			}()
		}
		synctest.Wait()
		c.Close()
		for range cap(ended) {
			if err := <-ended; !errors.Is(err, ErrClosed) {
				t.Errorf("got %v", err)
			}
		}
		if _, err := c.Locate(t.Context(), "kiwi"); !errors.Is(err, ErrClosed) {
			t.Errorf("after the end: %v", err)
		}
		c.Close()
	})
}

// A client may end while it dials.
func TestCloseWhileDialling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := New(Config{Addrs: []string{clark}, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			near, _ := net.Pipe()
			return near, nil // too late
		}})
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan error)
		go func() {
			_, err := c.Locate(t.Context(), "kiwi")
			ended <- err
		}()
		synctest.Wait()
		c.Close()
		if err := <-ended; !errors.Is(err, ErrClosed) {
			t.Errorf("got %v", err)
		}
	})
}

func TestDial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFakeHerd()
		c := Config{Addrs: []string{clark}, Rounds: 1, Dial: h.dial}
		if _, err := Dial(t.Context(), c); !isUnreachable(err) {
			t.Errorf("got %v", err)
		}
		h.add(clark, "Clark", nil)
		cl, err := Dial(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		cl.Close()
	})
}

func TestBadConfig(t *testing.T) {
	for want, c := range map[string]Config{
		"no address of a node":         {},
		`"kiwi" is not an address`:     {Addrs: []string{clark, "kiwi"}},
		`":4131" is not an address`:    {Addrs: []string{":4131"}},
		"a bound is less than nothing": {Addrs: []string{clark}, Timeout: -1},
	} {
		_, err := New(c)
		_, err2 := NewAPI(c)
		if err == nil || err2 == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err2.Error(), want) {
			t.Errorf("%s: got %v, %v", want, err, err2)
		}
	}
}
