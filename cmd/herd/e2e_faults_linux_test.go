package main

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"text/tabwriter"
	"time"

	"herd/cmd/herd/internal/netlab"
)

// faultRow is one way to break a herd of five, and what must hold. Besides, in every
// row: no promise to clients is broken, those of nodes that are not broken themselves
// see no error, and in the end there is one herd with one table.
type faultRow struct {
	name      string
	from, to  extent // at which it runs
	do        func(r *faultRun)
	staleness time.Duration // the 99th percentile that is promised; 0: none
}

// TestE2EMatrix breaks a herd of processes in every way that the kernel has.
func TestE2EMatrix(t *testing.T) {
	h := newLabHerd(t, 5)
	var all []figure
	for _, row := range faultRows() {
		if size := sizes().faults; size < row.from || size > row.to {
			continue
		}
		ok := t.Run(row.id(), func(t *testing.T) {
			figures := h.play(t, &row)
			t.Log("\n" + figureTable(figures)) // of a run that is stopped there is this
			all = append(all, figures...)
		})
		if !ok {
			h.lab.Heal()
			h.start() // the next row gets a herd that is well
		}
	}
	t.Log("\n" + figureTable(all))
}

func figureTable(all []figure) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "FAULT\tWHAT\tFOUND\tPROMISED\t")
	for _, f := range all {
		broken := ""
		if f.broken {
			broken = "BROKEN"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", f.row, f.what, f.got, f.promise, broken)
	}
	w.Flush()
	return b.String()
}

// What is promised.
const (
	knownTime  = 3 * time.Second // until all know of a kill
	backTime   = time.Second     // after the end of a pause
	wholeTime  = 5 * time.Second // after the end of a cut
	staleTime  = time.Second     // at a loss of 30 %
	shortPause = time.Second     // after which nobody may be taken for dead
)

func faultRows() []faultRow {
	const s, ms = time.Second, time.Millisecond
	cut := netlab.Link{Cut: true}
	var (
		left, right = []int{0, 1}, []int{2, 3, 4}
		both        = func(l *netlab.Lab) { l.SetBoth(left, right, cut) }
		oneWay      = func(l *netlab.Lab) { l.Set(left, right, cut) }
		mute        = func(l *netlab.Lab) { l.Set([]int{0}, nil, cut) }
		deaf        = func(l *netlab.Lab) { l.Set(nil, []int{0}, cut) }
		alone       = func(l *netlab.Lab) { l.Set(nil, nil, cut) }
		storm       = func(l *netlab.Lab) { l.Set(nil, nil, netlab.Link{Loss: .5}) }
		chain       = func(l *netlab.Lab) {
			for i := range l.Hosts {
				for j := range i - 1 {
					l.SetBoth([]int{i}, []int{j}, cut)
				}
			}
		}
		loss = func(share float64) netlab.Link { return netlab.Link{Loss: share} }
	)
	return []faultRow{
		{"cut 2 s", brief, brief, cutFor(2*s, both), 0},
		{"kill -9", brief, short, kills(1), 0},

		{"cut 10 s", short, matrix, cutFor(10*s, both), 0},
		{"one way 6 s", short, short, cutFor(6*s, oneWay), 0},
		{"heard by nobody 6 s", short, short, cutFor(6*s, mute), 0},
		{"SIGSTOP 1 s", short, matrix, pauseFor(shortPause), staleTime},
		{"SIGSTOP 6 s", short, short, pauseFor(6 * s), 0},
		{"loss 30 % 10 s", short, short, weather(10*s, loss(.3)), staleTime},
		{"rolling restart", short, matrix, rollingRestart, 0},

		{"kill -9 twenty times", matrix, matrix, kills(20), 0},
		{"kill -9 of two at once", matrix, matrix, killTwo, 0},
		{"SIGSTOP 3 s", matrix, matrix, pauseFor(3 * s), 0},
		{"SIGSTOP 8 s", matrix, matrix, pauseFor(8 * s), 0},
		{"SIGSTOP 60 s", matrix, matrix, pauseFor(60 * s), 0},
		{"SIGSTOP 200 ms on and off", matrix, matrix, strobe, 0},
		{"cut 3 s", matrix, matrix, cutFor(3*s, both), 0},
		{"cut 45 s", matrix, matrix, cutFor(45*s, both), 0},
		{"cut 100 s", matrix, matrix, cutFor(100*s, both), 0},
		{"one way 3 s", matrix, matrix, cutFor(3*s, oneWay), 0},
		{"one way 10 s", matrix, matrix, cutFor(10*s, oneWay), 0},
		{"one way 45 s", matrix, matrix, cutFor(45*s, oneWay), 0},
		{"one way 100 s", matrix, matrix, cutFor(100*s, oneWay), 0},
		{"heard by nobody 3 s", matrix, matrix, cutFor(3*s, mute), 0},
		{"heard by nobody 10 s", matrix, matrix, cutFor(10*s, mute), 0},
		{"heard by nobody 45 s", matrix, matrix, cutFor(45*s, mute), 0},
		{"heard by nobody 100 s", matrix, matrix, cutFor(100*s, mute), 0},
		{"hears nobody 45 s", matrix, matrix, cutFor(45*s, deaf), 0},
		{"each alone 10 s", matrix, matrix, cutFor(10*s, alone), 0},
		{"chain 30 s", matrix, matrix, cutFor(30*s, chain), 0},
		{"one link 60 s", matrix, matrix, weather(60*s, cut, 0, 3), 0},
		{"cut 1 s on and off", matrix, matrix, flap(both), 0},
		{"kill -9 in a cut", matrix, matrix, killInCut(both), 0},
		{"loss 10 % 60 s", matrix, matrix, weather(60*s, loss(.1)), staleTime},
		{"loss 30 % 60 s", matrix, matrix, weather(60*s, loss(.3)), staleTime},
		{"loss 50 % 30 s", matrix, matrix, cutFor(30*s, storm), 0},
		{"copies 25 %, 20 s", matrix, matrix, weather(20*s, netlab.Link{Duplicate: .25}), staleTime},
		{"delay 50 to 100 ms, 30 s", matrix, matrix, weather(30*s, netlab.Link{Delay: 50 * ms, Jitter: 50 * ms}), staleTime},
		{"reorder 25 %, 30 s", matrix, matrix, weather(30*s, netlab.Link{Delay: 20 * ms, Reorder: .25}), staleTime},
		{"rate 64 KiB/s, 30 s", matrix, matrix, weather(30*s, netlab.Link{Rate: 64 << 10}), staleTime},
		{"disk full", short, matrix, diskFull, 0},
		{"no free descriptors", short, matrix, noDescriptors, 0},
		{"CPU 5 %", matrix, matrix, littleCPU, 0},
		{"memory 1 MiB more", matrix, matrix, littleMemory, 0},
	}
}

// cutFor makes a row in which some don't hear others for a while. Meanwhile clients of
// their own report at both sides, with equal times too.
func cutFor(d time.Duration, make func(l *netlab.Lab)) func(r *faultRun) {
	return func(r *faultRun) {
		over := r.rec.Fault("cut")
		make(r.lab)
		stop := r.load("both-")
		r.wait(d)
		ids := stop()
		healed := time.Now()
		r.lab.Heal()
		over()
		r.whole()
		r.took("one view after the heal", time.Since(healed), wholeTime)
		r.equal(ids)
		r.took("equal tables after the heal", time.Since(healed), wholeTime)
	}
}

// kills makes a row in which one node after the other is killed, and started again.
func kills(n int) func(r *faultRun) {
	return func(r *faultRun) {
		var slowest time.Duration
		for i := range n {
			victim := i % len(r.procs)
			slowest = max(slowest, r.kill(victim))
			r.restart(victim)
			r.whole()
		}
		r.took(fmt.Sprintf("known to all, slowest of %d", n), slowest, knownTime)
		r.falseDeaths(r.nodes.names()[:min(n, len(r.procs))]...)
	}
}

// kill kills a node, waits until all others know, and gives how long that took by
// their own account.
func (r *faultRun) kill(i int) (known time.Duration) {
	r.t.Helper()
	name := r.nodes[i].name
	list, err := membersOf(r.t.Context(), &r.nodes[i].http)
	if err != nil {
		r.t.Fatal(err)
	}
	origin := ""
	for _, m := range list.Members {
		if m.Name == name {
			origin = m.Origin
		}
	}
	over := r.rec.Fault("kill -9", name)
	defer over()
	killed := time.Now()
	r.procs[i].kill()
	for j, n := range r.nodes {
		if j == i {
			continue
		}
		until(r.t, n.name+" knows that "+name+" is dead", func() bool {
			list, err := membersOf(r.t.Context(), &n.http)
			if err != nil {
				r.t.Fatal(err)
			}
			for _, m := range list.Members {
				switch {
				case m.Origin != origin:
				case m.State == "failed":
					known = max(known, m.Since.Sub(killed))
					return true
				default:
					return false
				}
			}
			known = max(known, time.Since(killed)) // it is forgotten
			return true
		})
	}
	return known
}

