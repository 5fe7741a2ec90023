package sim

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// Generate makes the scenario of a seed, that long. Each seed has a random half of the kinds of
// trouble, at a pace of its own: what would hide behind the other half shows.
func Generate(seed uint64, run time.Duration) *Scenario {
	g := &generator{Scenario: New(), rand: rand.New(rand.NewPCG(seed, 11))}
	g.Seed, g.Run = seed, run
	g.Nodes = pick(g.rand, 5, 5, 5, 5, 5, 5, 6, 6, 7, 9)
	// Signs of life are most of the cost: a herd of n has n² links, each with some eight in an
	// ack timeout.
	g.AckTimeout = pick(g.rand, 250*time.Millisecond, 250*time.Millisecond, 250*time.Millisecond, 500*time.Millisecond, time.Second)
	if g.Nodes > 6 {
		g.AckTimeout = time.Second
	}
	g.Profile = pick(g.rand, "lan", "lan", "lan", "local", "wan")
	g.down = pick(g.rand, 1, 2, 2, (g.Nodes-1)/2, g.Nodes-1)
	g.pace = pick(g.rand, 2*time.Second, 5*time.Second, 10*time.Second, 20*time.Second)
	g.running = make([]bool, maxNodes)
	for i := range g.Nodes {
		g.running[i] = true
	}
	g.limit(rand.New(rand.NewPCG(seed, 12)))
	if r := rand.New(rand.NewPCG(seed, 13)); r.IntN(3) == 0 {
		g.Disks = pick(r, "always", "always", "interval", "none")
	}
	g.limitMemory(rand.New(rand.NewPCG(seed, 14)))
	g.troubles()
	slices.SortStableFunc(g.Faults, func(a, b Fault) int { return cmp.Compare(a.At, b.At) })
	return g.Scenario
}

// generator makes a scenario.
type generator struct {
	*Scenario
	rand    *rand.Rand
	now     time.Duration
	pace    time.Duration // between two troubles, on average
	down    int           // nodes that may be down at once
	running []bool        // at now
	comings []coming      // starts to come, by time
}

// coming is a node that is to start.
type coming struct {
	at   time.Duration
	node int
}

// limit bounds what some herds keep, and has a few nodes configured to something else.
func (g *generator) limit(r *rand.Rand) {
	if r.IntN(3) > 0 {
		return
	}
	if r.IntN(3) > 0 {
		g.TTL = pick(r, 20*time.Second, time.Minute, 2*time.Minute, 3*time.Minute)
	}
	if r.IntN(3) > 0 || g.TTL == 0 {
		g.MaxClients = pick(r, 2, 5, 10, 20)
	}
	if r.IntN(2) == 0 {
		return
	}
	for _, i := range r.Perm(g.Nodes)[:1+r.IntN((g.Nodes-1)/2)] {
		if r.IntN(2) == 0 {
			set(&g.Unlike.TTL, i, pick(r, 0, 2*time.Second, 20*time.Second, 4*time.Minute))
		} else {
			set(&g.Unlike.MaxClients, i, pick(r, 0, 1, 3, 15))
		}
	}
}

// limitMemory bounds what some herds keep by memory, and has a few nodes have less, or more.
func (g *generator) limitMemory(r *rand.Rand) {
	if r.IntN(6) > 0 {
		return
	}
	g.MemoryFor = pick(r, 12, 16, 24)
	if r.IntN(2) == 0 {
		return
	}
	for _, i := range r.Perm(g.Nodes)[:1+r.IntN((g.Nodes-1)/2)] {
		set(&g.Unlike.MemoryFor, i, pick(r, 0, 3, 10, 30))
	}
}

// troubles fills the time with trouble.
func (g *generator) troubles() {
	all := []func(){
		g.split, g.lone, g.oneWay, g.deaf, g.chain, g.flap,
		g.dice(Loss), g.dice(Duplicate), g.dice(Reorder), g.slow(Delay), g.slow(Jitter), g.clog,
		g.pause, g.clock, g.kill, g.kill, g.stop, g.roll, g.join,
	}
	g.rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	all = all[:len(all)/2]
	if g.rand.IntN(2) == 0 {
		g.add(Fault{Kind: Jitter, Delay: time.Millisecond})
	}
	for {
		if g.rand.IntN(4) > 0 { // else two at once
			g.now += g.about(g.pace)
		}
		g.come()
		if g.now >= g.Run {
			return
		}
		all[g.rand.IntN(len(all))]()
	}
}

// come starts those whose time has come.
func (g *generator) come() {
	for len(g.comings) > 0 && g.comings[0].at <= g.now && g.comings[0].at < g.Run {
		c := g.comings[0]
		g.comings = g.comings[1:]
		g.running[c.node] = true
		g.Faults = append(g.Faults, Fault{At: c.at, Kind: Start, Nodes: []int{c.node}, Moved: g.rand.IntN(3) == 0})
	}
}

// comes has a node start after a while.
func (g *generator) comes(node int, after time.Duration) {
	g.comings = append(g.comings, coming{g.now + after, node})
	slices.SortStableFunc(g.comings, func(a, b coming) int { return cmp.Compare(a.at, b.at) })
}

func (g *generator) add(f Fault) {
	f.At = g.now
	g.Faults = append(g.Faults, f)
}

// about is a random time around d.
func (g *generator) about(d time.Duration) time.Duration {
	return round(time.Duration(g.rand.ExpFloat64() * float64(d)))
}

// between is a random time between two, short ones as likely as long ones.
func (g *generator) between(a, b time.Duration) time.Duration {
	return round(time.Duration(float64(a) * math.Pow(float64(b)/float64(a), g.rand.Float64())))
}

