package fault

import (
	"errors"
	"fmt"
	"time"
)

// Way is a direction as the node sees it.
type Way string

// Both is the zero value's meaning too.
const (
	Both Way = "both"
	In   Way = "in"  // what comes from the peer
	Out  Way = "out" // what goes to the peer
)

// Bounds of a rule.
const (
	maxDelay    = time.Minute // of Delay and Jitter each
	MaxRules    = 256         // that act at a time
	MaxPeers    = 1024        // of one rule
	maxPeerName = 256         // bytes of the name of one
	minRate     = 100         // bytes a second: slower is a cut
	maxRate     = 1 << 30
)

// Rule is what happens to traffic between this node and a peer. Several rules for
// a peer add up: what any of them cuts is cut, and the greatest loss and delay and
// the lowest rate count.
type Rule struct {
	Peers []string // node names or gossip addresses; none: every peer
	Way   Way      // of Cut and Loss; empty: both

	Cut   bool // silence
	Reset bool // streams break and dials are refused; packets vanish. Both ways
	Pause bool // the whole node stands still: a cut from every peer, and whoever asks Paused

	Loss      float64 // chance that a packet is lost, 0..1. A segment of a stream is late instead, as TCP sends it again
	Duplicate float64 // chance that a packet is sent twice, 0..1

	// Of what is sent, packets and streams:
	Delay  time.Duration // it leaves so much later
	Jitter time.Duration // and up to so much more. Packets may overtake each other, streams keep their order
	Rate   int           // bytes a second to the peer; 0: no bound
}

// Check says what is wrong with r, if anything is.
func (r Rule) Check() error {
	switch r.Way {
	case "", Both, In, Out:
	default:
		return fmt.Errorf("way is %q, it must be %q, %q or %q", r.Way, Both, In, Out)
	}
	for _, c := range []struct {
		name string
		p    float64
	}{{"loss", r.Loss}, {"duplicate", r.Duplicate}} {
		if !(c.p >= 0 && c.p <= 1) { // NaN is neither
			return fmt.Errorf("%s is %v, it must be from 0 to 1", c.name, c.p)
		}
	}
	for _, d := range []struct {
		name string
		d    time.Duration
	}{{"delay", r.Delay}, {"jitter", r.Jitter}} {
		if d.d < 0 || d.d > maxDelay {
			return fmt.Errorf("%s is %v, it must be from 0s to %v", d.name, d.d, maxDelay)
		}
	}
	for _, p := range r.Peers {
		if p == "" || len(p) > maxPeerName {
			return fmt.Errorf("the name of a peer has %d bytes, it must have 1 to %d", len(p), maxPeerName)
		}
	}
	switch {
	case len(r.Peers) > MaxPeers:
		return fmt.Errorf("the rule has %d peers, at most %d are allowed", len(r.Peers), MaxPeers)
	case r.Rate != 0 && (r.Rate < minRate || r.Rate > maxRate):
		return fmt.Errorf("rate is %d, it must be from %d to %d bytes a second", r.Rate, minRate, maxRate)
	case r.Pause && len(r.Peers) > 0:
		return errors.New("a pause is of the whole node, not of one peer")
	case !r.Cut && !r.Reset && !r.Pause && r.Loss == 0 && r.Duplicate == 0 && r.Delay == 0 && r.Jitter == 0 && r.Rate == 0:
		return errors.New("the rule does nothing")
	}
	return nil
}

// Fault is a rule that acts.
type Fault struct {
	ID uint64 // 1 and up
	Rule
	Since time.Time
	Until time.Time // zero: until it is healed
}

// link is what all rules together do to the traffic with one peer.
type link struct {
	cutIn, cutOut, reset bool
	lossIn, lossOut      float64
	duplicate            float64
	delay, jitter        time.Duration
	rate                 int
}

// add makes l at least as bad as r has it.
func (l *link) add(r *Rule) {
	in, out := r.Way != Out, r.Way != In
	if r.Cut && in || r.Pause || r.Reset {
		l.cutIn = true
	}
	if r.Cut && out || r.Pause || r.Reset {
		l.cutOut = true
	}
	if in {
		l.lossIn = max(l.lossIn, r.Loss)
	}
	if out {
		l.lossOut = max(l.lossOut, r.Loss)
	}
	l.reset = l.reset || r.Reset
	l.duplicate = max(l.duplicate, r.Duplicate)
	l.delay, l.jitter = max(l.delay, r.Delay), max(l.jitter, r.Jitter)
	if r.Rate > 0 && (l.rate == 0 || r.Rate < l.rate) {
		l.rate = r.Rate
	}
}

// slows tells whether what is written to a stream must not leave at once.
func (l *link) slows() bool {
	return l.cutOut || l.lossOut > 0 || l.delay > 0 || l.jitter > 0 || l.rate > 0
}
