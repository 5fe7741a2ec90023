package main

import (
	"context"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"herd/node/load"
)

// benchVerb is herd bench and its flags.
type benchVerb struct {
	app  *app
	mode string

	protocol string
	load     load.Config
	rate     int
	mix      string
	sources  []string
	nodes    int   // of the herd that is started if there is no address
	pids     []int // of the servers, if they run here
	others   bool  // load addresses beyond loopback
	plain    bool
	json     bool

	rateGiven, pipelineGiven bool
}

// The modes.
const (
	modeLoad     = "load"
	modeConverge = "converge"
	modeJoin     = "join"
)

func (a *app) bench() *cobra.Command {
	b := &benchVerb{app: a, mode: modeLoad, protocol: string(load.Herd)}
	cmd := &cobra.Command{
		Use:   "bench [ADDR…]",
		Short: "Put load on nodes and measure how they bear it",
		Long: "Bench sends commands to the clients' ports at ADDR, checks every reply, and shows how\n" +
			"long they took. Without an ADDR it starts a herd of its own, a process for each node,\n" +
			"and ends it afterwards. With --rate, commands are due at fixed times and latency counts\n" +
			"from then, whatever the nodes do; with --pipeline each connection waits for its replies\n" +
			"and sends on, as fast as it goes. Ctrl-C ends it early. Exit code 1 if any reply was\n" +
			"wrong or did not come. \"herd help measuring\" says what the numbers mean.",
		Example: "  herd bench --rate 20000 --mix 90:10\n" +
			"  herd bench --pipeline 16 127.0.0.1:4131\n" +
			"  herd bench --protocol redis-set --pipeline 16 127.0.0.1:6379",
	}
	cmd.RunE = verb(func(ctx context.Context, args []string) error {
		b.rateGiven, b.pipelineGiven = cmd.Flags().Changed("rate"), cmd.Flags().Changed("pipeline")
		return b.run(ctx, args)
	})
	var protocols []string
	for _, p := range load.Protocols() {
		protocols = append(protocols, string(p))
	}
	f, c := cmd.Flags(), &b.load
	choiceFlag(cmd, &b.mode, "mode", "load; converge: when do other nodes show what one was told; join: how soon is an empty node full",
		modeLoad, modeConverge, modeJoin)
	choiceFlag(cmd, &b.protocol, "protocol", "what ADDR speaks, and which command of Redis is sent", protocols...)
	f.IntVar(&b.rate, "rate", 1000, "commands a second in all, due at fixed times; 0: as --pipeline 1")
	f.IntVar(&c.Pipeline, "pipeline", 0, "instead of a rate: commands under way on each connection")
	f.IntVar(&c.Connections, "connections", 50, "connections in all")
	f.IntVar(&c.Clients, "clients", 100_000, "how many clients the commands are about")
	f.DurationVar(&c.Duration, "duration", 10*time.Second, "how long to measure")
	f.DurationVar(&c.Warmup, "warmup", time.Second, "load before it")
	f.StringVar(&b.mix, "mix", "100:0", "IAMAT:WHATSAT, like 90:10")
	f.IntVar(&c.Radius, "radius", 10, "km that a WHATSAT or GEOSEARCH looks")
	f.IntVar(&c.Limit, "limit", 5, "results it asks for, at most")
	f.StringSliceVar(&b.sources, "source", nil, "addresses of this machine to connect from, in turn; each has some 28,000 ports")
	f.Uint64Var(&c.Seed, "seed", 1, "of everything random")
	f.IntVar(&b.nodes, "nodes", 3, "how many nodes to start if there is no ADDR")
	f.IntSliceVar(&b.pids, "pid", nil, "processes of the servers, if they run here: to show what they spend")
	f.BoolVar(&b.others, "yes-load-others", false, "allow an ADDR that is not of this machine")
	f.BoolVar(&b.plain, "plain", false, "draw with ASCII")
	jsonFlag(cmd, &b.json)
	return cmd
}

