package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"herd/node/load"
)

// idleReport is what --json prints in the mode idle.
type idleReport struct {
	Mode        string   `json:"mode"`
	Protocol    string   `json:"protocol"`
	Addrs       []string `json:"addrs"`
	Nodes       int      `json:"nodes,omitempty"` // that were started
	Connections int      `json:"connections"`
	Rate        int      `json:"rate"`     // of the client that is not idle
	Answered    int      `json:"answered"` // connections that answered once more at the end
	Samples     []string `json:"samples,omitempty"`
	// Without the idle connections and with them.
	Before *idleState `json:"before"`
	During *idleState `json:"during"`
	Each   int64      `json:"bytes_each,omitempty"` // of the server, for a connection
}

// idleState is what a server needs while nobody asks it, and how a client that does then
// fares.
type idleState struct {
	Resident int64        `json:"resident_bytes,omitempty"` // 0: not known
	Cores    *float64     `json:"cores,omitempty"`
	Lively   *load.Result `json:"lively"`
}

// runIdle holds connections.
func (b *benchVerb) runIdle(ctx context.Context) error {
	end, err := b.startServers(ctx, b.alone())
	if err != nil {
		return err
	}
	defer end()
	defer makeThreads(load.Pacers())()
	p := newProgress(b.app.stderr, b.load.Duration)
	defer p.done()
	r, err := b.idle(ctx, p)
	p.done()
	if err != nil {
		return unreachable(err)
	}
	if b.json {
		err = printJSON(b.app.stdout, r)
	} else {
		err = r.print(b.app)
	}
	switch missing := r.Connections - r.Answered; {
	case err != nil:
		return err
	case missing > 0:
		return &exit{exitFailed, fmt.Errorf("%d of %d connections did not last: %s", missing, r.Connections, strings.Join(r.Samples, "; "))}
	case !r.Before.Lively.Good() || !r.During.Lively.Good():
		return &exit{exitFailed, fmt.Errorf("before: %s; meanwhile: %s", faults(r.Before.Lively), faults(r.During.Lively))}
	}
	return nil
}

func (b *benchVerb) idle(ctx context.Context, p *progress) (*idleReport, error) {
	c := b.load
	r := &idleReport{
		Mode: b.mode, Protocol: b.protocol, Addrs: c.Addrs, Nodes: b.started,
		Connections: c.Connections, Rate: c.Rate,
	}
	// All clients are stored before: what is held then is connections alone.
	p.say(fmt.Sprintf("storing %d clients", c.Clients))
	if err := load.Fill(ctx, c); err != nil {
		return nil, err
	}
	var err error
	if r.Before, err = b.state(ctx, p, "without"); err != nil {
		return nil, err
	}
	p.say(fmt.Sprintf("making %d connections", c.Connections))
	held, err := load.Hold(ctx, c)
	if err != nil {
		return nil, err
	}
	defer held.Close()
	if r.During, err = b.state(ctx, p, "with"); err != nil {
		return nil, err
	}
	if r.Before.Resident > 0 {
		r.Each = (r.During.Resident - r.Before.Resident) / int64(c.Connections)
	}
	r.Answered, r.Samples, err = held.Ask(ctx)
	return r, err
}

// state measures the servers as they are, idle and then with a client that is not.
func (b *benchVerb) state(ctx context.Context, p *progress, how string) (*idleState, error) {
	s := &idleState{}
	c := b.load
	c.Connections, c.Progress = 1, p.second
	p.say(fmt.Sprintf("idle for %s, %s the connections", c.Warmup+c.Duration, how))
	if err := pause(ctx, c.Warmup); err != nil {
		return nil, err
	}
	m := &meter{pids: b.pids}
	m.begin()
	if err := pause(ctx, c.Duration); err != nil {
		return nil, err
	}
	m.end()
	if spent := m.spent(c.Duration.Seconds(), 1); spent != nil {
		s.Cores = &spent.Cores
	}
	for _, pid := range b.pids {
		bytes, err := resident(pid)
		if err != nil && canMeter {
			return nil, err
		}
		s.Resident += bytes
	}
	var err error
	s.Lively, err = load.Run(ctx, c)
	if err == nil {
		err = ctx.Err()
	}
	return s, err
}

// pause waits, unless ctx is done.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

func (r *idleReport) print(a *app) error {
	out := a.stdout
	where := strings.Join(r.Addrs, ", ")
	if r.Nodes > 0 {
		where = startedHere(r.Protocol, r.Nodes)
	}
	fmt.Fprintf(out, "%s, %d idle connections to %s\n\n", r.Protocol, r.Connections, where)
	rows := [][]string{{"CONNECTIONS", "MEMORY", "CORES WHILE IDLE", "LIVELY P50", "P99", "MAX"}}
	for _, row := range []struct {
		n int
		s *idleState
	}{{0, r.Before}, {r.Connections, r.During}} {
		memory, cores := "-", "-"
		if row.s.Resident > 0 {
			memory = fmt.Sprintf("%.1f MiB", float64(row.s.Resident)/(1<<20))
		}
		if row.s.Cores != nil {
			cores = fmt.Sprintf("%.3f", *row.s.Cores)
		}
		l := row.s.Lively.Latency
		rows = append(rows, []string{fmt.Sprint(row.n), memory, cores, ms(l.P50), ms(l.P99), ms(l.Max)})
	}
	if err := printTable(out, rows); err != nil {
		return err
	}
	fmt.Fprintln(out)
	if r.Before.Resident > 0 {
		fmt.Fprintf(out, "each           %d bytes of the server\n", r.Each)
	}
	fmt.Fprintf(out, "at the end     %d of %d answered once more\n", r.Answered, r.Connections)
	for _, s := range r.Samples {
		fmt.Fprintf(out, "error          %s\n", s)
	}
	return nil
}
