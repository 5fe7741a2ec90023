package history

import (
	"context"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"herd/gossip/location"
)

// bug is something that a lab's nodes do wrong.
type bug string

const (
	sound          bug = "sound"
	floatTime      bug = "times are float64"
	noTieBreak     bug = "of equal times the first stays"
	lastArrivalWin bug = "what arrives last wins"
	ackEarly       bug = "acknowledged before members have it"
	ackForgotten   bug = "acknowledged and not stored"
	countGone      bug = "a member that is out still counts as in sync"
	staleCache     bug = "reads come from a cache"
	twoTables      bug = "reads come from one of two tables"
	noCatchUp      bug = "nobody catches up after a cut"
	readyEarly     bug = "ready before it has caught up"
	keepExpired    bug = "what has expired is shown"
	expireReceived bug = "time to live counts from the receipt"
	newDifference  bug = "the clock difference is that of the reader"
	roundedTime    bug = "times are rounded to microseconds"
	crossedReplies bug = "replies of two clients are crossed"
	shownAgain     bug = "what has expired is shown again"
	evictOther     bug = "another client is given up than the lowest"
)

const (
	labTTL   = 1000 * time.Millisecond
	labAhead = 5 * time.Minute
	labSkew  = 20 * time.Millisecond // of a node's clock
	labTime  = 1400 * time.Millisecond
	labMost  = 20                    // of 32
	ackAfter = 20 * time.Millisecond // a member that does not answer is out
)

var labNodes = []string{"Bailey", "Bona", "Campbell", "Clark", "Jaquez"}

// lab is a herd in a hundred lines, in a bubble: no streams, no batches; what one
// node says another hears after a while, or not at all. It is as right as a herd has
// to be, unless it has a bug.
type lab struct {
	bug  bug
	ttl  time.Duration
	most int // clients that are kept; 0: all
	rec  *Recorder
	stop chan struct{}

	mu    sync.Mutex // guards what follows
	rand  *rand.Rand
	procs [5]*labProc
	cut   [5][5]bool
	boots uint64
}

// labProc is one life of a node.
type labProc struct {
	Process
	slot   int
	skew   int64
	ready  bool
	dead   bool
	table  map[string]location.Fix
	cache  map[string]location.Fix
	got    map[string]int64 // when the fix arrived
	inSync map[*labProc]bool
	floor  place // who was given up
}

// experiment plays one seed and gives its history.
func experiment(t *testing.T, seed uint64, b bug) (h *History) {
	synctest.Test(t, func(t *testing.T) {
		l := &lab{bug: b, rand: rand.New(rand.NewPCG(seed, 1)), stop: make(chan struct{})}
		if seed%2 == 1 {
			l.ttl = labTTL
		}
		if seed%4 >= 2 && (b == sound || b == evictOther) {
			l.most = labMost
		}
		l.rec = NewRecorder(Settings{Ahead: labAhead, TTL: l.ttl, MaxClients: l.most, Skew: 2 * labSkew, Seed: seed}, 0)
		for i := range l.procs {
			l.boot(i)
		}
		l.catchUp(true)
		var others sync.WaitGroup
		for _, f := range []func(){l.faults, l.mend, l.watch} {
			others.Go(f)
		}
		l.load(t, seed, labTime)
		close(l.stop)
		others.Wait()
		end := l.rec.Fault("cut") // the last one, for all to catch up from
		l.divide(0b10110)
		l.load(t, ^seed, labTime/8)
		l.divide(0)
		end()
		l.settle()
		var err error
		if h, err = l.rec.History(); err != nil {
			t.Error(err)
		}
	})
	return h
}

// load has clients send commands for a while.
func (l *lab) load(t *testing.T, seed uint64, d time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	w := Workload{Nodes: labNodes, Clients: 32, Pause: 8 * time.Millisecond, Timeout: time.Second, Seed: seed}
	if err := w.Run(ctx, l.rec, l); err != nil {
		t.Error(err)
	}
}

// boot starts a life of a node, empty.
func (l *lab) boot(slot int) *labProc {
	l.boots++
	p := &labProc{
		Process: Process{labNodes[slot], l.boots}, slot: slot, skew: l.rand.Int64N(2*int64(labSkew)) - int64(labSkew),
		table: map[string]location.Fix{}, got: map[string]int64{}, inSync: map[*labProc]bool{},
	}
	l.procs[slot] = p
	return p
}

func (l *lab) wall(p *labProc) int64 { return time.Now().UnixNano() + p.skew }

// hears tells whether q hears p.
func (l *lab) hears(p, q *labProc) bool { return !p.dead && !q.dead && !l.cut[p.slot][q.slot] }

// newer tells whether f takes the place of g.
func (l *lab) newer(f, g *location.Fix) bool {
	switch l.bug {
	case floatTime:
		return float64(f.Order)/1e9 > float64(g.Order)/1e9
	case noTieBreak:
		return f.Order > g.Order
	case lastArrivalWin:
		return true
	default:
		return f.Compare(g) > 0
	}
}

