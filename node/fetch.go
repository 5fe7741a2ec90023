package node

// fetch has the clients of line, and of lines that come next, brought near. It tells
// how many lines it has seen to.
func (c *session) fetch(line []byte) (lines int) {
	ids, lines := c.lines.Ahead(line)
	if len(ids) > 0 {
		c.server.config.Herd.Prefetch(ids)
	}
	return lines
}
