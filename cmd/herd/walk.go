package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"math"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"herd/cmd/herd/internal/human"
	"herd/node/crowd"
	"herd/node/load"
	"herd/places/dataset"
)

// walkVerb is herd walk and its flags.
type walkVerb struct {
	app    *app
	client client
	crowd  crowd.Config
	walk   load.WalkConfig
	others bool // load addresses beyond loopback
	json   bool

	asked []string        // HTTP addresses to ask for the members
	known map[string]bool // clients' addresses of members
	names map[string]bool // of members
	far   string          // a clients' address that is none from here
}

func (a *app) walk() *cobra.Command {
	w := &walkVerb{app: a}
	cmd := &cobra.Command{
		Use:   "walk [ADDR…]",
		Short: "Have many clients move about the world",
		Long: "Walk has clients live in the towns of the world, where people live, and move: most walk,\n" +
			"some cycle or drive about, a few fly to other towns. Each reports where it is to a node,\n" +
			"over and over, until Ctrl-C; with the page of a node open you see them. Without an ADDR\n" +
			"they use all nodes that the one at --http-addr knows, and those that join later. The\n" +
			"clients of a node that is gone go on at another. The same seed has the same clients go\n" +
			"the same ways. Exit code 1 if any report was not answered, or wrongly.",
		Example: "  herd walk --clients 10000\n" +
			"  herd walk --speed 60 --duration 1m 127.0.0.1:4131 127.0.0.1:4141",
	}
	cmd.RunE = verb(w.run)
	a.httpAddrFlag(cmd, &w.client)
	w.client.linesFlag(cmd)
	f, c := cmd.Flags(), &w.walk
	f.IntVar(&w.crowd.Clients, "clients", 10_000, "how many")
	f.DurationVar(&c.Every, "every", 5*time.Second, "how often each of them reports")
	f.IntVar(&w.crowd.Speed, "speed", 1, "so many times as fast as in life")
	f.Uint64Var(&w.crowd.Seed, "seed", 1, "of who lives where and goes which way")
	f.IntVar(&c.Connections, "connections", 50, "connections in all, which the clients share")
	f.DurationVar(&c.Duration, "duration", load.MaxDuration, "how long at most")
	f.BoolVar(&w.others, "yes-load-others", false, "allow nodes that are not of this machine")
	jsonFlag(cmd, &w.json)
	return cmd
}

func (w *walkVerb) run(ctx context.Context, args []string) error {
	outliveReaders()
	if err := w.complete(ctx, args); err != nil {
		return err
	}
	all, err := towns()
	if err != nil {
		return err
	}
	w.crowd.Towns = all
	people, err := crowd.New(w.crowd)
	if err != nil {
		return err
	}
	if err := w.meet(ctx, string(people.AppendID(nil, 0))); err != nil {
		return err
	}
	c := &w.walk
	c.Crowd = people
	p := newProgress(w.app.stderr, c.Duration)
	c.Progress = func(s load.Second, nodes int) { p.say(walkLine(s, nodes)) }
	p.say("connecting")
	walked, err := load.Walk(ctx, *c)
	p.done()
	if err != nil {
		return unreachable(err)
	}
	return w.show(&walkReport{Clients: people.Len(), Every: c.Every, Connections: c.Connections, Walked: *walked})
}

// complete checks what was typed, and finds the nodes.
func (w *walkVerb) complete(ctx context.Context, args []string) error {
	if w.crowd.Speed == 0 { // there it is the default
		return usagef("the speed must be from 1 to %d", crowd.MaxSpeed)
	}
	if err := w.crowd.Validate(); err != nil {
		return usagef("%w", err)
	}
	c := &w.walk
	if c.Addrs = args; len(args) == 0 {
		c.Addrs = []string{"127.0.0.1:0"} // to check the rest
	}
	if err := c.Validate(w.crowd.Clients); err != nil {
		return usagef("%w", err)
	}
	trusted, err := w.client.lineTLS()
	if err != nil {
		return err
	}
	if trusted != nil {
		d := tls.Dialer{NetDialer: &net.Dialer{Timeout: 10 * time.Second}, Config: trusted}
		c.Dial = func(ctx context.Context, addr string, _ netip.Addr) (net.Conn, error) {
			return d.DialContext(ctx, "tcp", addr)
		}
	}
	if len(args) == 0 {
		c.Addrs, w.asked, w.known, w.names = nil, []string{w.client.addr}, map[string]bool{}, map[string]bool{}
		nodes, err := w.nodes(ctx)
		if err != nil {
			return err
		}
		c.Addrs, c.Refresh = nodes, w.nodes
	}
	for _, addr := range c.Addrs {
		if err := allowLoad(ctx, addr, w.others); err != nil {
			return err
		}
	}
	return nil
}

// meet asks the first node on loopback that answers who it is. client is one of those that will
// walk: that is asked by a report.
func (w *walkVerb) meet(ctx context.Context, client string) error {
	dial, err := w.client.lineDial()
	if err != nil {
		return err
	}
	for _, addr := range slices.Sorted(maps.Keys(w.known)) {
		if !onLoopback(addr) {
			continue
		}
		name, err := answersAt(ctx, dial, addr, client)
		switch {
		case err != nil: // the walk says it, if it is of interest
		case !w.names[name]:
			return w.client.stranger(name)
		default:
			return nil
		}
	}
	return nil
}

