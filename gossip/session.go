package gossip

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"herd/gossip/location"
)

// A session is opened by two streams, live then delta. Each begins with a hello of
// the dialer and a reply of the acceptor:
//
//	version, dialer's origin, acceptor's origin, session ID
//	version, verdict, acceptor's origin
//
// The session is of the dialer's version: the newest that both ends speak. It has
// the acceptor's from the metadata that members show. The version in the reply is the
// newest that the acceptor speaks.
const (
	sessionVersion = 4 // the newest that this release speaks
	oldestVersion  = 1 // it still speaks this one: releases take turns in a herd
	sharingVersion = 2 // since this one the live lane carries states

	sessionHello = 1 + 8 + 8 + 8
	sessionReply = 1 + 1 + 8

	maxHalves = 256 // sessions of which one stream has come
	maxLinks  = maxMembers
)

// verdict is the acceptor's reply. Both ends log it.
type verdict byte

const (
	welcome verdict = iota
	notMe           // another incarnation lives here
	refusedVersion
	refusedQuarantine
	refusedFull
	refusedCrossed
)

var verdicts = [...]string{
	welcome:           "welcome",
	notMe:             "another incarnation lives there",
	refusedVersion:    "no version in common",
	refusedQuarantine: "quarantine for a bad message",
	refusedFull:       "too many sessions",
	refusedCrossed:    "the acceptor's own session came first",
}

func (v verdict) String() string {
	if int(v) < len(verdicts) {
		return verdicts[v]
	}
	return fmt.Sprintf("verdict %d", byte(v))
}

// Verdicts that are nothing to worry about.
var (
	errNotMe   = errors.New("another incarnation lives there")
	errCrossed = errors.New("the peer's own session came first")
)

// hail is the dialer's hello.
type hail struct {
	version  byte
	from, to location.Origin
	id       uint64
}

func (h hail) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint64(append(b, h.version), uint64(h.from))
	b = binary.BigEndian.AppendUint64(b, uint64(h.to))
	return binary.BigEndian.AppendUint64(b, h.id)
}

// readHail reads what append wrote. That it makes sense is for judge to tell.
func readHail(b *[sessionHello]byte) hail {
	origin := func(at int) location.Origin { return location.Origin(binary.BigEndian.Uint64(b[at:])) }
	return hail{b[0], origin(1), origin(9), binary.BigEndian.Uint64(b[17:])}
}

// dialSession opens both streams to a member, each within that time.
func (c *Cluster) dialSession(ctx context.Context, m Member, within time.Duration) error {
	version := min(c.self.Protocol, max(m.Protocol, oldestVersion))
	h := hail{version, c.self.Origin, m.Origin, rand.Uint64()}
	live, err := c.dialLane(ctx, m, purposeLive, h, within)
	if err != nil {
		return err
	}
	delta, err := c.dialLane(ctx, m, purposeDelta, h, within)
	if err != nil {
		live.Close()
		return slow(err) // even if it was not taken: the first one was
	}
	c.openLink(m.Origin, m.Gossip, true, h.version, live, delta)
	return nil
}

func (c *Cluster) dialLane(ctx context.Context, m Member, purpose purpose, h hail, within time.Duration) (_ *stream, err error) {
	s, err := c.transport.dialWithin(ctx, m.Gossip, purpose, within)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			s.Close()
			err = fmt.Errorf("open a session with %s at %s: %w", m.Name, m.Gossip, slow(err))
		}
	}()
	s.SetDeadline(time.Now().Add(within))
	if _, err := s.Write(h.append(nil)); err != nil {
		return nil, err
	}
	var reply [sessionReply]byte
	if _, err := io.ReadFull(s, reply[:]); err != nil {
		return nil, err
	}
	switch v := verdict(reply[1]); {
	case v == notMe:
		return nil, errNotMe
	case v == refusedCrossed:
		return nil, errCrossed
	case v == refusedVersion:
		return nil, fmt.Errorf("refused: %v: it speaks %d at the most, this node %d", v, reply[0], h.version)
	case v != welcome:
		return nil, errors.New("refused: " + v.String())
	}
	s.SetDeadline(time.Time{})
	return s, nil
}

// half is a session of which one stream has come.
type half struct {
	hail
	stream *stream
	timer  *time.Timer
}

