package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unicode"

	"herd/config"
	"herd/node/history"
)

// faultRun is one row: a herd under load is broken and mended, and judged by what its
// clients saw. It is a [history.Transport].
type faultRun struct {
	*labHerd
	t    *testing.T
	row  *faultRow
	rec  *history.Recorder
	send *lineSender
	ids  []string // of all clients

	answered atomic.Int64 // commands
	begin    map[string]int
	figures  []figure
	stall    atomic.Int64 // the longest time that this process, and so the machine, stood still: a [time.Duration]

	mu     sync.Mutex // guards what follows
	still  map[string]bool
	asking map[string]int // commands under way, by node
}

// figure is one thing that was measured, and what was promised of it.
type figure struct {
	row, what, got, promise string
	broken                  bool
}

const (
	runClients = 40
	runPause   = 100 * time.Millisecond // of each worker
	runWorkers = 30
	runTimeout = 20 * time.Second       // of a command: no promise, an end
	stillMax   = 5                      // commands to a node that stands still
	starved    = 500 * time.Millisecond // a node that stands still for as long has not answered a probe
)

// play runs a row.
func (h *labHerd) play(t *testing.T, row *faultRow) []figure {
	r := &faultRun{
		labHerd: h, t: t, row: row, send: newLineSender(h.nodes), begin: map[string]int{},
		rec:   history.NewRecorder(history.Settings{Ahead: config.Default().Herd.MaxClientAhead, Shared: true, Seed: 1, Note: row.name}, 0),
		still: map[string]bool{}, asking: map[string]int{},
	}
	for _, p := range h.procs {
		p.t = t
		r.begin[p.log] = len(p.logText())
	}
	defer r.send.close()
	ctx, cancel := context.WithCancel(t.Context())
	var watching sync.WaitGroup
	defer watching.Wait() // after a row that was given up too
	defer cancel()
	watching.Go(func() { newWatcher(h.nodes, r.rec, func(string) {}, false).run(ctx) })
	watching.Go(func() { r.watchMachine(ctx) })
	stop := r.load("")
	r.hear(200)
	row.do(r)
	r.hear(200)
	stop()
	cancel()
	watching.Wait()
	r.judge()
	for i := range r.figures {
		r.figures[i].row = row.name
	}
	return r.figures
}

// id is the row's name as a part of names.
func (row *faultRow) id() string {
	return strings.Join(strings.FieldsFunc(row.name, func(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsDigit(c) }), "-")
}

// watchMachine finds out how long this process stands still.
func (r *faultRun) watchMachine(ctx context.Context) {
	last := time.Now()
	for range ticks(ctx, 20*time.Millisecond) {
		r.stall.Store(max(r.stall.Load(), int64(time.Since(last)))) // nobody else stores
		last = time.Now()
	}
}

// load has clients with IDs of their own report and ask at all nodes, until stop.
func (r *faultRun) load(prefix string) (stop func() (ids []string)) {
	prefix = r.row.id() + "-" + prefix // rows share a herd
	var ids []string
	for i := range runClients {
		ids = append(ids, fmt.Sprintf("%s%d", prefix, i))
	}
	r.ids = append(r.ids, ids...)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	w := history.Workload{
		Nodes: r.nodes.names(), Clients: runClients, Workers: runWorkers,
		Pause: runPause, Timeout: runTimeout, Prefix: prefix, Seed: uint64(len(r.ids)),
	}
	running.Go(func() {
		if err := w.Run(ctx, r.rec, r); err != nil {
			r.t.Error(err)
		}
	})
	end := func() []string {
		cancel()
		running.Wait()
		return ids
	}
	r.t.Cleanup(func() { end() })
	return end
}

// Send is history.Transport's. Of some writes it asks who was in sync.
func (r *faultRun) Send(ctx context.Context, node, line string) (history.Reply, error) {
	if !r.ask(node, 1) {
		return history.Reply{}, fmt.Errorf("%w: %s stands still", history.ErrNotSent, node)
	}
	defer r.ask(node, -1)
	reply, err := r.send.Send(ctx, node, line)
	if err != nil {
		return reply, err
	}
	if n := r.answered.Add(1); n%4 == 0 && strings.HasPrefix(line, "IAMAT") {
		reply.Held = r.inSync(ctx, node, reply.Boot)
	}
	return reply, nil
}

// ask counts the commands to a node. One that stands still is asked by few, or all
// workers would soon wait for it.
func (r *faultRun) ask(node string, n int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n > 0 && r.still[node] && r.asking[node] >= stillMax {
		return false
	}
	r.asking[node] += n
	return true
}

// inSync are the members in sync with a life of a node.
func (r *faultRun) inSync(ctx context.Context, node string, boot uint64) (held []history.Process) {
	i := slices.IndexFunc(r.nodes, func(n *chaosNode) bool { return n.name == node })
	list, err := membersOf(ctx, &r.nodes[i].http)
	if err != nil {
		return nil // nobody is known to be
	}
	for _, m := range list.Members {
		p := history.Process{Node: m.Name, Boot: bootOf(&m)}
		switch {
		case m.Name == node && p.Boot != boot:
			return nil // it has been started again
		case m.InSync && m.Name != node:
			held = append(held, p)
		}
	}
	return held
}

// bootOf is a member's origin as a history has it.
func bootOf(m *member) (boot uint64) {
	fmt.Sscanf(m.Origin, "%x", &boot)
	return boot
}

