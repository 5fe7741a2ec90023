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
	tried   time.Time     // when it was dialed first
	dialing time.Time     // since when; zero: not
	within  time.Duration // how long the next dial may take
	failed  bool          // the last dial did
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
// CPU: hundreds at once would keep this node from answering probes. On a machine too busy to
// end them in time there are fewer, and they get more of it: what is given up was in vain, and
// many nodes that start there at once would never come to an end.
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
	room := maxDials // for dials under way
	for {
		joined, awaits := c.joined.Load(), c.awaited.Load() > 0 // before the members are read
		members := c.members.peers()
		c.limit(joined, members) // before there are links
		c.lookAround(ctx, peers, members, done, room)
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
				peers[d.origin].dialed(d.err, c.transport.config.patience())
				room = roomAfter(room, d.err)
			default:
				more = false
			}
		}
	}
}

// roomAfter is for how many dials there is room when one has ended.
func roomAfter(room int, err error) int {
	switch {
	case err == nil:
		return min(room+1, maxDials)
	case errors.Is(err, errSlow):
		return max(room/2, 1)
	}
	return room
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

// dialed takes note of how a dial ended, when the next may be and how long that may take, most
// at the most.
func (p *peer) dialed(err error, most time.Duration) {
	p.dialing = time.Time{}
	if errors.Is(err, errSlow) {
		p.within = max(p.within, min(2*p.within, most))
	}
	p.failed = err != nil && !errors.Is(err, errCrossed)
	p.pause = min(max(2*p.pause, 100*time.Millisecond), time.Second)
	p.next = time.Now().Add(p.pause/2 + rand.N(p.pause))
}

// lookAround says which links there ought to be, and dials what is missing.
func (c *Cluster) lookAround(ctx context.Context, peers map[location.Origin]*peer, members []Member, done chan<- dialed, room int) {
	now := time.Now()
	there := make(map[location.Origin]bool, len(members))
	c.mu.Lock()
	defer c.mu.Unlock()
	c.expected = c.expected[:0]
	dials := 0
	for _, p := range peers {
		if !p.dialing.IsZero() && now.Sub(p.dialing) < max(unreachableAfter, p.within/4) {
			dials++ // one that hangs keeps nobody from being dialed
		}
	}
	var due []Member
	for _, m := range members {
		there[m.Origin] = true
		p := peers[m.Origin]
		l := c.links[m.Origin]
		linked := l != nil
		if p == nil || linked && p.dialing.IsZero() && now.Sub(l.opened) > steady {
			p = &peer{next: now, within: c.profile.stream}
			if m.Origin < c.self.Origin {
				p.next = now.Add(c.help(len(members)))
			}
			peers[m.Origin] = p
		}
		c.expected = append(c.expected, expected{
			origin: m.Origin, name: m.Name,
			superseded: m.superseded && !linked, unreachable: !linked && p.unreachable(now),
		})
		if !linked && p.dialing.IsZero() && !now.Before(p.next) && !c.quarantinedLocked(m.Origin) {
			due = append(due, m)
		}
	}
	// Who has waited for longest is first: one that is dialed in vain again and again must not
	// take the turn of others.
	slices.SortStableFunc(due, func(a, b Member) int { return peers[a.Origin].next.Compare(peers[b.Origin].next) })
	for _, m := range due[:min(len(due), max(room-dials, 0))] {
		p := peers[m.Origin]
		p.dialing = now
		if p.tried.IsZero() {
			p.tried = now
		}
		within := p.within
		c.wg.Go(func() {
			done <- dialed{m.Origin, c.dialMember(ctx, m, within)}
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

// dialMember tries once, for so long.
func (c *Cluster) dialMember(ctx context.Context, m Member, within time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	err := c.dialSession(ctx, m, within)
	if err != nil && ctx.Err() != context.Canceled && !errors.Is(err, errNotMe) && !errors.Is(err, errCrossed) {
		c.transport.say(levelOf(err), "cannot connect to peer", "peer", m.Name, "addr", m.Gossip, "error", err)
	}
	return err
}
