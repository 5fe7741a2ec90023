package history

import (
	"cmp"
	"container/heap"
	"fmt"
	"slices"
	"sort"
	"strings"

	"herd/gossip/location"
)

// place is where a client stands among those that a herd keeps: by the order time of its
// fix, then by its ID.
type place struct {
	order int64
	id    string
}

func (p place) compare(q place) int {
	return cmp.Or(cmp.Compare(p.order, q.order), strings.Compare(p.id, q.id))
}

func (c *checker) place(f int32) place { return place{c.fixes[f].Order, c.names[c.fixes[f].client]} }

// full is the place, from an instant on, of the last of as many clients as may be.
type full struct {
	at int64
	place
}

// crowd finds, for each instant, the place below which a fix may have been given up for want
// of room by then: that of the last of as many clients as may be whose greatest fixes are
// the greatest, of all that were sent. What was not answered may have been taken, and have
// had others give way.
func (c *checker) crowd() {
	most := c.h.most()
	if most <= 0 {
		return
	}
	var writes []int32
	for i := range c.h.Ops {
		if o := &c.h.Ops[i]; o.Kind == Write && o.Outcome != Fail {
			writes = append(writes, int32(i))
		}
	}
	slices.SortFunc(writes, func(i, j int32) int { return cmp.Compare(c.h.Ops[i].Inv, c.h.Ops[j].Inv) })
	top := top{best: make(map[string]int64)}
	for _, i := range writes {
		p, ok := c.sentTo(i)
		if !ok || !top.add(p, most) || len(top.best) < most {
			continue
		}
		c.crowded = append(c.crowded, full{c.h.Ops[i].Inv, top.lowest()})
	}
}

// sentTo is the place to which a write may have brought its client.
func (c *checker) sentTo(op int32) (p place, ok bool) {
	if f := c.perOp[op]; f != none {
		return c.place(f), true
	}
	o := &c.h.Ops[op]
	t, err := location.ParseTime([]byte(o.Time))
	if err != nil {
		return place{}, false
	}
	return place{t.Nanos(), o.Client}, true // the order time is no later
}

// top are the clients that stay.
type top struct {
	best map[string]int64 // of those that are in
	heap places           // the lowest first; some are of fixes that their clients have replaced
}

// add takes in a place if it is among the highest, one for each client, and tells
// whether it is.
func (t *top) add(p place, most int) bool {
	was, in := t.best[p.id]
	if in && p.order <= was || !in && len(t.best) == most && p.compare(t.lowest()) < 0 {
		return false
	}
	t.best[p.id] = p.order
	heap.Push(&t.heap, p)
	if len(t.best) > most {
		delete(t.best, t.lowest().id)
	}
	return true
}

// lowest is the lowest place of those that are in.
func (t *top) lowest() place {
	for {
		p := t.heap[0]
		if order, in := t.best[p.id]; in && order == p.order {
			return p
		}
		heap.Pop(&t.heap)
	}
}

// places is a heap of places.
type places []place

func (p places) Len() int           { return len(p) }
func (p places) Less(i, j int) bool { return p[i].compare(p[j]) < 0 }
func (p places) Swap(i, j int)      { p[i], p[j] = p[j], p[i] }
func (p *places) Push(x any)        { *p = append(*p, x.(place)) }
func (p *places) Pop() any {
	last := (*p)[len(*p)-1]
	*p = (*p)[:len(*p)-1]
	return last
}

// crowdedOut tells whether a fix may have been given up for want of room by an instant.
func (c *checker) crowdedOut(f int32, instant int64) bool {
	i := sort.Search(len(c.crowded), func(i int) bool { return c.crowded[i].at > instant })
	return i > 0 && c.place(f).compare(c.crowded[i-1].place) < 0
}

// fits tests that a dump holds no more clients than may be.
func (c *checker) fits(d *dump) {
	n := len(d.held)
	if c.h.MaxClients > 0 && c.test(Convergence, n <= c.h.MaxClients) && c.room(Convergence) {
		c.tell(Convergence, "", fmt.Sprintf("in the end %s holds %d clients, and no more than %d may be", c.process(d.proc), n, c.h.MaxClients))
	}
}
