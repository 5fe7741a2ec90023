package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"herd/cmd/herd/internal/human"
)

func (a *app) chaosKill() *cobra.Command {
	c := &chaosVerb{app: a}
	cmd := c.verb(&cobra.Command{
		Use:   "kill NODES",
		Short: "Kill nodes: no goodbye, no clean-up",
		Long: "Kill ends nodes as kill -9 does. One of \"herd dev\" can be started again, by --for or by\n" +
			"\"herd chaos restart\", with an empty table and the same addresses. A node that has its\n" +
			"process to itself ends with exit code 137, and whoever started it has to do so again.",
		Example: "  herd chaos kill Clark --for 10s\n" +
			"  herd chaos kill Bona,Jaquez",
		Args: cobra.MinimumNArgs(1),
	}, func(ctx context.Context, args []string) error {
		herd, doomed, err := c.aim(ctx, args...)
		if err != nil {
			return err
		}
		for i, n := range doomed {
			if err := n.kill(ctx, c.length); err != nil {
				if i > 0 { // they stay dead
					err = fmt.Errorf("killed %s, but not %s: %w", strings.Join(doomed[:i].names(), ", "), n.name, interrupted(ctx, err))
				}
				return err
			}
		}
		if c.json {
			return printJSON(a.stdout, map[string]any{"killed": doomed.names()})
		}
		until := ""
		if c.length > 0 {
			until = ", to start again after " + c.length.String()
		}
		_, err = fmt.Fprintf(a.stdout, "Killed %s%s.\n%s", strings.Join(doomed.names(), ", "), until, c.other(herd, doomed))
		return err
	})
	c.forFlag(cmd, "then it is started again; 0s is not at all")
	return cmd
}

// other tells whom to ask from now on, if the node of --http-addr is dead and another one is not.
func (c *chaosVerb) other(herd, dead chaosHerd) string {
	if !slices.ContainsFunc(dead, func(n *chaosNode) bool { return n.http.addr == c.client.addr }) {
		return ""
	}
	for _, n := range herd.up() {
		if !slices.Contains(dead, n) {
			return fmt.Sprintf("That was the node at %s: ask another one, by --http-addr %s.\n", c.client.addr, n.http.addr)
		}
	}
	return ""
}

func (n *chaosNode) kill(ctx context.Context, d time.Duration) error {
	if !n.up {
		return n.silent()
	}
	return n.post(ctx, "/v1/chaos/kill", map[string]string{"for": d.String()})
}

func (a *app) chaosRestart() *cobra.Command {
	c := &chaosVerb{app: a}
	return c.verb(&cobra.Command{
		Use:     "restart NODES",
		Short:   "Start killed nodes of \"herd dev\" again",
		Long:    "Restart starts nodes of \"herd dev\" that were killed: empty, with the same names and\naddresses. It does not wait until they are ready; \"herd members --wait 5\" does.",
		Example: "  herd chaos restart Clark",
		Args:    cobra.MinimumNArgs(1),
	}, func(ctx context.Context, args []string) error {
		names := words(args...)
		for _, name := range names {
			n := &chaosNode{name: c.client.addr, http: c.client}
			if err := n.post(ctx, "/v1/chaos/restart", map[string]string{"node": name}); err != nil {
				return err
			}
		}
		if c.json {
			return printJSON(a.stdout, map[string]any{"restarted": names})
		}
		_, err := fmt.Fprintf(a.stdout, "Started %s again.\n", strings.Join(names, ", "))
		return err
	})
}

func (a *app) chaosPause() *cobra.Command {
	c := &chaosVerb{app: a}
	cmd := c.verb(&cobra.Command{
		Use:   "pause NODES",
		Short: "Let nodes stand still: no gossip, no clients",
		Long: "Pause stops all traffic of nodes with other nodes and with clients, and no connection\n" +
			"ends. It is like SIGSTOP but for the node's own timers, which go on: it sees the others\n" +
			"fall silent. Its HTTP port goes on too: it must hear \"heal\".",
		Example: "  herd chaos pause Clark --for 5s",
		Args:    cobra.MinimumNArgs(1),
	}, func(ctx context.Context, args []string) error {
		herd, still, err := c.aim(ctx, args...)
		if err != nil {
			return err
		}
		p := plan{}
		for _, n := range still {
			p[n] = []chaosFault{{Pause: true}}
		}
		if err := c.add(ctx, herd, p); err != nil {
			return err
		}
		return c.done(p, "Paused %s %s.", strings.Join(still.up().names(), ", "), c.forText())
	})
	c.forFlag(cmd, "then it goes on; 0s is until \"herd chaos heal\"")
	return cmd
}

func (a *app) chaosHeal() *cobra.Command {
	c := &chaosVerb{app: a}
	return c.verb(&cobra.Command{
		Use:   "heal [NODES]",
		Short: "End all faults, and start killed nodes again",
		Long: "Heal ends every fault at the nodes, at all of them if none is named, and starts nodes of\n" +
			"\"herd dev\" that were killed. It says who does not answer. Exit code 1 if a node refuses: the\n" +
			"others are healed.",
		Example: "  herd chaos heal",
	}, func(ctx context.Context, args []string) error {
		herd, named, err := c.aim(ctx, args...)
		if err != nil {
			return err
		}
		h := heal(ctx, herd, named)
		if c.json {
			err = printJSON(a.stdout, h)
		} else {
			_, err = fmt.Fprintln(a.stdout, h.text())
		}
		switch {
		case err != nil:
			return err
		case h.err != nil:
			return &exit{exitFailed, h.err}
		case len(args) > 0 && len(h.Silent) > 0:
			i := slices.IndexFunc(named, func(n *chaosNode) bool { return n.name == h.Silent[0] })
			return named[i].silent()
		}
		return nil
	})
}

// healing is what has come of a heal.
type healing struct {
	Healed int      `json:"healed"`    // faults
	Risen  []string `json:"restarted"` // who was killed
	Silent []string `json:"silent"`    // who does not answer, and could not be started
	err    error    // of those that refused; no exit code
}

// text is for a person.
func (h *healing) text() string {
	text := "Healed " + human.Count(h.Healed, "fault") + "."
	if len(h.Risen) > 0 {
		text += " Started " + strings.Join(h.Risen, ", ") + " again."
	}
	if len(h.Silent) > 0 {
		text += " No answer from " + strings.Join(h.Silent, ", ") + "."
	}
	return text
}

// heal ends the faults of the named nodes and starts those of them that were killed,
// which another one of the herd does. One that refuses keeps nobody else broken.
func heal(ctx context.Context, herd, named chaosHerd) healing {
	h := healing{Risen: []string{}, Silent: []string{}}
	able := map[string]*chaosNode{} // who can start a node
	var errs []error
	for _, n := range herd {
		if !n.up {
			continue
		}
		s, err := n.state(ctx)
		for _, name := range s.Killed {
			able[name] = n
		}
		if err == nil && slices.Contains(named, n) {
			_, err = n.http.do(ctx, http.MethodDelete, "/v1/chaos")
		}
		switch {
		case isUnreachable(err):
			n.up = false
		case !slices.Contains(named, n):
		case err != nil:
			errs = append(errs, fmt.Errorf("heal %s: %w", n.name, err))
		default:
			h.Healed += len(s.Faults)
		}
	}
	for _, n := range named {
		if by := able[n.name]; by != nil {
			err := by.post(ctx, "/v1/chaos/restart", map[string]string{"node": n.name})
			switch {
			case err == nil:
				h.Risen = append(h.Risen, n.name)
				continue
			case !isUnreachable(err):
				errs = append(errs, fmt.Errorf("start %s again: %w", n.name, err))
			}
		}
		if !n.up {
			h.Silent = append(h.Silent, n.name)
		}
	}
	h.err = errors.Join(errs...)
	return h
}

func (a *app) chaosStatus() *cobra.Command {
	c := &chaosVerb{app: a}
	return c.verb(&cobra.Command{
		Use:   "status",
		Short: "Show the faults that act at each node",
		Long: "Status asks every node what acts there, and for how much longer. Exit code 1 if one does not\n" +
			"say, for it allows no chaos.",
		Example: "  herd chaos status",
		Args:    cobra.NoArgs,
	}, func(ctx context.Context, _ []string) error {
		herd, err := c.find(ctx)
		if err != nil {
			return err
		}
		rows := [][]string{{"NODE", "FAULT", "FOR ANOTHER"}}
		states := []chaosState{}
		var refused []error
		for _, n := range herd {
			var s chaosState
			if n.up {
				s, err = n.state(ctx)
			}
			switch {
			case !n.up, isUnreachable(err):
				rows = append(rows, []string{n.name, "does not answer", "-"})
				continue
			case err != nil:
				refused = append(refused, fmt.Errorf("ask %s: %w", n.name, err))
				rows = append(rows, []string{n.name, "does not say", "-"})
				continue
			}
			states = append(states, s)
			for _, f := range s.Faults {
				rows = append(rows, []string{n.name, f.text(), f.left(time.Now())})
			}
			if len(s.Faults) == 0 {
				rows = append(rows, []string{n.name, "none", "-"})
			}
		}
		if c.json {
			err = printJSON(a.stdout, states)
		} else {
			err = printTable(a.stdout, rows)
		}
		if err == nil && len(refused) > 0 {
			err = &exit{exitFailed, errors.Join(refused...)}
		}
		return err
	})
}

// text says what a fault does, to whom.
func (f *chaosFault) text() string {
	var does []string
	switch {
	case f.Pause:
		does = append(does, "paused")
	case f.Reset:
		does = append(does, "reset")
	case f.Cut && f.Way == "in":
		does = append(does, "deaf")
	case f.Cut && f.Way == "out":
		does = append(does, "mute")
	case f.Cut:
		does = append(does, "cut")
	}
	if f.Loss > 0 {
		does = append(does, "loses "+percentText(f.Loss))
	}
	if f.Duplicate > 0 {
		does = append(does, "doubles "+percentText(f.Duplicate))
	}
	if f.Delay != "" {
		does = append(does, "delay "+f.Delay)
	}
	if f.Jitter != "" {
		does = append(does, "jitter "+f.Jitter)
	}
	if f.Rate > 0 {
		does = append(does, fmt.Sprintf("%d bytes a second", f.Rate))
	}
	text := strings.Join(does, ", ")
	if len(f.Peers) > 0 {
		text += " towards " + strings.Join(f.Peers, ",")
	}
	return text
}

// left is how much longer it acts.
func (f *chaosFault) left(now time.Time) string {
	if f.Until == nil {
		return "healed by hand"
	}
	return max(f.Until.Sub(now), 0).Round(100 * time.Millisecond).String()
}
