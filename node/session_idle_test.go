package node

import (
	"crypto/tls"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"herd/node/protocol"
	"herd/places"
)

// mostRead is what one read of a session may bring, in bytes.
const mostRead = 16 << 10

func TestIdleTimeout(t *testing.T) {
	for _, tt := range []struct {
		name    string
		timeout time.Duration
		every   time.Duration // between commands
		rounds  int           // of them
	}{
		{"silent from the start", 5 * time.Minute, 0, 0},
		{"one command", 5 * time.Minute, time.Second, 1},
		{"a command now and then", 5 * time.Minute, 4*time.Minute + 59*time.Second, 20},
		{"two commands, then silence", 5 * time.Minute, time.Minute, 2},
		{"many commands", 5 * time.Minute, time.Millisecond, 1000},
		{"just in time", time.Second, time.Second - time.Millisecond, 100},
	} {
		synctest.Test(t, func(t *testing.T) {
			l := newPipes()
			p := newPort(t, l, func(c *clientConfig) { c.IdleTimeout = tt.timeout })
			conn := l.dial(t)
			for range tt.rounds {
				time.Sleep(tt.every)
				send(t, conn, "x\n")
				receive(t, conn, "? x\n")
			}
			last := time.Now()
			ends(t, conn)
			if took := time.Since(last); took < tt.timeout || took > tt.timeout+tt.timeout/slack {
				t.Errorf("%s: closed after %s, want %s and a little", tt.name, took, tt.timeout)
			}
			if n := p.count.idle.Load(); n != 1 {
				t.Errorf("%s: %d are counted as idle", tt.name, n)
			}
		})
	}
}

// Whoever types slowly has the whole time for each line, and half a line now and then is
// no life.
func TestIdleTimeoutCountsLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newPipes()
		p := newPort(t, l)
		conn := l.dial(t)
		typed := func(text string, each time.Duration) error {
			for _, c := range []byte(text) {
				time.Sleep(each)
				if _, err := conn.Write([]byte{c}); err != nil {
					return err
				}
			}
			return nil
		}
		for range 3 {
			if err := typed("IAMAT k +1-1 5\n", 19*time.Second); err != nil { // 4 min 45 s
				t.Fatal(err)
			}
			receive(t, conn, "AT Clark +1621464823.223371889 k +1-1 5\n")
		}
		last := time.Now()
		if err := typed(strings.Repeat("x", 3600), time.Second); err == nil {
			t.Error("a byte a second kept the connection for an hour")
		}
		if took := time.Since(last); took < 5*time.Minute || took > 5*time.Minute*(slack+1)/slack+time.Second {
			t.Errorf("closed after %s", took)
		}
		if n := p.count.idle.Load(); n != 1 {
			t.Errorf("%d are counted as idle", n)
		}
	})
}

func TestNoIdleTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newPipes()
		newPort(t, l, func(c *clientConfig) { c.IdleTimeout = 0 })
		conn := l.dial(t)
		time.Sleep(365 * 24 * time.Hour)
		send(t, conn, "x\n")
		receive(t, conn, "? x\n")
	})
}

func TestSlowReader(t *testing.T) {
	t.Run("takes nothing", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			l := newPipes()
			p := newPort(t, l)
			conn := l.dial(t)
			send(t, conn, "x\n")
			began := time.Now()
			for p.connections() > 0 {
				time.Sleep(time.Second)
			}
			if took := time.Since(began); took < writeTimeout || took > writeTimeout+writeTimeout/slack+time.Second {
				t.Errorf("it was given up after %s, want %s and a little", took, writeTimeout)
			}
			if n := p.count.stalled.Load(); n != 1 {
				t.Errorf("%d are counted as stalled", n)
			}
		})
	})
	t.Run("takes little", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			l := newPipes()
			p := newPort(t, l)
			conn := slowly{l.dial(t)}
			answer := strings.Repeat("x", 100_000) // more than a minute
			p.places.prompt = func(places.Query) ([]byte, bool) { return []byte(answer), true }
			for range 100 {
				send(t, conn, "IAMAT k +1-1 5\nWHATSAT k 10 5\n")
				at := "AT Clark +1621464823.223371889 k +1-1 5\n"
				receive(t, conn, at+at+answer+protocol.PlacesEnd)
			}
			if n := p.count.stalled.Load(); n != 0 {
				t.Errorf("%d are counted as stalled", n)
			}
		})
	})
	t.Run("takes a byte now and then", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			l := newPipes()
			p := newPort(t, l)
			conn := l.dial(t)
			text := strings.Repeat("x", 4000)
			send(t, conn, text+"\n")
			began := time.Now()
			for taken := range "? " + text + "\n" {
				time.Sleep(25 * time.Second)
				if n, _ := conn.Read(make([]byte, 1)); n == 0 {
					break
				}
				if taken > 100 {
					t.Fatal("100 bytes kept the others for most of an hour")
				}
			}
			if took := time.Since(began); took < writeTimeout {
				t.Errorf("it was given up after %s", took)
			}
			if n := p.count.stalled.Load(); n != 1 {
				t.Errorf("%d are counted as stalled", n)
			}
		})
	})
	t.Run("takes little, with TLS", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			p, l, config := ciphered(t)
			conn := tls.Client(slowly{l.dial(t)}, config)
			if err := conn.Handshake(); err != nil {
				t.Fatal(err)
			}
			answer := strings.Repeat("x", 100_000) // a piece in 16 s, all in more than a minute
			p.places.prompt = func(places.Query) ([]byte, bool) { return []byte(answer), true }
			send(t, conn, "IAMAT k +1-1 5\nWHATSAT k 10 5\n")
			at := "AT Clark +1621464823.223371889 k +1-1 5\n"
			receive(t, conn, at+at+answer)
			receive(t, conn, protocol.PlacesEnd)
			if n := p.count.stalled.Load(); n != 0 {
				t.Errorf("%d are counted as stalled", n)
			}
			send(t, conn, "y\n")
			for p.connections() > 0 {
				time.Sleep(time.Second)
			}
			if n := p.count.stalled.Load(); n != 1 {
				t.Errorf("one that takes nothing: %d are counted as stalled", n)
			}
		})
	})
}

// slowly is a connection of which a kilobyte is read in a second.
type slowly struct{ net.Conn }

func (s slowly) Read(b []byte) (int, error) {
	time.Sleep(time.Second)
	return s.Conn.Read(b[:min(len(b), 1<<10)])
}
