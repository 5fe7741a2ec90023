package gossip

import (
	"errors"
	"strings"

	"herd/gossip/location"
	"herd/gossip/replica"
)

// ackNews is an acknowledgement to be logged.
type ackNews struct {
	batch  uint64
	inSync []string
}

// syncNews is an event of the core to be logged.
type syncNews struct {
	kind   replica.EventKind
	name   string
	origin location.Origin
}

// linkMade is a new link to be logged.
type linkMade struct {
	name, addr string
	origin     location.Origin
}

// linkLost is the end of a link to be logged.
type linkLost struct {
	name, addr string
	origin     location.Origin
	err        error
}

// maxWaitingNews bounds what waits to be logged.
const maxWaitingNews = 4096

// tell notes what beat will log; the caller holds mu, under which nothing is written.
func (c *Cluster) tell(n any) {
	if len(c.news) < maxWaitingNews {
		c.news = append(c.news, n)
	}
}

func (c *Cluster) tellOne(n any) {
	switch n := n.(type) {
	case ackNews:
		c.log.Trace("acknowledged", "batch", n.batch, "in_sync", clean(strings.Join(n.inSync, " ")))
	case linkMade:
		c.log.Info("peer connected", "peer", clean(n.name), "addr", n.addr, "origin", originText(n.origin))
	case linkLost:
		args := []any{"peer", clean(n.name), "addr", n.addr, "origin", originText(n.origin), "reason", n.err}
		if errors.Is(n.err, replica.ErrMessage) {
			c.log.Error("peer in quarantine: it sends what no correct node sends", args...)
		} else {
			c.log.Info("peer disconnected", args...)
		}
	case syncNews:
		args := []any{"peer", clean(n.name), "origin", originText(n.origin)}
		switch n.kind {
		case replica.MemberIn:
			c.log.Info("peer is in sync", args...)
		case replica.MemberOut:
			c.log.Warn("peer is out of sync: it left a batch unacknowledged", append(args, "ack_timeout", c.config.AckTimeout)...)
		case replica.Overflow:
			c.log.Warn("peer is slow: its queue was dropped, it will catch up", args...)
		case replica.Alone:
			c.warn("nobody is in sync: reports are acknowledged by this node alone until somebody is")
		case replica.CaughtUp:
			c.log.Debug("caught up with peer", args...)
		}
	}
}

// warn logs one line a minute of each message.
func (c *Cluster) warn(message string, args ...any) { c.transport.warn(message, args...) }
