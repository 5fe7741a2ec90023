package fault

import (
	"errors"
	"net"
	"time"
)

// SetDeadline sets both deadlines.
func (c *conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// SetReadDeadline is for held bytes too.
func (c *conn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return c.error("set", net.ErrClosed)
	}
	c.reading = t
	c.wakeLocked()
	return c.Conn.SetReadDeadline(t)
}

// SetWriteDeadline is for what waits too, but what has been taken leaves.
func (c *conn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return c.error("set", net.ErrClosed)
	}
	c.writing = t
	c.wakeLocked()
	if c.sending {
		return nil
	}
	return c.Conn.SetWriteDeadline(t)
}

func passed(deadline time.Time) bool { return !deadline.IsZero() && !time.Now().Before(deadline) }

// wait returns when one of the channels is closed, or at by; zero: never.
func wait(changed, woken <-chan struct{}, by time.Time) {
	var late <-chan time.Time
	if !by.IsZero() {
		timer := time.NewTimer(time.Until(by))
		defer timer.Stop()
		late = timer.C
	}
	select {
	case <-changed:
	case <-woken:
	case <-late:
	}
}
