package replica

import (
	"math"
	"time"

	"herd/gossip/location"
)

// A peer may lie, or have a clock or a bug of its own, and what it says goes on to
// others, who then seem to say it. So what is doubtful and may have been passed on in
// good faith is not taken, and nobody is shunned for it; only what nobody passes on is a
// bad message. Between the two bounds lies what honest nodes may differ by.
const (
	// An origin orders a fix ahead of its own clock by a day at the most. Half a day is
	// for what two clocks may differ by. Then one lie can silence a client for a day
	// and a half, and not for ever.
	takeAhead = 36 * time.Hour
	bearAhead = takeAhead + 12*time.Hour

	// A fix is taken over once a minute at the most.
	takeTakeovers = maxTakeovers / 2
)

// horizon is what is believed of a fix for the time of one message.
type horizon struct {
	now        int64 // nanoseconds since the epoch
	take, bear int64 // order times
	unsure     bool  // now may be wrong by any time
}

func (c *Core) horizon() horizon {
	if c.cfg.Wall == nil {
		return horizon{0, math.MaxInt64, math.MaxInt64, false}
	}
	now, unsure := c.cfg.Wall().UnixNano(), false
	if c.cfg.Ahead != nil {
		ahead, sure := c.cfg.Ahead()
		now, unsure = now+min(int64(ahead), math.MaxInt64-int64(bearAhead)-now), !sure
	}
	return horizon{now, now + int64(takeAhead), now + int64(bearAhead), unsure}
}

// judge tells whether to take a fix from a peer. The error says that no correct peer
// sends it. What is not taken while h is unsure may be right, and is asked for again.
func (h horizon) judge(e *location.Entry) (take bool, err error) {
	if e.Order > h.bear && !h.unsure {
		return false, bad("a fix %v ahead of this node's clock", time.Duration(e.Order-h.now).Round(time.Minute))
	}
	return e.Order <= h.take && e.Dot.Takeovers < takeTakeovers, nil
}

// judge is horizon's, where the fix has just been read.
func (d *decoder) judge(h horizon, e *location.Entry) (take bool) {
	if d.err != nil {
		return false
	}
	take, err := h.judge(e)
	if err != nil {
		d.err, d.b = err, nil
	}
	return take
}

// disown takes out of a peer's vector what it claims to have of us and we never sealed.
// The peer may have been told so: when it sees in our commit that we know of no such
// batches, it gives that up.
func (c *Core) disown(v Vector) {
	if v[c.cfg.Self] > c.seq {
		delete(v, c.cfg.Self)
		c.stats.Unfounded++
	}
}

// says takes note that the peer has spoken of a batch of its own.
func (c *Core) says(l *Link, seq uint64) {
	before := l.said
	if seq <= before {
		return
	}
	l.said = seq
	if claim := min(l.claim, seq); claim > c.vector[l.peer] {
		c.vector[l.peer] = claim
		c.join(l.peer)
	}
	l.claim = 0
	if c.vector[l.peer] > before { // what we have may now be relied on
		l.oweAck()
	}
}

// limit is how much is believed of what another says that we have of the peer: no more
// than the peer itself has spoken of. The rest comes from it.
func (l *Link) limit(seq uint64) uint64 {
	if l.said == 0 {
		l.claim = max(l.claim, seq)
	}
	return min(seq, l.said)
}

// askVector is what we have, as peers are told. Each knows best whether what others
// claim of it can be.
func (c *Core) askVector() Vector {
	v, cloned := c.vector, false
	for _, l := range c.links {
		if l.claim <= v[l.peer] {
			continue
		}
		if !cloned {
			v, cloned = v.clone(), true
		}
		v[l.peer] = l.claim
	}
	return v
}

// has is the number up to which we have all of the peer's batches, to be acknowledged. A
// number that it has yet to speak of is what others say, and not to be relied on: it
// may be of a lie.
func (l *Link) has() uint64 {
	seq := l.core.vector[l.peer]
	if seq > l.said {
		return 0
	}
	if d := l.core.disk; d.holdsBack() {
		seq = min(seq, d.kept.vector[l.peer])
	}
	return seq
}
