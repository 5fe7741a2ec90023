package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"herd/node/load"
)

// joinReport is what --json prints in the mode join.
type joinReport struct {
	Mode     string        `json:"mode"`
	Protocol string        `json:"protocol"`
	Nodes    int           `json:"nodes"` // before the new one
	Clients  int           `json:"clients"`
	Rate     int           `json:"rate"`
	Filled   time.Duration `json:"filled_ns"` // for the clients to be stored
	Ready    time.Duration `json:"ready_ns"`  // from the start of the new process to its being ready
	Held     int           `json:"held"`      // clients in the new node's table, once ready
	Asked    int           `json:"asked"`     // clients that it was asked for then
	Known    int           `json:"known"`     // of them
	Before   *load.Result  `json:"before"`    // load on the other nodes
	During   *load.Result  `json:"during"`
}

// runJoin fills a herd, starts an empty node while a load goes on, and measures until
// it is ready.
func (b *benchVerb) runJoin(ctx context.Context) error {
	servers, err := b.newServers()
	if err != nil {
		return err
	}
	defer servers.end()
	defer makeThreads(load.Pacers())()
	p := newProgress(b.app.stderr, b.load.Duration)
	defer p.done()
	r, err := b.join(ctx, servers, p)
	if err != nil {
		return err
	}
	p.done()
	if b.json {
		err = printJSON(b.app.stdout, r)
	} else {
		err = r.print(b.app)
	}
	switch {
	case err != nil:
		return err
	case r.Held < r.Clients || r.Known < r.Asked:
		return &exit{exitFailed, errors.New("the new one was ready without all clients")}
	case !r.Before.Good() || !r.During.Good():
		return &exit{exitFailed, fmt.Errorf("before: %s; during: %s", faults(r.Before), faults(r.During))}
	}
	return nil
}

func (b *benchVerb) join(ctx context.Context, s servers, p *progress) (*joinReport, error) {
	r := &joinReport{Mode: b.mode, Protocol: b.protocol, Nodes: b.nodes, Clients: b.load.Clients, Rate: b.load.Rate}
	p.say("starting servers")
	if err := s.grow(ctx, b.nodes); err != nil {
		return nil, err
	}
	b.load.Addrs = s.addrs()
	c := b.load
	c.Addrs = b.writable()
	p.say(fmt.Sprintf("storing %d clients", c.Clients))
	begun := time.Now()
	if err := load.Fill(ctx, c); err != nil {
		return nil, err
	}
	r.Filled = time.Since(begun)
	c.Progress = p.second
	var err error
	if r.Before, err = load.Run(ctx, c); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil { // there is nothing to report yet
		return nil, err
	}
	n, err := joinUnderLoad(ctx, s, c, r)
	if err != nil {
		return nil, err
	}
	r.Ready = n.ready
	if r.Held, err = n.held(ctx); err != nil {
		return nil, err
	}
	c.Addrs = []string{n.addr}
	r.Asked, r.Known, err = load.Known(ctx, c)
	return r, err
}

// joinUnderLoad adds a server when the load has begun, and ends the load when it is
// ready.
func joinUnderLoad(ctx context.Context, s servers, c load.Config, r *joinReport) (n added, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	loaded := make(chan struct{})
	c.Begin = func() { close(loaded) }
	c.Duration = 2 * startPatience
	both, ctx := errgroup.WithContext(ctx)
	both.Go(func() (err error) {
		r.During, err = load.Run(ctx, c)
		return err
	})
	both.Go(func() (err error) {
		defer cancel()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-loaded:
		}
		n, err = s.add(ctx)
		return err
	})
	return n, both.Wait()
}

// held is how many clients a node has in its table.
func (n *benchNode) held(ctx context.Context) (int, error) {
	c := n.client()
	body, err := c.do(ctx, "GET", "/metrics")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(body)) {
		if value, ok := strings.CutPrefix(line, "herd_table_clients "); ok {
			f, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			return int(f), err
		}
	}
	return 0, fmt.Errorf("%s does not say how many clients it holds", n.HTTP)
}

func (r *joinReport) print(a *app) error {
	out := a.stdout
	joined, others := "A node", "NODES"
	if r.Protocol != string(load.Herd) {
		joined, others = "A replica", "END" // only the primary is loaded
	}
	fmt.Fprintf(out, "%s joined %s,\n%d clients, under %d updates a second.\n\n", joined, startedHere(r.Protocol, r.Nodes), r.Clients, r.Rate)
	fmt.Fprintf(out, "ready after    %s, from the start of its process\n", ms(r.Ready))
	fmt.Fprintf(out, "it holds       %d clients; asked for %d of them it knew %d\n", r.Held, r.Asked, r.Known)
	fmt.Fprintf(out, "stored before  in %.1f s\n\n", r.Filled.Seconds())
	rows := [][]string{{"AT THE OTHER " + others, "PER SECOND", "P50", "P99", "MAX", "ERRORS"}}
	for _, row := range []struct {
		when string
		l    *load.Result
	}{{"before", r.Before}, {"meanwhile", r.During}} {
		rows = append(rows, []string{
			row.when, fmt.Sprintf("%.0f", row.l.PerSecond), ms(row.l.Latency.P50), ms(row.l.Latency.P99), ms(row.l.Latency.Max),
			fmt.Sprint(row.l.Wrong + row.l.Lost + row.l.Missing),
		})
	}
	return printTable(out, rows)
}
