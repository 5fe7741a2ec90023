package node

import (
	"crypto/tls"
	"errors"
	"os"
	"time"
)

const (
	// writeTimeout is how long a client may take nothing of its replies. A
	// reader on a bad line is slow; one that hangs must not hold a place for ever.
	writeTimeout = 30 * time.Second

	// slowest is how many bytes a second it must take of a batch beyond that, or a byte now
	// and then would hold a batch for hours.
	slowest = 1 << 10

	// cipheredPiece is how much is written at once to a client with TLS, as much as a
	// record holds: after a write that was late no other one can follow.
	cipheredPiece = 16 << 10

	// A connection that is closed with input unread is reset, and the reset may
	// overtake replies. So the last ones are followed by the end of our side, and
	// what the client still sends is read for so long, or until it is so much.
	lingerTime  = 500 * time.Millisecond
	lingerBytes = 1 << 20
)

// deadline is a timeout that is not renewed each time. To set one costs a lock
// and a timer; so it is set later than need be, and holds for a while.
type deadline struct {
	after time.Duration // 0: never
	set   time.Time     // when it was renewed last
}

// slack is the part of a timeout by which it may be exceeded: an eighth.
const slack = 8

// renew tells whether the deadline must be set anew, and to when, so that it is
// at least after from now.
func (d *deadline) renew(now time.Time) (by time.Time, due bool) {
	if d.after == 0 || now.Sub(d.set) < d.after/slack {
		return time.Time{}, false
	}
	return d.anew(now), true
}

// anew is renew where that is due in any case. The zero time is never.
func (d *deadline) anew(now time.Time) (by time.Time) {
	d.set = now
	return d.by()
}

// by is what anew has returned.
func (d *deadline) by() time.Time {
	if d.after == 0 {
		return time.Time{}
	}
	return d.set.Add(d.after + d.after/slack)
}

// write sends b. It gives up when the client takes nothing of it for writeTimeout; one
// with ciphers, less than a piece. And when it takes all of it too slowly.
func (c *session) write(b []byte) error {
	c.server.hold()
	_, ciphered := c.conn.(*tls.Conn)
	most := writeTimeout + time.Duration(len(b))*time.Second/slowest
	var began time.Time
	for len(b) > 0 {
		now := time.Now()
		if began.IsZero() {
			began = now
		}
		if now.Sub(began) > most {
			return errStalled
		}
		if by, due := c.stall.renew(now); due && !ciphered { // which sees to itself
			c.conn.SetWriteDeadline(by)
		}
		next := b
		if ciphered {
			next = b[:min(len(b), cipheredPiece)]
		}
		n, err := c.conn.Write(next)
		c.server.count.bytesOut.Add(c.stripe, uint64(n))
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
		if err != nil && (n == 0 || ciphered) {
			return errStalled
		}
		b = b[n:]
	}
	return nil
}

// lingerOn ends our side of the connection and reads what still comes.
func (c *session) lingerOn() {
	if half, ok := c.conn.(interface{ CloseWrite() error }); ok {
		half.CloseWrite()
	}
	c.conn.SetReadDeadline(time.Now().Add(lingerTime))
	waste := make([]byte, 4<<10)
	for read := 0; read < lingerBytes; {
		n, err := c.conn.Read(waste)
		if err != nil {
			return
		}
		read += n
	}
}
