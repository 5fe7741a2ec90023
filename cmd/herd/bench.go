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

// benchVerb is herd bench in one of its modes, and its flags.
type benchVerb struct {
	app  *app
	mode string

	protocol string
	load     load.Config
	rate     int
	mix      string
	sources  []string
	nodes    int        // that are started if there is no address
	started  int        // of them, once they run
	own      *benchHerd // that was started; nil: none, or it is Redis
	pids     []int      // of the servers, if they run here
	secure   bool       // speak TLS
	trust    *trust     // whom to trust then
	node     client     // of near: how nodes are asked over HTTP
	others   bool       // load addresses beyond loopback
	plain    bool
	json     bool

	rateGiven, pipelineGiven, trustGiven, tokenGiven bool
}

// The modes: each but the first is a verb of its own below bench.
const (
	modeLoad      = "load"
	modeNear      = "near"
	modeConverge  = "converge"
	modeJoin      = "join"
	modeIdle      = "idle"
	modeReconnect = "reconnect"
)

func (a *app) bench() *cobra.Command {
	cmd := a.benchMode(modeLoad, &cobra.Command{
		Use:   "bench [ADDR…]",
		Short: "Put load on nodes and measure how they bear it",
		Long: "Bench sends commands to the clients' ports at ADDR, checks every reply, and shows how\n" +
			"long they took. Without an ADDR it starts a herd of its own, a process for each node,\n" +
			"and ends it afterwards; with --protocol redis-… a Redis, if it is installed. With\n" +
			"--rate, commands are due at fixed times and latency counts from then, whatever the nodes\n" +
			"do; with --pipeline each connection waits for its replies and sends on, as fast as it\n" +
			"goes. Ctrl-C ends it early. Exit code 1 if any reply was wrong or did not come.\n" +
			"\"herd help measuring\" says what the numbers mean.",
		Example: "  herd bench --rate 20000 --mix 90:10\n" +
			"  herd bench --pipeline 16 127.0.0.1:4131\n" +
			"  herd bench --protocol redis-set --pipeline 16 127.0.0.1:6379",
	})
	cmd.AddCommand(
		a.benchMode(modeNear, &cobra.Command{
			Use:   "near [HTTP-ADDR…]",
			Short: "How many can ask who is near a point",
			Long: "Near stores clients that stay where they are, and asks for those within --radius km of\n" +
				"random points, the nearest first: a node by GET /v1/near on its HTTP address, a Redis by\n" +
				"GEOSEARCH FROMLONLAT BYRADIUS ASC COUNT. Of every 64 answers to a connection one is\n" +
				"compared with what looking at all clients would give. A node's clients' port is asked for;\n" +
				"over TLS both of its ports are spoken to so.",
			Example: "  herd bench near --clients 1000000 --pipeline 1\n" +
				"  herd bench near --clients 1000000 --pipeline 1 --protocol redis-geosearch\n" +
				"  herd bench near --rate 5000 --radius 1 --limit 20 127.0.0.1:4133",
		}),
		a.benchMode(modeConverge, &cobra.Command{
			Use:   "converge [ADDR ADDR…]",
			Short: "When do other nodes show what one was told",
			Long: "Converge writes a new client at one node, each in turn, and asks all others for it\n" +
				"until they show it. Of Redis the first ADDR is the primary, the others are replicas.\n" +
				"Without an ADDR it starts a herd, or a Redis with replicas, and ends it afterwards.",
			Example: "  herd bench converge --nodes 5 --rate 20000\n" +
				"  herd bench converge --nodes 5 --rate 20000 --protocol redis-geoadd\n" +
				"  herd bench converge --burst 1000",
		}),
		a.benchMode(modeJoin, &cobra.Command{
			Use:   "join",
			Short: "How soon is an empty node full",
			Long: "Join starts a herd, fills it, loads it, and starts another node, which has nothing;\n" +
				"or a Redis with replicas, and another replica.",
			Example: "  herd bench join --clients 1000000 --rate 5000\n" +
				"  herd bench join --clients 1000000 --rate 5000 --protocol redis-geoadd",
		}),
		a.benchMode(modeIdle, &cobra.Command{
			Use:   "idle [ADDR…]",
			Short: "What do connections cost that do nothing",
			Long: "Idle makes many connections, sends one command on each, and holds them: what do they\n" +
				"take of the server's memory and CPU, and does a client that is not idle feel them. At\n" +
				"the end each must answer once more. This process and the server need a file for each\n" +
				"connection: see \"ulimit -n\".",
			Example: "  herd bench idle --connections 15000\n" +
				"  herd bench idle --connections 9000 --protocol redis-set",
		}),
		a.benchMode(modeReconnect, &cobra.Command{
			Use:   "reconnect [ADDR…]",
			Short: "How does it go with a new connection for each command",
			Long: "Reconnect sends each command on a connection of its own, so many a second, and counts\n" +
				"what goes wrong by its kind. Ports of this end come round again: a source address has\n" +
				"some 28,000, more addresses have more.",
			Example: "  herd bench reconnect --rate 1000\n" +
				"  herd bench reconnect --rate 1000 --source 127.0.0.1,127.0.0.2 127.0.0.1:4131",
		}),
	)
	return cmd
}

