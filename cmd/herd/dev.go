package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"

	"github.com/hashicorp/go-hclog"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"herd/config"
)

// maxDevNodes bounds a herd in one process: each node talks to each other one.
const maxDevNodes = 100

// devVerb is herd dev and its flags.
type devVerb struct {
	app       *app
	nodes     int
	basePort  int
	readyFile string
	places    []string // the chain of providers
	log       config.Log
	chaos     bool
	json      bool
}

func (a *app) dev() *cobra.Command {
	d := &devVerb{app: a, log: config.Log{Format: "text"}}
	cmd := &cobra.Command{
		Use:   "dev",
		Short: "Run a whole herd on this machine, in one process",
		Long: "Dev runs a herd of several nodes on loopback, with a key of its own and nothing to\n" +
			"set up. Ctrl-C makes all of them leave. Node i, from 0, has its clients' port at the\n" +
			"base port + 10i, gossip one higher, HTTP two higher; a browser gets a page there that\n" +
			"shows the herd. Variables that begin with HERD_PLACES_ count as for \"herd node\".\n" +
			"\"herd chaos\" may break it.",
		Example: "  herd dev --nodes 3\n" +
			"  herd dev --places-order campus.geojson,embedded",
		Args: cobra.NoArgs,
	}
	cmd.RunE = verb(func(ctx context.Context, _ []string) error { return d.run(ctx) })
	cmd.Flags().IntVar(&d.nodes, "nodes", 5, "how many nodes")
	cmd.Flags().IntVar(&d.basePort, "base-port", 4131, "clients' port of the first node; 0 takes any free ports")
	cmd.Flags().StringVar(&d.readyFile, "ready-file", "", "file to write when all are ready: their names and addresses as JSON")
	cmd.Flags().StringSliceVar(&d.places, "places-order", nil, "who is asked what is near, in this order; see \"herd help providers\" (default embedded)")
	cmd.Flags().StringVar(&d.log.Level, "log-level", "warn", "the least that is logged, of all nodes")
	cmd.Flags().BoolVar(&d.chaos, "chaos", true, "let \"herd chaos\" break the herd")
	jsonFlag(cmd, &d.json)
	return cmd
}

func (d *devVerb) run(ctx context.Context) error {
	outliveReaders()
	configs, err := d.configs()
	if err != nil {
		return err
	}
	logger, endLog, err := newLogger(d.log, d.app.stderr)
	if err != nil {
		return err
	}
	defer endLog()
	herd, err := d.bind(configs, logger)
	if err != nil {
		return err
	}
	defer herd.close()
	if d.readyFile != "" { // the ports are ours: whoever wrote it is dead
		os.Remove(d.readyFile)
		defer os.Remove(d.readyFile)
	}

	// A node that ends on request leaves the others be; one that fails ends all.
	running, ctx := errgroup.WithContext(ctx)
	var up sync.WaitGroup
	for _, n := range herd.nodes {
		up.Add(1)
		isUp := sync.OnceFunc(up.Done)
		running.Go(func() error {
			defer isUp()
			return herd.live(ctx, n, isUp)
		})
	}
	up.Wait()
	if ctx.Err() == nil {
		running.Go(func() error { return d.announce(herd) })
	}
	if err := running.Wait(); err != nil {
		return err
	}
	switch killed := herd.Killed(); {
	case d.json:
	case len(killed) == 0:
		fmt.Fprintf(d.app.stdout, "All %d nodes have left.\n", len(herd.nodes))
	default:
		fmt.Fprintf(d.app.stdout, "All nodes have left that were not killed: %s.\n", strings.Join(killed, ", "))
	}
	return nil
}

// configs are the nodes' configurations; they differ in name and addresses.
func (d *devVerb) configs() ([]*config.Loaded, error) {
	if d.nodes < 1 || d.nodes > maxDevNodes {
		return nil, usagef("--nodes must be a whole number from 1 to %d", maxDevNodes)
	}
	last := d.basePort + 10*(d.nodes-1) + 2
	if d.basePort < 0 || last > 65535 {
		return nil, usagef("--base-port must leave room for %d nodes: from 1 to %d, or 0", d.nodes, 65535-last+d.basePort)
	}
	near, err := d.loadPlaces()
	if err != nil {
		return nil, err
	}
	key := newKey()
	var all []*config.Loaded
	for i := range d.nodes {
		c := config.Default()
		c.Name = devName(i)
		c.Client.Addr, c.Gossip.Addr, c.HTTP.Addr = d.addr(i, 0), d.addr(i, 1), d.addr(i, 2)
		c.Gossip.Profile = "local"
		c.Log = d.log
		c.Places = near.Config.Places
		c.Chaos = d.chaos
		if err := c.Validate(); err != nil {
			return nil, err
		}
		all = append(all, &config.Loaded{Config: c, Keys: [][]byte{key}, PlacesKey: near.PlacesKey})
	}
	return all, nil
}

// loadPlaces is what flag and variables say of places.
func (d *devVerb) loadPlaces() (*config.Loaded, error) {
	var environ []string
	for _, e := range d.app.environ {
		if strings.HasPrefix(e, "HERD_PLACES_") {
			environ = append(environ, e)
		}
	}
	flags := map[string][]string{"name": {"dev"}}
	if d.places != nil {
		flags["places_order"] = d.places
	}
	return config.Load(nil, environ, flags)
}

func (d *devVerb) addr(node, offset int) string {
	port := 0
	if d.basePort != 0 {
		port = d.basePort + 10*node + offset
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
}

// devName gives the names of the five servers of the course project, then
// others.
func devName(i int) string {
	names := [...]string{"Bailey", "Bona", "Campbell", "Clark", "Jaquez"}
	if i < len(names) {
		return names[i]
	}
	return "Node" + strconv.Itoa(i+1)
}

// bind opens the ports of all nodes before any of them starts; each joins
// through the one before it.
func (d *devVerb) bind(configs []*config.Loaded, logger hclog.Logger) (*devHerd, error) {
	herd := newDevHerd(d.app.newNode)
	for i, c := range configs {
		if i > 0 {
			c.Config.Gossip.Join = []string{herd.nodes[i-1].addrs.Gossip}
		}
		n := newDevNode(c, logger.ResetNamed("herd."+c.Config.Name))
		if err := herd.begin(n); err != nil {
			herd.close()
			return nil, fmt.Errorf("start %s: %w", c.Config.Name, err)
		}
		n.addrs = n.server.Addrs()
		herd.nodes = append(herd.nodes, n)
	}
	return herd, nil
}

// announce says that the herd is ready and where it is.
func (d *devVerb) announce(herd *devHerd) error {
	all := []readyNode{}
	rows := [][]string{{"NODE", "CLIENTS", "GOSSIP", "HTTP"}}
	for _, n := range herd.nodes {
		r := describe(n.name, n.addrs)
		all = append(all, r)
		rows = append(rows, []string{r.Name, r.Client, r.Gossip, "http://" + r.HTTP})
	}
	if d.readyFile != "" {
		if err := writeReady(d.readyFile, all); err != nil {
			return err
		}
	}
	if d.json {
		return printJSON(d.app.stdout, all)
	}
	fmt.Fprintf(d.app.stdout, "A herd of %d nodes is ready. Ctrl-C ends it.\n\n", len(all))
	if err := printTable(d.app.stdout, rows); err != nil {
		return err
	}
	_, err := fmt.Fprintf(d.app.stdout, "\nSee it: http://%s/\nTry: herd send %s 'IAMAT kiwi.cs.ucla.edu +34.068930-118.445127 1621464827.959498503'\n", all[0].HTTP, all[0].Client)
	return err
}
