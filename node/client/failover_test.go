package client

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// fault is what becomes of one connection.
type fault struct {
	kind  string
	bytes int // of replies that leave before it happens
}

// faulty is a connection whose replies suffer a fault.
type faulty struct {
	net.Conn
	fault
	held []byte // swap: a reply that waits for the next one
}

func (f *faulty) Write(reply []byte) (int, error) {
	if len(reply) <= f.bytes {
		f.bytes -= len(reply)
		return f.Conn.Write(reply)
	}
	broken := slices.Clone(reply)
	switch f.kind {
	case "none":
	case "cut":
		f.Conn.Write(broken[:f.bytes])
		f.Close()
		return 0, io.ErrClosedPipe
	case "silent":
		f.Conn.Write(broken[:f.bytes])
		f.bytes = 1 << 30
		return len(reply), nil
	case "break":
		broken = append(broken[:f.bytes], '\n')
	case "twice":
		broken = append(broken, reply...)
	case "lose":
		broken = nil
	case "swap":
		if bytes.Contains(reply, []byte("\n\n")) {
			break // of two answers about one client nobody could tell which is which
		}
		if f.held == nil {
			f.held = broken
			return len(reply), nil
		}
		broken = append(broken, f.held...)
		f.held = nil
	}
	if _, err := f.Conn.Write(broken); err != nil {
		return 0, err
	}
	return len(reply), nil
}

// Nodes die in the middle of replies, fall silent, answer nonsense, in the wrong order, twice or
// not at all. Every call returns the right answer, or an error; and as long as one node is
// well, the right answer.
func TestFailOver(t *testing.T) {
	const clients, rounds = 4, 3
	rapid.Check(t, func(rt *rapid.T) {
		faults := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) fault {
			kinds := []string{"none", "cut", "silent", "break", "twice", "lose", "swap"}
			return fault{rapid.SampledFrom(kinds).Draw(t, "kind"), rapid.IntRange(0, 300).Draw(t, "bytes")}
		}), 1, 12).Draw(rt, "faults")
		well := rapid.Bool().Draw(rt, "a node is well")
		conns := rapid.IntRange(1, 3).Draw(rt, "connections")
		synctest.Test(t, func(t *testing.T) {
			h := newFakeHerd()
			addrs := []string{clark, bona, emu}
			for _, addr := range addrs {
				n := &fakeNode{herd: h, name: addr}
				serve := func(i int, conn net.Conn) {
					n.answerAll(&faulty{Conn: conn, fault: faults[(i*len(addrs)+slices.Index(addrs, addr))%len(faults)]})
				}
				if well && addr == emu {
					serve = nil
				}
				h.add(addr, addr, serve)
			}
			c := h.client(t, Config{Addrs: addrs, Conns: conns})
			var wg sync.WaitGroup
			for i := range clients {
				wg.Go(func() {
					if wrong := walk(t, c, fmt.Sprint("kiwi", i), rounds, well); wrong != "" {
						rt.Error(wrong)
					}
				})
			}
			wg.Wait()
		})
	})
}

// walk reports and asks for one client in turn, and says what is wrong with an answer.
func walk(t *testing.T, c *Client, id string, rounds int, well bool) (wrong string) {
	sent := false // the herd may have a report
	for n := range rounds {
		at, when := PositionOf(float64(n), -7), Seconds(fmt.Sprint(n))
		fix, err := c.Report(t.Context(), id, at, when)
		switch {
		case err == nil && (fix.ID != id || fix.Position != at || fix.Time != when):
			return fmt.Sprintf("report %d of %s: %v", n, id, fix)
		case err != nil && (well || !isUnreachable(err)):
			return fmt.Sprintf("report %d of %s: %v", n, id, err)
		}
		known := err == nil // the herd has this report
		sent = sent || known
		p, err := c.Places(t.Context(), id, 10, 1)
		var invalid *InvalidError
		switch {
		case err == nil && (p.Fix.ID != id || known && (p.Fix.Time != when || p.Fix.Position != at) || !bytes.Equal(p.Raw, []byte(somePlaces))):
			return fmt.Sprintf("places %d of %s: %+v", n, id, p)
		case err == nil, !sent && errors.As(err, &invalid):
		case well, !isUnreachable(err):
			return fmt.Sprintf("places %d of %s: %v", n, id, err)
		}
		time.Sleep(time.Second)
	}
	return ""
}
