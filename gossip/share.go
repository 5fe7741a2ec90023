package gossip

import (
	"hash/maphash"
	"math/rand/v2"
	"time"

	"herd/gossip/replica"
)

const (
	// shareGap is the least time between two messages of a state to a peer: what
	// changes meanwhile gathers.
	shareGap = 5 * time.Millisecond

	// What was merged goes on once in relayEvery, to relayFan peers, until there is none
	// that may lack it. Nearly always they all have it from where it comes, and say so by
	// what they pass on themselves.
	relayEvery = time.Second
	relayFan   = 2
)

// Changed says that the Local of the state of that name has changed by itself, not by
// Merge. All peers get it soon: at once, or within milliseconds together with what
// changes until then. It waits for nothing and may be called from anywhere, by many
// goroutines. If no state is called so it does nothing.
func (c *Cluster) Changed(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, s := range c.states {
		if s.name != name {
			continue
		}
		s.version++
		for _, l := range c.links {
			if l.states != nil {
				l.states[i].owed = true
			}
		}
		offer(c.owing, struct{}{})
	}
}

// shareStates sends states to the peers that are owed them, until Close.
func (c *Cluster) shareStates() {
	relay := time.NewTicker(relayEvery)
	defer relay.Stop()
	for {
		onward := false
		select {
		case <-c.ctx.Done():
			return
		case <-c.owing:
		case <-relay.C:
			onward = true
		}
		shared := false
		for i, s := range c.states {
			shared = c.shareOne(i, s, onward) || shared
		}
		if !shared {
			continue
		}
		select {
		case <-c.ctx.Done():
			return
		case <-time.After(shareGap):
		}
	}
}

// shareOne has the live writers send a state to whom it is owed, and, onward, to
// some of those who may lack what was merged, and tells whether it called Local.
func (c *Cluster) shareOne(i int, s *shared, onward bool) bool {
	// All marks are taken before Local is called: what changes from here on sets
	// them again.
	c.mu.Lock()
	var owed []*link
	for _, l := range c.links {
		if l.states != nil && l.states[i].owed {
			l.states[i].owed = false
			owed = append(owed, l)
		}
	}
	onward = onward && s.news
	s.news = s.news && !onward
	version := s.version
	c.mu.Unlock()
	if len(owed) == 0 && !onward {
		return false
	}

	local := s.Local()
	var message []byte
	if len(local) <= maxState {
		message = appendState(nil, s.name, local)
	}
	hash := maphash.Bytes(c.seed, local)

	c.mu.Lock()
	defer c.mu.Unlock()
	if s.message = message; message == nil {
		c.stats.statesTooLarge++
		if !s.tooLarge {
			c.tell(stateTooLarge{s.name, len(local)})
		}
		s.tooLarge = true
		return true
	}
	s.sealed, s.hash, s.tooLarge = version, hash, false
	for _, l := range owed {
		l.send(i)
	}
	if onward {
		more := c.relayLocked(i, s)
		s.news = s.news || more
	}
	return true
}

// send has the live writer send a state. The caller holds cluster.mu.
func (l *link) send(i int) {
	l.states[i].due = true
	offer(l.out[replica.Live].wake, struct{}{})
}

// relayLocked passes a state on to some of the peers that may lack it, and tells
// whether there are more.
func (c *Cluster) relayLocked(i int, s *shared) (more bool) {
	var lacking []*link
	for _, l := range c.links {
		if l.states != nil && !l.states[i].due && !l.states[i].has(s) {
			lacking = append(lacking, l)
		}
	}
	rand.Shuffle(len(lacking), func(a, b int) { lacking[a], lacking[b] = lacking[b], lacking[a] })
	n := min(len(lacking), relayFan)
	for _, l := range lacking[:n] {
		l.send(i)
	}
	return len(lacking) > n
}

// appendStateLocked appends a state that is due to the peer, one at the most: acks
// come first and wait for no more than that.
func (c *Cluster) appendStateLocked(l *link, buf []byte) []byte {
	for range l.states {
		i := l.turn
		l.turn = (l.turn + 1) % len(l.states) // so that none keeps the others waiting
		p, s := &l.states[i], c.states[i]
		if !p.due {
			continue
		}
		p.due = false
		if s.message == nil || p.has(s) {
			continue
		}
		p.told = s.sealed
		c.stats.statesSent++
		c.stats.stateBytesSent += uint64(len(s.message))
		return append(buf, s.message...)
	}
	return buf
}