func (l *lab) merge(p *labProc, id string, f location.Fix) {
	if (place{f.Order, id}).compare(p.floor) <= 0 {
		return
	}
	if g, ok := p.table[id]; !ok || l.newer(&f, &g) {
		p.table[id], p.got[id] = f, l.wall(p)
	}
	l.evict(p)
}

// evict gives up what is too much.
func (l *lab) evict(p *labProc) {
	for l.most > 0 && len(p.table) > l.most {
		var all []place
		for id, f := range p.table {
			all = append(all, place{f.Order, id})
		}
		slices.SortFunc(all, place.compare)
		if l.bug == evictOther {
			delete(p.table, all[1+l.rand.IntN(len(all)-1)].id)
			continue
		}
		l.raise(p, all[0])
	}
}

// raise gives up what is at a floor or below it.
func (l *lab) raise(p *labProc, floor place) {
	if floor.compare(p.floor) <= 0 {
		return
	}
	p.floor = floor
	for id, f := range p.table {
		if (place{f.Order, id}).compare(floor) <= 0 {
			delete(p.table, id)
		}
	}
}

// pass has q learn all that p holds, and take its place in p's in-sync set.
func (l *lab) pass(p, q *labProc) {
	for id, f := range p.table {
		l.merge(q, id, f)
	}
	l.raise(q, p.floor)
	p.inSync[q] = true
}

func (l *lab) between(least, most time.Duration) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return least + time.Duration(l.rand.Int64N(int64(most-least)))
}

// travel is the way of a message.
func (l *lab) travel() { time.Sleep(l.between(50*time.Microsecond, 2*time.Millisecond)) }

// catchUp has nodes compare what they hold: any two now and then, or all.
func (l *lab) catchUp(all bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range l.procs {
		for _, q := range l.procs {
			if p != q && l.hears(p, q) && l.hears(q, p) && (all || l.rand.IntN(10) == 0) {
				if l.bug != noCatchUp {
					l.pass(p, q)
				}
				p.inSync[q] = true
			}
		}
		p.ready = p.ready || all
		if l.rand.IntN(16) == 0 {
			p.cache = maps.Clone(p.table)
		}
	}
}

// tick calls f, every now and then, until the end.
func (l *lab) tick(most time.Duration, f func()) {
	for {
		select {
		case <-l.stop:
			return
		case <-time.After(l.between(most/4, most)):
			f()
		}
	}
}

func (l *lab) mend() { l.tick(20*time.Millisecond, func() { l.catchUp(false) }) }

// watch notes in-sync sets from without.
func (l *lab) watch() {
	l.tick(20*time.Millisecond, func() {
		inv := l.rec.Now()
		l.mu.Lock()
		defer l.mu.Unlock()
		p := l.procs[l.rand.IntN(len(l.procs))]
		for q := range p.inSync {
			l.rec.Hold(Hold{Who: q.Process, Of: []Process{p.Process}, Inv: inv})
		}
	})
}

func (l *lab) faults() {
	l.tick(60*time.Millisecond, func() {
		if l.between(0, 2) == 0 {
			l.crash(int(l.between(0, 5)))
		} else {
			l.part()
		}
	})
}

// crash kills a node and starts it again.
func (l *lab) crash(slot int) {
	end := l.rec.Fault("kill", labNodes[slot])
	defer end()
	l.mu.Lock()
	l.procs[slot].dead = true
	l.mu.Unlock()
	time.Sleep(l.between(time.Millisecond, 50*time.Millisecond))
	l.mu.Lock()
	defer l.mu.Unlock()
	inv := l.rec.Now()
	p := l.boot(slot)
	hold := Hold{Who: p.Process, All: true, Inv: inv}
	for _, q := range l.procs {
		if q != p && l.hears(q, p) && q.ready {
			if l.bug != readyEarly {
				l.pass(q, p)
			}
			hold.Of = append(hold.Of, q.Process)
		}
	}
	p.ready = true
	l.rec.Hold(hold)
}

// part cuts the herd in two for a while, or one way between two nodes.
func (l *lab) part() {
	end := l.rec.Fault("cut")
	defer end()
	if from, to := l.between(0, 5), l.between(0, 5); from != to && l.between(0, 3) == 0 {
		l.mu.Lock()
		l.cut[from][to] = true
		l.mu.Unlock()
	} else {
		l.divide(int(l.between(0, 32)))
	}
	time.Sleep(l.between(10*time.Millisecond, 150*time.Millisecond))
	l.divide(0)
}

// divide cuts the herd in two: a node is on the side that its bit says.
func (l *lab) divide(sides int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for a := range l.cut {
		for b := range l.cut {
			l.cut[a][b] = sides>>a&1 != sides>>b&1
		}
	}
}

// settle is the quiet at the end.
func (l *lab) settle() {
	time.Sleep(100 * time.Millisecond)
	l.catchUp(true)
	l.catchUp(true)
	for _, p := range l.procs {
		d := Dump{At: p.Process, Inv: l.rec.Now()}
		for id := range p.table {
			if f, ok := l.shown(p, p.table, id); ok {
				d.Lines = append(d.Lines, atLine(id, &f))
			}
		}
		l.rec.Dump(d)
	}
}
