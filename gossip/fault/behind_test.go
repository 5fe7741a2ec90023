package fault_test

import (
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"herd/gossip/fault"
)

// The end of a stream is no more heard through a cut than anything else, either way.
func TestEndBehindCut(t *testing.T) {
	bubble(t, "ours", func(t *testing.T, p *pair) {
		near, far := p.stream()
		p.add(fault.Rule{Cut: true}, 0)
		write(t, near, "last")
		near.Close()
		silent(t, far)
		if _, err := near.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
			t.Errorf("a read after Close: %v", err)
		}
		p.net.Heal()
		read(t, far, "last")
		if _, err := far.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("got %v, want EOF", err)
		}
	})
	bubble(t, "ours, when all is sent", func(t *testing.T, p *pair) {
		near, far := p.stream()
		p.add(fault.Rule{Cut: true}, 0)
		near.Close()
		silent(t, far)
		p.net.Heal()
		if _, err := far.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("got %v, want EOF", err)
		}
	})
	bubble(t, "theirs", func(t *testing.T, p *pair) {
		near, far := p.stream()
		p.add(fault.Rule{Cut: true}, 0)
		far.Close()
		silent(t, near)
		p.net.Heal()
		if _, err := near.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("got %v, want EOF", err)
		}
	})
}

// There are not any number of streams that are kept for that, though each has something to send.
func TestManyBehindCut(t *testing.T) {
	bubble(t, "many", func(t *testing.T, p *pair) {
		var near, far []net.Conn
		for range 1100 {
			n, f := p.stream()
			near, far = append(near, n), append(far, f)
		}
		p.add(fault.Rule{Cut: true}, 0)
		for _, c := range near {
			write(t, c, "last")
			c.Close()
		}
		synctest.Wait()
		ended := 0
		for _, c := range far {
			c.SetReadDeadline(time.Now().Add(time.Second))
			if _, err := c.Read(make([]byte, 1)); !isTimeout(err) {
				ended++
			}
		}
		if kept := len(far) - ended; kept == 0 || kept > 1024 {
			t.Errorf("%d streams are kept", kept)
		}
		p.net.Heal()
	})
}
