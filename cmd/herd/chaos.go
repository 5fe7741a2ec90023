package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

func (a *app) chaos() *cobra.Command {
	cmd := group(&cobra.Command{
		Use:   "chaos",
		Short: "Break a herd on purpose, and see what it does",
		Long: "Chaos kills and pauses nodes, cuts them off from each other, and makes their network\n" +
			"slow and lossy, in a herd that allows it: one of \"herd dev\", or of nodes with --chaos.\n" +
			"It talks to one node to find the others, and to all of them to do its work. Faults with\n" +
			"--for end by themselves, whatever becomes of this command. \"herd help breaking\" says what\n" +
			"to try and what to watch.",
		Example: "  herd chaos partition 'Bailey,Bona | Campbell,Clark,Jaquez' --for 20s\n" +
			"  herd chaos run --for 30s --seed 7",
	})
	cmd.AddCommand(
		a.chaosKill(), a.chaosRestart(), a.chaosPause(), a.chaosPartition(), a.chaosCut(), a.chaosLoss(),
		a.chaosDelay(), a.chaosRate(), a.chaosHeal(), a.chaosStatus(), a.chaosRandom(), a.chaosRun(), a.chaosReport(), a.chaosCheck(),
	)
	return cmd
}

// chaosVerb is what the verbs of herd chaos share.
type chaosVerb struct {
	app    *app
	client client
	length time.Duration // of the faults; 0: until they are healed
	json   bool
}

// chaosFault is a fault of one node, as the API has it.
type chaosFault struct {
	ID    uint64     `json:"id,omitempty"`
	Since *time.Time `json:"since,omitempty"`
	Until *time.Time `json:"until,omitempty"`

	Peers []string `json:"peers,omitempty"` // none: every peer
	Way   string   `json:"way,omitempty"`   // both, in, out
	For   string   `json:"for,omitempty"`

	Cut       bool    `json:"cut,omitempty"`
	Reset     bool    `json:"reset,omitempty"`
	Pause     bool    `json:"pause,omitempty"`
	Loss      float64 `json:"loss,omitempty"`
	Duplicate float64 `json:"duplicate,omitempty"`
	Delay     string  `json:"delay,omitempty"`
	Jitter    string  `json:"jitter,omitempty"`
	Rate      int     `json:"rate,omitempty"`
}

// chaosState is what acts at a node.
type chaosState struct {
	Node   string       `json:"node"`
	Faults []chaosFault `json:"faults"`
	Killed []string     `json:"killed"`
}

// verb finishes a verb of herd chaos.
func (c *chaosVerb) verb(cmd *cobra.Command, do func(ctx context.Context, args []string) error) *cobra.Command {
	cmd.RunE = verb(do)
	c.app.httpAddrFlag(cmd, &c.client)
	jsonFlag(cmd, &c.json)
	return cmd
}

// forFlag gives a verb --for.
func (c *chaosVerb) forFlag(cmd *cobra.Command, what string) {
	cmd.Flags().DurationVar(&c.length, "for", 0, what)
}

// maxChaosTime bounds --for, as the nodes do.
const maxChaosTime = 24 * time.Hour

func (c *chaosVerb) checkFor() error {
	if c.length < 0 || c.length > maxChaosTime {
		return usagef("--for must be from 0s to %s", maxChaosTime)
	}
	return nil
}

// aim checks --for and finds the herd, and the nodes that are named: all, if none is.
func (c *chaosVerb) aim(ctx context.Context, names ...string) (herd, named chaosHerd, err error) {
	if err := c.checkFor(); err != nil {
		return nil, nil, err
	}
	if herd, err = c.find(ctx); err != nil {
		return nil, nil, err
	}
	named, err = herd.pick(words(names...))
	return herd, named, err
}

// forText ends a sentence about a fault.
func (c *chaosVerb) forText() string {
	if c.length == 0 {
		return "until \"herd chaos heal\""
	}
	return "for " + c.length.String()
}

// chaosNode is a node of the herd and how to reach it.
type chaosNode struct {
	name    string
	clients string // where clients connect
	http    client
	up      bool // its HTTP port answers

	dial dialFunc // to there; nil: as this machine does
}

// chaosHerd is all that any node knows of.
type chaosHerd []*chaosNode

// find asks the node of --http-addr who there is, then all whom it names, and so on: cut
// off from each other they know different things. Who has left is no part of the herd, though
// members know of him for days.
func (c *chaosVerb) find(ctx context.Context) (chaosHerd, error) {
	first, err := membersOf(ctx, &c.client)
	if err != nil {
		return nil, err
	}
	var herd chaosHerd
	known := map[string]bool{} // by HTTP address
	meet := func(list memberList) {
		for _, m := range list.Members {
			if m.State == "left" || m.HTTP == "" || known[m.HTTP] || len(herd) >= maxChaosNodes {
				continue
			}
			known[m.HTTP] = true
			n := &chaosNode{name: m.Name, clients: m.Client, http: c.client.at(m.HTTP)}
			if m.Name == list.Self && m.State == "alive" {
				n.up = true // who was just asked
			}
			herd = append(herd, n)
		}
	}
	meet(first)
	for i := 0; i < len(herd); i++ {
		n := herd[i]
		if n.name == first.Self {
			n.up, n.http.addr = true, c.client.addr // as it was reached
			continue
		}
		if !c.client.reaches(n.http.addr) { // whoever is there is not n
			continue
		}
		list, err := membersOf(ctx, &n.http)
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil || list.Self != n.name: // gone, or another node has its port now
			n.up = false
		default:
			n.up = true
			meet(list)
		}
	}
	slices.SortStableFunc(herd, func(a, b *chaosNode) int { return strings.Compare(a.name, b.name) })
	// Of a name that had several addresses, the node that answers counts.
	return slices.CompactFunc(herd, func(a, b *chaosNode) bool {
		if a.name == b.name && b.up {
			*a = *b
		}
		return a.name == b.name
	}), nil
}

