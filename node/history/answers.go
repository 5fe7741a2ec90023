package history

import "fmt"

// attemptKey is a position and a time of a client, sent to a node.
type attemptKey struct {
	client               int32
	node, position, time string
}

// answers reads all AT lines, and finds those that nobody had asked to be stored.
//
// A line that is shown must be, byte for byte, the answer to a write that was sent
// before the line had been shown; or, where such a write had no answer, it may have
// any clock difference: only the node knows that one.
func (c *checker) answers() {
	acks := c.writes()
	for i := range c.h.Ops {
		o := &c.h.Ops[i]
		if o.Kind != Read || o.Outcome != OK || o.Line == "" {
			continue
		}
		client := c.client(o.Client)
		f := c.fixOf(client, o.Line)
		c.perOp[i] = f
		c.invention(acks, client, f, o.Ret, int32(i), "")
	}
	for i := range c.h.Dumps {
		c.readDump(acks, &c.h.Dumps[i])
	}
}

// sent is what clients sent.
type sent struct {
	acked map[int32]int32      // fixes to the first op that was answered with it
	open  map[attemptKey]int32 // what may have been stored, to the first op without an answer
}

func (c *checker) writes() *sent {
	s := &sent{acked: make(map[int32]int32, len(c.h.Ops)/2), open: map[attemptKey]int32{}}
	c.perOp = make([]int32, len(c.h.Ops))
	for i := range c.h.Ops {
		c.perOp[i] = none
		o := &c.h.Ops[i]
		if o.Kind != Write {
			continue
		}
		client, op := c.client(o.Client), int32(i)
		f := int32(none)
		if o.Outcome == OK {
			if f = c.fixOf(client, o.Line); f != none && !c.answersTo(o, f) {
				f = none
			}
			if c.test(Invention, f != none) && c.room(Invention) {
				c.tell(Invention, o.Client, "the answer is not about the command", op)
			}
		}
		c.perOp[i] = f
		if f != none {
			c.acked[client] = append(c.acked[client], op)
			if first, ok := s.acked[f]; !ok || o.Inv < c.h.Ops[first].Inv {
				s.acked[f] = op
			}
		}
		if o.Outcome == Fail || f != none {
			continue
		}
		key := attemptKey{client, o.At.Node, o.Position, o.Time}
		if first, ok := s.open[key]; !ok || o.Inv < c.h.Ops[first].Inv {
			s.open[key] = op
		}
	}
	return s
}

// answersTo tells whether a fix is what a write asked to be stored.
func (c *checker) answersTo(o *Op, f int32) bool {
	x := &c.fixes[f]
	return x.Node == o.At.Node && x.Position.String() == o.Position && x.Time.String() == o.Time
}

// invention tests a fix that was shown, by op or by the dump of a process, before ret.
func (c *checker) invention(s *sent, client, f int32, ret int64, op int32, where string) {
	ok := c.wasSent(s, f, ret)
	if !c.test(Invention, ok) || !c.room(Invention) {
		return
	}
	why, other := c.invented(f, ret)
	if where != "" {
		why = where + ": " + why
	}
	c.tell(Invention, c.names[client], why, op, other)
}

// wasSent tells whether a fix could be shown before an instant.
func (c *checker) wasSent(s *sent, f int32, ret int64) bool {
	if f == none {
		return false
	}
	if op, ok := s.acked[f]; ok && c.h.Ops[op].Inv < ret {
		return true
	}
	if len(s.open) == 0 {
		return false
	}
	x := &c.fixes[f]
	op, ok := s.open[attemptKey{x.client, x.Node, x.Position.String(), x.Time.String()}]
	return ok && c.h.Ops[op].Inv < ret
}

// invented says why a fix could not be shown before an instant. other is the op that
// comes closest, or none.
func (c *checker) invented(f int32, ret int64) (why string, other int32) {
	if f == none {
		return "what is shown is no AT line about that client", none
	}
	for i := range c.h.Ops { // only for a story
		if o := &c.h.Ops[i]; o.Kind == Write && o.Client == c.names[c.fixes[f].client] && c.answersTo(o, f) {
			switch {
			case o.Outcome == Fail:
				return "what had been refused is shown", int32(i)
			case o.Inv >= ret:
				return "it is shown before it was sent", int32(i)
			}
			return "the node that took it has answered with another clock difference", int32(i)
		}
	}
	return "nobody has sent that to " + c.fixes[f].Node, none
}

// readDump reads the dump of a process.
func (c *checker) readDump(s *sent, d *Dump) {
	known := dump{proc: c.proc(d.At), held: make(map[int32]int32, len(d.Lines)), inv: d.Inv, ret: d.Ret}
	for _, line := range d.Lines {
		id := clientOf(line)
		if _, ok := c.clients[id]; !ok && c.h.Shared {
			continue
		}
		client := c.client(id)
		f := c.fixOf(client, line)
		c.invention(s, client, f, d.Ret, none, fmt.Sprintf("%s holds in the end %.300q", d.At, line))
		if f == none {
			continue
		}
		if was, twice := known.held[client]; twice {
			c.test(Convergence, false)
			if c.room(Convergence) {
				c.tell(Convergence, id, fmt.Sprintf("%s holds two fixes: %q and %q", d.At, c.fixes[was].line, line))
			}
			if c.fixes[was].Compare(&c.fixes[f].Fix) > 0 {
				continue
			}
		}
		known.held[client] = f
	}
	c.dumps = append(c.dumps, known)
}
