package gossip

import (
	"context"
	"maps"
	"slices"
	"time"

	"herd/gossip/breath"
	"herd/gossip/replica"
)

const (
	writeLimit = 256 << 10 // bytes asked of the core for one write
	pushLimit  = 32 << 10  // if the writer has other things to do
	keepBuffer = 1 << 20   // a write buffer that grew beyond this is given back
	pushLinks  = 8         // live lanes that are written by who had something for them, at a time
	pushRounds = 4         // before he leaves them to their own goroutines
)

// outgoing is a lane of a link as its writers see it. It has one writer at a time:
// whoever has something to send when there is none. He asks the core again after each
// write, and is free when there is nothing left; until then others need do nothing.
// There is no timer: while a write is under way the next grows.
//
// A writer of the live lane is most often who brought the news: he saves a wake-up, and
// does not wait for a socket that is full. Then the lane's own goroutine takes over.
type outgoing struct {
	wake chan struct{} // one slot: the lane's goroutine may have something to do

	// Guarded by cluster.mu.
	taken  bool          // somebody writes
	passed bool          // he has left it to the lane's goroutine
	alive  bool          // a sign of life is due
	bye    bool          // a goodbye is due
	parted bool          // there is one in buf
	wrote  time.Duration // run time of the last write

	buf []byte // what is being written; owned by the writer
}

// fillLocked has the writer of a lane take what is to be sent, about limit bytes at the
// most, and tells whether he has to come back; else the lane is free.
func (l *link) fillLocked(lane replica.Lane, limit int) (more bool) {
	c, o := l.cluster, &l.out[lane]
	if o.parted {
		o.parted = false
		offer(l.said, struct{}{})
	}
	if lane == replica.Live {
		o.buf = o.buf[:0]
	}
	o.buf, more = c.core.Next(c.now(), l.core, lane, o.buf, limit)
	if lane == replica.Live {
		o.buf = c.appendNoteLocked(l, o.buf)
		o.buf = c.appendStateLocked(l, o.buf)
	} else {
		o.buf = l.appendAuditLocked(o.buf, limit)
		if o.alive && len(o.buf) == 0 { // what else is sent shows it too
			o.buf = append(o.buf, alive...)
		}
	}
	o.alive = false
	if o.bye {
		o.bye, o.parted = false, true
		o.buf = append(o.buf, goodbye...)
	}
	if len(o.buf) > 0 {
		o.wrote = time.Duration(c.ran.Load())
		more = true
	}
	o.taken = more
	return more
}

// unlock gives up mu when calls of the core have been made. It passes on what they have left,
// and writes what has come up for live lanes, as far as that needs no waiting.
func (c *Cluster) unlock() {
	var room [pushLinks]*link
	mine := room[:0] // the live lanes that this call writes
	for range pushRounds {
		if mine = c.collectLocked(mine); len(mine) == 0 {
			break
		}
		c.mu.Unlock()
		mine = c.push(mine)
		c.mu.Lock()
	}
	for _, l := range mine {
		l.passLocked()
	}
	c.afterLocked()
	c.mu.Unlock()
}

// collectLocked fills the lanes that have something to send, those of mine, which have
// been written, and others, and returns them.
func (c *Cluster) collectLocked(mine []*link) []*link {
	full := 0
	for i := 0; ; i++ {
		if i == len(mine) {
			if mine = c.passOnLocked(mine); i == len(mine) {
				return mine[:full]
			}
		}
		if l := mine[i]; l.fillLocked(replica.Live, pushLimit) {
			mine[full] = l
			full++
		}
	}
}

// push writes lanes that are filled, and returns those of which all has gone. The others
// are left to their goroutines.
func (c *Cluster) push(mine []*link) []*link {
	gone := 0
	for _, l := range mine {
		all, err := l.streams[replica.Live].Send(l.out[replica.Live].buf)
		switch {
		case err != nil:
			l.end(err)
		case all:
			mine[gone] = l
			gone++
		default:
			c.mu.Lock()
			l.passLocked()
			c.mu.Unlock()
		}
	}
	return mine[:gone]
}

// passLocked leaves the live lane, which the caller writes, to its goroutine.
func (l *link) passLocked() {
	o := &l.out[replica.Live]
	o.passed = true
	offer(o.wake, struct{}{})
}

// write sends what nobody else does for a lane until the link ends.
func (l *link) write(lane replica.Lane) error {
	c, o := l.cluster, &l.out[lane]
	for {
		select {
		case <-o.wake:
		case <-l.done:
			return l.reason
		}
		c.mu.Lock()
		mine, left := !o.taken || o.passed, o.passed
		if mine {
			o.taken, o.passed = true, false
		}
		c.mu.Unlock()
		if mine {
			if err := l.writeOn(lane, left); err != nil {
				return err
			}
		}
	}
}

// writeOn writes all there is. What another writer has left on the way is first.
func (l *link) writeOn(lane replica.Lane, left bool) error {
	c, o, s := l.cluster, &l.out[lane], l.streams[lane]
	var b breath.Breath
	for {
		if !left {
			if o.buf = o.buf[:0]; cap(o.buf) > keepBuffer {
				o.buf = nil
			}
			if lane == replica.Delta {
				o.buf = l.core.Scan(o.buf, writeLimit)
			}
			c.mu.Lock()
			more := l.fillLocked(lane, writeLimit)
			c.afterLocked()
			c.mu.Unlock()
			if !more {
				s.Rest()
				return nil
			}
			if len(o.buf) == 0 { // the peer has all of what was looked at
				b.Take()
				continue
			}
			if _, err := s.Send(o.buf); err != nil {
				return err
			}
		}
		left = false
		if err := s.Flush(); err != nil {
			return err
		}
	}
}

// sayGoodbye tells all peers that this node leaves, as far as they listen before ctx
// is done, and tells whether all did.
func (c *Cluster) sayGoodbye(ctx context.Context) bool {
	c.mu.Lock()
	links := slices.Collect(maps.Values(c.links))
	for _, l := range links {
		for lane := range l.out {
			l.out[lane].bye = true
			offer(l.out[lane].wake, struct{}{})
		}
	}
	c.mu.Unlock()
	for _, l := range links {
		for range l.out {
			select {
			case <-l.said:
			case <-l.done:
			case <-ctx.Done():
				return false
			}
		}
	}
	return true
}
