package load

import "time"

// closedLoop sends as many commands at once as the pipeline has, and again when all
// are answered, until the run is over or there are no more.
func (c *connection) closedLoop(m *maker, pipeline int) {
	var text []byte
	for {
		now := c.group.clock()
		if c.group.over(now) {
			return
		}
		wall := time.Now().UnixNano()
		for range pipeline {
			if !c.add(m, now, wall) {
				break
			}
		}
		if c.written == c.tail.Load() {
			return
		}
		text = c.flush(text)
		for c.head.Load() != c.tail.Load() {
			if c.dead.Load() || !c.receive() {
				return
			}
		}
	}
}