func (b *benchVerb) run(ctx context.Context, args []string) error {
	if err := b.complete(ctx, args); err != nil {
		return err
	}
	switch b.mode {
	case modeConverge:
		return b.runConverge(ctx)
	case modeJoin:
		return b.runJoin(ctx)
	}
	return b.runLoad(ctx)
}

// complete makes what was typed into a load.
func (b *benchVerb) complete(ctx context.Context, args []string) error {
	c := &b.load
	c.Protocol = load.Protocol(b.protocol)
	c.Addrs = args
	switch {
	case b.pipelineGiven && b.rateGiven && b.rate > 0:
		return usagef("--rate and --pipeline are two ways to load: choose one")
	case b.pipelineGiven && c.Pipeline < 1:
		return usagef("--pipeline must be from 1 to %d", load.MaxPipeline)
	case !b.pipelineGiven:
		c.Rate = b.rate
	}
	if err := b.readMix(); err != nil {
		return err
	}
	for _, s := range b.sources {
		addr, err := netip.ParseAddr(s)
		if err != nil {
			return usagef("--source: %w", err)
		}
		c.Sources = append(c.Sources, addr)
	}
	if len(b.pids) > 0 && !canMeter {
		return usagef("--pid is not available on this system")
	}
	for _, pid := range b.pids {
		if _, err := cpuTime(pid); err != nil {
			return usagef("--pid %d: %w", pid, err)
		}
	}
	if b.nodes < 1 || b.nodes > maxBenchNodes {
		return usagef("--nodes must be a whole number from 1 to %d", maxBenchNodes)
	}
	check := *c
	if len(args) == 0 {
		if c.Protocol != load.Herd {
			return usagef("%s needs the address of a server", c.Protocol)
		}
		check.Addrs = []string{"127.0.0.1:0"}
	}
	if err := check.Validate(); err != nil {
		return usagef("%w", err)
	}
	if err := b.suits(len(args)); err != nil {
		return err
	}
	for _, addr := range args {
		if err := b.allow(ctx, addr); err != nil {
			return err
		}
	}
	return nil
}

// suits tells whether the mode can do what else was asked for.
func (b *benchVerb) suits(addrs int) error {
	switch {
	case b.mode == modeConverge && b.pipelineGiven:
		return usagef("--mode converge goes with --rate, not with --pipeline")
	case b.mode == modeConverge && addrs == 0 && b.nodes < 2:
		return usagef("--nodes must be 2 at least: one node has nobody to agree with")
	case b.mode == modeConverge && addrs == 1:
		return usagef("--mode converge needs two ADDR at least: one server has nobody to agree with")
	case b.mode == modeConverge && b.load.Protocol != load.Herd && b.load.Protocol != load.RedisSet:
		return usagef("--mode converge can't tell what %s has written", b.load.Protocol)
	case b.mode == modeJoin && addrs > 0:
		return usagef("--mode join starts nodes of its own: it takes no ADDR")
	case b.mode == modeJoin && b.load.Rate == 0:
		return usagef("--mode join needs a --rate")
	}
	return nil
}

// readMix reads --mix, which only a herd has a use for.
func (b *benchVerb) readMix() error {
	updates, queries, ok := strings.Cut(b.mix, ":")
	u, err1 := strconv.Atoi(updates)
	q, err2 := strconv.Atoi(queries)
	if !ok || err1 != nil || err2 != nil || u < 0 || q < 0 || u+q <= 0 {
		return usagef("--mix must be like 90:10, of IAMAT and WHATSAT, not %q", b.mix)
	}
	if b.load.Protocol == load.Herd || q > 0 {
		b.load.Updates, b.load.Queries = u, q
	}
	return nil
}

// allow refuses to load machines other than this one, unless told to.
func (b *benchVerb) allow(ctx context.Context, addr string) error {
	if b.others {
		return nil
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return usagef("%q is not an address: %w", addr, err)
	}
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return usagef("%q is not an address: %w", addr, err)
	}
	for _, ip := range ips {
		if !ip.Unmap().IsLoopback() {
			return usagef("%s is not on loopback. If its owner agrees to be loaded, say --yes-load-others", addr)
		}
	}
	return nil
}
