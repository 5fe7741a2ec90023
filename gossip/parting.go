package gossip

import "time"

// Parting tells the herd that this node is about to leave and takes no new clients: members show
// that. It waits for nothing and may be called again.
func (c *Cluster) Parting() {
	c.mu.Lock()
	list := c.list
	c.mu.Unlock()
	if c.parting.Swap(true) || list == nil { // what has yet to join says it then
		return
	}
	c.spawn(func() {
		if !offer(c.leaving, struct{}{}) {
			return // it leaves
		}
		defer func() { <-c.leaving }()
		if c.ctx.Err() == nil {
			_ = list.UpdateNode(time.Nanosecond) // the news is queued by then, and goes out when it can
		}
	})
}
