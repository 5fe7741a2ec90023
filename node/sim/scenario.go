package sim

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"herd/node/nodetest"
)

// Bounds of a scenario.
const (
	maxNodes  = 9
	maxRun    = time.Hour
	maxRate   = 10_000
	maxFaults = 10_000
	maxMemory = 1_000_000 // clients
)

// Scenario is a herd and what happens to it. The package comment says how it is
// written. Its zero value is no valid one: see [New].
type Scenario struct {
	Nodes      int           // that run from the beginning
	Run        time.Duration // until the quiet phase
	Seed       uint64        // of the network's dice and the clients
	Rate       int           // commands of clients a second
	AckTimeout time.Duration
	Profile    string
	TTL        time.Duration // as in the settings; 0: for ever
	MaxClients int           // likewise; 0: all that report
	MemoryFor  int           // memory_limit is what about so many clients take; 0: there is none
	Unlike     Unlike
	Disks      string  // sync, as in the settings: nodes keep what they know over a kill; empty: they don't
	Faults     []Fault // by time
}

// Unlike are nodes that are configured to other limits than the herd, by mistake.
type Unlike struct {
	TTL        map[int]time.Duration
	MaxClients map[int]int
	MemoryFor  map[int]int
}

// Fault is one thing that happens.
type Fault struct {
	At      time.Duration // since all nodes are ready
	Kind    Kind
	Percent int           // of Loss, Duplicate and Reorder
	Delay   time.Duration // of Delay, Jitter and Clock, where it may be negative
	Nodes   []int         // of Pause to Start: who
	Links   Links         // of Cut to Jitter: where
	For     time.Duration // 0: until the quiet phase
	Moved   bool          // of Start: at a new address
}

// Links are directions between nodes. The zero value is all links.
type Links struct {
	From, To []int // one of them may be rest
	Both     bool  // and back
}

// rest stands for all nodes that are not named on the other side.
var rest = []int{-1}

// Kind is what a fault does.
type Kind int

// The kinds of faults. See the package comment.
const (
	Cut Kind = iota
	Loss
	Duplicate
	Reorder
	Delay
	Jitter
	Pause
	Clock
	Kill
	Stop
	Start
	kinds // how many there are
)

var verbs = [kinds]string{"cut", "loss", "duplicate", "reorder", "delay", "jitter", "pause", "clock", "kill", "stop", "start"}

// String is the kind's word in a scenario.
func (k Kind) String() string { return verbs[k] }

// lasts tells whether the fault goes on until it is ended.
func (k Kind) lasts() bool { return k <= Clock }

// links tells whether the fault is of links, not of nodes.
func (k Kind) links() bool { return k <= Jitter }

// New is a scenario in which nothing happens.
func New() *Scenario {
	return &Scenario{Nodes: 5, Run: 5 * time.Minute, Seed: 1, Rate: 20, AckTimeout: 250 * time.Millisecond, Profile: "lan"}
}

// Check finds out what can't be: numbers out of bounds, and nodes that are killed
// while they don't run or started while they do.
func (s *Scenario) Check() error {
	switch {
	case s.Nodes < 1 || s.Nodes > maxNodes:
		return fmt.Errorf("nodes %d: want 1 to %d", s.Nodes, maxNodes)
	case s.Run <= 0 || s.Run > maxRun:
		return fmt.Errorf("run %s: want more than 0s, at most %s", s.Run, maxRun)
	case s.Rate < 0 || s.Rate > maxRate:
		return fmt.Errorf("rate %d: want 0 to %d", s.Rate, maxRate)
	case s.AckTimeout < 20*time.Millisecond || s.AckTimeout > time.Minute:
		return fmt.Errorf("ack-timeout %s: want 20ms to 1m", s.AckTimeout)
	case !slices.Contains([]string{"local", "lan", "wan"}, s.Profile):
		return fmt.Errorf("profile %q: want local, lan or wan", s.Profile)
	case len(s.Faults) > maxFaults:
		return fmt.Errorf("%d faults: want %d at most", len(s.Faults), maxFaults)
	}
	for i := range maxNodes {
		if l := s.limits(i); l.ttl < 0 || l.maxClients < 0 || l.memoryFor < 0 {
			return fmt.Errorf("ttl %s, max-clients %d, memory-for %d: want 0 or more", l.ttl, l.maxClients, l.memoryFor)
		} else if l.memoryFor > maxMemory {
			return fmt.Errorf("memory-for %d: want at most %d", l.memoryFor, maxMemory)
		}
	}
	if err := s.checkDisks(); err != nil {
		return err
	}
	running := make([]bool, maxNodes)
	for i := range s.Nodes {
		running[i] = true
	}
	var last time.Duration
	for _, f := range s.Faults {
		if err := f.check(running); err != nil {
			return fmt.Errorf("%s: %w", f, err)
		}
		switch {
		case f.At < last:
			return fmt.Errorf("%s: it comes after one at %s", f, last)
		case f.At >= s.Run:
			return fmt.Errorf("%s: the run has ended then", f)
		}
		last = f.At
	}
	return nil
}

// check looks at a fault of a herd of which these run, and notes who runs after it.
func (f Fault) check(running []bool) error {
	switch {
	case f.At < 0 || f.For < 0:
		return errors.New("want no negative times")
	case f.For > maxRun:
		return fmt.Errorf("want at most %s", maxRun)
	case f.For > 0 && !f.Kind.lasts():
		return fmt.Errorf("%s has no end", f.Kind)
	case f.Kind >= Loss && f.Kind <= Reorder && (f.Percent < 0 || f.Percent > 100):
		return errors.New("want 0% to 100%")
	case f.Kind == Clock && f.Delay.Abs() > 24*time.Hour:
		return errors.New("want -24h to 24h")
	case f.Kind != Clock && (f.Delay < 0 || f.Delay > time.Minute):
		return errors.New("want 0s to 1m")
	case f.Kind == Cut && len(f.Links.From) == 0:
		return errors.New("want the nodes of two sides")
	case !f.Kind.links() && len(f.Nodes) == 0:
		return errors.New("want nodes")
	}
	for _, i := range f.Nodes {
		name := nodetest.NodeName(i)
		switch f.Kind {
		case Kill, Stop:
			if !running[i] {
				return fmt.Errorf("%s does not run then", name)
			}
			running[i] = false
		case Start:
			if running[i] {
				return fmt.Errorf("%s runs already", name)
			}
			running[i] = true
		}
	}
	return nil
}

// runs tells whether a node ever runs.
func (s *Scenario) runs(i int) bool {
	return i < s.Nodes || slices.ContainsFunc(s.Faults, func(f Fault) bool { return f.Kind == Start && slices.Contains(f.Nodes, i) })
}

// each calls do for each direction of the links of a herd of n nodes.
func (l Links) each(n int, do func(from, to int)) {
	if len(l.From) == 0 {
		l = Links{From: rest, To: rest}
	}
	for from := range n {
		for to := range n {
			there := has(l.From, l.To, from) && has(l.To, l.From, to)
			back := has(l.From, l.To, to) && has(l.To, l.From, from)
			if from != to && (there || l.Both && back) {
				do(from, to)
			}
		}
	}
}

// has tells whether node i is on a side.
func has(side, other []int, i int) bool {
	return slices.Contains(side, i) || isRest(side) && !slices.Contains(other, i)
}

func isRest(side []int) bool { return len(side) == 1 && side[0] == rest[0] }