// round leaves so much of a time as a person wants to read.
func round(d time.Duration) time.Duration {
	if d >= time.Second {
		return d.Round(100 * time.Millisecond)
	}
	return max(d.Round(time.Millisecond), time.Millisecond)
}

// some are between 1 and n of the herd's nodes, in order.
func (g *generator) some(n int) []int {
	nodes := g.rand.Perm(g.Nodes)[:1+g.rand.IntN(n)]
	slices.Sort(nodes)
	return nodes
}

func (g *generator) span() time.Duration { return g.between(300*time.Millisecond, 100*time.Second) }

// split cuts the herd in two.
func (g *generator) split() {
	if g.Nodes > 1 {
		g.add(Fault{Kind: Cut, Links: Links{g.some(g.Nodes - 1), rest, true}, For: g.span()})
	}
}

// lone cuts a node off.
func (g *generator) lone() {
	g.add(Fault{Kind: Cut, Links: Links{g.some(1), rest, true}, For: g.span()})
}

// oneWay cuts one link in one direction.
func (g *generator) oneWay() {
	p := g.rand.Perm(g.Nodes)
	g.add(Fault{Kind: Cut, Links: Links{p[:1], p[1:2], false}, For: g.span()})
}

// deaf has a node hear and not be heard, or the other way round.
func (g *generator) deaf() {
	l := Links{g.some(1), rest, false}
	if g.rand.IntN(2) == 0 {
		l.From, l.To = l.To, l.From
	}
	g.add(Fault{Kind: Cut, Links: l, For: g.span()})
}

// chain cuts two groups from each other and leaves those between.
func (g *generator) chain() {
	p := g.rand.Perm(g.Nodes)
	a := 1 + g.rand.IntN(g.Nodes-2)
	b := 1 + g.rand.IntN(g.Nodes-a-1)
	g.add(Fault{Kind: Cut, Links: Links{p[:a], p[a : a+b], true}, For: g.span()})
}

// flap cuts a few times for a moment.
func (g *generator) flap() {
	l := Links{g.some(g.Nodes - 1), rest, g.rand.IntN(3) > 0}
	at, on := g.now, g.between(100*time.Millisecond, 3*time.Second)
	for range 3 + g.rand.IntN(6) {
		if at < g.Run {
			g.Faults = append(g.Faults, Fault{At: at, Kind: Cut, Links: l, For: on})
		}
		at += 2 * on
	}
}

// dice is a fault that has a chance.
func (g *generator) dice(k Kind) func() {
	return func() {
		g.add(Fault{Kind: k, Percent: pick(g.rand, 1, 5, 10, 20, 25, 30, 50), Links: g.where(), For: g.span()})
	}
}

// slow is a fault that takes time.
func (g *generator) slow(k Kind) func() {
	return func() {
		g.add(Fault{Kind: k, Delay: g.between(time.Millisecond, 300*time.Millisecond), Links: g.where(), For: g.span()})
	}
}

// clog has one direction take seconds.
func (g *generator) clog() {
	p := g.rand.Perm(g.Nodes)
	g.add(Fault{Kind: Delay, Delay: g.between(time.Second, 10*time.Second), Links: Links{p[:1], p[1:2], false}, For: g.span()})
}

// where are all links or some.
func (g *generator) where() Links {
	if g.rand.IntN(2) == 0 {
		return Links{}
	}
	return Links{g.some(g.Nodes - 1), rest, g.rand.IntN(2) == 0}
}

func (g *generator) pause() {
	g.add(Fault{Kind: Pause, Nodes: g.some(2), For: g.between(100*time.Millisecond, 30*time.Second)})
}

// clock puts a clock forward or back.
func (g *generator) clock() {
	d := g.between(11*time.Millisecond, 288*time.Second)
	if g.rand.IntN(2) == 0 {
		d = -d
	}
	g.add(Fault{Kind: Clock, Delay: d, Nodes: g.some(2), For: g.span()})
}

// victim is a node that runs and may be taken down; -1: there is none.
func (g *generator) victim() int {
	var up []int
	down := 0
	for i, runs := range g.running {
		if runs {
			up = append(up, i)
		} else if i < g.Nodes {
			down++
		}
	}
	if down >= g.down || len(up) < 2 {
		return -1
	}
	return up[g.rand.IntN(len(up))]
}

// kill kills nodes, most of which come back.
func (g *generator) kill() { g.take(Kill, 1+g.rand.IntN(2)) }

// stop has a node leave, and come back most often.
func (g *generator) stop() { g.take(Stop, 1) }

func (g *generator) take(k Kind, n int) {
	for range n {
		i := g.victim()
		if i < 0 {
			return
		}
		g.running[i] = false
		g.add(Fault{Kind: k, Nodes: []int{i}})
		switch g.rand.IntN(8) {
		case 0: // for good
		case 1:
			g.comes(i, 0)
			g.come()
		default:
			g.comes(i, g.between(10*time.Millisecond, 60*time.Second))
		}
	}
}

// roll restarts all, one after the other.
func (g *generator) roll() {
	k := pick(g.rand, Kill, Stop)
	gap, off := g.between(500*time.Millisecond, 5*time.Second), g.between(time.Millisecond, time.Second)
	for i := range g.Nodes {
		g.come()
		if g.now >= g.Run {
			return
		}
		if g.running[i] {
			g.running[i] = false
			g.add(Fault{Kind: k, Nodes: []int{i}})
			g.comes(i, off)
		}
		g.now += gap
	}
}

// join has a node more come.
func (g *generator) join() {
	for i := g.Nodes; i < maxNodes; i++ {
		waits := slices.ContainsFunc(g.comings, func(c coming) bool { return c.node == i })
		if !g.running[i] && !waits {
			g.comes(i, 0)
			g.come()
			return
		}
	}
}

// pick is one of some, by chance.
func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }
