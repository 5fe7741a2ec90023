package gossip

import (
	"context"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"herd/gossip/location"
	"herd/gossip/simnet"
)

// herd is some clusters on a simulated network, in a synctest bubble.
type herd struct {
	t     *testing.T
	net   *simnet.Net
	nodes []*testNode
	key   []byte
	log   *logSink

	states  func(name string) []State // of the node of that name; nil: none
	version func(name string) uint8   // of the sessions it speaks; nil: the newest
	audits  time.Duration             // how often; 0: as ever
	clocks  map[string]*testClock     // of the nodes of these names; else the bubble's
	network func(Network) Network     // before the simulated one; nil: nothing is
	limits  func(name string) Limits  // of the node of that name; nil: none
	noAcks  bool                      // reports wait for nobody
	books   string                    // folder of address books; empty: there are none
	disks   map[string]Disk           // likewise
	label   string                    // of all
	keys    [][]byte                  // the ring of nodes from now on; nil: the key alone
	save    func([][]byte) error      // what they save changed rings with; nil: they can't

	slept   map[string]func() time.Duration             // of the machines of the nodes of these names; they never are
	reached func(name string) ([]netip.AddrPort, error) // where the node of that name is; nil: where it is bound
}

type testNode struct {
	*Cluster
	name, ip string
	host     *simnet.Host
	stop     context.CancelFunc
	ended    chan error
}

// logSink keeps the log lines of all nodes.
type logSink struct {
	mu    sync.Mutex // guards lines
	lines []string
}

func (s *logSink) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, strings.TrimSpace(string(b)))
	return len(b), nil
}

func (s *logSink) count(text string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.lines {
		if strings.Contains(l, text) {
			n++
		}
	}
	return n
}

// inBubble runs f with an empty herd on a network with the latency of a machine room.
func inBubble(t *testing.T, f func(t *testing.T, h *herd)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := &herd{t: t, net: simnet.New(1), key: []byte("0123456789abcdef0123456789abcdef"), log: &logSink{}}
		h.net.SetLinks(simnet.Link{Latency: 200 * time.Microsecond, Jitter: 100 * time.Microsecond})
		defer func() {
			for _, n := range h.nodes {
				n.stop()
				<-n.ended
			}
			time.Sleep(time.Minute) // memberlist does not wait for its probes
			if t.Failed() {
				h.log.mu.Lock()
				for _, l := range h.log.lines {
					t.Log(l)
				}
				h.log.mu.Unlock()
			}
		}()
		f(t, h)
	})
}

// start starts node i, from 0, joining through the addresses given.
func (h *herd) start(i int, join ...string) *testNode {
	h.t.Helper()
	return h.startAs(fmt.Sprintf("node%d", i), fmt.Sprintf("10.0.0.%d", i+1), join...)
}

func (h *herd) startAs(name, ip string, join ...string) *testNode {
	h.t.Helper()
	n, err := h.tryStart(name, ip, h.key, join...)
	if err != nil {
		h.t.Fatal(err)
	}
	return n
}

func (h *herd) tryStart(name, ip string, key []byte, join ...string) (*testNode, error) {
	host := h.net.Host(ip)
	var states []State
	if h.states != nil {
		states = h.states(name)
	}
	network := Network(host)
	if h.network != nil {
		network = h.network(host)
	}
	var limits Limits
	if h.limits != nil {
		limits = h.limits(name)
	}
	book := ""
	if h.books != "" {
		book = filepath.Join(h.books, name)
	}
	keys := keysOf(key)
	if h.keys != nil {
		keys = h.keys
	}
	c, err := New(Config{
		AddressBook: book,

		States:   states,
		SaveKeys: h.save,
		Limits:   limits,
		NoAcks:   h.noAcks,
		Disk:     h.disks[name],
		Clock:    h.clocks[name].now,
		Slept:    h.slept[name],
		Name:     name, Network: network, BindAddr: ip + ":4132", Join: join, Keys: keys, Label: h.label,
		Client: ip + ":4131", HTTP: ip + ":4133", Version: "test",
		Table:  location.NewTable(16, 1),
		Logger: hclog.New(&hclog.LoggerOptions{Name: name, Level: hclog.Debug, Output: h.log, DisableTime: true}),
	})
	if err != nil {
		return nil, err
	}
	if h.audits > 0 {
		c.auditEvery = h.audits
	}
	if h.reached != nil {
		c.reachedAt = func(context.Context) ([]netip.AddrPort, error) { return h.reached(name) }
	}
	if h.version != nil {
		c.self.Protocol = h.version(name)
	}
	ctx, stop := context.WithCancel(h.t.Context())
	n := &testNode{Cluster: c, name: name, ip: ip, host: host, stop: stop, ended: make(chan error, 1)}
	go func() { n.ended <- c.Run(ctx) }()
	h.nodes = append(h.nodes, n)
	return n, nil
}

