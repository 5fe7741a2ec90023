package sim

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"herd/config"
	"herd/gossip"
	"herd/node"
	"herd/node/history"
	"herd/node/nodetest"
)

// lookEvery is how often it is looked whether all are of one mind.
const lookEvery = 10 * time.Millisecond

// patience is how long after the end of the faults all must be of one mind: a death
// right before it takes the longest to be known. After much loss a stream may pause for longer than
// the fault lasted, and then a session ends when it was silent for eight ack timeouts: of both lanes
// one may come after the other. A node that is silent yet is waited for.
func (s *Scenario) patience() time.Duration {
	if s.Profile == "wan" {
		return s.silence() + 75*time.Second
	}
	return s.silence() + 11*time.Second + 16*s.AckTimeout
}

// silence is for how long after the end of the faults some node may answer no vectors yet: when
// fixes expire, one whose clock was ahead by more than it may be has given up what others show
// until clocks have come as far.
func (s *Scenario) silence() time.Duration {
	if s.TTL == 0 && len(s.Unlike.TTL) == 0 {
		return 0
	}
	silent := s.Run
	for _, f := range s.Faults {
		if f.Kind != Clock || f.At >= s.Run {
			continue
		}
		end := min(f.At+f.For, s.Run)
		for _, i := range f.Nodes {
			ahead := time.Duration(0) // of the node's clock, before the end, at the most
			for _, g := range s.Faults {
				if g.Kind == Clock && g.At < end && end <= g.At+g.For && slices.Contains(g.Nodes, i) {
					ahead += max(0, g.Delay)
				}
			}
			silent = max(silent, end+ahead-maxAhead()/2)
		}
	}
	return silent - s.Run
}

// Report is what a play of a scenario has shown.
type Report struct {
	Violations []string         // what must not be
	Settled    time.Duration    // from the end of the faults until all nodes were of one mind
	Last       string           // what was missing until then
	History    *history.History // what clients saw; nil: there is none to judge
	Judged     *history.Report  // likewise
	Log        string           // what all nodes have logged, if there are violations
}

// String is the report for a person: one line if nothing is wrong.
func (r Report) String() string {
	if len(r.Violations) > 0 {
		return strings.Join(r.Violations, "\n\n")
	}
	j := r.Judged
	last := r.Last
	if last != "" {
		last = " (" + last + ")"
	}
	return fmt.Sprintf("settled after %s%s; %d commands answered, %d not; %d acknowledged, %d lost with all who held them",
		r.Settled, last, j.All.OK, j.All.Fail+j.All.Unknown, j.Writes, j.Excused)
}

// Play plays a scenario in a bubble of its own. change may set what it likes of each node's
// configuration, at each of its starts.
func Play(t *testing.T, s *Scenario, change ...func(i int, c *node.Config)) (r Report) {
	t.Helper()
	nodetest.Bubble(t, func(t *testing.T) {
		clocks, disks := new(clocks), newDisks(s)
		settings := func(i int, c *node.Config) {
			c.Clock = func() time.Time { return time.Now().Add(time.Duration(clocks[i].Load())) }
			c.Settings.Herd.AckTimeout = s.AckTimeout
			c.Settings.Gossip.Profile = s.Profile
			l := s.limits(i)
			c.Settings.Herd.TTL, c.Settings.Herd.MaxClients, c.Settings.Herd.MemoryLimit = l.ttl, l.maxClients, memoryLimit(l.memoryFor)
			disks.configure(i, c)
		}
		h := nodetest.Start(t, s.Nodes, append([]func(int, *node.Config){settings}, change...)...)
		for h.Len() < maxNodes {
			h.Reserve()
		}
		p := &player{Scenario: s, herd: h, clocks: clocks, disks: disks}
		p.play()
		r = p.report
		if len(r.Violations) > 0 {
			for i := range h.Len() {
				r.Log += fmt.Sprintf("%s:\n%s\n", h.Name(i), h.Log(i))
			}
		}
	})
	return r
}

// player plays a scenario.
type player struct {
	*Scenario
	herd     *nodetest.Herd
	clocks   *clocks
	disks    *disks
	recorder *history.Recorder

	mu     sync.Mutex // guards report
	report Report
}

func (p *player) broken(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.report.Violations = append(p.report.Violations, fmt.Sprintf(format, args...))
}

// begin is how long a node that has met nobody may take to put its limits into effect, once it
// has taken a report: it looks ten times a second.
const begin = 200 * time.Millisecond

