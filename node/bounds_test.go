package node

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// with is the bounds of a port, some of them others.
func (p *port) with(change func(*clientBounds)) clientBounds {
	b := *p.bounds.Load()
	change(&b)
	return b
}

// TestSetIdleTimeout: another timeout counts for who waits already, from when it began to, and
// ends nobody before its time.
func TestSetIdleTimeout(t *testing.T) {
	for _, tt := range []struct{ was, is, idle time.Duration }{
		{5 * time.Minute, time.Minute, 30 * time.Second},
		{5 * time.Minute, time.Minute, 2 * time.Minute},
		{0, time.Minute, 10 * time.Minute},
		{time.Minute, 5 * time.Minute, 30 * time.Second},
		{time.Minute, time.Minute, 30 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			l := newPipes()
			p := newPort(t, l, func(c *clientConfig) { c.IdleTimeout = tt.was })
			conn := l.dial(t)
			send(t, conn, "x\n")
			receive(t, conn, "? x\n")
			began := time.Now()
			time.Sleep(tt.idle)
			p.setBounds(p.with(func(b *clientBounds) { b.IdleTimeout = tt.is }))
			ends(t, conn)
			want := max(tt.is, tt.idle)
			if took := time.Since(began); took < want || took > want+tt.is/slack {
				t.Errorf("%v, then %v after %v: ended after %v, want %v", tt.was, tt.is, tt.idle, took, want)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		l := newPipes()
		p := newPort(t, l)
		conn := l.dial(t)
		time.Sleep(time.Minute)
		for range 3 {
			p.setBounds(p.with(func(b *clientBounds) { b.IdleTimeout = 0 }))
		}
		time.Sleep(24 * time.Hour)
		send(t, conn, "x\n")
		receive(t, conn, "? x\n")
	})
}

// TestSetIdleTimeoutMeanwhile: another timeout holds for a session that is about to wait for
// the one before.
func TestSetIdleTimeoutMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newPipes()
		p := newPort(t, l)
		client, conn := l.meddle(t)
		b := p.with(func(b *clientBounds) { b.IdleTimeout = time.Hour })
		p.bounds.Store(&b)
		again := func() { p.setBounds(p.with(func(b *clientBounds) { b.IdleTimeout = time.Minute })) }
		conn.before.Store(&again)
		send(t, client, "x\n")
		receive(t, client, "? x\n")
		began := time.Now()
		ends(t, client)
		if took, want := time.Since(began), time.Minute+time.Minute/slack; took > want {
			t.Errorf("ended after %s, want %s", took, want)
		}
	})
}

// TestSetLengths: a line that has begun may be as long as it might have been; the next ones, and
// IDs, are bounded anew.
func TestSetLengths(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newPipes()
		p := newPort(t, l)
		conn := l.dial(t)
		long := strings.Repeat("x", 100)
		send(t, conn, long)
		synctest.Wait()
		p.setBounds(p.with(func(b *clientBounds) { b.MaxLine, b.MaxID = 64, 3 }))
		send(t, conn, "\n")
		receive(t, conn, "? "+long+"\n")
		send(t, conn, "IAMAT four +1-1 5\n")
		receive(t, conn, "? IAMAT four +1-1 5\n")
		send(t, conn, long+"\n")
		receive(t, conn, "? "+long[:64]+"\n")
		ends(t, conn)
	})
}

// TestSetMaxConns: those that are there stay.
func TestSetMaxConns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newPipes()
		p := newPort(t, l)
		first, second := l.dial(t), l.dial(t)
		synctest.Wait()
		p.setBounds(p.with(func(b *clientBounds) { b.MaxConns = 1 }))
		ends(t, l.dial(t))
		for _, conn := range []net.Conn{first, second} {
			send(t, conn, "x\n")
			receive(t, conn, "? x\n")
		}
		p.setBounds(p.with(func(b *clientBounds) { b.MaxConns = 3 }))
		third := l.dial(t)
		send(t, third, "x\n")
		receive(t, third, "? x\n")
	})
}

// TestSetBoundsOfLoops: connections of loops have them too, and no client loses a reply while
// they change all the time.
func TestSetBoundsOfLoops(t *testing.T) {
	p := onLoopback(t)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() { // waited for below
		defer close(stopped)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				p.setBounds(p.with(func(b *clientBounds) {
					b.IdleTimeout, b.MaxLine = time.Duration(i%3)*time.Minute, 64+i%5
				}))
			}
		}
	}()
	conn := p.dial(t)
	for i := range 500 {
		line := fmt.Sprintf("x%d", i)
		send(t, conn, line+"\n")
		receive(t, conn, "? "+line+"\n")
	}
	close(stop)
	<-stopped
	silent := p.dial(t)
	send(t, silent, "x\n")
	receive(t, silent, "? x\n")
	p.setBounds(p.with(func(b *clientBounds) { b.IdleTimeout = 10 * time.Millisecond }))
	silent.SetReadDeadline(time.Now().Add(time.Minute))
	if _, err := silent.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("a silent connection ends with %v", err)
	}
}
