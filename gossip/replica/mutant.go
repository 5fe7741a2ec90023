package replica

import (
	"slices"

	"herd/gossip/location"
)

// mutant undoes rules, so that the model can show that it would notice. Outside of
// tests it is zero.
type mutant struct {
	dotAtSeal      bool // rule 1: a fix gets its dot when its batch is sealed; deltas skip what is not
	otherNumber    bool // rule 1: a fix gets the number of a stripe that is sealed after its own
	commitOpen     bool // rule 1: a commit covers the open batch
	ownOnly        bool // rule 2: a delta holds only fixes of the sender
	neverCompare   bool // rule 2: survivors do not compare vectors
	jumpGaps       bool // rule 2: a vector jumps gaps
	vectorAtEnd    bool // rule 2: a commit carries the vector from when the answer ended
	unheardChunks  bool // rule 2: nobody takes note that a chunk brings what no vector covers
	dropSuperseded bool // rule 3: sealing leaves out what a greater fix has replaced meanwhile
	coalesceQueued bool // rule 3: a batch that waits in a queue loses what the next one has newer
	losersFree     bool // rule 4: a report that loses to another origin's fix waits for nothing
	ownLosersFree  bool // rule 4: a report that loses to an own fix waits for nothing
	ownLosersHere  bool // rule 4: a report that loses to an own fix waits for no batch after its own stripe's
	firstWins      bool // rule 5: of equal times the first stays
	firstDot       bool // rule 5: of equal fixes the first dot stays
	noTakeover     bool // rule 6: orphans keep their dots
	forgetCarried  bool // rule 6: a vector entry goes although fixes carry its dots
	enterOnCommit  bool // rule 7: in as soon as the commit is acknowledged
	endlessLease   bool // rule 7: a lease lasts as long as the link
	ownLease       bool // rule 7: a lease lasts as long as the member thinks
	outOnOverflow  bool // rule 7: an overflow puts out, not time
	noHold         bool // rule 7: a link given up is out at once
	grantAlways    bool // rule 7: leases are as long while batches hang
	wallTimeouts   bool // rule 7: time-outs count the time in which this node stood still
	oneAckLess     bool // rule 7: who asks for two peers waits for one
	readyOnFirst   bool // rule 7: one answer is enough to be ready
	readyAlone     bool // rule 7: ready although members are yet to come in
	dotlessLookups bool // rule 8: what a look-up brings has no dot
	forgetEvicted  bool // rule 9: what is evicted may come back
	floorUntold    bool // rule 9: nobody is told of a floor
	floorAtBegin   bool // rule 9: a commit comes with the floor from when the answer began
	astrayAnswers  bool // rule 9: a node with a wrong clock answers vectors
	noGrace        bool // rule 9: an expired fix is removed, not only hidden, at its deadline
	lossyVector    bool // rule 10: a vector from a disk counts although something is missing before it
}

// refuses tells whether a mutant of rule 5 keeps was where e should win.
func (m *mutant) refuses(was, e *location.Entry) bool {
	same := was.Compare(&e.Fix) == 0
	if m.firstDot {
		return same
	}
	return was.Order == e.Order && was.Time.Nanos() == e.Time.Nanos() && !same
}

// mutate is what mutants make of a batch that is being sealed.
func (c *Core) mutate(message []byte) []byte {
	fixes := fixesOf(message)
	if c.mutant.dotAtSeal {
		c.dotNow(fixes)
	}
	if c.mutant.dropSuperseded {
		fixes = c.unsuperseded(fixes)
	}
	if c.mutant.coalesceQueued {
		c.coalesce(c.lastBatch, fixes)
		c.lastBatch = fixes
	}
	return appendBatch(nil, c.cfg.Name, c.seq-1, c.seq, fixes)
}

// fixesOf takes a batch of our own apart.
func fixesOf(message []byte) (fixes []record) {
	d := decoder{b: message[prefixLen+1:], names: map[string]string{}}
	name, _, _ := d.batchHead()
	for d.more() {
		id, e := d.batchFix(name, location.Dot{})
		fixes = append(fixes, record{string(id), e})
	}
	return fixes
}

// dotNow is dotAtSeal's second half.
func (c *Core) dotNow(fixes []record) {
	for i := range fixes {
		r := &fixes[i]
		was, ok := c.table.Get([]byte(r.id))
		r.entry.Dot.Origin, r.entry.Dot.Seq = c.cfg.Self, c.seq
		if ok && was.Dot.Seq == 0 && was.Dot.Origin == c.cfg.Self && was.Compare(&r.entry.Fix) == 0 {
			c.table.Merge([]byte(r.id), r.entry)
		}
	}
}

// unsuperseded is what dropSuperseded leaves of the open batch.
func (c *Core) unsuperseded(fixes []record) []record {
	var left []record
	for _, r := range fixes {
		was, _ := c.table.Get([]byte(r.id))
		if was.Dot.Origin == c.cfg.Self || was.Compare(&r.entry.Fix) <= 0 {
			left = append(left, r)
		}
	}
	return left
}

// coalesce is coalesceQueued: where the batch before, which held last, is still the
// end of a queue, it is sent without the clients of which fixes has another report.
func (c *Core) coalesce(last, fixes []record) {
	var left []record
	for _, r := range last {
		if !slices.ContainsFunc(fixes, func(n record) bool { return n.id == r.id }) {
			left = append(left, r)
		}
	}
	message := appendBatch(nil, c.cfg.Name, c.seq-2, c.seq-1, left)
	for _, l := range c.links {
		if n := len(l.queue); n > 0 {
			l.queued += len(message) - len(l.queue[n-1])
			l.queue[n-1] = message
		}
	}
}