func (p *player) play() {
	settings := history.Settings{Ahead: maxAhead(), Skew: p.skew(), Begin: begin, Seed: p.Seed}
	p.judge(&settings)
	p.recorder = history.NewRecorder(settings, 0)
	clients := newClients(p.herd, p.recorder, p.broken)
	ctx, cancel := context.WithCancel(context.Background())
	var working sync.WaitGroup
	working.Go(func() {
		if err := p.work(ctx, clients); err != nil {
			p.broken("%v", err)
		}
	})
	p.disks.herd, p.disks.recorder, p.disks.broken = p.herd, p.recorder, p.broken
	newNemesis(p.herd, p.clocks, p.disks, p.broken).run(p.Scenario)
	p.disks.waiting.Wait()
	p.settle(p.herd.Unsettled)
	cancel()
	working.Wait()
	clients.close()
	p.settle(p.unsettled) // what came last too
	p.dump()
	p.check()
}

// work has clients send commands, to all nodes that ever run, until ctx is done.
func (p *player) work(ctx context.Context, t history.Transport) error {
	if p.Rate == 0 {
		return nil
	}
	w := history.Workload{Seed: p.Seed}
	for i := range maxNodes {
		if p.runs(i) {
			w.Nodes = append(w.Nodes, nodetest.NodeName(i))
		}
	}
	w.Workers = 4 * len(w.Nodes) // some of them wait for a node that is down
	w.Pause = time.Duration(w.Workers) * time.Second / time.Duration(p.Rate)
	return w.Run(ctx, p.recorder, t)
}

// settle waits until all nodes are of one mind: unsettled says why they are not.
func (p *player) settle(unsettled func() string) {
	began, last := time.Now(), ""
	for {
		why := unsettled()
		took := time.Since(began)
		switch {
		case why == "":
			if took > p.report.Settled {
				p.report.Settled, p.report.Last = took, last
			}
			return
		case took > p.patience():
			p.broken("not settled after %s: %s", p.patience(), why)
			return
		}
		last = why
		time.Sleep(lookEvery)
	}
}

// unsettled is why nodes that nobody reports to any more are not of one mind, or still
// hold clients that are to go: the passes that give them up come some time apart.
func (p *player) unsettled() string {
	var keeps history.Settings
	memory := p.judge(&keeps)
	if why := p.herd.Unsettled(); why != "" || keeps.MaxClients == 0 {
		return why
	}
	for i := range p.herd.Len() {
		if p.herd.Node(i) == nil {
			continue
		}
		table := p.herd.Table(i)
		n := table.Len()
		if n > keeps.MaxClients || memory > 0 && n > table.Fits(int64(memoryFor(memory))) {
			return fmt.Sprintf("%s holds %d clients", p.herd.Name(i), n)
		}
	}
	return ""
}

// dump records what each node holds.
func (p *player) dump() {
	for i := range p.herd.Len() {
		if n := p.herd.Node(i); n != nil {
			process, ok := self(n)
			if !ok {
				p.broken("%s is no member in the end", p.herd.Name(i))
			}
			p.recorder.DumpTable(process, p.herd.Table(i))
		}
	}
}

// check judges the history.
func (p *player) check() {
	h, err := p.recorder.History()
	if err != nil {
		p.broken("%v", err)
		return
	}
	p.report.History, p.report.Judged = h, history.Check(h)
	for _, v := range p.report.Judged.Violations {
		p.broken("%s: %s", v.Promise, v.Why)
	}
}

// skew is how far a node's clock may be off, and what an expired fix may be shown for
// until the node's next tick.
func (s *Scenario) skew() time.Duration {
	skew := s.AckTimeout / 5
	for _, f := range s.Faults {
		if f.Kind == Clock {
			skew = max(skew, f.Delay.Abs()+s.AckTimeout/5)
		}
	}
	return skew
}

// maxAhead is the max_client_ahead of all nodes.
func maxAhead() time.Duration { return config.Default().Herd.MaxClientAhead }

// self is this life of a node, if it is a member.
func self(n *node.Node) (_ history.Process, ok bool) {
	for _, m := range n.Members() {
		if m.Self {
			return processOf(&m), true
		}
	}
	return history.Process{}, false
}

func processOf(m *gossip.Member) history.Process {
	return history.Process{Node: m.Name, Boot: uint64(m.Origin)}
}
