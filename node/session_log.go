package node

import (
	"bytes"
	"errors"
	"net"

	"github.com/hashicorp/go-hclog"

	"herd/node/protocol"
)

// log tells of the connection, at debug.
func (c *session) log(message string, args ...any) {
	if log := c.server.log; log.IsDebug() {
		log.Debug(message, append([]any{"client", c.remoteAddr().String()}, args...)...)
	}
}

func (c *session) remoteAddr() net.Addr {
	if c.seat != nil {
		return c.seat.socket.RemoteAddr()
	}
	return c.conn.RemoteAddr()
}

// ended tells why the connection has ended.
func (c *session) ended(why error) {
	if errors.Is(why, errDrained) {
		c.server.count.drained.Add(1)
	}
	if errors.Is(why, errStalled) {
		c.server.count.stalled.Add(1)
	}
	if why == nil {
		why = errEnded
	}
	c.log("client gone", "reason", why)
}

// logReply tells of a line and its reply.
func (c *session) logReply(line, reply []byte, why protocol.Reason) {
	reply, _, _ = bytes.Cut(reply, []byte{'\n'}) // without what is near
	args := []any{"in", hclog.Quote(line), "out", hclog.Quote(reply)}
	if why != protocol.None {
		args = append(args, "reason", why.String())
	}
	c.log("line answered", args...)
}
