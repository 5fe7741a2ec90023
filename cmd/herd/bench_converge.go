package main

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"herd/node/load"
)

// convergeReport is what --json prints in the mode converge.
type convergeReport struct {
	Mode     string   `json:"mode"`
	Protocol string   `json:"protocol"`
	Addrs    []string `json:"addrs"`
	Nodes    int      `json:"nodes,omitempty"` // of a herd of its own
	load.Converged
	Load   *load.Result `json:"load,omitempty"` // beside it
	Server *spent       `json:"server,omitempty"`
	Spread *propagated  `json:"spread,omitempty"` // of a herd of its own: what its nodes say
}

// countsPatience bounds the last look at the nodes' metrics, which an interrupt does not end.
const countsPatience = 10 * time.Second

// runConverge writes at one node and polls the others, with a load beside it if a rate
// is given.
func (b *benchVerb) runConverge(ctx context.Context) error {
	r := &convergeReport{Mode: b.mode, Protocol: b.protocol}
	end, err := b.startServers(ctx, b.nodes)
	if err != nil {
		return err
	}
	defer end()
	r.Addrs, r.Nodes = b.load.Addrs, b.started
	var before counts
	if b.own != nil {
		if before, err = b.own.counts(ctx); err != nil {
			return err
		}
	}
	defer makeThreads(load.Pacers() + len(r.Addrs))()
	p := newProgress(b.app.stderr, b.load.Duration)
	p.say(fmt.Sprintf("writing and polling for %s", b.load.Duration))
	err = b.converge(ctx, r)
	p.done()
	if err != nil {
		return unreachable(err)
	}
	if b.own != nil {
		// Ctrl-C ends the run, not the report of it.
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), countsPatience)
		now, err := b.own.counts(late)
		cancel()
		if err != nil {
			return err
		}
		r.Spread = now.since(before, r.Nodes)
	}
	if b.json {
		err = printJSON(b.app.stdout, r)
	} else {
		err = r.print(b.app)
	}
	if err != nil || r.Good() && (r.Load == nil || r.Load.Good()) {
		return err
	}
	return &exit{exitFailed, fmt.Errorf("%d wrong replies, %d connections lost, %d times a write was not shown", r.Wrong, r.Lost, r.Missing)}
}

// converge measures, with the load meanwhile. What fails first ends both.
func (b *benchVerb) converge(ctx context.Context, r *convergeReport) error {
	both, ctx := errgroup.WithContext(ctx)
	both.Go(func() error {
		result, err := load.Converge(ctx, b.load)
		if err == nil {
			r.Converged = *result
		}
		return err
	})
	if b.load.Rate > 0 {
		server := &meter{pids: b.pids}
		c := b.load
		c.Addrs = b.writable()
		c.Begin, c.End = server.begin, server.end
		both.Go(func() (err error) {
			if r.Load, err = load.Run(ctx, c); err == nil {
				r.Server = server.spent(r.Load.Seconds, r.Load.PerSecond*r.Load.Seconds)
			}
			return err
		})
	}
	return both.Wait()
}

func (r *convergeReport) print(a *app) error {
	out := a.stdout
	where := fmt.Sprintf("%d servers", r.Servers)
	if r.Nodes > 0 {
		where = startedHere(r.Protocol, r.Nodes)
	}
	at := "each in turn"
	if r.Protocol != string(load.Herd) {
		at = "the first"
	}
	atOnce := "one at a time"
	if r.Burst > 1 {
		atOnce = fmt.Sprintf("%d at once", r.Burst)
	}
	fmt.Fprintf(out, "%s, %d writes to %s,\n%s, at %s; %d polls of the others\n\n", r.Protocol, r.Writes, where, atOnce, at, r.Polls)
	type until struct {
		what string
		l    load.Latency
	}
	table := []until{
		{"its reply", r.Acked},
		{"another one shows it, at most", r.Seen},
		{"another one shows it, at least", r.SeenLower},
		{"all show it, at most", r.Everywhere},
		{"all show it, at least", r.EverywhereLower},
	}
	if r.Burst > 1 {
		table = append(table, until{fmt.Sprintf("all show all %d, at most", r.Watched), r.Whole})
	}
	rows := [][]string{{"FROM THE WRITE UNTIL", "P50", "P90", "P99", "MAX"}}
	for _, row := range table {
		rows = append(rows, []string{row.what, ms(row.l.P50), ms(row.l.P90), ms(row.l.P99), ms(row.l.Max)})
	}
	if s := r.Spread; s != nil {
		rows = append(rows, []string{"each other one has it, by their clocks", ms(s.P50), ms(s.P90), ms(s.P99), ""})
	}
	if err := printTable(out, rows); err != nil {
		return err
	}
	fmt.Fprintln(out)
	if l := r.Load; l != nil {
		fmt.Fprintf(out, "meanwhile      %.0f a second, p50 %s, p99 %s, %d errors\n",
			l.PerSecond, ms(l.Latency.P50), ms(l.Latency.P99), l.Wrong+l.Lost+l.Missing)
	}
	if s := r.Server; s != nil {
		fmt.Fprintf(out, "server CPU     %.2f cores, polls included\n", s.Cores)
	}
	if s := r.Spread; s != nil {
		fmt.Fprintf(out, "delivered      %.4f %% of %.0f updates to each of the other nodes, warm-up included\n", 100*s.Delivered, s.Updates)
	}
	fmt.Fprintf(out, "never shown    %d\n", r.Missing)
	for _, s := range r.Samples {
		fmt.Fprintf(out, "error          %s\n", s)
	}
	return nil
}
