package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

func (a *app) chaosPartition() *cobra.Command {
	c := &chaosVerb{app: a}
	reset := false
	cmd := c.verb(&cobra.Command{
		Use:   "partition GROUP | GROUP …",
		Short: "Cut the herd into groups that hear only each other",
		Long: "Partition cuts the herd into groups of nodes, both ways: silence, as when a cable is\n" +
			"pulled. Nodes that are in no group form one more. The bar has to be quoted.",
		Example: "  herd chaos partition 'Bailey,Bona | Campbell,Clark,Jaquez' --for 20s\n" +
			"  herd chaos partition Clark --for 5s",
		Args: cobra.MinimumNArgs(1),
	}, func(ctx context.Context, args []string) error {
		if err := c.checkFor(); err != nil {
			return err
		}
		herd, err := c.find(ctx)
		if err != nil {
			return err
		}
		groups, err := herd.groups(args)
		if err != nil {
			return err
		}
		p := partition(groups, reset)
		if err := c.add(ctx, herd, p); err != nil {
			return err
		}
		var sides []string
		for _, g := range groups {
			sides = append(sides, strings.Join(g.names(), ","))
		}
		return c.done(p, "Partition %s %s.", strings.Join(sides, " | "), c.forText())
	})
	c.forFlag(cmd, "then it heals; 0s is until \"herd chaos heal\"")
	cmd.Flags().BoolVar(&reset, "reset", false, "streams break and dials are refused, rather than silence")
	return cmd
}

// groups reads "A,B | C,D".
func (h chaosHerd) groups(args []string) ([]chaosHerd, error) {
	var groups []chaosHerd
	rest := slices.Clone(h)
	for text := range strings.SplitSeq(strings.Join(args, " "), "|") {
		names := words(text)
		if len(names) == 0 {
			return nil, usagef("a group has no node: write 'Bailey,Bona | Clark', with quotes")
		}
		g, err := h.pick(names)
		if err != nil {
			return nil, err
		}
		for _, n := range g {
			i := slices.Index(rest, n)
			if i < 0 {
				return nil, usagef("%s is in two groups", n.name)
			}
			rest = slices.Delete(rest, i, i+1)
		}
		groups = append(groups, g)
	}
	if len(rest) > 0 {
		groups = append(groups, rest)
	}
	if len(groups) < 2 {
		return nil, usagef("all nodes are in one group: there is nothing to cut")
	}
	return groups, nil
}

// partition is the plan that cuts groups off from each other.
func partition(groups []chaosHerd, reset bool) plan {
	p := plan{}
	for i, g := range groups {
		var others []string
		for j, other := range groups {
			if i != j {
				others = append(others, other.names()...)
			}
		}
		for _, n := range g {
			p[n] = []chaosFault{{Peers: others, Cut: true, Reset: reset}}
		}
	}
	return p
}

func (a *app) chaosCut() *cobra.Command {
	c := &chaosVerb{app: a}
	oneWay, reset := false, false
	cmd := c.verb(&cobra.Command{
		Use:   "cut NODES NODES",
		Short: "Cut some nodes off from some others, both ways or one way",
		Long: "Cut silences what goes between two sets of nodes and leaves all else alone: unlike in a\n" +
			"partition a third node may hear both. With --one-way only what the first send\n" +
			"to the second is cut: those still speak, and are not answered.",
		Example: "  herd chaos cut Bailey Bona,Clark --for 10s\n" +
			"  herd chaos cut Clark all --one-way --for 10s",
		Args: cobra.ExactArgs(2),
	}, func(ctx context.Context, args []string) error {
		if err := c.checkFor(); err != nil {
			return err
		}
		if oneWay && reset {
			return usagef("--one-way is silence; --reset is heard both ways: choose one")
		}
		herd, err := c.find(ctx)
		if err != nil {
			return err
		}
		var sides [2]chaosHerd
		for i, arg := range args {
			if sides[i], err = herd.pick(words(arg)); err != nil {
				return err
			}
		}
		p := cut(sides[0], sides[1], oneWay, reset)
		if len(p) == 0 {
			return usagef("there is nothing to cut between a node and itself")
		}
		if err := c.add(ctx, herd, p); err != nil {
			return err
		}
		text, others := "Cut between %s and %s %s.", sides[1].names()
		if oneWay {
			text = "Cut from %s to %s %s."
		}
		if len(sides[0]) == 1 { // of all, it is cut off from the others
			others = slices.DeleteFunc(others, func(name string) bool { return name == sides[0][0].name })
		}
		return c.done(p, text, strings.Join(sides[0].names(), ","), strings.Join(others, ","), c.forText())
	})
	c.forFlag(cmd, "then it heals; 0s is until \"herd chaos heal\"")
	cmd.Flags().BoolVar(&oneWay, "one-way", false, "only what the first send to the second")
	cmd.Flags().BoolVar(&reset, "reset", false, "streams break and dials are refused, rather than silence")
	return cmd
}

// cut is the plan that silences what goes from one set to another, or both ways. Both
// ends have it, for either may dial.
func cut(from, to chaosHerd, oneWay, reset bool) plan {
	p := plan{}
	put := func(at, peers chaosHerd, way string) {
		for _, n := range at {
			var names []string
			for _, peer := range peers {
				if peer != n {
					names = append(names, peer.name)
				}
			}
			if len(names) > 0 {
				p[n] = append(p[n], chaosFault{Peers: names, Way: way, Cut: true, Reset: reset})
			}
		}
	}
	if oneWay {
		put(from, to, "out")
		put(to, from, "in")
	} else {
		put(from, to, "both")
		put(to, from, "both")
	}
	return p
}

