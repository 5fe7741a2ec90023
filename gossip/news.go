package gossip

import (
	"errors"
	"fmt"
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

// stateTooLarge is a state that can't be sent, to be logged.
type stateTooLarge struct {
	name  string
	bytes int
}

// maxWaitingNews bounds what waits to be logged.
const maxWaitingNews = 4096

// tell notes what tellNews is to log. The caller holds mu, under which nothing is logged.
func (c *Cluster) tell(n any) {
	if len(c.news) < maxWaitingNews {
		c.news = append(c.news, n)
	}
}

// tellNews logs until Close. Whoever reads the log may be slow: nothing else waits
// for it.
func (c *Cluster) tellNews() {
	for {
		select {
		case <-c.ctx.Done():
			return
		case <-c.newsc:
		}
		c.mu.Lock()
		news := c.news
		c.news = nil
		c.mu.Unlock()
		for _, n := range c.members.takeNews(c.linked()) {
			n.log(c.log)
			if !n.parting {
				c.config.OnChange(n)
			}
		}
		for _, n := range news {
			c.tellOne(n)
		}
		for _, f := range c.members.takeForeigners() {
			c.tellForeigner(f)
		}
	}
}

// peerLines bounds the lines a minute about one peer, of each kind.
const peerLines = 10

// often tells whether too much was logged of a peer already.
func (c *Cluster) often(what, name string) bool {
	_, ok := c.transport.lines.allow(what+" "+name, peerLines)
	return !ok
}

func (c *Cluster) tellOne(n any) {
	switch n := n.(type) {
	case ackNews:
		c.log.Trace("acknowledged", "batch", n.batch, "in_sync", clean(strings.Join(n.inSync, " ")))
	case linkMade:
		if c.often("connected", n.name) {
			return
		}
		c.log.Info("peer connected", "peer", clean(n.name), "addr", n.addr, "origin", originText(n.origin))
	case linkLost:
		if c.often("disconnected", n.name) {
			return
		}
		args := []any{"peer", clean(n.name), "addr", n.addr, "origin", originText(n.origin), "reason", n.err}
		if errors.Is(n.err, replica.ErrMessage) {
			if _, ok := c.transport.lines.allow("quarantine "+n.name, warnLines); ok {
				c.log.Error("peer in quarantine: it sends what no correct node sends", args...)
				return
			}
		}
		c.log.Info("peer disconnected", args...)
	case stateTooLarge:
		c.log.Warn("state is too large to be shared: other nodes do not get it", "state", n.name, "bytes", n.bytes, "limit", maxState)
	case auditNews:
		if _, ok := c.transport.lines.allow("audit "+n.name, warnLines); ok {
			c.log.Error("tables differed though they should not have: repaired", "peer", clean(n.name), "origin", originText(n.origin),
				"buckets", n.buckets, "taken", n.taken, "sent", n.sent)
		}
	case Clock:
		if n.Peers < 2 {
			c.log.Error("this node's clock and its peer's are far apart: set the one that is wrong", "clock", n.Difference(), "limit", n.Limit)
			return
		}
		c.log.Error("this node's clock is wrong: set it, or old fixes win over new ones", "clock", n.Difference(), "limit", n.Limit)
	case syncNews:
		if c.often(fmt.Sprint("sync ", n.kind), n.name) {
			return
		}
		args := []any{"peer", clean(n.name), "origin", originText(n.origin)}
		switch n.kind {
		case replica.MemberIn:
			c.log.Info("peer is in sync", args...)
		case replica.MemberOut:
			c.log.Warn("peer is out of sync: it left a batch unacknowledged", append(args, "ack_timeout", c.config.AckTimeout)...)
		case replica.Overflow:
			c.log.Warn("peer is slow: its queue was dropped, it will catch up", args...)
		case replica.DiskIn:
			c.log.Info("what is acknowledged is on disk from now on")
		case replica.DiskOut:
			c.warn("the disk does not keep up: reports are acknowledged without it until it does", "ack_timeout", c.config.AckTimeout)
		case replica.DiskOverflow:
			c.warn("the disk is slow: what waited for it was dropped, it will catch up")
		case replica.Alone:
			c.warn("nobody is in sync: reports are acknowledged by this node alone until somebody is")
		case replica.CaughtUp:
			c.log.Debug("caught up with peer", args...)
		}
	}
}

// warn logs one line a minute of each message.
func (c *Cluster) warn(message string, args ...any) { c.transport.warn(message, args...) }
