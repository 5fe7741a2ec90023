package fault

import (
	"hash/fnv"
	"math/rand/v2"
	"time"
)

const (
	retransmit = 200 * time.Millisecond // what a lost segment of a stream costs
	maxLate    = 2 * time.Minute        // by losses alone
	maxQueued  = time.Second            // of packets before a slow line; then they are lost
)

// pipe is what a Net knows of the way to and from one peer. Packets that come, packets
// that go and streams draw from sources of their own: none shifts the fate of
// another. It is guarded by Net.mu.
type pipe struct {
	in, out, streams *rand.Rand
	free             time.Time // when a slow line has sent all that was given to it
}

// pipeLocked is the pipe of a peer.
func (n *Net) pipeLocked(peer, addr string) *pipe {
	key := peer
	if key == "" {
		key = addr
	}
	if _, known := n.pipes[key]; !known && len(n.pipes) >= maxPeers {
		key = ""
	}
	p := n.pipes[key]
	if p == nil {
		h := fnv.New64a()
		h.Write([]byte(key))
		at := h.Sum64()
		p = &pipe{
			in:      rand.New(rand.NewPCG(n.seed, at)),
			out:     rand.New(rand.NewPCG(n.seed, at+1)),
			streams: rand.New(rand.NewPCG(n.seed, at+2)),
		}
		n.pipes[key] = p
	}
	return p
}

// lateness is how much later something leaves by delay and jitter. It draws once,
// whatever they are.
func (l *link) lateness(rng *rand.Rand) time.Duration {
	return l.delay + time.Duration(rng.Float64()*float64(l.jitter))
}

// lineLocked is when a line of the link's rate has sent so many bytes more.
func (p *pipe) lineLocked(l *link, now time.Time, bytes int) time.Time {
	if l.rate == 0 {
		return now
	}
	if p.free.Before(now) {
		p.free = now
	}
	p.free = p.free.Add(time.Duration(bytes) * time.Second / time.Duration(l.rate))
	return p.free
}

// segmentAt is when bytes of a stream leave. A segment that is lost is sent again, after
// twice the wait each time.
func (n *Net) segmentAt(l *link, peer, addr string, now time.Time, bytes int) time.Time {
	n.mu.Lock()
	defer n.mu.Unlock()
	p := n.pipeLocked(peer, addr)
	at := p.lineLocked(l, now, bytes).Add(l.lateness(p.streams))
	luck, late := p.streams.Float64(), time.Duration(0)
	for wait, chance := retransmit, l.lossOut; luck < chance && late < maxLate; wait, chance = wait*2, chance*l.lossOut {
		late += wait
	}
	return at.Add(late)
}

// departure is what happens to a packet that is sent.
type departure struct {
	lost   bool
	copies int
	at     [2]time.Time // of each copy
}

func (n *Net) departureOf(l *link, peer, addr string, now time.Time, bytes int) departure {
	n.mu.Lock()
	defer n.mu.Unlock()
	p := n.pipeLocked(peer, addr)
	d := departure{copies: 1}
	d.lost = p.out.Float64() < l.lossOut
	if p.out.Float64() < l.duplicate {
		d.copies = 2
	}
	for i := range d.at {
		d.at[i] = now.Add(l.lateness(p.out))
	}
	if d.lost || l.rate == 0 {
		return d
	}
	if p.free.Sub(now) > maxQueued {
		d.lost = true
		return d
	}
	for i := range d.copies {
		sent := p.lineLocked(l, now, bytes)
		d.at[i] = d.at[i].Add(sent.Sub(now))
	}
	return d
}

// arrives tells whether a packet that has come is let through.
func (n *Net) arrives(l *link, peer, addr string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.pipeLocked(peer, addr).in.Float64() >= l.lossIn
}
