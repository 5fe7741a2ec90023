package load

import "time"

// retry is how soon a connection with no room is looked at again.
const retry = int64(time.Millisecond)

// pacer sends the commands of a group when they are due. All connections take turns:
// command n is sent on connection n mod total, due n/rate seconds after the start.
//
// A write does not block: what is not answered on a connection fits the buffers of its
// sockets. A connection whose window is full has to wait, and its commands are due all
// the same.
type pacer struct {
	*group
	start int64
	rate  int64
	sleep func(time.Duration)

	round   int64 // the turn of conns[at] in this round is next
	at      int
	waiting []*connection // a command is due and there is no room
	dirty   []*connection // commands are to be written
	text    []byte
}

// due is when the turn of a connection in a round is.
func (p *pacer) due(round int64, c *connection) int64 {
	n := round*int64(p.total) + int64(c.number)
	return p.start + n/p.rate*nanosInSec + n%p.rate*nanosInSec/p.rate
}

// turns is how many turns of a connection are due before t.
func (p *pacer) turns(t int64, c *connection) int64 {
	t = max(t-p.start, 0)
	commands := t/nanosInSec*p.rate + (t%nanosInSec*p.rate+nanosInSec-1)/nanosInSec
	return max((commands-int64(c.number)+int64(p.total)-1)/int64(p.total), 0)
}

// run sends until the run is over, then has the connections finish.
func (p *pacer) run() {
	for !p.over(p.clock()) {
		now, wall := p.clock(), time.Now().UnixNano()
		p.catchUp(now, wall)
		next := p.takeTurns(now, wall)
		p.write()
		if len(p.waiting) > 0 {
			next = min(next, now+retry)
		}
		if pause := min(next, p.to) - p.clock(); pause > 0 {
			p.sleep(time.Duration(pause))
		}
	}
	end, patience := min(p.clock(), p.to), p.patience
	if p.stop.Load() {
		patience = min(patience, drainGrace)
	}
	for _, c := range p.conns {
		p.unsent += uint64(max(p.turns(end, c)-c.round, 0))
		c.finish(patience)
	}
}

// catchUp gives the connections that wait what is due and fits.
func (p *pacer) catchUp(now, wall int64) {
	still := p.waiting[:0]
	for _, c := range p.waiting {
		for room := c.room(); room > 0 && p.due(c.round, c) <= now; room-- {
			p.add(c, wall)
		}
		if c.waiting = p.due(c.round, c) <= now; c.waiting {
			still = append(still, c)
		}
	}
	p.waiting = still
}

// takeTurns makes what has become due, and tells when the next turn is.
func (p *pacer) takeTurns(now, wall int64) int64 {
	for {
		c := p.conns[p.at]
		due := p.due(p.round, c)
		if due > now {
			return due
		}
		switch {
		case c.waiting || c.round > p.round: // catchUp has seen to it, or will
		case c.room() == 0:
			c.waiting = true
			p.waiting = append(p.waiting, c)
		default:
			if due >= p.from {
				p.lateness.record(p.clock() - due)
			}
			p.add(c, wall)
		}
		if p.at++; p.at == len(p.conns) {
			p.at = 0
			p.round++
		}
	}
}

// add makes a connection's next command, unless the connection is gone.
func (p *pacer) add(c *connection, wall int64) {
	due := p.due(c.round, c)
	if c.dead.Load() {
		p.unsent++
		c.round++
		return
	}
	c.add(&p.maker, due, wall)
	c.round++
	if !c.dirty {
		c.dirty = true
		p.dirty = append(p.dirty, c)
	}
}

func (p *pacer) write() {
	for _, c := range p.dirty {
		c.dirty = false
		p.text = c.flush(p.text)
	}
	p.dirty = p.dirty[:0]
}
