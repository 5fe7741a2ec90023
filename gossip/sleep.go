package gossip

// While a machine is suspended Go's clock stands still, and its peers' clocks go on: they put the
// node out, and acknowledge without it. Its leases must have ended when it wakes. To read the clock
// that goes on takes ten times as long, so that is done at each beat, and before leases are trusted.

// wake takes note of for how long the machine has been suspended since the node started.
func (c *Cluster) wake() {
	if c.config.Slept == nil {
		return
	}
	slept := int64(c.config.Slept() - c.sleptBefore)
	for {
		last := c.slept.Load()
		if slept <= last || c.slept.CompareAndSwap(last, slept) {
			return
		}
	}
}
