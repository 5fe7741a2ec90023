package nodetest

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"herd/config"
	"herd/gossip/location"
	"herd/gossip/simnet"
	"herd/node"
	"herd/places"
)

// Ports of every node.
const (
	clientPort = "4131"
	gossipPort = "4132"
	httpPort   = "4133"
)

// Shards is how many the tables of nodes have.
const Shards = 64

// limit is how long anything may take before the test fails.
const limit = 2 * time.Minute

// Herd is a herd under test.
type Herd struct {
	Net *simnet.Net // for faults that Herd has no word for

	t      testing.TB
	change []func(i int, c *node.Config)

	mu    sync.Mutex // guards nodes, their hosts and addresses, which clients read meanwhile
	nodes []*process
	moves int
}

// process is one node, through all its lives.
type process struct {
	name string
	log  logBuffer

	// What clients read meanwhile: only Herd.mu's holder may change it.
	ip    string
	host  *simnet.Host
	table *location.Table // of its last life
	node  *node.Node      // nil: it does not run

	stop context.CancelFunc
	done chan error
}

// Start makes a herd of n nodes and returns when all are ready and see each other.
// change may set what it likes of each node's configuration, at each of its
// starts. The herd ends with the test.
func Start(t testing.TB, n int, change ...func(i int, c *node.Config)) *Herd {
	t.Helper()
	h := &Herd{Net: simnet.New(1), t: t, change: change}
	h.Net.SetLinks(simnet.Link{Latency: 200 * time.Microsecond})
	t.Cleanup(h.end)
	for range n {
		h.Add()
	}
	h.Settle()
	return h
}

// end kills what still runs and tells what led to a failure.
func (h *Herd) end() {
	for i := range h.nodes {
		h.kill(i)
	}
	if h.t.Failed() {
		for _, p := range h.nodes {
			h.t.Logf("log of %s:\n%s", p.name, &p.log)
		}
	}
}

// Add starts one more node, empty, and returns its number when it is ready.
func (h *Herd) Add() int {
	h.t.Helper()
	i := h.Reserve()
	h.Restart(i)
	return i
}

// NodeName is the name of the i-th node of any herd.
func NodeName(i int) string {
	names := [...]string{"Bailey", "Bona", "Campbell", "Clark", "Jaquez"}
	if i < len(names) {
		return names[i]
	}
	return fmt.Sprintf("Node%d", i+1)
}

// Reserve makes room for one more node, which does not run yet, and returns its
// number.
func (h *Herd) Reserve() int {
	i := len(h.nodes)
	p := &process{name: NodeName(i), ip: fmt.Sprintf("10.0.0.%d", i+1)}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.nodes = append(h.nodes, p)
	return i
}

// Restart starts a node that does not run, with an empty table, the same name and
// the same addresses, and returns when it is ready. It joins through any that run.
func (h *Herd) Restart(i int) {
	h.t.Helper()
	h.Launch(i)
	p := h.nodes[i]
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-p.node.Ready():
	case err := <-p.done:
		p.done <- err
		h.t.Fatalf("%s has ended before it was ready: %v", p.name, err)
	case <-timer.C:
		h.t.Fatalf("%s is not ready after %s", p.name, limit)
	}
}

// Launch is Restart that does not wait for the node to be ready.
func (h *Herd) Launch(i int) {
	h.t.Helper()
	p := h.nodes[i]
	if p.node != nil {
		h.t.Fatalf("%s runs already", p.name)
	}
	host := h.Net.Host(p.ip)
	table := location.NewTable(Shards, 0)
	n, err := node.New(h.config(i, host, table))
	if err != nil {
		h.t.Fatalf("start %s: %v", p.name, err)
	}
	h.mu.Lock()
	p.host, p.table, p.node = host, table, n
	h.mu.Unlock()
	var ctx context.Context
	ctx, p.stop = context.WithCancel(context.Background())
	p.done = make(chan error, 1)
	go func() { p.done <- n.Run(ctx) }() // Stop and kill wait for done
}

