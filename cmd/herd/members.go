package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/spf13/cobra"
)

// member is a node as another one sees it.
type member struct {
	Name    string    `json:"name"`
	Origin  string    `json:"origin"`
	State   string    `json:"state"`
	Since   time.Time `json:"since"`
	Client  string    `json:"client"`
	Gossip  string    `json:"gossip"`
	HTTP    string    `json:"http"`
	Version string    `json:"version"`
	InSync  bool      `json:"in_sync"`
	Leased  bool      `json:"leased"`
	Linked  bool      `json:"linked"`
	Lagging bool      `json:"lagging"`
	Leaving bool      `json:"leaving"`
	Clock   *int64    `json:"clock_ahead_us"`
}

// state is the member's, as people are shown it: one that is alive may be about to leave.
func (m member) state() string {
	if m.Leaving && m.State == "alive" {
		return "leaving"
	}
	return m.State
}

// clock is how far the member's clock is ahead of the asked node's.
func (m member) clock() string {
	if m.Clock == nil {
		return "-"
	}
	d := (time.Duration(*m.Clock) * time.Microsecond).Round(time.Millisecond)
	if d < 0 {
		return d.String()
	}
	return "+" + d.String()
}

type memberList struct {
	Self    string   `json:"self"`
	Members []member `json:"members"`
}

func (a *app) members() *cobra.Command {
	m := &membersVerb{app: a}
	cmd := &cobra.Command{
		Use:   "members",
		Short: "List the members of the herd, as one node sees them",
		Long: "Members asks a node for the members it knows. With --watch it goes on and prints\n" +
			"every change; when it is cut off it goes on as soon as it can. With --wait it returns when\n" +
			"so many members are alive and in sync with that node, itself counted, or exits with code 4\n" +
			"when that takes too long, 3 if the node has not answered in all that time.",
		Example: "  herd members --watch",
		Args:    cobra.NoArgs,
	}
	cmd.RunE = verb(func(ctx context.Context, _ []string) error {
		switch {
		case m.wait < 0:
			return usagef("--wait is %d, it must be 1 or more", m.wait)
		case m.watch:
			return m.follow(ctx)
		case m.wait > 0:
			return m.await(ctx)
		}
		return m.list(ctx)
	})
	a.httpAddrFlag(cmd, &m.client)
	cmd.Flags().BoolVar(&m.watch, "watch", false, "go on and print changes")
	cmd.Flags().DurationVar(&m.interval, "interval", time.Second, "how often --watch and --wait ask")
	cmd.Flags().IntVar(&m.wait, "wait", 0, "wait until this many members are alive and in sync")
	cmd.Flags().DurationVar(&m.timeout, "timeout", 10*time.Second, "how long --wait waits")
	cmd.MarkFlagsMutuallyExclusive("watch", "wait")
	jsonFlag(cmd, &m.json)
	return cmd
}

type membersVerb struct {
	app      *app
	client   client
	watch    bool
	interval time.Duration
	wait     int
	timeout  time.Duration
	json     bool
}

func (m *membersVerb) ask(ctx context.Context) (list memberList, body []byte, err error) {
	body, err = m.client.do(ctx, http.MethodGet, "/v1/members")
	if err != nil {
		return list, nil, err
	}
	if err := json.Unmarshal(body, &list); err != nil {
		return list, nil, fmt.Errorf("read the members from %s: %w", m.client.addr, err)
	}
	return list, body, nil
}

func (m *membersVerb) list(ctx context.Context) error {
	list, body, err := m.ask(ctx)
	if err != nil {
		return err
	}
	return m.print(list, body)
}

// print shows the JSON as it came: it may know more than this binary does.
func (m *membersVerb) print(list memberList, body []byte) error {
	if !m.json {
		return printTable(m.app.stdout, list.table(time.Now()))
	}
	return printBody(m.app.stdout, body)
}

