package node

import (
	"crypto/tls"
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

// timely is a connection beneath TLS. To read one with ciphers may be to write: whoever is
// at the other end can ask for new keys (RFC 8446, 4.6.3) as often as he likes, and take none
// of the answers. So no write waits for longer than writeTimeout, unless a deadline was
// set; and one that was late is the end of the connection: no record can follow it.
type timely struct {
	net.Conn

	mu    sync.Mutex // guards the fields below; held for no write
	stall deadline   // of writes, while nobody else has set one
	taken bool       // somebody has
	late  bool       // a write was
}

func newTimely(conn net.Conn) *timely {
	return &timely{Conn: conn, stall: deadline{after: writeTimeout}}
}

// Write writes b, or ends the connection.
func (c *timely) Write(b []byte) (int, error) {
	c.renew()
	n, err := c.Conn.Write(b)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		c.mu.Lock()
		c.late = true
		c.mu.Unlock()
		c.Conn.Close()
	}
	return n, err
}

func (c *timely) renew() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.taken {
		return
	}
	if by, due := c.stall.renew(time.Now()); due {
		c.Conn.SetWriteDeadline(by)
	}
}

// SetWriteDeadline has that one count; the zero time, the connection's own.
func (c *timely) SetWriteDeadline(t time.Time) error {
	c.take(t)
	return c.Conn.SetWriteDeadline(t)
}

// SetDeadline is SetWriteDeadline, and SetReadDeadline.
func (c *timely) SetDeadline(t time.Time) error {
	c.take(t)
	return c.Conn.SetDeadline(t)
}

func (c *timely) take(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.taken, c.stall.set = !t.IsZero(), time.Time{}
}

// hasStalled tells whether the connection has ended because it was not read.
func hasStalled(conn net.Conn) bool {
	ciphered, ok := conn.(*tls.Conn)
	if !ok {
		return false
	}
	c, ok := ciphered.NetConn().(*timely)
	if !ok {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.late
}

// cut ends a connection at once: one with ciphers from beneath, since its Close waits until
// it is not written to.
func cut(conn net.Conn) {
	if ciphered, ok := conn.(*tls.Conn); ok {
		conn = ciphered.NetConn()
	}
	conn.Close()
}
