package gossip

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
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

// verdict is the acceptor's reply.
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
	refusedVersion:    "it speaks another version",
	refusedQuarantine: "it has this node in quarantine for a bad message",
	refusedFull:       "it has too many sessions",
	refusedCrossed:    "its own session came first",
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

// dialSession opens both streams to a member.
func (c *Cluster) dialSession(ctx context.Context, m Member) error {
	version := min(c.self.Protocol, max(m.Protocol, oldestVersion))
	h := hail{version, c.self.Origin, m.Origin, rand.Uint64()}
	live, err := c.dialLane(ctx, m, PurposeLive, h)
	if err != nil {
		return err
	}
	delta, err := c.dialLane(ctx, m, PurposeDelta, h)
	if err != nil {
		live.Close()
		return err
	}
	c.openLink(m.Origin, m.Gossip, true, h.version, live, delta)
	return nil
}

func (c *Cluster) dialLane(ctx context.Context, m Member, purpose Purpose, h hail) (_ *Stream, err error) {
	s, err := c.transport.DialPeer(ctx, m.Gossip, purpose)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			s.Close()
			err = fmt.Errorf("open a session with %s at %s: %w", m.Name, m.Gossip, err)
		}
	}()
	s.SetDeadline(time.Now().Add(c.transport.config.HandshakeTimeout))
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
	case v != welcome:
		return nil, errors.New("refused: " + v.String())
	}
	s.SetDeadline(time.Time{})
	return s, nil
}

// half is a session of which one stream has come.
type half struct {
	hail
	stream *Stream
	timer  *time.Timer
}

// acceptLane takes one stream of a session that a peer opens.
func (c *Cluster) acceptLane(s *Stream) {
	s.SetDeadline(time.Now().Add(c.transport.config.HandshakeTimeout))
	var b [sessionHello]byte
	if _, err := io.ReadFull(s, b[:]); err != nil {
		s.Close()
		return
	}
	h := readHail(&b)
	if v := c.judge(h); v != welcome {
		c.refuseSession(s, v)
		return
	}
	first, v := c.match(h, s)
	if first == nil { // the other one has yet to come
		if v == welcome {
			if c.replySession(s, welcome) != nil {
				s.Close()
			}
		} else {
			c.refuseSession(s, v)
		}
		return
	}
	// Both are here. The core may send before the reply has gone: the dialer reads
	// the reply first.
	live, delta := first, s
	if first.Purpose() == PurposeDelta {
		live, delta = s, first
	}
	if live.Purpose() != PurposeLive || delta.Purpose() != PurposeDelta || c.replySession(s, welcome) != nil {
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
	case h.version < oldestVersion, h.version > c.self.Protocol:
		return refusedVersion
	case h.to != c.self.Origin, h.from == c.self.Origin, h.from == 0:
		return notMe
	case c.quarantinedLocked(h.from):
		return refusedQuarantine
	case l == nil && len(c.links) >= maxLinks, c.crowdedLocked(h.from):
		return refusedFull
	case l != nil && l.smaller && c.self.Origin < h.from && time.Since(l.opened) < crossing:
		return refusedCrossed
	}
	return welcome
}

func (c *Cluster) replySession(s *Stream, v verdict) error {
	_, err := s.Write(appendReply(nil, c.self.Protocol, v, c.self.Origin))
	return err
}

func appendReply(b []byte, version byte, v verdict, self location.Origin) []byte {
	return binary.BigEndian.AppendUint64(append(b, version, byte(v)), uint64(self))
}

func (c *Cluster) refuseSession(s *Stream, v verdict) {
	c.mu.Lock()
	c.stats.sessionsRefused++
	c.mu.Unlock()
	if v != notMe && v != refusedCrossed {
		c.warn("session refused", "peer", clean(s.PeerName()), "addr", s.RemoteAddr(), "verdict", v)
	}
	_ = c.replySession(s, v) // it will see the end either way
	s.Close()
}