// restart starts a node again that has ended, and waits until it is ready.
func (r *faultRun) restart(i int) time.Duration {
	r.t.Helper()
	p := launch(r.labHerd.t, again(r.procs, i, true))
	p.t = r.t
	r.begin[p.log] = 0
	r.procs[i] = p
	return p.waitReady()
}

// pauseFor makes a row in which a node stands still for a while.
func pauseFor(d time.Duration) func(r *faultRun) {
	return func(r *faultRun) {
		const i = 1
		name := r.nodes[i].name
		process := r.procs[i].cmd.Process
		over := r.rec.Fault("SIGSTOP", name)
		r.stands(name, true)
		process.Signal(syscall.SIGSTOP)
		r.wait(d)
		process.Signal(syscall.SIGCONT)
		from := time.Now()
		r.stands(name, false)
		over()
		r.whole()
		back := time.Since(from)
		if d <= shortPause {
			r.falseDeaths()
			return
		}
		r.took("back after SIGCONT", back, backTime)
		r.falseDeaths(name)
	}
}

func (r *faultRun) stands(name string, still bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.still[name] = still
}

// strobe has a node stand still again and again, never for long.
func strobe(r *faultRun) {
	const i, times, step = 2, 50, 200 * time.Millisecond
	over := r.rec.Fault("SIGSTOP again and again", r.nodes[i].name)
	r.stands(r.nodes[i].name, true)
	for range times {
		r.procs[i].cmd.Process.Signal(syscall.SIGSTOP)
		r.wait(step)
		r.procs[i].cmd.Process.Signal(syscall.SIGCONT)
		r.wait(step)
	}
	r.stands(r.nodes[i].name, false)
	over()
	r.whole()
	r.falseDeaths()
}

// flap makes a row in which links are cut again and again.
func flap(make func(l *netlab.Lab)) func(r *faultRun) {
	return func(r *faultRun) {
		const times, step = 15, time.Second
		over := r.rec.Fault("cut again and again")
		for range times {
			make(r.lab)
			r.wait(step)
			r.lab.Heal()
			r.wait(step)
		}
		healed := time.Now()
		over()
		r.whole()
		r.took("one view after the heal", time.Since(healed), wholeTime)
	}
}

// killTwo kills two nodes at once.
func killTwo(r *faultRun) {
	victims := []int{1, 3}
	over := r.rec.Fault("kill -9", r.names(victims...)...)
	for _, i := range victims {
		r.procs[i].kill()
	}
	r.restart(victims[0])
	r.restart(victims[1])
	over()
	r.whole()
	r.falseDeaths(r.names(victims...)...)
}

// killInCut makes a row in which a node is killed while others can't see it, and starts
// again after the heal.
func killInCut(make func(l *netlab.Lab)) func(r *faultRun) {
	return func(r *faultRun) {
		const victim = 3
		over := r.rec.Fault("cut, kill -9", r.nodes[victim].name)
		make(r.lab)
		r.wait(5 * time.Second)
		r.procs[victim].kill()
		r.wait(5 * time.Second)
		healed := time.Now()
		r.lab.Heal()
		r.restart(victim)
		over()
		r.whole()
		r.took("one view after the heal and a start", time.Since(healed), wholeTime)
	}
}

// weather makes a row in which all links, or those between two hosts, are bad for a
// while, and nobody may be taken for dead.
func weather(d time.Duration, link netlab.Link, between ...int) func(r *faultRun) {
	return func(r *faultRun) {
		over := r.rec.Fault("bad links")
		if len(between) == 2 {
			r.lab.SetBoth(between[:1], between[1:], link)
		} else {
			r.lab.Set(nil, nil, link)
		}
		r.wait(d)
		healed := time.Now()
		r.lab.Heal()
		over()
		r.whole()
		r.took("one view after the heal", time.Since(healed), wholeTime)
		r.falseDeaths()
	}
}

// rollingRestart has each node leave and come back, one after the other.
func rollingRestart(r *faultRun) {
	for i, p := range r.procs {
		over := r.rec.Fault("restart", p.spec.name)
		if code, _ := p.stop(syscall.SIGTERM); code != exitDone {
			r.t.Errorf("%s leaves with exit code %d", p.spec.name, code)
		}
		r.restart(i)
		over()
	}
	r.whole()
	r.falseDeaths()
}