// benchMode makes a mode's verb.
func (a *app) benchMode(mode string, cmd *cobra.Command) *cobra.Command {
	b := &benchVerb{app: a, mode: mode, protocol: string(load.Herd), mix: "100:0", trust: &trust{}}
	b.flags(cmd)
	cmd.RunE = verb(func(ctx context.Context, args []string) error {
		given := cmd.Flags().Changed
		b.rateGiven, b.pipelineGiven = given("rate"), given("pipeline")
		b.tokenGiven = given("token-file")
		b.trustGiven = given("ca-file") || given("cert-file") || given("cert-key-file")
		if err := b.complete(ctx, args); err != nil {
			return err
		}
		switch mode {
		case modeNear:
			return b.runNear(ctx)
		case modeConverge:
			return b.runConverge(ctx)
		case modeJoin:
			return b.runJoin(ctx)
		case modeIdle:
			return b.runIdle(ctx)
		case modeReconnect:
			return b.runReconnect(ctx)
		}
		return b.runLoad(ctx)
	})
	return cmd
}

// speaks tells whether a mode can send what a protocol has.
func (b *benchVerb) speaks(p load.Protocol) bool {
	switch b.mode {
	case modeNear:
		return p == load.Herd || p == load.RedisGeoSearch
	case modeLoad:
		return true
	}
	return p != load.RedisGeoSearch
}

// flags gives a mode its flags.
func (b *benchVerb) flags(cmd *cobra.Command) {
	var protocols []string
	for _, p := range load.Protocols() {
		if b.speaks(p) {
			protocols = append(protocols, string(p))
		}
	}
	f, c := cmd.Flags(), &b.load
	choiceFlag(cmd, &b.protocol, "protocol", "what the servers speak, and which command of Redis is sent", protocols...)
	clients := 100_000
	if b.mode == modeIdle {
		clients = 1000 // memory is to be of connections
	}
	f.IntVar(&c.Clients, "clients", clients, "how many clients the commands are about")
	f.Uint64Var(&c.Seed, "seed", 1, "of everything random")
	f.StringSliceVar(&b.sources, "source", nil, "addresses of this machine to connect from, in turn; each has some 28,000 ports")
	f.BoolVar(&b.plain, "plain", false, "draw with ASCII")
	jsonFlag(cmd, &b.json)

	rate, rateHelp, nodes, duration := 1000, "commands a second in all, due at fixed times", 3, 10*time.Second
	connections, connectionsHelp := 50, "connections in all"
	switch b.mode {
	case modeNear:
		rateHelp = "queries a second in all, due at fixed times; 0: as --pipeline 1"
		f.IntVar(&c.Pipeline, "pipeline", 0, "instead of a rate: queries under way on each connection")
		f.IntVar(&c.Radius, "radius", 10, "km that a query looks")
		f.IntVar(&c.Limit, "limit", 5, "results it asks for, at most")
		nodes = 1
	case modeLoad:
		rateHelp += "; 0: as --pipeline 1"
		f.IntVar(&c.Pipeline, "pipeline", 0, "instead of a rate: commands under way on each connection")
		f.StringVar(&b.mix, "mix", b.mix, "IAMAT:WHATSAT, like 90:10")
		f.IntVar(&c.Step, "step", 0, "metres that a client moves at most, north or south and east or west of its home; 0: it jumps anywhere")
		f.IntVar(&c.Radius, "radius", 10, "km that a WHATSAT or GEOSEARCH looks")
		f.IntVar(&c.Limit, "limit", 5, "results it asks for, at most")
	case modeConverge:
		rate, rateHelp = 0, "commands a second of a load beside it; 0: none"
		connectionsHelp = "connections of the load beside it, and of a burst to each server"
		f.IntVar(&c.Burst, "burst", 1, "clients to be written at once")
	case modeJoin:
		rateHelp = "commands a second meanwhile"
		duration = 5 * time.Second
	case modeIdle:
		rateHelp = "commands a second of the client that is not idle, on one connection"
		nodes, duration = 1, 5*time.Second
		connections, connectionsHelp = 10_000, "connections to hold"
	case modeReconnect:
		rateHelp = "connections a second, each for one command"
		nodes = 1
		connectionsHelp = "connections at a time, at most"
	}
	f.IntVar(&b.rate, "rate", rate, rateHelp)
	f.IntVar(&c.Connections, "connections", connections, connectionsHelp)
	f.DurationVar(&c.Duration, "duration", duration, "how long to measure")
	f.DurationVar(&c.Warmup, "warmup", time.Second, "load before it")
	f.IntVar(&b.nodes, "nodes", nodes, "how many nodes to start if there is no ADDR")
	if b.mode == modeJoin {
		f.Lookup("duration").Usage = "how long to measure the load before the new node starts"
		f.Lookup("nodes").Usage = "how many nodes to start before the new one"
		cmd.Args = func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("join takes no ADDR: it starts the servers itself")
			}
			return nil
		}
		return
	}
	f.IntSliceVar(&b.pids, "pid", nil, "processes of the servers, if they run here: to show what they spend")
	f.BoolVar(&b.others, "yes-load-others", false, "allow an ADDR that is not of this machine")
	f.BoolVar(&b.secure, "tls", false, "speak TLS with ADDR; --ca-file and --cert-file do too")
	if b.mode == modeNear {
		b.app.accessFlags(cmd, &b.node)
		b.trust = &b.node.access.trust
	} else {
		b.trust.flags(b.app, cmd)
	}
}

// complete makes what was typed into a load.
func (b *benchVerb) complete(ctx context.Context, args []string) error {
	c := &b.load
	c.Protocol = load.Protocol(b.protocol)
	c.Addrs, c.Near = args, b.mode == modeNear
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
	if b.nodes < 1 || b.nodes > maxBenchNodes {
		return usagef("--nodes must be a whole number from 1 to %d", maxBenchNodes)
	}
	for _, addr := range args {
		switch _, _, err := net.SplitHostPort(addr); {
		case err != nil && b.mode == modeLoad:
			return usagef("%q is not an address, like 127.0.0.1:4131, nor converge, idle, join, near or reconnect", addr)
		case err != nil:
			return usagef("%q is not an address: %w", addr, err)
		}
	}
	check := *c
	if len(args) == 0 {
		check.Addrs = []string{"127.0.0.1:0"}
	}
	if err := check.Validate(); err != nil {
		return usagef("%w", err)
	}
	if err := b.suits(len(args)); err != nil {
		return err
	}
	if err := b.readPIDs(len(args)); err != nil {
		return err
	}
	for _, addr := range args {
		if err := b.allow(ctx, addr); err != nil {
			return err
		}
	}
	return b.readTrust(len(args))
}

// readTrust finds out whether to speak TLS, and whom to trust. What the environment says of that
// is for nodes that run: not for a Redis, nor for what is started here.
func (b *benchVerb) readTrust(addrs int) (err error) {
	switch {
	case addrs == 0 && (b.secure || b.trustGiven):
		return usagef("TLS goes with an ADDR: what is started here speaks without")
	case b.tokenGiven && (addrs == 0 || b.load.Protocol != load.Herd):
		return usagef("--token-file goes with the HTTP-ADDR of a node: nothing else asks for a token")
	case b.secure, b.trustGiven, addrs > 0 && b.load.Protocol == load.Herd && b.trust.given():
		if b.load.TLS, err = b.trust.config(); err != nil {
			return &exit{exitUsage, err}
		}
	}
	return nil
}

// suits tells whether the mode can do what else was asked for.
func (b *benchVerb) suits(addrs int) error {
	switch {
	case b.mode == modeConverge && addrs == 0 && b.nodes < 2:
		return usagef("--nodes must be 2 at least: one node has nobody to agree with")
	case b.mode == modeConverge && addrs == 1:
		return usagef("converge needs two ADDR at least: one server has nobody to agree with")
	case b.mode == modeConverge && b.load.Burst < 1:
		return usagef("--burst must be from 1 to %d", load.MaxBurst)
	case b.mode != modeConverge && b.mode != modeLoad && b.mode != modeNear && b.load.Rate == 0:
		return usagef("--rate must be at least 1 a second")
	}
	return nil
}

// readPIDs checks --pid.
func (b *benchVerb) readPIDs(addrs int) error {
	switch {
	case len(b.pids) == 0:
		return nil
	case !canMeter:
		return usagef("--pid is not available on this system")
	case addrs == 0:
		return usagef("--pid goes with an ADDR: what is started here is known")
	}
	for _, pid := range b.pids {
		if _, err := cpuTime(pid); err != nil {
			return usagef("--pid %d: %w", pid, err)
		}
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
	if b.mode != modeNear && (b.load.Protocol == load.Herd || q > 0) {
		b.load.Updates, b.load.Queries = u, q
	}
	return nil
}

// allow refuses to load machines other than this one, unless told to.
func (b *benchVerb) allow(ctx context.Context, addr string) error {
	return allowLoad(ctx, addr, b.others)
}

// allowLoad refuses an address beyond loopback, unless others may be loaded.
func allowLoad(ctx context.Context, addr string, others bool) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return usagef("%q is not an address: %w", addr, err)
	}
	if others {
		return nil
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
