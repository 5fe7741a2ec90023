package node

import (
	"cmp"
	"time"

	"herd/config"
	"herd/node/protocol"
)

// clientBounds are the bounds of what a client may do. Others may be set while clients
// are served: see [clientServer.setBounds].
type clientBounds struct {
	MaxConns    int           // connections open at once; the next one is closed
	MaxPerAddr  int           // of those, from one address that is not of loopback; 0: any number
	MaxLine     int           // bytes of a line without its terminator
	MaxID       int           // bytes of a client ID
	IdleTimeout time.Duration // how long a client may take for a whole line; 0: for ever
}

// boundsOf are those that settings ask for.
func boundsOf(c config.Client) clientBounds {
	return clientBounds{
		MaxConns:    c.MaxConns,
		MaxPerAddr:  cmp.Or(c.MaxConnsPerAddr, (c.MaxConns+1)/2),
		MaxLine:     c.MaxLine,
		MaxID:       c.MaxID,
		IdleTimeout: c.IdleTimeout,
	}
}

// limits are those of the protocol.
func (b *clientBounds) limits() protocol.Limits { return protocol.Limits{MaxID: b.MaxID} }

// guestTime is for how long a goroutine keeps a connection that has nothing to do, if that
// is most otherwise.
func (b *clientBounds) guestTime(most time.Duration) time.Duration {
	if b.IdleTimeout > 0 {
		return min(most, b.IdleTimeout/slack)
	}
	return most
}

// setBounds has these bounds be those from now on. Connections that are there stay, though
// there be too many; a line of which a part has come may be as long as it might have been;
// the time for a line that has begun is counted anew by what it may take now.
func (s *clientServer) setBounds(b clientBounds) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bounds.Store(&b) // before anybody is woken
	for c := range s.sessions {
		if c.wakeable && c.conn != nil {
			c.conn.SetReadDeadline(time.Unix(1, 0)) // it sets another one
		}
	}
	s.wakeLoopsLocked()
}

// mayBeWoken tells the server whether c is past the handshake and does not linger: who is in
// one of them takes a deadline for the end.
func (c *session) mayBeWoken(may bool) {
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	c.wakeable = may
}

// adopt takes over what the server's bounds are now, if they are others. The time that
// the client has had counts.
func (c *session) adopt(began time.Time) {
	b := c.server.bounds.Load()
	if c.lines.Empty() && c.lines.Longest() != b.MaxLine {
		c.lines = protocol.NewLines(b.MaxLine)
	}
	if c.guest || c.idle.after == b.IdleTimeout {
		return
	}
	c.idle.after = b.IdleTimeout
	if c.idle.set.IsZero() {
		c.idle.set = began
	}
	c.conn.SetReadDeadline(c.idle.by())
	if c.server.bounds.Load() != b {
		c.adopt(began) // that took the place of the deadline that was to wake it
	}
}

// early tells whether the time of the client has yet to end, and sets the deadline for
// that again: it was set to wake the session.
func (c *session) early() bool {
	by := c.idle.by()
	if !by.IsZero() && !time.Now().Before(by) {
		return false
	}
	c.conn.SetReadDeadline(by)
	return true
}