// match finds the other stream of a session, or keeps this one until that comes.
func (c *Cluster) match(h hail, s *Stream) (first *Stream, v verdict) {
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
	mine.timer = time.AfterFunc(c.transport.config.HandshakeTimeout, func() {
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

// peer is what the cluster knows of a live member besides its link.
type peer struct {
	next    time.Time // when to dial
	pause   time.Duration
	tried   time.Time // when it was dialed first
	dialing time.Time // since when; zero: not
	failed  bool      // the last dial did
}

// unreachable tells whether nobody waits any more for the member to be met.
func (p *peer) unreachable(now time.Time) bool {
	return !p.tried.IsZero() && now.Sub(p.tried) > unreachableAfter && (p.failed || !p.dialing.IsZero())
}

// unreachableAfter is how long a member may be dialed in vain before nobody waits for it.
const unreachableAfter = 500 * time.Millisecond

// help is how long the end with the greater origin leaves the dial to the other one,
// which may not know of it yet, or be slow. A node that wants to catch up helps
// sooner, unless so many are to be met that it would only add to the work.
func (c *Cluster) help(members int) time.Duration {
	if isClosed(c.caughtUp) {
		return time.Second
	}
	return min(time.Second, 200*time.Millisecond+time.Duration(members)*25*time.Millisecond)
}

// steady is how long a link must stand for the pauses between dials to begin anew.
const steady = 2 * time.Second

// maxDials bounds the dials under way. A handshake costs a millisecond of both ends'
// CPU: hundreds at once would keep this node from answering probes.
const maxDials = 4

// dialed is the outcome of a dial.
type dialed struct {
	origin location.Origin
	err    error
}

// keepLinks dials the live members that have no link, until ctx is done. Of a pair
// the one with the smaller origin dials, and the other one helps.
func (c *Cluster) keepLinks(ctx context.Context) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	peers := make(map[location.Origin]*peer)
	done := make(chan dialed, maxMembers)
	for {
		joined := c.joined.Load() // before the members are read
		members := c.members.peers()
		c.limit(joined, members) // before there are links
		c.lookAround(ctx, peers, members, done)
		if slices.ContainsFunc(members, func(m Member) bool { return m.said }) {
			c.members.answered(c.linked())
		}
		c.checkCaughtUp(joined)
		c.watchClock()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-c.members.changed:
		case <-c.nudged:
		}
		for more := true; more; {
			select {
			case d := <-done:
				peers[d.origin].dialed(d.err)
			default:
				more = false
			}
		}
	}
}

// linked is the peers that a session stands with.
func (c *Cluster) linked() map[location.Origin]bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	linked := make(map[location.Origin]bool, len(c.links))
	for o := range c.links {
		linked[o] = true
	}
	return linked
}

// dialed takes note of how a dial ended, and when the next may be.
func (p *peer) dialed(err error) {
	p.dialing = time.Time{}
	p.failed = err != nil && !errors.Is(err, errCrossed)
	p.pause = min(max(2*p.pause, 100*time.Millisecond), time.Second)
	p.next = time.Now().Add(p.pause/2 + rand.N(p.pause))
}

// lookAround says which links there ought to be, and dials what is missing.
func (c *Cluster) lookAround(ctx context.Context, peers map[location.Origin]*peer, members []Member, done chan<- dialed) {
	now := time.Now()
	there := make(map[location.Origin]bool, len(members))
	c.mu.Lock()
	defer c.mu.Unlock()
	c.expected = c.expected[:0]
	dials := 0
	for _, p := range peers {
		if !p.dialing.IsZero() && now.Sub(p.dialing) < unreachableAfter {
			dials++ // one that hangs keeps nobody from being dialed
		}
	}
	for _, m := range members {
		there[m.Origin] = true
		p := peers[m.Origin]
		l := c.links[m.Origin]
		linked := l != nil
		if p == nil || linked && p.dialing.IsZero() && now.Sub(l.opened) > steady {
			p = &peer{next: now}
			if m.Origin < c.self.Origin {
				p.next = now.Add(c.help(len(members)))
			}
			peers[m.Origin] = p
		}
		c.expected = append(c.expected, expected{
			origin: m.Origin, name: m.Name,
			superseded: m.superseded && !linked, unreachable: !linked && p.unreachable(now),
		})
		if linked || !p.dialing.IsZero() || now.Before(p.next) || dials >= maxDials || c.quarantinedLocked(m.Origin) {
			continue
		}
		dials++
		p.dialing = now
		if p.tried.IsZero() {
			p.tried = now
		}
		c.wg.Go(func() {
			done <- dialed{m.Origin, c.dialMember(ctx, m)}
			c.nudge()
		})
	}
	c.watchStrangersLocked(there, now)
	c.judgeByLocked()
	for o, p := range peers {
		if !there[o] && p.dialing.IsZero() {
			delete(peers, o)
		}
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// dialMember tries once.
func (c *Cluster) dialMember(ctx context.Context, m Member) error {
	ctx, cancel := context.WithTimeout(ctx, c.profile.stream)
	defer cancel()
	err := c.dialSession(ctx, m)
	if err != nil && ctx.Err() != context.Canceled && !errors.Is(err, errNotMe) && !errors.Is(err, errCrossed) {
		c.transport.say(levelOf(err), "cannot connect to peer", "peer", m.Name, "addr", m.Gossip, "error", err)
	}
	return err
}

// expected is a live member that this node ought to have a link with.
type expected struct {
	origin      location.Origin
	name        string
	unreachable bool // no link, and this node's dial fails or hangs
	superseded  bool // no link, and a newer member has its name
}

// behindLocked tells whether this node may lack what a member has acknowledged.
func (c *Cluster) behindLocked(e expected, now time.Duration) bool {
	l := c.links[e.origin]
	return l == nil && !e.superseded || l != nil && (!l.core.Met() || !l.core.Leased(now))
}
