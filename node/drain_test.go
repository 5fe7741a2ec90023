package node

import (
	"bufio"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// ending dials n connections and returns a function that gives the times until they end, sorted.
func ending(t *testing.T, l *pipes, n int) func() []time.Duration {
	var mu sync.Mutex // guards all
	var all []time.Duration
	var reading sync.WaitGroup
	began := time.Now()
	for range n {
		conn := l.dial(t)
		reading.Go(func() {
			conn.Read(make([]byte, 1))
			mu.Lock()
			defer mu.Unlock()
			all = append(all, time.Since(began))
		})
	}
	synctest.Wait() // all are let in
	return func() []time.Duration {
		reading.Wait()
		slices.Sort(all)
		return all
	}
}

// Connections end one after the other, evenly over the time of a drain, and none comes any more.
func TestDrainSpreads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newPipes()
		p := newPort(t, l)
		ends := ending(t, l, 20)
		p.drain(10 * time.Second)
		<-l.closed // no more comes
		if err := p.shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		for i, took := range ends() {
			want := drainGrace + time.Duration(i)*500*time.Millisecond
			if d := took - want; d.Abs() > time.Millisecond {
				t.Errorf("connection %d ends after %s, want %s", i, took, want)
			}
		}
		if drained, cut := p.count.drained.Load(), p.count.cut.Load(); drained != 20 || cut != 0 {
			t.Errorf("%d are drained, %d cut; want 20 and 0", drained, cut)
		}
	})
}

// The sooner of two ends holds.
func TestDrainTwice(t *testing.T) {
	for _, c := range []struct{ first, second time.Duration }{
		{time.Hour, 2 * time.Second},
		{2 * time.Second, time.Hour},
		{2 * time.Second, 2 * time.Second},
		{time.Hour, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			l := newPipes()
			p := newPort(t, l)
			ends := ending(t, l, 4)
			p.drain(c.first)
			p.drain(c.second)
			if err := p.shutdown(t.Context()); err != nil {
				t.Error(err)
			}
			most := drainGrace + min(c.first, c.second)
			for _, took := range ends() {
				if took > most {
					t.Errorf("drains of %s and %s: a connection ends after %s", c.first, c.second, took)
				}
			}
		})
	}
}

// meddling is a connection of which something else is done just before its next read deadline is
// set.
type meddling struct {
	net.Conn
	before atomic.Pointer[func()]
}

func (c *meddling) SetReadDeadline(t time.Time) error {
	if f := c.before.Swap(nil); f != nil {
		(*f)()
	}
	return c.Conn.SetReadDeadline(t)
}

// meddle connects a client that has had a reply.
func (l *pipes) meddle(t *testing.T) (net.Conn, *meddling) {
	near, far := net.Pipe()
	t.Cleanup(func() { near.Close() })
	conn := &meddling{Conn: far}
	l.came <- conn
	send(t, near, "x\n")
	receive(t, near, "? x\n")
	synctest.Wait() // it reads
	return near, conn
}

// A sooner end holds for a session that is about to wait for the later one.
func TestDrainSoonerMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newPipes()
		p := newPort(t, l)
		client, conn := l.meddle(t)
		p.draining.Store(&drain{begun: time.Now().Add(time.Hour)})
		sooner := func() { p.drain(0) }
		conn.before.Store(&sooner)
		began := time.Now()
		send(t, client, "x\n")
		receive(t, client, "? x\n")
		ends(t, client)
		if took, most := time.Since(began), drainGrace+lingerTime; took > most {
			t.Errorf("it took %s, want %s", took, most)
		}
	})
}

// What a client was sent just before its end is not lost for what it sends meanwhile.
func TestDrainLingers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newPipes()
		p := newPort(t, l)
		near, far := net.Pipe()
		half := &halfPipe{far, make(chan struct{})}
		l.came <- half
		send(t, near, "x\n")
		receive(t, near, "? x\n")
		p.drain(0)
		select {
		case <-half.ended:
		case <-time.After(time.Second):
			t.Fatal("the connection is cut off")
		}
		send(t, near, "too late\n")
		ends(t, near)
	})
}

// What is busy when its time has come ends when its reply has left, and is cut off at the end.
func TestDrainBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newPipes()
		p := newPort(t, l)
		p.herd.hold = make(chan struct{})
		quick := l.dial(t)
		send(t, quick, report+"\n")
		p.drain(time.Second)
		time.Sleep(5 * time.Second)
		if n := p.count.drained.Load(); n != 0 {
			t.Errorf("%d are drained while a report waits", n)
		}
		close(p.herd.hold)
		receive(t, quick, reported+"\n")
		ends(t, quick)
		if err := p.shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if drained, cut := p.count.drained.Load(), p.count.cut.Load(); drained != 1 || cut != 0 {
			t.Errorf("%d are drained, %d cut; want 1 and 0", drained, cut)
		}
	})
}

// Clients that never stop to report see whole replies and then the end, in a loop or not.
func TestDrainUnderLoad(t *testing.T) {
	p := onLoopback(t)
	const clients = 40
	var running sync.WaitGroup
	started := make(chan struct{}, clients)
	for i := range clients {
		conn := p.dial(t)
		running.Go(func() {
			in := bufio.NewReader(conn)
			for n := 0; ; n++ {
				line := fmt.Sprintf("IAMAT kiwi-%d +1+1 %d\n", i, n)
				if _, err := conn.Write([]byte(strings.Repeat(line, 1+n%3))); err != nil {
					return
				}
				for range 1 + n%3 {
					reply, err := in.ReadString('\n')
					if err != nil {
						if reply != "" {
							t.Errorf("a reply is cut off: %q", reply)
						}
						return
					}
					if !strings.HasPrefix(reply, "AT ") || !strings.HasSuffix(reply, line[len("IAMAT"):]) {
						t.Errorf("%q is answered %q", line, reply)
						return
					}
				}
				if n == 3 {
					started <- struct{}{}
				}
			}
		})
	}
	for range clients {
		<-started
	}
	p.drain(200 * time.Millisecond)
	if err := p.shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	running.Wait()
	if drained, cut := p.count.drained.Load(), p.count.cut.Load(); drained != clients || cut != 0 {
		t.Errorf("%d are drained, %d cut; want %d and 0", drained, cut, clients)
	}
	if conn, err := net.Dial("tcp", p.config.Listener.Addr().String()); err == nil {
		conn.Close()
		t.Error("a connection is taken after the drain")
	}
}
