package history

import "fmt"

// attempt is what is known of the writes of one position and time of a client that
// were sent to one node.
type attempt struct {
	op   int32 // the first
	open int32 // the first of unknown outcome; none
}

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
	attempts map[attemptKey]attempt
	acked    map[int32]int32 // fixes to the first op that was answered with it
}

func (c *checker) writes() *sent {
	s := &sent{attempts: make(map[attemptKey]attempt, len(c.h.Ops)/2), acked: make(map[int32]int32, len(c.h.Ops)/2)}
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
		key := attemptKey{client, o.At.Node, o.Position, o.Time}
		a, ok := s.attempts[key]
		if !ok {
			a = attempt{op, none}
		}
		if open := o.Outcome == Unknown || o.Outcome == OK && f == none; open && (a.open == none || o.Inv < c.h.Ops[a.open].Inv) {
			a.open = op
		}
		s.attempts[key] = a
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
	why, other := c.invented(s, f, ret)
	if c.test(Invention, why == "") && c.room(Invention) {
		if where != "" {
			why = where + ": " + why
		}
		c.tell(Invention, c.names[client], why, op, other)
	}
}

// invented says why a fix could not be shown before an instant; empty: it could.
// other is the op that comes closest, or none.
func (c *checker) invented(s *sent, f int32, ret int64) (why string, other int32) {
	if f == none {
		return "what is shown is no AT line about that client", none
	}
	op, acked := s.acked[f]
	if acked && c.h.Ops[op].Inv < ret {
		return "", none
	}
	x := &c.fixes[f]
	a, ok := s.attempts[attemptKey{x.client, x.Node, x.Position.String(), x.Time.String()}]
	switch {
	case ok && a.open != none && c.h.Ops[a.open].Inv < ret:
		return "", none
	case acked:
		return "it is shown before it was sent", op
	case !ok:
		return "nobody has sent that to " + x.Node, none
	case c.h.Ops[a.op].Outcome == Fail:
		return "what had been refused is shown", a.op
	case a.open != none:
		return "it is shown before it was sent", a.open
	default:
		return "the node that took it has answered with another clock difference", a.op
	}
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
			continue
		}
		known.held[client] = f
	}
	c.dumps = append(c.dumps, known)
}