// towns are those that the program knows. What it knows of their people is to an eighth
// of a power of two, and a capital counts as a town twice as large, or four times.
func towns() ([]crowd.Town, error) {
	set, err := dataset.Embedded(dataset.Prominence).Set()
	if err != nil {
		return nil, fmt.Errorf("read the towns: %w", err)
	}
	table := set.Table()
	var all []crowd.Town
	for _, p := range table.Places {
		if slices.Contains(table.Kinds[p.Kind].Types, "locality") {
			all = append(all, crowd.Town{Lat: float64(p.Lat) / 1e5, Lon: float64(p.Lng) / 1e5, People: math.Exp2(float64(p.Importance) / 8)})
		}
	}
	return all, nil
}

// nodes are the clients' addresses of the members, as the first of those asked says that
// answers. One that it no longer sees alive stays: clients know nothing of partitions. Only
// who has left is left out. It is for one goroutine at a time.
func (w *walkVerb) nodes(ctx context.Context) ([]string, error) {
	var errs []error
	for i, addr := range w.asked {
		c := w.client.at(addr)
		list, err := membersOf(ctx, &c)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		w.asked[0], w.asked[i] = addr, w.asked[0] // the next time too
		w.learn(ctx, list)
		switch {
		case len(w.known) > 0:
		case w.far != "":
			return nil, w.client.elsewhere(w.far, ", or name ADDRs")
		default:
			return nil, fmt.Errorf("%s knows no node that is alive", addr)
		}
		return slices.Sorted(maps.Keys(w.known)), nil
	}
	return nil, errs[0]
}

// learn takes in what a node says of the members.
func (w *walkVerb) learn(ctx context.Context, list memberList) {
	for _, m := range list.Members {
		if m.State == "left" {
			delete(w.known, m.Client)
		}
	}
	for _, m := range list.Members {
		w.names[m.Name] = true
		switch {
		case m.state() != "alive" || m.Client == "" || w.known[m.Client]:
			continue
		case !w.client.reaches(m.Client):
			w.far = m.Client
			continue
		case w.walk.Refresh != nil && allowLoad(ctx, m.Client, w.others) != nil:
			continue // at the start that is an error
		}
		w.known[m.Client] = true
		if w.client.reaches(m.HTTP) && !slices.Contains(w.asked, m.HTTP) && len(w.asked) < mostAsked {
			w.asked = append(w.asked, m.HTTP)
		}
	}
}

// mostAsked is how many nodes are asked in turn for the members, when some do not answer.
const mostAsked = 100

// walkLine tells of a second.
func walkLine(s load.Second, nodes int) string {
	text := fmt.Sprintf("%d s: %d reports to %s, p50 %s, p99 %s", s.Second, s.Commands, human.Count(nodes, "node"), ms(s.P50), ms(s.P99))
	if s.Wrong > 0 {
		text += fmt.Sprintf(", %d wrong", s.Wrong)
	}
	return text
}

// walkReport is what --json prints.
type walkReport struct {
	Clients     int           `json:"clients"`
	Every       time.Duration `json:"every_ns"`
	Connections int           `json:"connections"`
	load.Walked
}

func (w *walkVerb) show(r *walkReport) error {
	var err error
	if w.json {
		err = printJSON(w.app.stdout, r)
	} else {
		err = r.print(w.app)
	}
	if err != nil || r.Good() {
		return err
	}
	var parts []string
	for _, p := range []struct {
		n    uint64
		what string
	}{{r.Wrong, "wrong replies"}, {r.Unsent, "reports never sent"}, {r.Missing, "reports without a reply"}} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.what))
		}
	}
	return &exit{exitFailed, errors.New(strings.Join(parts, ", "))}
}

func (r *walkReport) print(a *app) error {
	out, l := a.stdout, r.Latency
	fmt.Fprintf(out, "%d clients, each reporting every %s over %d connections, %.1f s\n\n", r.Clients, r.Every, r.Connections, r.Seconds)
	err := printTable(out, [][]string{
		{"REPORTS", "PER SECOND", "P50", "P90", "P99", "P99.9", "MAX", "ERRORS"},
		{
			fmt.Sprint(r.Reports), fmt.Sprintf("%.0f", r.PerSecond), ms(l.P50), ms(l.P90), ms(l.P99), ms(l.P999), ms(l.Max),
			fmt.Sprint(r.Wrong + r.Unsent + r.Missing),
		},
	})
	if err != nil {
		return err
	}
	rows := [][]string{{"NODE", "REPORTS"}}
	for _, addr := range slices.Sorted(maps.Keys(r.Nodes)) {
		rows = append(rows, []string{addr, fmt.Sprint(r.Nodes[addr])})
	}
	fmt.Fprintln(out)
	if err := printTable(out, rows); err != nil {
		return err
	}
	var broke []string
	for _, kind := range load.ErrorKinds() {
		if n := r.Errors[kind]; n > 0 {
			broke = append(broke, fmt.Sprintf("%d %s", n, kind))
		}
	}
	if broke != nil {
		fmt.Fprintf(out, "\nconnections    %s\n", strings.Join(broke, ", "))
		fmt.Fprintf(out, "sent again     %d reports, to another node\n", r.Repeated)
	}
	for _, s := range r.Samples {
		fmt.Fprintf(out, "error          %s\n", s)
	}
	return nil
}
