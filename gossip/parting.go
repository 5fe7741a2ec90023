package gossip

// Parting tells the herd that this node is about to leave and takes no new clients: members show
// that. It waits for nothing and may be called again.
func (c *Cluster) Parting() {
	if c.parting.Swap(true) {
		return
	}
	c.mu.Lock()
	list := c.list
	c.mu.Unlock()
	if list != nil { // what has yet to join says it then
		c.spawn(func() { c.tellMeta(list) })
	}
}