// acceptLane takes one stream of a session that a peer opens.
func (c *Cluster) acceptLane(s *stream) {
	s.SetDeadline(time.Now().Add(c.transport.config.patience()))
	var b [sessionHello]byte
	if _, err := io.ReadFull(s, b[:]); err != nil {
		s.Close()
		return
	}
	h := readHail(&b)
	if v := c.judge(h); v != welcome {
		c.refuseSession(s, h, v)
		return
	}
	first, v := c.match(h, s)
	if first == nil { // the other one has yet to come
		if v == welcome {
			if c.replySession(s, welcome) != nil {
				s.Close()
			}
		} else {
			c.refuseSession(s, h, v)
		}
		return
	}
	// Both are here. The core may send before the reply has gone: the dialer reads
	// the reply first.
	live, delta := first, s
	if first.Purpose() == purposeDelta {
		live, delta = s, first
	}
	if live.Purpose() != purposeLive || delta.Purpose() != purposeDelta || c.replySession(s, welcome) != nil {
		live.Close()
		delta.Close()
		return
	}
	live.SetDeadline(time.Time{})
	delta.SetDeadline(time.Time{})
	c.openLink(h.from, s.RemoteAddr().String(), false, h.version, live, delta)
}

// judge tells whether a session is wanted.
func (c *Cluster) judge(h hail) verdict {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.links[h.from]
	switch {
	case h.to != c.self.Origin, h.from == c.self.Origin, h.from == 0:
		return notMe // first: the one before at this address may have been of a newer release
	case h.version < oldestVersion, h.version > c.self.Protocol:
		return refusedVersion
	case c.quarantinedLocked(h.from):
		return refusedQuarantine
	case l == nil && len(c.links) >= maxLinks, c.crowdedLocked(h.from):
		return refusedFull
	case l != nil && l.smaller && c.self.Origin < h.from && time.Since(l.opened) < crossing:
		return refusedCrossed
	}
	return welcome
}

func (c *Cluster) replySession(s *stream, v verdict) error {
	_, err := s.Write(appendReply(nil, c.self.Protocol, v, c.self.Origin))
	return err
}

func appendReply(b []byte, version byte, v verdict, self location.Origin) []byte {
	return binary.BigEndian.AppendUint64(append(b, version, byte(v)), uint64(self))
}

func (c *Cluster) refuseSession(s *stream, h hail, v verdict) {
	c.mu.Lock()
	c.stats.sessionsRefused++
	c.mu.Unlock()
	switch v {
	case notMe, refusedCrossed:
	case refusedVersion:
		c.warn("session refused: its release and this one speak no version in common: give one of them a release that goes with both",
			"peer", clean(s.PeerName()), "addr", s.RemoteAddr(), "session", h.version, "oldest", oldestVersion, "newest", c.self.Protocol)
	default:
		c.warn("session refused", "peer", clean(s.PeerName()), "addr", s.RemoteAddr(), "verdict", v)
	}
	_ = c.replySession(s, v) // it will see the end either way
	s.Close()
}

// match finds the other stream of a session, or keeps this one until that comes.
func (c *Cluster) match(h hail, s *stream) (first *stream, v verdict) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if first, ok := c.halves[h.id]; ok {
		delete(c.halves, h.id)
		first.timer.Stop()
		if first.hail == h {
			return first.stream, welcome
		}
		c.wg.Go(func() { first.stream.Close() })
	}
	if c.closed || len(c.halves) >= maxHalves {
		return nil, refusedFull
	}
	mine := &half{hail: h, stream: s}
	mine.timer = time.AfterFunc(c.transport.config.patience(), func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.halves[h.id] == mine && !c.closed {
			delete(c.halves, h.id)
			c.wg.Go(func() { s.Close() })
		}
	})
	c.halves[h.id] = mine
	return nil, welcome
}

// quarantine is how long a peer is shunned that sent what no correct peer sends.
const quarantine = 30 * time.Second

func (c *Cluster) quarantineLocked(o location.Origin) {
	c.stats.quarantined++
	for other, until := range c.quarantines {
		if time.Now().After(until) {
			delete(c.quarantines, other)
		}
	}
	if len(c.quarantines) < maxMembers {
		c.quarantines[o] = time.Now().Add(quarantine)
	}
}

func (c *Cluster) quarantinedLocked(o location.Origin) bool {
	until, ok := c.quarantines[o]
	return ok && time.Now().Before(until)
}
