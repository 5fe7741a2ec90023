package history

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"herd/gossip/location"
	"herd/node/protocol"
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
)

const (
	labTTL   = 1000 * time.Millisecond
	labAhead = 5 * time.Minute
	labSkew  = 20 * time.Millisecond // of a node's clock
	labTime  = 1400 * time.Millisecond
	ackAfter = 20 * time.Millisecond // a member that does not answer is out
)

var labNodes = []string{"Bailey", "Bona", "Campbell", "Clark", "Jaquez"}

// lab is a herd in a hundred lines, in a bubble: no streams, no batches; what one
// node says another hears after a while, or not at all. It is as right as a herd has
// to be, unless it has a bug.
type lab struct {
	bug  bug
	ttl  time.Duration
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
}

// experiment plays one seed and gives its history.
func experiment(t *testing.T, seed uint64, b bug) (h *History) {
	synctest.Test(t, func(t *testing.T) {
		l := &lab{bug: b, rand: rand.New(rand.NewPCG(seed, 1)), stop: make(chan struct{})}
		if seed%2 == 1 {
			l.ttl = labTTL
		}
		l.rec = NewRecorder(Settings{Ahead: labAhead, TTL: l.ttl, Skew: 2 * labSkew, Seed: seed}, 0)
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
	if g, ok := p.table[id]; !ok || l.newer(&f, &g) {
		p.table[id], p.got[id] = f, l.wall(p)
	}
}

// pass has q learn all that p holds, and take its place in p's in-sync set.
func (l *lab) pass(p, q *labProc) {
	for id, f := range p.table {
		l.merge(q, id, f)
	}
	p.inSync[q] = true
}

func (l *lab) between(least, most time.Duration) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return least + time.Duration(l.rand.Int64N(int64(most-least)))
}

// travel is the way of a message.
func (l *lab) travel() { time.Sleep(l.between(50*time.Microsecond, 2*time.Millisecond)) }

var errGone = errors.New("the connection is closed")

// Send is a client's command.
func (l *lab) Send(_ context.Context, node, line string) (Reply, error) {
	c := protocol.Parse([]byte(line), protocol.Limits{})
	l.mu.Lock()
	p := l.procs[slices.Index(labNodes, node)]
	refused := p.dead || !p.ready
	l.mu.Unlock()
	if refused {
		return Reply{}, fmt.Errorf("dial %s: %w", node, ErrNotSent)
	}
	l.travel()
	text, held := "", []Process(nil)
	if c.Verb == protocol.IAmAt {
		text, held = l.report(p, &c)
	} else {
		text = l.query(p, string(c.ID), line)
	}
	l.travel()
	l.mu.Lock()
	defer l.mu.Unlock()
	if p.dead {
		return Reply{Boot: p.Boot}, errGone
	}
	return Reply{text, p.Boot, held}, nil
}

func (l *lab) report(p *labProc, c *protocol.Command) (string, []Process) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p.dead {
		return "", nil
	}
	id, f := string(c.ID), location.NewFix(p.Node, l.wall(p), labAhead, c.Position, c.Time)
	if l.bug == ackForgotten && l.rand.IntN(4) == 0 {
		return atLine(id, &f), nil
	}
	l.merge(p, id, f)
	has := map[*labProc]bool{}
	early := l.bug == ackEarly && l.rand.IntN(4) == 0
	for q := l.lacks(p, has); q != nil && !early; q = l.lacks(p, has) {
		l.mu.Unlock()
		l.travel()
		l.mu.Lock()
		if l.hears(p, q) && p.inSync[q] {
			l.merge(q, id, f)
			has[q] = true
			continue
		}
		if !q.dead && p.inSync[q] {
			l.mu.Unlock()
			time.Sleep(ackAfter)
			l.mu.Lock()
		}
		if l.bug == countGone {
			has[q] = true
		} else if !l.hears(p, q) {
			delete(p.inSync, q)
		}
	}
	var held []Process
	for q := range p.inSync {
		held = append(held, q.Process)
	}
	if early {
		go func() { l.deliverLate(p, id, f) }()
	}
	return atLine(id, &f), held
}

// deliverLate is what becomes of a report that was acknowledged early.
func (l *lab) deliverLate(p *labProc, id string, f location.Fix) {
	time.Sleep(l.between(5*time.Millisecond, 50*time.Millisecond))
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, q := range l.procs {
		if l.hears(p, q) {
			l.merge(q, id, f)
		}
	}
}

// lacks is one of p's in-sync set that is not known to have it.
func (l *lab) lacks(p *labProc, has map[*labProc]bool) *labProc {
	for q := range p.inSync {
		if !has[q] {
			return q
		}
	}
	return nil
}

func atLine(id string, f *location.Fix) string {
	return strings.TrimSuffix(string(protocol.AppendAt(nil, []byte(id), f)), "\n")
}

// shown is what a table shows of a client.
func (l *lab) shown(p *labProc, table map[string]location.Fix, id string) (location.Fix, bool) {
	f, ok := table[id]
	from := f.Order
	switch l.bug {
	case keepExpired:
		return f, ok
	case expireReceived:
		from = p.got[id]
	}
	return f, ok && (l.ttl == 0 || l.wall(p) < from+int64(l.ttl))
}

func (l *lab) query(p *labProc, id, line string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	table := p.table
	if p.cache != nil && (l.bug == staleCache || l.bug == twoTables && l.rand.IntN(4) == 0) {
		table = p.cache
	}
	if l.bug == crossedReplies && l.rand.IntN(50) == 0 {
		for other := range table {
			id = other
		}
	}
	f, ok := l.shown(p, table, id)
	if !ok {
		return "? " + line
	}
	switch l.bug {
	case newDifference:
		if f.Node != p.Node {
			f.Received = l.wall(p)
		}
	case roundedTime:
		text := f.Time.String()
		f.Time, _ = location.ParseTime([]byte(text[:len(text)-3]))
	}
	return atLine(id, &f) + "\n{}\n\n"
}

// catchUp has nodes compare what they hold: any two now and then, or all.
func (l *lab) catchUp(all bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range l.procs {
		for _, q := range l.procs {
			if p != q && l.hears(p, q) && l.hears(q, p) && (all || l.rand.IntN(4) == 0) {
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
	l.tick(100*time.Millisecond, func() {
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
