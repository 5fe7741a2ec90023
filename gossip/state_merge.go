package gossip

import (
	"bytes"
	"errors"
	"fmt"
	"hash/maphash"

	"herd/gossip/replica"
)

const (
	maxArrived  = 64 << 20 // bytes of states that wait to be merged, what keeps them included
	arrivalSize = 4 << 10  // of that, a link, which may have ended
)

// errArrived ends a link: its peer comes back, and with all its states.
var errArrived = errors.New("too many states wait to be merged")

// receiveState takes a state off the live lane. It is merged elsewhere: acks must not
// wait for code that is not ours. If the one before still waits it is dropped: all
// that was in it is in the new one.
func (l *link) receiveState(message []byte) error {
	c := l.cluster
	name, local, err := splitState(message)
	if err != nil {
		c.mu.Lock()
		c.stats.statesRefused++
		c.mu.Unlock()
		return err
	}
	hash, local := maphash.Bytes(c.seed, local), bytes.Clone(local)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stats.statesReceived++
	c.stats.stateBytesReceived += uint64(frameHeader + len(message))
	for i, s := range c.states {
		if s.name == string(name) {
			return c.arriveLocked(l, i, local, hash)
		}
	}
	c.stats.statesUnknown++ // of another release
	return nil
}

func (c *Cluster) arriveLocked(l *link, i int, local []byte, hash uint64) error {
	p := &l.states[i]
	size := c.arrivedSize + len(local) - len(p.came)
	if !p.comes {
		size += arrivalSize
	}
	if size > maxArrived {
		return errArrived
	}
	if !p.comes {
		c.arrived = append(c.arrived, arrival{l, i})
	}
	p.came, p.comes, p.got = local, true, hash
	c.arrivedSize = size
	offer(c.arriving, struct{}{})
	return nil
}

// arrival is a state that came on a link and waits to be merged.
type arrival struct {
	link  *link
	state int
}

// mergeStates merges what came, one after the other, until Close.
func (c *Cluster) mergeStates() {
	for {
		select {
		case <-c.ctx.Done():
			return
		case <-c.arriving:
		}
		for c.ctx.Err() == nil && c.mergeNext() {
			continue
		}
	}
}

// mergeNext merges what has waited longest, if anything waits. The link may have ended
// meanwhile: what the peer knew is none the worse for that.
func (c *Cluster) mergeNext() bool {
	c.mu.Lock()
	if len(c.arrived) == 0 {
		c.mu.Unlock()
		return false
	}
	a := c.arrived[0]
	c.arrived = c.arrived[1:]
	p, s := &a.link.states[a.state], c.states[a.state]
	local := p.came
	p.came, p.comes = nil, false
	c.arrivedSize -= len(local) + arrivalSize
	c.mu.Unlock()

	changed, err := s.Merge(local)

	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err != nil:
		c.stats.statesRefused++
		c.endLocked(a.link, fmt.Errorf("%w: state %s: %s", replica.ErrMessage, s.name, clean(err.Error())), true)
	case changed:
		s.version++
		s.news = true
	}
	return true
}