// maxChaosNodes bounds what nodes may claim.
const maxChaosNodes = 1024

func membersOf(ctx context.Context, c *client) (list memberList, err error) {
	err = c.get(ctx, "/v1/members", "the members", &list)
	return list, err
}

func (h chaosHerd) names() []string {
	var all []string
	for _, n := range h {
		all = append(all, n.name)
	}
	return all
}

// up is those that answer.
func (h chaosHerd) up() (up chaosHerd) {
	for _, n := range h {
		if n.up {
			up = append(up, n)
		}
	}
	return up
}

// pick finds nodes by name: "Bailey,Bona", "all".
func (h chaosHerd) pick(names []string) (chaosHerd, error) {
	if len(names) == 0 || slices.Equal(names, []string{"all"}) {
		return h, nil
	}
	var picked chaosHerd
	for _, name := range names {
		i := slices.IndexFunc(h, func(n *chaosNode) bool { return n.name == name })
		if i < 0 {
			return nil, usagef("no node is called %q: the herd has %s", name, strings.Join(h.names(), ", "))
		}
		if !slices.Contains(picked, h[i]) {
			picked = append(picked, h[i])
		}
	}
	return picked, nil
}

// words are the names in arguments, however they are separated.
func words(args ...string) []string {
	return strings.FieldsFunc(strings.Join(args, " "), func(r rune) bool { return r == ',' || r == ' ' })
}

// state asks a node what acts there.
func (n *chaosNode) state(ctx context.Context) (s chaosState, err error) {
	err = n.http.get(ctx, "/v1/chaos", "the faults of "+n.name, &s)
	return s, err
}

// post sends v to a path of the node's API.
func (n *chaosNode) post(ctx context.Context, path string, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = n.http.send(ctx, http.MethodPost, path, body)
	return err
}

// plan is what is to be added at which node.
type plan map[*chaosNode][]chaosFault

// add has the nodes of a plan suffer their faults. Nodes that are down are left out,
// unless all are. If one refuses, what the others have taken is taken back.
func (c *chaosVerb) add(ctx context.Context, h chaosHerd, p plan) error {
	var done []taken
	for _, n := range h {
		faults := p[n]
		if len(faults) == 0 || !n.up {
			continue
		}
		for i := range faults {
			if c.length > 0 {
				faults[i].For = c.length.String()
			}
		}
		body, err := json.Marshal(map[string]any{"faults": faults})
		if err != nil {
			return err
		}
		answer, err := n.http.send(ctx, http.MethodPost, "/v1/chaos", body)
		var got struct{ Added []uint64 }
		if err == nil {
			err = json.Unmarshal(answer, &got)
		}
		if isUnreachable(err) {
			n.up = false
			continue
		}
		if err != nil {
			return errors.Join(err, takeBack(context.WithoutCancel(ctx), done))
		}
		done = append(done, taken{n, got.Added})
	}
	if len(done) == 0 {
		for n := range p {
			return n.silent()
		}
	}
	return nil
}

// isUnreachable tells whether an error is that nobody answers.
func isUnreachable(err error) bool {
	var e *exit
	return errors.As(err, &e) && e.code == exitUnreachable
}

// silent is the error of a node that does not answer.
func (n *chaosNode) silent() error {
	return &exit{exitUnreachable, fmt.Errorf("%s does not answer at %s: it may be dead already", n.name, n.http.addr)}
}

// taken is what a node has added.
type taken struct {
	node *chaosNode
	ids  []uint64
}

func takeBack(ctx context.Context, all []taken) error {
	var errs []error
	for _, a := range all {
		for _, id := range a.ids {
			if _, err := a.node.http.do(ctx, http.MethodDelete, fmt.Sprintf("/v1/chaos?id=%d", id)); err != nil {
				errs = append(errs, fmt.Errorf("heal what was added: %w", err))
			}
		}
	}
	return errors.Join(errs...)
}

// done says what was done.
func (c *chaosVerb) done(p plan, format string, args ...any) error {
	if !c.json {
		_, err := fmt.Fprintf(c.app.stdout, format+"\n", args...)
		return err
	}
	faults := map[string][]chaosFault{}
	for n, all := range p {
		if n.up {
			faults[n.name] = all
		}
	}
	return printJSON(c.app.stdout, map[string]any{"added": faults})
}