func (l memberList) table(now time.Time) [][]string {
	rows := [][]string{{"NAME", "STATE", "FOR", "CLIENTS", "GOSSIP", "HTTP", "IN SYNC", "CLOCK", "VERSION"}}
	for _, m := range l.Members {
		sync := "no"
		if m.InSync {
			sync = "yes"
		}
		if m.Name == l.Self && m.State == "alive" {
			sync = "self"
		}
		rows = append(rows, []string{
			m.Name, m.state(), max(now.Sub(m.Since), 0).Round(time.Second).String(),
			m.Client, m.Gossip, m.HTTP, sync, m.clock(), m.Version,
		})
	}
	return rows
}

// await asks until enough members are ready, or the time is up. The node may be about to start: that
// it does not answer is an error if it never has.
func (m *membersVerb) await(ctx context.Context) error {
	waiting, cancel := context.WithTimeout(ctx, m.timeout)
	defer cancel()
	ready, answered, last := 0, false, error(nil)
	for range ticks(waiting, m.interval) {
		list, body, err := m.ask(waiting)
		if waiting.Err() != nil {
			break
		}
		if last = err; forGood(err) {
			return err
		}
		if err != nil {
			continue
		}
		ready, answered = 0, true
		for _, other := range list.Members {
			// One that leaves is not waited for, but for the next one. One that is alive and not in
			// sync, as a node that has just started, would not have a report that is acknowledged now.
			if other.state() == "alive" && (other.InSync || other.Name == list.Self) {
				ready++
			}
		}
		if ready >= m.wait {
			return m.print(list, body)
		}
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case !answered && last != nil:
		return fmt.Errorf("%w, after %s", last, m.timeout)
	case !answered:
		return &exit{exitUnreachable, fmt.Errorf("no node answers at %s in %s", m.client.addr, m.timeout)}
	}
	return &exit{exitUnmet, fmt.Errorf("%d of %d members are alive and in sync after %s", ready, m.wait, m.timeout)}
}

// change is a line of --watch --json.
type change struct {
	Time time.Time `json:"time"` // when it was seen here
	Name string    `json:"name"`
	From string    `json:"from"` // empty: not known before
	To   string    `json:"to"`   // empty: not known any more
}

// follow prints the members and then what changes, until ctx is done. That the node can't be
// reached is an error the first time alone, and what it refuses always.
func (m *membersVerb) follow(ctx context.Context) error {
	var last *memberList
	cut := false
	for range ticks(ctx, m.interval) {
		list, _, err := m.ask(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && (last == nil || forGood(err)):
			return err
		case err != nil:
			if !cut {
				cut = true
				fmt.Fprintf(m.app.stderr, "herd: cut off, trying again: %v\n", err)
			}
			continue
		case cut:
			cut = false
			fmt.Fprintf(m.app.stderr, "herd: following %s again\n", m.client.addr)
		}
		if last == nil && !m.json {
			err = printTable(m.app.stdout, list.table(time.Now()))
		} else {
			err = m.printChanges(changes(last, list, time.Now()))
		}
		if err != nil {
			return err
		}
		last = &list
	}
	return nil
}

// changes compares two views. A node that starts again is another member with
// the same name: the origin tells them apart.
func changes(old *memberList, list memberList, now time.Time) []change {
	type key struct{ name, origin string }
	was := map[key]string{}
	if old != nil {
		for _, m := range old.Members {
			was[key{m.Name, m.Origin}] = m.state()
		}
	}
	var all []change
	for _, m := range list.Members {
		k := key{m.Name, m.Origin}
		if state := m.state(); was[k] != state {
			all = append(all, change{now, m.Name, was[k], state})
		}
		delete(was, k)
	}
	if old != nil {
		for _, m := range old.Members {
			if state, gone := was[key{m.Name, m.Origin}]; gone {
				all = append(all, change{now, m.Name, state, ""})
			}
		}
	}
	return all
}

func (m *membersVerb) printChanges(all []change) error {
	for _, c := range all {
		var err error
		if m.json {
			err = printLine(m.app.stdout, c)
		} else {
			from, to := c.From, c.To
			if from == "" {
				from = "unknown"
			}
			if to == "" {
				to = "unknown"
			}
			_, err = fmt.Fprintf(m.app.stdout, "%s  %s  %s -> %s\n", c.Time.Format(time.TimeOnly), c.Name, from, to)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
