package replica

import (
	"time"

	"herd/gossip/location"
)

// maxFinds bounds the look-ups and answers that wait in one link.
const maxFinds = 1024

// Find asks the peer for its fix of a client. It answers by a Found event with the
// same lookup number, when what it has is in the table; or never, if the link ends.
// It returns false if too many wait already, or id is none.
func (c *Core) Find(now time.Duration, l *Link, lookup uint64, id []byte) bool {
	c.step(now)
	if l.closed || !isWord(id) || !l.findsMore() {
		return false
	}
	l.queueFind(appendFind(nil, lookup, id))
	return true
}

func (l *Link) findsMore() bool {
	return len(l.finds) < maxFinds && l.findBytes <= l.core.cfg.QueueBytes
}

func (l *Link) queueFind(message []byte) {
	l.finds = append(l.finds, message)
	l.findBytes += len(message)
	l.touch(Live)
}

func (c *Core) receiveFind(l *Link, d *decoder) error {
	lookup, id := d.uvarint(), d.id()
	if err := d.end(); err != nil {
		return err
	}
	if !l.findsMore() {
		c.stats.LookupsOff++
		return nil
	}
	c.stats.Lookups++
	e, ok := c.table.Held(id)
	l.queueFind(appendFound(nil, lookup, id, &e, ok))
	return nil
}

func (c *Core) receiveFound(l *Link, d *decoder) error {
	lookup, has := d.uvarint(), d.flag()
	if has {
		id, e := d.fix()
		if err := d.end(); err != nil {
			return err
		}
		if c.mutant.dotlessLookups {
			e.Dot = location.Dot{}
		}
		if err := c.applyForeign(id, e); err != nil {
			return err
		}
	} else if err := d.end(); err != nil {
		return err
	}
	c.events = append(c.events, Event{Kind: Found, Origin: l.peer, Lookup: lookup})
	return nil
}

// applyForeign takes a fix whose dot may be anybody's.
func (c *Core) applyForeign(id []byte, e location.Entry) error {
	o := e.Dot.Origin
	if o == c.cfg.Self && e.Dot.Seq > c.seq+1 {
		return bad("a fix of our batch %d, %d is open", e.Dot.Seq, c.seq+1)
	}
	switch ok, err := c.horizon().judge(&e); {
	case err != nil:
		return err
	case !ok:
		c.stats.Incredible++
		return nil
	}
	if _, result := c.merge(id, e); result.Won() {
		c.stats.Applied++
		c.disk.storeFix(id, &e)
	} else {
		c.stats.Redundant++
		c.stats.Duplicate += same(result)
	}
	c.heard(o, o != c.cfg.Self && !c.vector.CoversDot(e.Dot))
	return nil
}
