package sim

import (
	"cmp"
	"slices"
	"sync/atomic"
	"time"

	"herd/gossip/simnet"
	"herd/node/nodetest"
)

// base is every link when nothing is wrong.
var base = simnet.Link{Latency: 200 * time.Microsecond}

// nemesis does to a herd what a scenario says.
type nemesis struct {
	herd   *nodetest.Herd
	broken func(format string, args ...any) // tells of what must not happen
	active []Fault
	links  map[direction]state // of directions that are not as at first
	clocks *clocks
	disks  *disks
	paused []bool
	left   []bool // has been told to leave
}

// direction is between two addresses.
type direction struct{ from, to string }

// state is what a direction is like.
type state struct {
	link simnet.Link
	cut  bool
}

// moment is when a fault begins or ends.
type moment struct {
	at    time.Duration
	fault Fault
	end   bool
}

// moments are the beginnings and ends of faults, in order.
func moments(faults []Fault) (all []moment) {
	for _, f := range faults {
		all = append(all, moment{f.At, f, false})
		if f.For > 0 {
			all = append(all, moment{f.At + f.For, f, true})
		}
	}
	slices.SortStableFunc(all, func(a, b moment) int { return cmp.Compare(a.at, b.at) })
	return all
}

// clocks are how far the nodes' wall clocks are off, in nanoseconds.
type clocks [maxNodes]atomic.Int64

func newNemesis(h *nodetest.Herd, c *clocks, d *disks, broken func(string, ...any)) *nemesis {
	return &nemesis{herd: h, clocks: c, disks: d, broken: broken, links: make(map[direction]state), paused: make([]bool, maxNodes), left: make([]bool, maxNodes)}
}

// run plays the faults, until the quiet phase.
func (n *nemesis) run(s *Scenario) {
	began := time.Now()
	for _, m := range moments(s.Faults) {
		if m.at >= s.Run {
			break
		}
		time.Sleep(time.Until(began.Add(m.at)))
		n.apply(m)
	}
	time.Sleep(time.Until(began.Add(s.Run)))
	n.quiet()
}

// apply has a fault begin or end.
func (n *nemesis) apply(m moment) {
	switch f := m.fault; {
	case m.end:
		i := slices.IndexFunc(n.active, func(g Fault) bool { return g.At == f.At && g.String() == f.String() })
		n.active = slices.Delete(n.active, i, i+1)
	case f.Kind.lasts():
		n.active = append(n.active, f)
	default:
		for _, i := range f.Nodes {
			n.move(f, i)
		}
	}
	n.update()
}

// move kills, stops or starts a node.
func (n *nemesis) move(f Fault, i int) {
	n.reap(i)
	runs := n.herd.Node(i) != nil
	switch f.Kind {
	case Kill:
		if runs {
			n.resume(i)
			n.disks.ends(i)
			n.herd.Kill(i)
			n.disks.crash(i)
		}
	case Stop:
		if runs {
			n.disks.ends(i)
			n.herd.Leave(i)
			n.left[i] = true
		}
	case Start:
		if runs {
			n.resume(i) // it may be waiting to leave
			n.wait(i)
		}
		if f.Moved {
			n.herd.Move(i)
		}
		n.herd.Launch(i)
		n.disks.begins(i)
	}
}

// reap takes note of a node that has ended.
func (n *nemesis) reap(i int) {
	if n.herd.Node(i) == nil {
		return
	}
	if ended, _ := n.herd.Ended(i); ended {
		n.wait(i)
	}
}

// wait waits for the end of a node.
func (n *nemesis) wait(i int) {
	if err := n.herd.Wait(i); err != nil || !n.left[i] {
		n.broken("%s has ended: %v", n.herd.Name(i), err)
	}
	n.left[i] = false
}

func (n *nemesis) resume(i int) {
	if n.paused[i] {
		n.paused[i] = false
		n.herd.Net.Resume(n.herd.IP(i))
	}
}

// update brings the network into the state that the active faults make.
func (n *nemesis) update() {
	now := make(map[direction]state)
	paused := make([]bool, maxNodes)
	var off [maxNodes]time.Duration
	for _, f := range n.active {
		for _, i := range f.Nodes {
			off[i] += f.Delay
			paused[i] = paused[i] || f.Kind == Pause
		}
		if !f.Kind.links() {
			continue
		}
		f.Links.each(n.herd.Len(), func(from, to int) {
			d := direction{n.herd.IP(from), n.herd.IP(to)}
			s, ok := now[d]
			if !ok {
				s.link = base
			}
			s.add(f)
			now[d] = s
		})
	}
	for d, was := range n.links {
		if _, ok := now[d]; !ok {
			n.set(d, was, state{link: base})
		}
	}
	for d, s := range now {
		was, ok := n.links[d]
		if !ok {
			was.link = base
		}
		n.set(d, was, s)
	}
	n.links = now
	for i, d := range off {
		n.clocks[i].Store(int64(d))
	}
	for i := range n.herd.Len() {
		switch {
		case !paused[i]:
			n.resume(i)
		case !n.paused[i] && n.herd.Node(i) != nil:
			n.paused[i] = true
			n.herd.Net.Pause(n.herd.IP(i))
		}
	}
}

// add puts a fault on top of what there is.
func (s *state) add(f Fault) {
	either := func(p float64) float64 { return 1 - (1-p)*(1-float64(f.Percent)/100) }
	switch f.Kind {
	case Cut:
		s.cut = true
	case Loss:
		s.link.Loss = either(s.link.Loss)
	case Duplicate:
		s.link.Duplicate = either(s.link.Duplicate)
	case Reorder:
		s.link.Reorder = either(s.link.Reorder)
	case Delay:
		s.link.Latency += f.Delay
	case Jitter:
		s.link.Jitter += f.Delay
	}
}

// set changes a direction from one state to another.
func (n *nemesis) set(d direction, was, s state) {
	if s.link != was.link {
		n.herd.Net.SetLink(d.from, d.to, s.link)
	}
	switch {
	case s.cut && !was.cut:
		n.herd.Net.Cut(d.from, d.to)
	case was.cut && !s.cut:
		n.herd.Net.Mend(d.from, d.to)
	}
}

// quiet ends all that is wrong. Who is down stays down.
func (n *nemesis) quiet() {
	n.active = nil
	n.update()
	for i := range n.herd.Len() {
		if n.left[i] {
			n.wait(i)
		} else {
			n.reap(i)
		}
	}
}
