package history

import "fmt"

// final tests the dumps: against each other, and against what was acknowledged.
func (c *checker) final() {
	if len(c.dumps) == 0 {
		return
	}
	for i := range c.dumps {
		c.fits(&c.dumps[i])
	}
	reach := c.reaches()
	for client := range c.names {
		best := c.converges(int32(client))
		for _, op := range c.acked[client] {
			c.survives(reach, op, best)
		}
	}
}

// converges tests that the dumps have the same fix of a client, and returns it.
func (c *checker) converges(client int32) (best int32) {
	best = none
	var has int32
	for _, d := range c.dumps {
		if f, ok := d.held[client]; ok && c.rankOf(f) > c.rankOf(best) {
			best, has = f, d.proc
		}
	}
	if best == none {
		return none
	}
	for _, d := range c.dumps {
		f, ok := d.held[client]
		if !c.test(Convergence, ok && f == best || !ok && c.mayExpire(best, d.ret)) || !c.room(Convergence) {
			continue
		}
		holds := "nothing"
		if ok {
			holds = fmt.Sprintf("%q", c.fixes[f].line)
		}
		c.tell(Convergence, c.names[client], fmt.Sprintf("%s: in the end %s holds %s and %s %q",
			c.names[client], c.process(d.proc), holds, c.process(has), c.fixes[best].line))
	}
	return best
}

// survives tests that a write that was acknowledged is held in the end, or a newer one,
// if anybody who is known to have held it lives.
func (c *checker) survives(reach *reach, op, best int32) {
	c.r.Writes++
	o, f := &c.h.Ops[op], c.perOp[op]
	ok := c.rankOf(f) <= c.rankOf(best)
	for _, d := range c.dumps {
		ok = ok || c.mayBeGone(f, d.ret)
	}
	who, must := c.lives(reach, o)
	if !ok {
		c.r.Lost++
		if !must {
			c.r.Excused++
		}
	}
	if !must {
		return
	}
	if c.test(AckedLoss, ok) && c.room(AckedLoss) {
		holds := "nothing is"
		if best != none {
			holds = fmt.Sprintf("%q is", c.fixes[best].line)
		}
		c.tell(AckedLoss, o.Client, fmt.Sprintf("%s: %s held in the end; %s held what was acknowledged, and lives or has passed it on to one that does",
			o.Client, holds, who), op)
	}
}

// lives names one that held what a write stored and lives, or has passed it on.
func (c *checker) lives(reach *reach, o *Op) (Process, bool) {
	if o.Ret < reach.acked[c.proc(o.At)] {
		return o.At, true
	}
	for _, p := range o.Held {
		if o.Ret < reach.all[c.proc(p)] {
			return p, true
		}
	}
	return Process{}, false
}