func (h *Herd) config(i int, host *simnet.Host, table *location.Table) node.Config {
	p := h.nodes[i]
	s := config.Default()
	s.Name = p.name
	s.Client.Addr = net.JoinHostPort(p.ip, clientPort)
	s.Gossip.Addr = net.JoinHostPort(p.ip, gossipPort)
	s.HTTP.Addr = net.JoinHostPort(p.ip, httpPort)
	for j, other := range h.nodes {
		if j != i && other.node != nil {
			s.Gossip.Join = append(s.Gossip.Join, net.JoinHostPort(other.ip, gossipPort))
		}
	}
	c := node.Config{
		Settings: s,
		Keys:     [][]byte{bytes.Repeat([]byte{7}, 32)},
		Version:  "test",
		Logger:   hclog.New(&hclog.LoggerOptions{Name: p.name, Output: &p.log, Level: hclog.Info}),
		Links:    places.Links(nowhere{}),
		Network:  host,
		Listen:   listen(host),
		Table:    table,
	}
	for _, f := range h.change {
		f(i, &c)
	}
	return c
}

// Kill is kill -9: the node's machine stays up and speaks for the dead process.
func (h *Herd) Kill(i int) {
	h.t.Helper()
	if h.nodes[i].node == nil {
		h.t.Fatalf("%s does not run", h.nodes[i].name)
	}
	h.kill(i)
}

func (h *Herd) kill(i int) {
	p := h.nodes[i]
	if p.node == nil {
		return
	}
	p.host.Kill()
	p.node.Close()
	<-p.done
	h.forget(p)
}

// forget takes note that a node has ended.
func (h *Herd) forget(p *process) {
	h.mu.Lock()
	defer h.mu.Unlock()
	p.node = nil
}

// Stop has the node leave, as at SIGTERM, and returns what its Run does.
func (h *Herd) Stop(i int) error {
	h.t.Helper()
	p := h.nodes[i]
	if p.node == nil {
		h.t.Fatalf("%s does not run", p.name)
	}
	p.stop()
	return h.Wait(i)
}

// Leave has the node leave and does not wait for it.
func (h *Herd) Leave(i int) { h.nodes[i].stop() }

// Move gives a node that does not run an address that none has had.
func (h *Herd) Move(i int) {
	h.t.Helper()
	p := h.nodes[i]
	if p.node != nil {
		h.t.Fatalf("%s runs", p.name)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	p.ip = fmt.Sprintf("10.0.%d.%d", 1+h.moves/250, 1+h.moves%250)
	h.moves++
}

// IP is the address of a node.
func (h *Herd) IP(i int) string { return h.nodes[i].ip }

// Ended tells whether the Run of a node has returned, and what.
func (h *Herd) Ended(i int) (ended bool, err error) {
	p := h.nodes[i]
	select {
	case err := <-p.done:
		p.done <- err
		return true, err
	default:
		return false, nil
	}
}

// Wait returns what the Run of a node returns, when it does.
func (h *Herd) Wait(i int) error {
	h.t.Helper()
	p := h.nodes[i]
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case err := <-p.done:
		p.node.Close()
		h.forget(p)
		return err
	case <-timer.C:
		h.t.Fatalf("%s has not ended after %s", p.name, limit)
		return nil
	}
}

// Partition cuts the herd into groups of nodes that hear only each other. Those in
// no group form one more.
func (h *Herd) Partition(groups ...[]int) {
	sides := make([][]string, len(groups))
	for i, group := range groups {
		for _, j := range group {
			sides[i] = append(sides[i], h.nodes[j].ip)
		}
	}
	h.Net.Partition(sides...)
}

// Heal ends all cuts.
func (h *Herd) Heal() { h.Net.Heal() }

// Len is how many nodes there are, those that don't run included.
func (h *Herd) Len() int { return len(h.nodes) }

// Node is the node of that number; nil if it does not run. Any goroutine may call it.
func (h *Herd) Node(i int) *node.Node {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.nodes[i].node
}

// Life is the node of that number and what it holds, for reading; nil if it does not run. Any
// goroutine may call it.
func (h *Herd) Life(i int) (*node.Node, *location.Table) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.nodes[i].node, h.nodes[i].table
}

// Name is the name of a node.
func (h *Herd) Name(i int) string { return h.nodes[i].name }

// Log is what a node has logged, in all its lives.
func (h *Herd) Log(i int) string { return h.nodes[i].log.String() }

// Table is the fixes that a node holds, for reading.
func (h *Herd) Table(i int) *location.Table { return h.nodes[i].table }

// nowhere is a provider that knows no place.
type nowhere struct{}

func (nowhere) Name() string { return "nowhere" }
func (nowhere) Prompt()      {}

func (nowhere) Near(context.Context, places.Query) (places.Answer, error) {
	return places.Answer{}, nil
}

// logBuffer is a log that a node writes while the test reads.
type logBuffer struct {
	mu sync.Mutex // guards b
	b  strings.Builder
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
