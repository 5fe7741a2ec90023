package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"herd/node/load"
)

// reconnectReport is what --json prints in the mode reconnect.
type reconnectReport struct {
	Mode     string   `json:"mode"`
	Protocol string   `json:"protocol"`
	Addrs    []string `json:"addrs"`
	Nodes    int      `json:"nodes,omitempty"` // that were started
	Rate     int      `json:"rate"`
	Sources  []string `json:"sources,omitempty"`
	load.Reconnected
	Server    *spent `json:"server,omitempty"`
	Generator *spent `json:"generator,omitempty"`
}

// runReconnect sends each command on a connection of its own.
func (b *benchVerb) runReconnect(ctx context.Context) error {
	end, err := b.startServers(ctx, b.alone())
	if err != nil {
		return err
	}
	defer end()
	defer makeThreads(1)()
	server, self := &meter{pids: b.pids}, &meter{pids: []int{os.Getpid()}}
	c := b.load
	c.Begin = func() { server.begin(); self.begin() }
	c.End = func() { server.end(); self.end() }
	p := newProgress(b.app.stderr, c.Duration)
	p.say(fmt.Sprintf("connecting %d times a second for %s", c.Rate, c.Warmup+c.Duration))
	result, err := load.Reconnect(ctx, c)
	p.done()
	if err != nil {
		return unreachable(err)
	}
	r := &reconnectReport{
		Mode: b.mode, Protocol: b.protocol, Addrs: c.Addrs, Nodes: b.started,
		Rate: c.Rate, Sources: b.sources, Reconnected: *result,
	}
	done := float64(result.Commands)
	r.Server, r.Generator = server.spent(result.Seconds, done), self.spent(result.Seconds, done)
	if b.json {
		err = printJSON(b.app.stdout, r)
	} else {
		err = r.print(b.app)
	}
	if err != nil || r.Good() {
		return err
	}
	return &exit{exitFailed, fmt.Errorf("%d commands failed, %d were never sent", r.Failed(), r.Unsent)}
}

func (r *reconnectReport) print(a *app) error {
	out := a.stdout
	where := strings.Join(r.Addrs, ", ")
	if r.Nodes > 0 {
		where = startedHere(r.Protocol, r.Nodes)
	}
	fmt.Fprintf(out, "%s, %d/s, each on a new connection, %.1f s, to %s\n\n", r.Protocol, r.Rate, r.Seconds, where)
	rows := [][]string{{"FROM WHEN DUE UNTIL", "P50", "P90", "P99", "P99.9", "MAX"}}
	for _, row := range []struct {
		until string
		l     load.Latency
	}{{"connected", r.Connected}, {"its reply", r.Latency}} {
		rows = append(rows, []string{row.until, ms(row.l.P50), ms(row.l.P90), ms(row.l.P99), ms(row.l.P999), ms(row.l.Max)})
	}
	if err := printTable(out, rows); err != nil {
		return err
	}
	fmt.Fprintf(out, "\nanswered       %d commands, %.0f a second\n", r.Commands, r.PerSecond)
	fmt.Fprintf(out, "ports          %d; %d connections from one used before\n", r.Ports, r.Reused)
	var kinds []string
	for _, kind := range load.ErrorKinds() {
		if n := r.Errors[kind]; n > 0 {
			kinds = append(kinds, fmt.Sprintf("%d %s", n, kind))
		}
	}
	if kinds == nil {
		kinds = []string{"none"}
	}
	fmt.Fprintf(out, "errors         %s\n", strings.Join(kinds, ", "))
	if r.Unsent > 0 {
		fmt.Fprintf(out, "never sent     %d commands: all connections were busy\n", r.Unsent)
	}
	for _, s := range []struct {
		who string
		*spent
	}{{"server CPU", r.Server}, {"generator CPU", r.Generator}} {
		if s.spent != nil {
			fmt.Fprintf(out, "%-14s %.2f s per million commands, %.2f cores\n", s.who, s.PerMillion, s.Cores)
		}
	}
	for _, s := range r.Samples {
		fmt.Fprintf(out, "error          %s\n", s)
	}
	return nil
}
