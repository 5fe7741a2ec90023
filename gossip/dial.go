package gossip

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"herd/gossip/location"
)

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
		joined, awaits := c.joined.Load(), c.awaited.Load() > 0 // before the members are read
		members := c.members.peers()
		c.limit(joined, members) // before there are links
		c.lookAround(ctx, peers, members, done)
		if slices.ContainsFunc(members, func(m Member) bool { return m.said }) {
			c.members.answered(c.linked())
		}
		c.checkCaughtUp(joined, awaits)
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
