package main

import (
	"context"
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
					err = fmt.Errorf("killed %s, but not %s: %w", strings.Join(doomed[:i].names(), ", "), n.name, err)
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
		Use:     "heal [NODES]",
		Short:   "End all faults, and start killed nodes again",
		Long:    "Heal ends every fault at the nodes, at all of them if none is named, and starts nodes of\n\"herd dev\" that were killed.",
		Example: "  herd chaos heal",
	}, func(ctx context.Context, args []string) error {
		herd, named, err := c.aim(ctx, args...)
		if err != nil {
			return err
		}
		healed, risen, err := heal(ctx, herd, named)
		if err != nil {
			return err
		}
		for _, n := range named {
			if len(args) > 0 && !n.up && !slices.Contains(risen, n.name) {
				return n.silent()
			}
		}
		if c.json {
			return printJSON(a.stdout, map[string]any{"healed": healed, "restarted": append([]string{}, risen...)})
		}
		text := ""
		if len(risen) > 0 {
			text = " Started " + strings.Join(risen, ", ") + " again."
		}
		_, err = fmt.Fprintf(a.stdout, "Healed %s.%s\n", human.Count(healed, "fault"), text)
		return err
	})
}

// heal ends the faults of the named nodes and starts those of them that were killed,
// which another one of the herd does. It returns how many faults there were, and who was
// started.
func heal(ctx context.Context, herd, named chaosHerd) (healed int, risen []string, err error) {
	able := map[string]*chaosNode{} // who can start a node
	for _, n := range herd {
		if !n.up {
			continue
		}
		s, err := n.state(ctx)
		if isUnreachable(err) {
			n.up = false
			continue
		}
		for _, name := range s.Killed {
			able[name] = n
		}
		if !slices.Contains(named, n) {
			continue
		}
		if err == nil {
			_, err = n.http.do(ctx, http.MethodDelete, "/v1/chaos")
		}
		if err != nil {
			return healed, nil, err
		}
		healed += len(s.Faults)
	}
	for _, n := range named {
		by := able[n.name]
		if by == nil {
			continue
		}
		if err := by.post(ctx, "/v1/chaos/restart", map[string]string{"node": n.name}); err != nil {
			return healed, risen, err
		}
		risen = append(risen, n.name)
	}
	return healed, risen, nil
}

func (a *app) chaosStatus() *cobra.Command {
	c := &chaosVerb{app: a}
	return c.verb(&cobra.Command{
		Use:     "status",
		Short:   "Show the faults that act at each node",
		Long:    "Status asks every node what acts there, and for how much longer.",
		Example: "  herd chaos status",
		Args:    cobra.NoArgs,
	}, func(ctx context.Context, _ []string) error {
		herd, err := c.find(ctx)
		if err != nil {
			return err
		}
		rows := [][]string{{"NODE", "FAULT", "FOR ANOTHER"}}
		states := []chaosState{}
		for _, n := range herd {
			if !n.up {
				rows = append(rows, []string{n.name, "does not answer", "-"})
				continue
			}
			s, err := n.state(ctx)
			if err != nil {
				return err
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
			return printJSON(a.stdout, states)
		}
		return printTable(a.stdout, rows)
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
