package replica

import (
	"slices"

	"herd/gossip/location"
)

// ahead is what the reader of a live lane has merged and the core has not taken note
// of. The reader owns it.
type ahead struct {
	batches    []merged // in order
	names      map[string]string
	gathered   gathered // empty between messages
	tally      tally
	incredible uint64
	received   []int64 // see TakeArrived
}

// merged is a batch whose fixes are in the table.
type merged struct {
	prev, seq uint64
	unsure    bool // some fixes were not taken that may be right
	refused   bool // some were not taken
	err       error
}

// aheadChunks is the same of a delta lane.
type aheadChunks struct {
	chunks   []mergedChunk // in order
	names    map[string]string
	gathered gathered // empty between messages
}

// mergedChunk is a chunk whose fixes, up to the fault if there is one, are in the table.
type mergedChunk struct {
	newest     newestDots
	tally      tally
	incredible uint64
	unsure     bool // see merged
	err        error
}

// newestDots are the newest dots of a chunk's sources, by their numbers.
type newestDots []location.Dot

// note takes note of a dot of the source of a number.
func (n *newestDots) note(source int, dot location.Dot) {
	for source >= len(*n) { // of those before, no fix was taken
		*n = append(*n, location.Dot{})
	}
	if newest := &(*n)[source]; dot.Seq > newest.Seq {
		*newest = dot
	}
}

// Prepare does ahead, without the lock, what of receiving a message takes longest: it
// merges the fixes of a batch or of a chunk. Nothing follows from their being in the
// table before Receive is called with the same message, which must be soon, by the
// same goroutine, in the order of the lane, and even if the link is closed meanwhile;
// an error of Receive is the end of that.
func (l *Link) Prepare(lane Lane, message []byte) {
	k, body, err := splitKind(message)
	switch {
	case err != nil || k.lane() != lane:
	case k == kindBatch:
		l.ahead.batches = append(l.ahead.batches, l.mergeBatch(body))
	case k == kindChunk:
		l.aheadChunks.chunks = append(l.aheadChunks.chunks, l.mergeChunk(body))
	}
}

func (l *Link) mergeBatch(body []byte) (m merged) {
	a := &l.ahead
	if a.names == nil {
		a.names = map[string]string{}
	}
	d := decoder{b: body, names: a.names}
	var node string
	node, m.prev, m.seq = d.batchHead()
	dot, horizon := location.Dot{Origin: l.peer, Seq: m.seq}, l.core.horizon()
	for d.more() {
		id, e := d.batchFix(node, dot)
		if take := d.judge(horizon, &e); d.err != nil {
			break
		} else if !take {
			a.incredible++
			m.unsure, m.refused = horizon.unsure, true
			continue
		}
		l.core.gather(&a.gathered, &a.tally, id, &e)
		if len(a.received) < keepArrived {
			a.received = append(a.received, e.Received)
		}
	}
	l.core.mergeGathered(&a.gathered, &a.tally)
	m.err = d.end()
	return m
}

// nextMerged is the batch that the reader has merged, the oldest first, or merges it now.
func (l *Link) nextMerged(body []byte) (m merged) {
	a := &l.ahead
	if len(a.batches) > 0 {
		m = a.batches[0]
		a.batches = slices.Delete(a.batches, 0, 1)
	} else {
		m = l.mergeBatch(body)
	}
	c := l.core
	c.stats.note(&a.tally)
	c.stats.Incredible += a.incredible
	if len(c.arrived) < keepArrived {
		c.arrived = append(c.arrived, a.received...)
	}
	a.tally, a.incredible, a.received = tally{}, 0, a.received[:0]
	return m
}

func (l *Link) mergeChunk(body []byte) (m mergedChunk) {
	c, a := l.core, &l.aheadChunks
	if a.names == nil {
		a.names = map[string]string{}
	}
	d, horizon := decoder{b: body, names: a.names}, c.horizon()
	for d.more() {
		id, e := d.fix()
		take := d.judge(horizon, &e)
		if d.err == nil && e.Dot.Origin == c.cfg.Self {
			// Whoever has a dot of ours has it from a batch that was opened before.
			if open := c.open.number(); e.Dot.Seq > open {
				d.fail("a fix of our batch %d, %d is open", e.Dot.Seq, open)
			}
		}
		if d.err != nil {
			break
		}
		if !take {
			m.incredible++
			m.unsure = horizon.unsure
			continue
		}
		c.gather(&a.gathered, &m.tally, id, &e)
		m.newest.note(d.from, e.Dot)
	}
	c.mergeGathered(&a.gathered, &m.tally)
	m.err = d.end()
	return m
}

// nextChunk is the chunk that the reader has merged, the oldest first, or merges it now.
func (l *Link) nextChunk(body []byte) (m mergedChunk) {
	a := &l.aheadChunks
	if len(a.chunks) == 0 {
		return l.mergeChunk(body)
	}
	m = a.chunks[0]
	a.chunks = slices.Delete(a.chunks, 0, 1)
	return m
}

// forgetMerged gives up what was prepared of a lane: no vector will cover it by way of
// this link. It is in the table, and so has to come to the disk.
func (l *Link) forgetMerged(lane Lane) {
	if lane == Live && len(l.ahead.batches) > 0 {
		l.ahead.batches = l.ahead.batches[:0]
		l.core.heard(l.peer, true)
		l.core.disk.lose()
	}
	if a := &l.aheadChunks; lane == Delta && len(a.chunks) > 0 {
		for _, m := range a.chunks {
			l.core.heardAll(m.newest)
		}
		l.core.disk.lose()
		a.chunks = nil
	}
}
