package replica

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"time"
)

// sessions has nodes notice what became of their sessions, and begin new ones.
func (w *world) sessions(faults bool) {
	for _, a := range w.nodes {
		for slot, b := range w.nodes {
			if a == b || !w.awake(a) {
				continue
			}
			w.notice(a, slot, faults)
			if e := a.calls[slot]; e != nil && w.joined(a.slot, slot) && w.rand.IntN(3) == 0 {
				a.calls[slot] = nil
				if e.other.at == b && b.up {
					w.open(e)
				}
			}
			if a.slot < slot && w.clock >= w.meet[a.slot][slot] && a.ends[slot] == nil &&
				w.joined(a.slot, slot) && w.awake(b) && w.rand.IntN(3) == 0 {
				e := &end{at: a}
				e.other = &end{at: b, other: e}
				b.calls[a.slot] = e.other
				w.open(e)
			}
		}
	}
}

func (w *world) notice(n *node, slot int, faults bool) {
	e := n.ends[slot]
	if e == nil {
		return
	}
	switch o := e.other; {
	case w.cut[slot][n.slot]:
		if w.rand.IntN(40) == 0 { // nothing has come for long
			w.close(e, true)
		}
	case w.nodes[slot] != o.at || !o.at.up || o.closed:
		if w.rand.IntN(3) == 0 {
			w.reset(e)
		}
	case o.link == nil && o.at.calls[n.slot] != o: // it took a later call
		w.reset(e)
	case faults && w.rand.IntN(400) == 0: // one side gives up for no good reason
		w.close(e, true)
	}
}

// open has the process at e begin the session; it gives up the one before.
func (w *world) open(e *end) {
	n, slot := e.at, e.other.at.slot
	if old := n.ends[slot]; old != nil {
		w.close(old, true)
	}
	n.ends[slot] = e
	e.opened = w.clock
	e.link = n.core.Open(w.now(n), e.other.at.origin)
	e.link.KnowFloors()
	e.fills = !n.core.first.over || len(n.core.vector) == 0
	w.after(n)
}

func (w *world) close(e *end, gaveUp bool) {
	if e.closed {
		return
	}
	e.closed = true
	n := e.at
	if gaveUp && e.link.State() == In {
		w.coverage.Held++
	}
	n.ends[e.other.at.slot] = nil
	n.core.Close(w.now(n), e.link, gaveUp)
	w.after(n)
	for lane, message := range e.ahead {
		if message != nil {
			if err := n.core.Receive(w.now(n), e.link, Lane(lane), message); err != nil {
				w.fail("ERROR: %v", err)
			}
			e.ahead[lane] = nil
		}
	}
}

// reset has the process at e read what the other, now gone, had written, up to some
// byte, and then find the session closed.
func (w *world) reset(e *end) {
	for _, lane := range []Lane{Live, Delta} {
		if w.finish(e, lane); e.closed {
			return
		}
		b := e.other.pipes[lane].unread()
		r := bufio.NewReader(bytes.NewReader(b[:w.rand.IntN(len(b)+1)]))
		for w.broken == "" && !e.closed {
			message, err := ReadMessage(r, nil)
			if err != nil {
				if errors.Is(err, io.ErrUnexpectedEOF) {
					w.coverage.Cuts++
				} else if !errors.Is(err, io.EOF) {
					w.fail("ERROR: %v", err)
				}
				break
			}
			w.receive(e, lane, message)
		}
	}
	w.close(e, false)
}

// setClock puts a clock right that has gone wrong.
func (w *world) setClock(n *node, right bool) {
	if right && n.astray > 0 {
		n.astray, n.skew = 0, n.skew-wrong
		n.core.SetAstray(false)
	}
}

func (w *world) kill(n *node) {
	if n.up {
		n.up = false
		w.coverage.Kills++
	}
}

func (w *world) fault() {
	switch x := w.rand.IntN(400); {
	case x < 5 && w.diskful: // and more often, for there are disks to come back from
		w.kill(w.nodes[w.rand.IntN(slots)])
		if w.rand.IntN(6) == 0 {
			w.powerCut()
		}
	case x < 2:
		w.kill(w.nodes[w.rand.IntN(slots)])
	case x < 8 && (x < 6 || w.diskful):
		for slot, n := range w.nodes {
			if !n.up && w.rand.IntN(2) == 0 {
				w.coverage.count(n.core)
				w.boot(slot)
			}
		}
	case x < 8: // the network falls in two
		var side [slots]int
		for i := range side {
			side[i] = w.rand.IntN(2)
		}
		for a := range slots {
			for b := range slots {
				w.cut[a][b] = side[a] != side[b]
			}
		}
	case x < 9: // one hears, and is not heard
		w.cut[w.rand.IntN(slots)][w.rand.IntN(slots)] = true
	case x < 12:
		w.cut = [slots][slots]bool{}
	case x < 17 && w.ttl > 0: // a clock goes wrong; its node is told so
		if n := w.nodes[w.rand.IntN(slots)]; n.astray <= w.clock {
			n.astray = w.clock + time.Duration(w.rand.IntN(40))*unit
			n.skew += wrong
			n.core.SetAstray(true)
			w.coverage.Astray++
		}
	case x < 21: // stopped, for up to three ack timeouts
		n := w.nodes[w.rand.IntN(slots)]
		n.asleep, n.mute = w.clock+unit+time.Duration(w.rand.Int64N(int64(3*ackTimeout))), w.rand.IntN(2) == 0
		w.coverage.Pauses++
	case x < 23 && w.limits[0] > 0: // who sees other members comes to other limits
		n := w.nodes[w.rand.IntN(slots)]
		w.limits[n.slot] = limit + w.rand.IntN(11) - 5
		n.core.SetLimits(w.limitsOf(n.slot))
		w.coverage.Limits++
	}
}
