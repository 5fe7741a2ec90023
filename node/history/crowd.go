package history

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
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

// crowd finds the place below which a fix may have been given up for want of room: that
// of the last of the MaxClients clients whose greatest fixes are the greatest, of all
// that were ever told.
func (c *checker) crowd() {
	best := make([]place, len(c.names))
	for i := range c.fixes {
		f := &c.fixes[i]
		if p := c.place(int32(i)); best[f.client].id == "" || p.compare(best[f.client]) > 0 {
			best[f.client] = p
		}
	}
	best = slices.DeleteFunc(best, func(p place) bool { return p.id == "" })
	if m := c.h.MaxClients; m > 0 && len(best) >= m {
		slices.SortFunc(best, place.compare)
		c.crowded = best[len(best)-m]
	}
}

// crowdedOut tells whether a fix may have been given up for want of room.
func (c *checker) crowdedOut(f int32) bool {
	return c.crowded.id != "" && c.place(f).compare(c.crowded) < 0
}

// fits tests that a dump holds no more clients than may be.
func (c *checker) fits(d *dump) {
	n := len(d.held)
	if c.h.MaxClients > 0 && c.test(Convergence, n <= c.h.MaxClients) && c.room(Convergence) {
		c.tell(Convergence, "", fmt.Sprintf("in the end %s holds %d clients, and no more than %d may be", c.process(d.proc), n, c.h.MaxClients))
	}
}