func (a *app) chaosLoss() *cobra.Command {
	c := &chaosVerb{app: a}
	duplicate := ""
	cmd := c.verb(&cobra.Command{
		Use:   "loss PERCENT [NODES]",
		Short: "Lose a part of what nodes send and receive",
		Long: "Loss has so many of the packets to and from the nodes vanish, of all nodes if none is\n" +
			"named. What streams carry comes, but late, as TCP sends it again.",
		Example: "  herd chaos loss 30% --for 60s\n" +
			"  herd chaos loss 10 Clark,Bona --duplicate 25%",
		Args: cobra.MinimumNArgs(1),
	}, func(ctx context.Context, args []string) error {
		loss, err := percent("the loss", args[0])
		if err != nil {
			return err
		}
		double, err := percent("--duplicate", duplicate)
		if err != nil {
			return err
		}
		if loss == 0 && double == 0 {
			return usagef("a loss of 0%% does nothing: \"herd chaos heal\" ends one")
		}
		text := "Loss of " + percentText(loss)
		if double > 0 {
			text += fmt.Sprintf(", %s twice,", percentText(double))
		}
		return c.spread(ctx, args[1:], chaosFault{Way: "out", Loss: loss, Duplicate: double}, text)
	})
	c.forFlag(cmd, "then it ends; 0s is until \"herd chaos heal\"")
	cmd.Flags().StringVar(&duplicate, "duplicate", "0", "percent of the packets that come twice")
	return cmd
}

// percent reads "30%" or "30" as 0.3.
func percent(what, text string) (float64, error) {
	v, err := strconv.ParseFloat(strings.TrimSuffix(text, "%"), 64)
	if err != nil || !(v >= 0 && v <= 100) {
		return 0, usagef("%s must be from 0%% to 100%%, not %q", what, text)
	}
	return v / 100, nil
}

// percentText is 0.07 as "7%": a hundred times that is a little more in binary.
func percentText(part float64) string { return strconv.FormatFloat(part*100, 'g', 6, 64) + "%" }

func (a *app) chaosDelay() *cobra.Command {
	c := &chaosVerb{app: a}
	var jitter time.Duration
	cmd := c.verb(&cobra.Command{
		Use:   "delay TIME [NODES]",
		Short: "Let what nodes send and receive take longer",
		Long: "Delay holds all that goes to and from the nodes for so long each way, of all nodes if\n" +
			"none is named.",
		Example: "  herd chaos delay 50ms --jitter 50ms --for 30s\n" +
			"  herd chaos delay 300ms Clark",
		Args: cobra.MinimumNArgs(1),
	}, func(ctx context.Context, args []string) error {
		d, err := time.ParseDuration(args[0])
		if err != nil || d < 0 || d > maxDelay || jitter < 0 || jitter > maxDelay {
			return usagef("the delay and --jitter must be from 0s to %s, like 50ms", maxDelay)
		}
		if d == 0 && jitter == 0 {
			return usagef("a delay of 0s does nothing: \"herd chaos heal\" ends one")
		}
		text := "Delay of " + d.String()
		if jitter > 0 {
			text += " to " + (d + jitter).String()
		}
		return c.spread(ctx, args[1:], chaosFault{Delay: d.String(), Jitter: jitter.String()}, text)
	})
	c.forFlag(cmd, "then it ends; 0s is until \"herd chaos heal\"")
	cmd.Flags().DurationVar(&jitter, "jitter", 0, "and up to so much more, at random")
	return cmd
}

// maxDelay bounds a delay, as the nodes do.
const maxDelay = time.Minute

func (a *app) chaosRate() *cobra.Command {
	c := &chaosVerb{app: a}
	cmd := c.verb(&cobra.Command{
		Use:     "rate BYTES [NODES]",
		Short:   "Let nodes have a slow line",
		Long:    "Rate bounds how many bytes a second go to and from each peer of the nodes, of all nodes\nif none is named.",
		Example: "  herd chaos rate 64KiB Clark --for 30s",
		Args:    cobra.MinimumNArgs(1),
	}, func(ctx context.Context, args []string) error {
		rate, err := bytesPerSecond(args[0])
		if err != nil {
			return err
		}
		return c.spread(ctx, args[1:], chaosFault{Rate: rate}, fmt.Sprintf("Rate of %d bytes a second", rate))
	})
	c.forFlag(cmd, "then it ends; 0s is until \"herd chaos heal\"")
	return cmd
}

func bytesPerSecond(text string) (int, error) {
	digits, unit := text, 1
	for suffix, factor := range map[string]int{"KiB": 1 << 10, "MiB": 1 << 20} {
		if cut, ok := strings.CutSuffix(text, suffix); ok {
			digits, unit = cut, factor
		}
	}
	v, err := strconv.Atoi(digits)
	if err != nil || v < 0 || v > 1<<30/unit || v*unit < 100 {
		return 0, usagef("the rate must be from 100 to 1024MiB a second, like 64KiB, not %q", text)
	}
	return v * unit, nil
}

// spread has a fault act on all that goes to and from the named nodes, once: every
// node has it for what it sends.
func (c *chaosVerb) spread(ctx context.Context, args []string, f chaosFault, text string) error {
	herd, named, err := c.aim(ctx, args...)
	if err != nil {
		return err
	}
	p := spread(herd, named, f)
	if err := c.add(ctx, herd, p); err != nil {
		return err
	}
	return c.done(p, "%s at %s %s.", text, strings.Join(named.names(), ","), c.forText())
}

func spread(herd, named chaosHerd, f chaosFault) plan {
	p := plan{}
	for _, n := range herd {
		at := f
		if !slices.Contains(named, n) {
			at.Peers = named.names()
		}
		p[n] = []chaosFault{at}
	}
	return p
}
