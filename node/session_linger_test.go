package node

import (
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"herd/node/protocol"
)

// A client that sends more and more has its reply to a line that is too long,
// though nobody wants the rest.
func TestTooLongLineIsAnswered(t *testing.T) {
	for _, more := range []int{1, 10_000, 900_000} {
		p := onLoopback(t)
		long := strings.Repeat("x", 4096+more)
		if got := p.exchange(t, report+"\n"+long); got != reported+"\n? "+long[:4096]+"\n" {
			t.Errorf("%d bytes too long: received %d bytes: %.100q", more, len(got), got)
		}
		if n := p.count.invalid[protocol.LongLine].Load(); n != 1 {
			t.Errorf("%d lines too long are counted", n)
		}
	}
}

// halfPipe is a pipe that notes the end of one side.
type halfPipe struct {
	net.Conn
	ended chan struct{}
}

func (p *halfPipe) CloseWrite() error { close(p.ended); return nil }

// The client learns at once that nothing follows the reply; the server goes on
// reading for a while.
func TestLingeringTellsTheClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newPipes()
		p := newPort(t, l)
		near, far := net.Pipe()
		half := &halfPipe{far, make(chan struct{})}
		l.came <- half
		began := time.Now()
		send(t, near, strings.Repeat("x", 4097))
		receive(t, near, "? "+strings.Repeat("x", 4096)+"\n")
		<-half.ended
		send(t, near, "more")
		if took := time.Since(began); took != 0 || p.connections() != 1 {
			t.Errorf("%s have passed, %d connections are open; want 0s, 1", took, p.connections())
		}
		ends(t, near)
	})
}

// Whoever goes on sending is cut off in the end.
func TestLingeringIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, piece := range map[string]string{"in time": "x", "in bytes": strings.Repeat("x", 4096)} {
			l := newPipes()
			p := newPort(t, l)
			conn := l.dial(t)
			sent := 0
			write := func(s string) error {
				n, err := conn.Write([]byte(s))
				sent += n
				return err
			}
			began := time.Now()
			var ended time.Duration
			var done sync.WaitGroup
			done.Go(func() {
				for write(piece) == nil {
					if len(piece) == 1 && sent > 4100 {
						time.Sleep(time.Millisecond)
					}
				}
				ended = time.Since(began)
			})
			receive(t, conn, "? "+strings.Repeat("x", 4096)+"\n")
			done.Wait()
			if len(piece) == 1 && (ended < lingerTime || ended > lingerTime+time.Millisecond) {
				t.Errorf("%s: it ended after %s", name, ended)
			}
			if most := 4096 + lingerBytes + 2*mostRead; len(piece) > 1 && (sent < lingerBytes || sent > most) {
				t.Errorf("%s: %d bytes were read, want %d to %d", name, sent, lingerBytes, most)
			}
			p.end()
		}
	})
}
