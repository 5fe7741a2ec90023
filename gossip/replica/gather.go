package replica

import "herd/gossip/location"

// together is how many fixes of a batch are merged at a time.
const together = 16

// gathered is fixes that were read from a batch and are to be merged: some at a time, so
// that the memory which they go to is waited for once and not once for each.
type gathered struct {
	ids     [][]byte // parts of the message
	entries []location.Entry
}

// tally is what came of merging.
type tally struct {
	applied, redundant uint64
	duplicate          uint64 // of redundant: the table had the fix already
}

// note counts t.
func (s *Stats) note(t *tally) {
	s.Applied += t.applied
	s.Redundant += t.redundant
	s.Duplicate += t.duplicate
}

// gather merges a fix by and by: mergeGathered sees to it that it is done.
func (c *Core) gather(g *gathered, t *tally, id []byte, e *location.Entry) {
	g.ids, g.entries = append(g.ids, id), append(g.entries, *e)
	if len(g.ids) == together {
		c.mergeGathered(g, t)
	}
}

func (c *Core) mergeGathered(g *gathered, t *tally) {
	if len(g.ids) > 1 {
		c.table.Prefetch(g.ids)
	}
	for i, id := range g.ids {
		c.mergeOne(t, id, &g.entries[i])
	}
	g.ids, g.entries = g.ids[:0], g.entries[:0]
}

// mergeOne merges a fix now.
func (c *Core) mergeOne(t *tally, id []byte, e *location.Entry) {
	if _, result := c.merge(id, *e); result.Won() {
		t.applied++
	} else {
		t.redundant++
		t.duplicate += same(result)
	}
}

// same is 1 for a fix that the table had already.
func same(r location.Result) uint64 {
	if r == location.Duplicate || r == location.Retagged {
		return 1
	}
	return 0
}
