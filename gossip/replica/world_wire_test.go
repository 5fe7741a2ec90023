package replica

import (
	"bytes"
	"encoding/binary"
	"time"
)

// end is one end of a session.
type end struct {
	at     *node
	other  *end
	link   *Link // nil until opened
	closed bool
	opened time.Duration
	fills  bool      // it was opened by one that was yet to fill itself, or had nothing
	wake   [2]bool   // the lane's writer has reason to ask the core
	ahead  [2][]byte // by lane, a message that its reader has prepared
	scan   []byte    // what the writer of its delta lane has scanned, and not written
	pipes  [2]pipe   // what the writers have written and the other has not read
}

// pipe is a connection in one direction: bytes in order.
type pipe struct {
	b    []byte
	read int
}

func (p *pipe) unread() []byte { return p.b[p.read:] }

// take removes the first message from the pipe. It is valid until the next write.
func (p *pipe) take() []byte {
	b := p.unread()
	if len(b) == 0 {
		return nil
	}
	n := prefixLen + int(binary.BigEndian.Uint32(b))
	if p.read += n; p.read == len(p.b) {
		p.b, p.read = p.b[:0], 0
	}
	return b[prefixLen:n]
}

// write has a lane's writer write once, if it has reason to and is not blocked.
func (w *world) write(e *end, lane Lane) {
	p := &e.pipes[lane]
	if !e.wake[lane] || len(p.unread()) > kernelBytes {
		return
	}
	n := e.at
	if lane == Delta && e.scan == nil && w.rand.IntN(2) == 0 {
		if e.scan = e.link.Scan([]byte{}, writeBytes); w.rand.IntN(2) == 0 {
			return
		}
	}
	if lane == Delta && e.scan != nil {
		p.b, e.scan = append(p.b, e.scan...), nil
		w.coverage.Scans++
	}
	start := len(p.b)
	p.b, e.wake[lane] = n.core.Next(w.now(n), e.link, lane, p.b, writeBytes)
	if w.hash != nil {
		w.note(n, uint64(lane))
		w.hash.Write(p.b[start:])
	}
	w.after(n)
}

// deliver has the other end read one message of a lane.
func (w *world) deliver(e *end, lane Lane) {
	from, o := e.at, e.other
	if o.link == nil || o.closed || !w.awake(o.at) || w.cut[from.slot][o.at.slot] || from.asleep > w.clock && from.mute {
		return
	}
	if o.ahead[lane] != nil {
		w.finish(o, lane)
		return
	}
	message := e.pipes[lane].take()
	switch {
	case message == nil:
	case kind(message[0]) == kindBatch && w.rand.IntN(3) == 0:
		o.prepare(lane, message)
		w.coverage.Ahead++
	case kind(message[0]) == kindChunk && w.rand.IntN(3) == 0:
		o.prepare(lane, message)
		w.coverage.AheadChunks++
	default:
		w.receive(o, lane, message)
	}
}

// prepare has the reader at e stop half way.
func (e *end) prepare(lane Lane, message []byte) {
	e.ahead[lane] = bytes.Clone(message)
	e.link.Prepare(lane, message)
}

// finish has the reader at e go on with what it has prepared.
func (w *world) finish(e *end, lane Lane) {
	if message := e.ahead[lane]; message != nil {
		e.ahead[lane] = nil
		w.receive(e, lane, message)
	}
}

func (w *world) receive(e *end, lane Lane, message []byte) {
	n := e.at
	leased := e.link.Leased(w.now(n))
	switch kind(message[0]) {
	case kindBatch:
		if len(fixesOf(append(make([]byte, prefixLen), message...))) > 1 {
			w.coverage.Several++
		}
		if w.rand.IntN(20) == 0 {
			w.promises.keep(e, message)
		}
	case kindChunk:
		w.coverage.Chunks++
	case kindFloor:
		w.coverage.Floors++
	}
	if err := n.core.Receive(w.now(n), e.link, lane, message); err != nil {
		if w.mutant == (mutant{}) {
			w.fail("ERROR: node %d: %v", n.slot, err)
		}
		w.close(e, true)
		return
	}
	w.after(n)
	if !leased && e.link.Leased(w.now(n)) {
		w.promises.read(n, 0)
	}
}

// repeat delivers to e a batch that its peer sent before, in this session or the last.
func (w *world) repeat(e *end) {
	for i, m := range w.promises.kept {
		if m.to == e.at.origin && m.from == e.link.Peer() {
			w.promises.kept = append(w.promises.kept[:i], w.promises.kept[i+1:]...)
			w.coverage.Repeats++
			w.finish(e, Live)
			w.receive(e, Live, m.message)
			return
		}
	}
}