// hear waits for so many more answers.
func (r *faultRun) hear(n int64) {
	r.t.Helper()
	want := r.answered.Load() + n
	until(r.t, "clients are answered", func() bool { return r.answered.Load() >= want })
}

// wait lets a fault last.
func (r *faultRun) wait(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	<-timer.C
}

// whole waits until all nodes are one herd, and gives how long that took.
func (r *faultRun) whole() time.Duration {
	r.t.Helper()
	return until(r.t, "all nodes are one herd", func() bool {
		for _, n := range r.nodes {
			var v view
			if v.self, v.err = n.self(r.t.Context()); v.err == nil {
				v.list, v.err = membersOf(r.t.Context(), &n.http)
			}
			if !v.oneWith(n.name, len(r.nodes)) {
				return false
			}
		}
		return true
	})
}

// equal waits until all nodes show the same of some clients, whom nobody writes.
func (r *faultRun) equal(ids []string) {
	r.t.Helper()
	until(r.t, "all tables are equal", func() bool {
		example, err := agree(r.procs, ids)
		if err != nil {
			r.t.Fatal(err)
		}
		return example == ""
	})
}

var failedLine = regexp.MustCompile(`member has failed: member=(\S+)`)

// deaths are how often somebody was taken for failed since the row began, by name.
func (r *faultRun) deaths() map[string]int {
	all := map[string]int{}
	for log, from := range r.begin {
		text, err := os.ReadFile(log)
		if err != nil {
			r.t.Fatal(err)
		}
		for _, m := range failedLine.FindAllSubmatch(text[from:], -1) {
			all[string(m[1])]++
		}
	}
	return all
}

// strict tells whether what was promised of times is judged, not only shown: in make chaos,
// unless the machine stood still so long that it shows nothing of the herd.
func (r *faultRun) strict() bool {
	return sizes().faults == matrix && time.Duration(r.stall.Load()) < starved
}

// took notes how long something took, and how long it may take.
func (r *faultRun) took(what string, d, most time.Duration) {
	r.figures = append(r.figures, figure{
		what: what, got: d.Round(time.Millisecond).String(), promise: "<= " + most.String(), broken: d > most,
	})
	if d > most && r.strict() {
		r.t.Errorf("%s: %v, promised is %v", what, d, most)
	}
}

// count notes how often something happened that never should.
func (r *faultRun) count(what string, n int) {
	r.figures = append(r.figures, figure{what: what, got: fmt.Sprint(n), promise: "0", broken: n > 0})
	if n > 0 {
		r.t.Errorf("%s: %d, promised is none", what, n)
	}
}

// falseDeaths notes how often somebody was taken for failed who was not one of those.
func (r *faultRun) falseDeaths(but ...string) {
	n := 0
	for name, times := range r.deaths() {
		if !slices.Contains(but, name) {
			n += times
		}
	}
	if r.strict() {
		r.count("false deaths", n)
	} else { // on a machine that lets a node stand still others are right to think it dead
		r.figures = append(r.figures, figure{what: "false deaths", got: fmt.Sprint(n), promise: "0", broken: n > 0})
	}
}

// judge asks every node for everything, and checks all that clients were told.
func (r *faultRun) judge() {
	r.t.Helper()
	r.equal(r.ids)
	for i, p := range r.procs {
		r.dump(i, p)
	}
	h, err := r.rec.History()
	if err != nil {
		r.t.Fatal(err)
	}
	report := history.Check(h)
	r.figures = append(r.figures, figure{what: "promises broken", got: fmt.Sprint(len(report.Violations)), promise: "0", broken: !report.OK()})
	if !report.OK() {
		r.t.Errorf("%d promises are broken:\n%s\nThe history is in %s", len(report.Violations), report, r.keep(h))
	}
	errs := 0
	for _, w := range report.Windows {
		there := w.At
		if len(w.Nodes) > 0 {
			there = w.Elsewhere
		}
		errs += there.Fail + there.Unknown
	}
	r.count("errors of clients elsewhere", errs)
	if r.row.staleness > 0 {
		r.took("staleness p99", report.Staleness.P99, r.row.staleness)
	}
	r.t.Logf("%d commands, %d failed; staleness %s; the machine stood still for up to %v; packets %+v",
		len(h.Ops), report.All.Fail+report.All.Unknown, &report.Staleness, time.Duration(r.stall.Load()).Round(time.Millisecond), r.lab.Counts())
}

// dump records what a node holds.
func (r *faultRun) dump(i int, p *process) {
	r.t.Helper()
	d := history.Dump{Inv: r.rec.Now()}
	self, err := r.nodes[i].self(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	d.At = history.Process{Node: p.spec.name, Boot: self.boot}
	s, err := p.open()
	if err != nil {
		r.t.Fatal(err)
	}
	defer s.conn.Close()
	lines, err := s.locateAll(r.ids)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, line := range lines {
		if strings.HasPrefix(line, "AT ") {
			d.Lines = append(d.Lines, line)
		}
	}
	slices.Sort(d.Lines)
	r.rec.Dump(d)
}

// keep writes a history for "herd chaos check".
func (r *faultRun) keep(h *history.History) string {
	r.t.Helper()
	name := filepath.Join(r.t.ArtifactDir(), "history.ndjson")
	f, err := os.Create(name)
	if err == nil {
		err = errors.Join(h.Write(f), f.Close())
	}
	if err != nil {
		r.t.Error(err)
	}
	return name
}