// keysOf is a ring of one key, or of none.
func keysOf(key []byte) [][]byte {
	if key == nil {
		return nil
	}
	return [][]byte{key}
}

// kill is kill -9.
func (h *herd) kill(n *testNode) {
	n.host.Kill()
	n.Close()
	<-n.ended
	n.stop()
	h.nodes = slices.DeleteFunc(h.nodes, func(m *testNode) bool { return m == n })
}

// await waits, in virtual time, for a condition.
func (h *herd) await(what string, limit time.Duration, ok func() bool) time.Duration {
	h.t.Helper()
	begin := time.Now()
	for !ok() {
		if time.Since(begin) > limit {
			h.t.Fatalf("not in %s: %s", limit, what)
		}
		time.Sleep(time.Millisecond)
	}
	return time.Since(begin)
}

// oneView tells whether every node sees all others alive and is in sync both ways.
func (h *herd) oneView() bool {
	for _, n := range h.nodes {
		alive := 0
		for _, m := range n.Members() {
			if m.State == Alive {
				alive++
			}
			if m.State == Alive && !m.Self && (!m.InSync || !m.Leased) {
				return false
			}
		}
		if alive != len(h.nodes) || len(n.Sync().Behind) > 0 {
			return false
		}
	}
	return true
}

// equal tells whether all nodes hold the same fixes.
func (h *herd) equal() bool {
	dump := func(n *testNode) map[string]location.Fix {
		all := make(map[string]location.Fix)
		for i := range n.Table().Shards() {
			n.Table().Scan(i, func(id string, e *location.Entry) { all[id] = e.Fix })
		}
		return all
	}
	first := dump(h.nodes[0])
	for _, n := range h.nodes[1:] {
		other := dump(n)
		if len(other) != len(first) {
			return false
		}
		for id, f := range first {
			if other[id] != f {
				return false
			}
		}
	}
	return true
}

func (n *testNode) addr() string { return n.ip + ":4132" }

// fixAt is a fix that a node takes now.
func fixAt(t *testing.T, node string, seconds int) location.Fix {
	t.Helper()
	p, err := location.ParsePosition([]byte("+34.068930-118.445127"))
	if err != nil {
		t.Fatal(err)
	}
	when, err := location.ParseTime(fmt.Appendf(nil, "%d.5", seconds))
	if err != nil {
		t.Fatal(err)
	}
	return location.NewFix(node, time.Now().UnixNano(), 5*time.Minute, p, when)
}

// report takes a fix and waits for its acknowledgement.
func (n *testNode) report(t *testing.T, id string, seconds int) location.Fix {
	t.Helper()
	f := fixAt(t, n.name, seconds)
	ticket := n.Report(0, []byte(id), f)
	n.Flush()
	if err := n.Wait(t.Context(), ticket); err != nil {
		t.Fatal(err)
	}
	return f
}

func (h *herd) startFive() []*testNode {
	h.t.Helper()
	return h.startFirst(5)
}

// startFirst starts the first n nodes. What lasts long, and concerns a pair, wants few: a
// herd at rest costs by its pairs.
func (h *herd) startFirst(n int) []*testNode {
	h.t.Helper()
	var all []*testNode
	for i := range n {
		var join []string
		if i > 0 {
			join = []string{all[i-1].addr()}
		}
		n := h.start(i, join...)
		all = append(all, n)
		h.await("caught up", 5*time.Second, func() bool { return isClosed(n.CaughtUp()) })
	}
	h.await("one view", 10*time.Second, h.oneView)
	return all
}
