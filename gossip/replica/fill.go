package replica

import "time"

// fill is how an empty node fills itself: it asks one peer, and the others when that
// one's commit has come. They then have little to add; asked at once, each would
// send all that it has. A peer that has nothing itself, ends its session or stands still
// for an ack timeout gives way to the others.
type fill struct {
	loaded bool          // it began from a disk: what there is lacks what it missed
	over   bool          // nobody waits for anybody any more
	filled bool          // see Filled: a donor that stood still has sent nothing
	donor  *Link         // is asked
	heard  time.Duration // when something last came from it
}

// Filled tells whether there was something here when a peer came, or a peer has sent all that it
// had, and had something.
func (c *Core) Filled() bool { return c.first.filled }

// begin: a link was opened. Who has something has filled itself, or need not.
func (f *fill) begin(c *Core) {
	f.filled = f.filled || f.donor == nil && len(c.vector) > 0 && !f.loaded
	f.over = f.over || f.filled
}

// mayAsk tells whether l's peer may be sent our vector now.
func (f *fill) mayAsk(l *Link) bool {
	if f.over || f.donor == l {
		return true
	}
	if f.donor != nil {
		return false
	}
	f.donor, f.heard = l, l.core.now
	return true
}

// progress: a chunk came.
func (f *fill) progress(c *Core, l *Link) {
	if f.donor == l {
		f.heard = c.now
	}
}

// commit: a commit of v came.
func (f *fill) commit(c *Core, l *Link, v Vector) {
	f.filled = f.filled || len(v) > 0
	f.over = f.over || f.filled
	if f.over || f.donor == l {
		f.next(c)
	}
}

func (f *fill) lost(c *Core, l *Link) {
	if f.donor == l {
		f.next(c)
	}
}

// check gives up a donor that stands still, and all waiting with it.
func (f *fill) check(c *Core) {
	if f.donor != nil && c.now-f.heard > c.cfg.AckTimeout {
		f.over = true
		f.next(c)
	}
}

// next lets go the asks that wait.
func (f *fill) next(c *Core) {
	f.donor = nil
	for _, l := range c.links {
		if l.sendsAsk {
			l.touch(Delta)
		}
	}
}
