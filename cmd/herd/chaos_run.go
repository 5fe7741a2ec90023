package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"herd/config"
	"herd/gossip/durable"
	"herd/node/history"
)

// chaosRunVerb is herd chaos run and report.
type chaosRunVerb struct {
	chaosVerb
	random  bool // it makes faults itself
	seed    uint64
	clients int
	rate    int
	settle  time.Duration
	ahead   time.Duration
	out     string
}

// Bounds of a run.
const (
	maxChaosClients = 10_000
	maxChaosRate    = 20_000 // commands a second
	minChaosRun     = 2 * time.Second
	chaosTimeout    = 5 * time.Second // of a command
	beginPatience   = 5 * time.Second // for who is out of sync for a moment when a run begins
	calmTime        = time.Second     // of commands after all is well again, to see that it is
)

func (a *app) chaosRun() *cobra.Command {
	r := &chaosRunVerb{chaosVerb: chaosVerb{app: a}, random: true}
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Break the herd at random under load, and check what clients saw",
		Long: "Run has clients report and ask at all nodes while it kills, pauses, cuts and slows them at\n" +
			"random. Then it heals all, waits until the nodes are one herd again, and checks every answer\n" +
			"against what the herd promises. Exit code 1 if a promise was broken, or the herd did not\n" +
			"recover.",
		Example: "  herd chaos run --for 30s --seed 7\n" +
			"  herd chaos run --for 10m --rate 2000 --out history.ndjson",
		Args: cobra.NoArgs,
	}
	return r.finish(cmd)
}

func (a *app) chaosReport() *cobra.Command {
	r := &chaosRunVerb{chaosVerb: chaosVerb{app: a}}
	cmd := &cobra.Command{
		Use:   "report",
		Short: "Check what clients see while you break the herd",
		Long: "Report is \"herd chaos run\" without faults of its own: break the herd meanwhile from another\n" +
			"terminal, with the other verbs, kill -9 or a cable. What acts over \"herd chaos\" is in the time\n" +
			"line.",
		Example: "  herd chaos report --for 60s",
		Args:    cobra.NoArgs,
	}
	return r.finish(cmd)
}

func (r *chaosRunVerb) finish(cmd *cobra.Command) *cobra.Command {
	r.verb(cmd, func(ctx context.Context, _ []string) error {
		if err := r.check(); err != nil {
			return err
		}
		outliveReaders()
		return r.run(ctx)
	})
	r.client.linesFlag(cmd)
	r.longFlag(cmd, &r.seed)
	cmd.Flags().IntVar(&r.clients, "clients", 64, "how many clients report")
	cmd.Flags().IntVar(&r.rate, "rate", 500, "commands a second, in all")
	cmd.Flags().DurationVar(&r.settle, "settle", time.Minute, "how long the nodes may take to be one herd again")
	cmd.Flags().DurationVar(&r.ahead, "max-client-ahead", config.Default().Herd.MaxClientAhead, "as the nodes have it")
	cmd.Flags().StringVar(&r.out, "out", "", "file for all that was recorded, for \"herd chaos check\"")
	return cmd
}

func (r *chaosRunVerb) check() error {
	switch {
	case r.clients < 1 || r.clients > maxChaosClients:
		return usagef("--clients must be from 1 to %d", maxChaosClients)
	case r.rate < 1 || r.rate > maxChaosRate:
		return usagef("--rate must be from 1 to %d", maxChaosRate)
	case r.settle <= 0 || r.settle > maxChaosTime:
		return usagef("--settle must be more than 0s and at most %s", maxChaosTime)
	case r.ahead <= 0:
		return usagef("--max-client-ahead must be more than 0s")
	}
	return r.checkLong()
}

// chaosTale is what run and report tell.
type chaosTale struct {
	Seed     uint64          `json:"seed"`
	Nodes    []string        `json:"nodes"`
	Schedule []shot          `json:"schedule,omitempty"`
	TimeLine []moment        `json:"time_line"`
	Settled  *time.Duration  `json:"settled"` // after the heal, in nanoseconds; null: never
	Sent     int             `json:"sent"`    // updates
	Report   *history.Report `json:"report"`
}

