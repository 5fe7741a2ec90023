package gossip

import "herd/gossip/location"

// Progress is how far the batches of one live origin have come, as far as this node
// knows.
type Progress struct {
	Name   string
	Origin location.Origin
	Here   uint64            // the last that this node has, with all before it
	Lag    map[string]uint64 // by member, how many it lacks: of this node's own batches for each linked member, of others' for this node
}

// Progress lists the live origins, this node included, by name.
func (c *Cluster) Progress() []Progress {
	members := c.members.list()
	c.mu.Lock()
	defer c.mu.Unlock()
	vector, sealed := c.core.Vector(), c.core.Sealed()
	own := Progress{Name: c.self.Name, Origin: c.self.Origin, Here: sealed, Lag: make(map[string]uint64)}
	var all []Progress
	for _, m := range members {
		l := c.links[m.Origin]
		switch {
		case m.Self:
			all = append(all, own)
		case !m.State.live():
		case l == nil:
			all = append(all, Progress{m.Name, m.Origin, vector[m.Origin], map[string]uint64{}})
		default:
			own.Lag[m.Name] = sealed - min(sealed, l.core.Acked())
			here := vector[m.Origin]
			lag := max(here, l.core.Said()) - here
			all = append(all, Progress{m.Name, m.Origin, here, map[string]uint64{c.self.Name: lag}})
		}
	}
	return all
}
