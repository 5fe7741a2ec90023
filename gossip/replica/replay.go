package replica

import (
	"fmt"
	"maps"
	"slices"

	"herd/gossip/location"
)

// Replay gives an empty core what [Disk.Next] once gave to be written, before it has a link
// or a disk. Reports may come meanwhile. Readers merge fixes, several at once and in any
// order; what follows from them is decided by Take, in order, by one goroutine.
//
// The node is a new origin. What was written is of origins that were: their fixes keep
// their dots, so that by its vector it gets only what it missed.
type Replay struct {
	core   *Core
	vector Vector
	beyond map[location.Origin]run
	newest Vector // of each origin, the greatest dot met
	latest int64
	gap    bool // something was missing: from there on fixes count and vectors do not
	fixes  uint64
	early  uint64
	until  int64
}

// NewReplay begins.
func (c *Core) NewReplay() *Replay {
	return &Replay{core: c, vector: Vector{}, beyond: map[location.Origin]run{}, newest: Vector{}}
}

// ReplayReader merges fixes. It is one goroutine's.
type ReplayReader struct {
	core     *Core
	names    map[string]string
	gathered gathered
}

// Reader returns another reader.
func (r *Replay) Reader() *ReplayReader {
	return &ReplayReader{core: r.core, names: map[string]string{}}
}

// Replayed is a message whose fixes are in the table.
type Replayed struct {
	kind      kind
	origin    location.Origin
	prev, seq uint64
	newest    newestDots
	floor     location.Floor
	vector    Vector
	latest    int64
	fixes     uint64
	early     uint64 // fixes that were not taken for their times
	until     int64  // the latest of these
	refused   bool   // some fix was not taken
}

// Read merges the fixes of a message, without the length before it. It keeps no reference
// to it. An error is an ErrMessage: no core has written it. What is returned with it is to be
// taken too: then no vector counts any more.
func (r *ReplayReader) Read(message []byte) (Replayed, error) {
	if len(message) == 0 {
		return Replayed{refused: true}, bad("empty")
	}
	m := Replayed{kind: kind(message[0])}
	d := decoder{b: message[1:], names: r.names}
	var t tally
	switch m.kind {
	case kindStored:
		m.origin = d.origin()
		r.batch(&d, &m, &t)
	case kindChunk:
		r.chunk(&d, &m, &t)
	case kindFloor:
		m.floor = d.floor()
	case kindSaved:
		m.latest = int64(d.duration())
		m.vector = d.vector()
	default:
		m.refused = true
		return m, bad("unknown kind %d", message[0])
	}
	m.fixes = t.applied + t.redundant
	if err := d.end(); err != nil {
		err = fmt.Errorf("%s: %w", m.kind, err)
		return Replayed{newest: m.newest, fixes: m.fixes, refused: true}, err
	}
	return m, nil
}

func (r *ReplayReader) batch(d *decoder, m *Replayed, t *tally) {
	var node string
	node, m.prev, m.seq = d.batchHead()
	dot, horizon := location.Dot{Origin: m.origin, Seq: m.seq}, r.core.horizon()
	for d.more() {
		id, e := d.batchFix(node, dot)
		if d.err != nil {
			break
		}
		if !m.takes(horizon, &e) {
			continue
		}
		r.core.gather(&r.gathered, t, id, &e)
	}
	r.core.mergeGathered(&r.gathered, t)
	m.newest = append(m.newest, dot)
}

func (r *ReplayReader) chunk(d *decoder, m *Replayed, t *tally) {
	horizon := r.core.horizon()
	for d.more() {
		id, e := d.fix()
		if d.err != nil {
			break
		}
		if !m.takes(horizon, &e) {
			continue
		}
		r.core.gather(&r.gathered, t, id, &e)
		m.newest.note(d.from, e.Dot)
	}
	r.core.mergeGathered(&r.gathered, t)
}

// takes tells whether a fix that was read is taken.
func (m *Replayed) takes(h horizon, e *location.Entry) bool {
	take, err := h.judge(e)
	if take && err == nil {
		return true
	}
	if m.refused = true; e.Order > h.take {
		m.early++
		m.until = max(m.until, e.Order)
	}
	return false
}

// Take takes note of the next message in order.
func (r *Replay) Take(m Replayed) {
	r.fixes += m.fixes
	r.early += m.early
	r.until = max(r.until, m.until)
	for _, dot := range m.newest {
		if dot.Seq > r.newest[dot.Origin] && len(r.newest) < maxOrigins {
			r.newest[dot.Origin] = dot.Seq
		}
	}
	if m.refused {
		r.gap = true
	}
	if m.kind == kindFloor {
		r.core.raise(m.floor)
		return
	}
	if r.gap && !r.core.mutant.lossyVector {
		return
	}
	switch m.kind {
	case kindStored:
		r.vector.arrive(r.beyond, m.origin, m.prev, m.seq)
	case kindSaved:
		// All of it, for it was the core's then: what it claims no more was taken back.
		r.latest, r.vector = max(r.latest, m.latest), m.vector
		for o := range r.beyond {
			r.vector.join(r.beyond, o)
		}
	}
}

// Fixes is how many fixes were read.
func (r *Replay) Fixes() uint64 { return r.fixes }

// Early is how many fixes were not taken because they are days ahead of this node's clock: that is
// wrong, or was when they were written. The latest of them has the order time until.
func (r *Replay) Early() (fixes uint64, until int64) { return r.early, r.until }

// Takes tells whether a fix of that order time is not too far ahead of the clock to be taken now.
func (c *Core) Takes(order int64) bool { return order <= c.horizon().take }

// EndAgain ends a replay of what one before this has left for its times, when there are links: fixes
// were merged, as those of a delta are, and vectors count for nothing.
func (r *Replay) EndAgain() {
	for _, o := range slices.Sorted(maps.Keys(r.newest)) {
		r.core.heard(o, r.newest[o] > r.core.vector[o])
	}
}

// End has the core go on from what was read, and tells whether its vector does. It does
// not if this node's clock has been set back far: what had expired by the former one and was
// removed, peers have yet to send.
func (r *Replay) End() (counts bool) {
	c := r.core
	if counts = c.cfg.Wall == nil || r.latest-c.cfg.Wall().UnixNano() <= int64(c.cfg.Grace/2); counts {
		if c.seq > 0 { // reports came meanwhile
			r.vector[c.cfg.Self] = c.seq
		}
		c.vector, c.beyond = r.vector, r.beyond
		c.latest = r.latest
	}
	c.first.loaded = true
	named := maps.Clone(r.newest)
	for o := range c.vector {
		named[o] = max(named[o], 0)
	}
	for _, o := range slices.Sorted(maps.Keys(named)) {
		c.heard(o, named[o] > c.vector[o])
	}
	return counts
}