// trial is one run.
type trial struct {
	*chaosRunVerb
	herd  chaosHerd
	rec   *history.Recorder
	send  *lineSender
	watch *watcher
	start time.Time
	load  history.Workload

	healed string // who is, once the faults of a run are over

	mu   sync.Mutex // guards tale's time line, and standard output meanwhile
	tale chaosTale
}

func (r *chaosRunVerb) run(ctx context.Context) error {
	var t *trial
	var h *history.History
	record := func() (err error) {
		t, h, err = r.record(ctx)
		return err
	}
	var err error
	if r.out == "" {
		err = record()
	} else { // the file is begun before anything is broken
		err = durable.Replace(r.out, 0o644, func(out *os.File) error {
			if err := record(); err != nil {
				return err
			}
			return h.Write(out)
		})
	}
	if h == nil {
		return err
	}
	return errors.Join(err, t.verdict(h))
}

// record breaks the herd, or has others do so, and returns what clients saw.
func (r *chaosRunVerb) record(ctx context.Context) (*trial, *history.History, error) {
	t, err := r.begin(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer t.send.close()
	if err := t.storm(ctx); err != nil {
		return nil, nil, err
	}
	h, err := t.rec.History()
	return t, h, err
}

// begin finds the herd, which must be one to begin with.
func (r *chaosRunVerb) begin(ctx context.Context) (*trial, error) {
	herd, err := r.find(ctx)
	if err != nil {
		return nil, err
	}
	if r.random {
		if err := r.allowed(ctx, herd); err != nil {
			return nil, err
		}
	}
	dial, err := r.client.lineDial()
	if err != nil {
		return nil, err
	}
	for _, n := range herd {
		if !r.client.reaches(n.clients) {
			return nil, r.client.elsewhere(n.clients, "")
		}
		n.dial = dial
	}
	r.seed = orRandom(r.seed)
	t := &trial{
		chaosRunVerb: r, herd: herd, send: newLineSender(herd), start: time.Now(),
		rec: history.NewRecorder(history.Settings{Ahead: r.ahead, Shared: true, Seed: r.seed, Note: "herd chaos"}, 0),
	}
	workers := min(max(4*len(herd), r.rate/10), 256) // a node that stands still holds up some of them
	t.load = history.Workload{
		Nodes: herd.names(), Clients: r.clients, Workers: workers, Timeout: chaosTimeout, Seed: r.seed,
		Pause:  time.Duration(workers) * time.Second / time.Duration(r.rate),
		Prefix: "chaos-" + strconv.FormatInt(t.start.UnixNano(), 36) + "-", // nobody else's
	}
	t.tale = chaosTale{Seed: r.seed, Nodes: herd.names(), TimeLine: []moment{}}
	t.watch = newWatcher(herd, t.rec, t.note, !r.random)
	if !t.oneHerd(ctx, beginPatience) {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, &exit{exitUnmet, errors.New("the nodes are not one herd: \"herd chaos heal\" may help, \"herd members\" says more")}
	}
	for _, n := range herd {
		if !onLoopback(n.clients) {
			continue
		}
		switch name, err := answersAt(ctx, dial, n.clients, t.load.Prefix+"who"); {
		case err != nil:
			return nil, err
		case name != n.name:
			return nil, r.client.stranger(name)
		}
	}
	return t, nil
}

// oneHerd looks at the nodes until they are one herd, or it takes too long.
func (t *trial) oneHerd(ctx context.Context, patience time.Duration) bool {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for range ticks(ctx, watchInterval) {
		if t.watch.look(ctx) {
			return true
		}
	}
	return false
}

// note adds a line to the time line.
func (t *trial) note(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	m := moment{time.Since(t.start), text}
	t.tale.TimeLine = append(t.tale.TimeLine, m)
	if !t.json {
		fmt.Fprintf(t.app.stdout, "%7.1fs  %s\n", m.At.Seconds(), m.What)
	}
}

// storm loads the herd while it is broken, and until it is one again, and records what
// it holds in the end.
func (t *trial) storm(ctx context.Context) error {
	loading, calm := context.WithCancel(ctx)
	var running sync.WaitGroup
	var loadErr error
	running.Go(func() { loadErr = t.load.Run(loading, t.rec, t.send) })
	looking, blind := context.WithCancel(ctx)
	running.Go(func() { t.watch.run(looking) })
	t.note(fmt.Sprintf("%d clients report to %d nodes, seed %d", t.clients, len(t.herd), t.seed))

	err := t.faults(ctx)
	blind()
	if err == nil && ctx.Err() == nil {
		t.recover(ctx)
	}
	calm()
	running.Wait()
	switch {
	case ctx.Err() != nil:
		if !t.random {
			return fmt.Errorf("%w: nothing was checked", errInterrupted)
		}
		return errors.Join(fmt.Errorf("%w: nothing was checked, %s", errInterrupted, t.healed), err)
	case err != nil:
		return err
	case loadErr != nil && !errors.Is(loadErr, history.ErrFull):
		return loadErr
	}
	return t.dump(ctx)
}

// faults lets them happen, and heals all.
func (t *trial) faults(ctx context.Context) error {
	if !t.random {
		timer := time.NewTimer(t.length)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
		return nil // they are others' to heal
	}
	t.tale.Schedule = schedule(t.seed, t.herd.names(), t.length)
	err := t.play(ctx, t.herd, t.tale.Schedule, func(s *shot) func() {
		nodes := slices.Concat(s.Nodes, s.Peers)
		if s.Kind == "cut" {
			nodes = s.Nodes
		}
		if len(nodes) == len(t.herd) {
			nodes = nil // all
		}
		over := t.rec.Fault(s.text(), nodes...)
		t.note(s.text())
		return over
	}, func(s *shot, why error) { t.note(fmt.Sprintf("no %s: %v", s.text(), why)) })
	var herr error
	t.healed, herr = healAll(ctx, t.herd)
	return errors.Join(err, herr)
}

// recover waits until the nodes are one herd again.
func (t *trial) recover(ctx context.Context) {
	healed := time.Now()
	if t.random { // else they are others' to heal
		t.note(t.healed)
	}
	if t.oneHerd(ctx, t.settle) {
		took := time.Since(healed)
		t.tale.Settled = &took
		t.note("one herd again, after " + took.Round(time.Millisecond).String())
	}
	timer := time.NewTimer(calmTime)
	defer timer.Stop()
	<-timer.C
}

// dump asks every node for every client, until all say the same or it takes too long.
func (t *trial) dump(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, max(t.settle/2, chaosTimeout))
	defer cancel()
	var dumps []history.Dump
	for range ticks(ctx, watchInterval) {
		all, err := t.ask(ctx)
		if ctx.Err() != nil && len(dumps) > 0 {
			break
		}
		if err != nil {
			return fmt.Errorf("ask what the nodes hold in the end: %w", err)
		}
		dumps = all
		equal := true
		for i := range dumps {
			equal = equal && slices.Equal(dumps[i].Lines, dumps[0].Lines)
		}
		if equal {
			break
		}
	}
	for _, d := range dumps {
		t.rec.Dump(d)
	}
	return nil
}

// ask is what each node that answers holds.
func (t *trial) ask(ctx context.Context) ([]history.Dump, error) {
	var dumps []history.Dump
	var failed error
	for _, n := range t.herd {
		d := history.Dump{Inv: t.rec.Now()}
		var err error
		for i := range t.clients {
			var reply history.Reply
			reply, err = t.send.Send(ctx, n.name, fmt.Sprintf("WHATSAT %s%d 0 0", t.load.Prefix, i))
			if err != nil {
				break
			}
			d.At = history.Process{Node: n.name, Boot: reply.Boot}
			if line, ok := atLine(reply.Text); ok {
				d.Lines = append(d.Lines, line)
			}
		}
		if err != nil {
			failed = err // it may be dead for good: the others' dumps do
			continue
		}
		dumps = append(dumps, d)
	}
	if len(dumps) == 0 {
		return nil, failed
	}
	return dumps, nil
}
