package gossip

import (
	"context"
	"errors"
	"fmt"
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
	books   string                    // folder of address books; empty: there are none
	disks   map[string]Disk           // likewise
	label   string                    // of all
	keys    [][]byte                  // the ring of nodes from now on; nil: the key alone
	save    func([][]byte) error      // what they save changed rings with; nil: they can't
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
		Disk:     h.disks[name],
		Clock:    h.clocks[name].now,
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

// A fix that is acknowledged is at every member.
func TestAcknowledgedIsEverywhere(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		all := h.startFive()
		for i := range 200 {
			n, m := all[i%5], all[(i*7+3)%5]
			id := fmt.Sprintf("client%d", i)
			f := n.report(t, id, 1000+i)
			e, ok := m.Get([]byte(id))
			if !ok || e.Fix != f {
				t.Fatalf("%s reported at %s: %s has %v %v", id, n.name, m.name, e, ok)
			}
		}
		for _, n := range all {
			if s := n.Stats(); s.Replica.Outs != 0 || s.Replica.Alone != 0 {
				t.Errorf("%s: %d fell out of sync, %d batches acknowledged alone", n.name, s.Replica.Outs, s.Replica.Alone)
			}
		}
	})
}

// kill -9 of two: what they have acknowledged lives on, and the others know.
func TestKill(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		all := h.startFive()
		a := all[1].report(t, "a", 1)
		b := all[2].report(t, "b", 2)
		h.kill(all[1])
		h.kill(all[2])
		for _, n := range h.nodes {
			if e, ok := n.Get([]byte("a")); !ok || e.Fix != a {
				t.Errorf("%s has lost a", n.name)
			}
			if e, ok := n.Get([]byte("b")); !ok || e.Fix != b {
				t.Errorf("%s has lost b", n.name)
			}
		}
		h.nodes[0].report(t, "c", 3) // nobody waits for the dead
		took := h.await("failed", 10*time.Second, func() bool {
			for _, n := range h.nodes {
				if n.Stats().MembersByState["failed"] != 2 {
					return false
				}
			}
			return true
		})
		t.Logf("known to all after %v", took)
		// Both start again with nothing: one where it was, one elsewhere.
		again := h.startAs("node1", "10.0.0.2", all[0].addr())
		h.await("caught up", 2*time.Second, func() bool { return isClosed(again.CaughtUp()) })
		other := h.startAs("node2", "10.0.0.9", all[4].addr())
		h.await("caught up", 2*time.Second, func() bool { return isClosed(other.CaughtUp()) })
		h.await("one view", 5*time.Second, h.oneView)
		if !h.equal() {
			t.Error("tables differ")
		}
	})
}

// A killed node that starts again at once, under its old name, is let in at once.
func TestRestartAtOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		all := h.startFive()
		for i := range 50 {
			all[3].report(t, fmt.Sprint("c", i), i)
		}
		h.kill(all[3])
		again := h.startAs("node3", "10.0.0.4", all[0].addr())
		took := h.await("caught up", 2*time.Second, func() bool { return isClosed(again.CaughtUp()) })
		t.Logf("caught up after %v", took)
		if n := again.Table().Len(); n != 50 {
			t.Errorf("caught up with %d of 50 clients", n)
		}
		h.await("one view", 5*time.Second, h.oneView)
	})
}

// A cut of any length heals.
func TestPartitionHeals(t *testing.T) {
	for _, cut := range []time.Duration{3 * time.Second, 10 * time.Second, 45 * time.Second, 100 * time.Second} {
		if testing.Short() && cut > 10*time.Second {
			continue
		}
		t.Run(cut.String(), func(t *testing.T) {
			inBubble(t, func(t *testing.T, h *herd) {
				all := h.startFive()
				h.net.Partition([]string{all[0].ip, all[1].ip}, []string{all[2].ip, all[3].ip, all[4].ip})
				begin := time.Now()
				for i := 0; time.Since(begin) < cut; i++ { // both sides write
					all[i%5].report(t, fmt.Sprint("c", i%97), i)
					time.Sleep(cut / 200)
				}
				h.net.Heal()
				took := h.await("one view and equal tables", 20*time.Second, func() bool { return h.oneView() && h.equal() })
				t.Logf("healed after %v", took)
				if took > 5*time.Second { // of the simulated clock
					t.Errorf("healed after %v, want 5 s", took)
				}
			})
		})
	}
}

// A taken name is refused, whoever is asked, before anybody has seen the newcomer.
func TestNameTaken(t *testing.T) {
	for _, seed := range []int{0, 2} { // 2 has the name itself
		inBubble(t, func(t *testing.T, h *herd) {
			all := h.startFive()
			n, err := h.tryStart("node2", "10.0.0.77", h.key, all[seed].addr())
			if err != nil {
				t.Fatal(err)
			}
			err = <-n.ended
			n.ended <- err
			var taken *NameTakenError
			if !errors.As(err, &taken) || taken.Holder.Gossip != all[2].addr() {
				t.Errorf("got %v", err)
			}
			h.nodes = h.nodes[:5]
			if !h.oneView() || h.log.count("10.0.0.77") > 0 {
				t.Error("the herd was disturbed")
			}
		})
	}
}

func TestLeave(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		all := h.startFive()
		begin := time.Now()
		all[4].stop()
		if err := <-all[4].ended; err != nil {
			t.Error(err)
		}
		t.Logf("left in %v", time.Since(begin))
		h.nodes = h.nodes[:4]
		h.await("known to all", time.Second, func() bool {
			for _, n := range h.nodes {
				if n.Stats().MembersByState["left"] != 1 {
					return false
				}
			}
			return true
		})
		if h.log.count("member has failed") > 0 {
			t.Error("it was taken for failed")
		}
	})
}

// When all leave at once nobody is taken for failed.
func TestLeaveTogether(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		for _, n := range h.startFive() {
			n.stop()
		}
		for _, n := range h.nodes {
			err := <-n.ended
			n.ended <- err
			if err != nil {
				t.Errorf("%s: %v", n.name, err)
			}
		}
		if h.log.count("member has failed") > 0 {
			t.Error("somebody was taken for failed")
		}
	})
}

// No seed answers: the node serves alone and joins when one does.
func TestLateSeed(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		n := h.start(0, "10.0.0.2:4132")
		time.Sleep(20 * time.Second)
		if isClosed(n.CaughtUp()) {
			t.Error("caught up with nobody")
		}
		n.report(t, "a", 1)
		h.start(1)
		h.await("one view", 5*time.Second, h.oneView)
		h.await("caught up", time.Second, func() bool { return isClosed(n.CaughtUp()) })
	})
}

func TestAlone(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		h.net.Host("10.0.0.9") // it is there, and nobody listens
		n := h.start(0, "10.0.0.9:4132", "10.0.0.1:4132")
		took := h.await("caught up", time.Second, func() bool { return isClosed(n.CaughtUp()) })
		t.Logf("ready alone after %v", took)
	})
}

func TestWrongKey(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		all := h.startFirst(2)
		n, err := h.tryStart("stranger", "10.0.0.77", []byte("another key of 32 bytes, I think"), all[0].addr())
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(70 * time.Second)
		for _, line := range []string{"gossip stream refused: wrong key", "gossip stream not opened: wrong key"} {
			if got := h.log.count(line); got < 2 || got > 3 {
				t.Errorf("%q was said %d times in 70 s", line, got)
			}
		}
		if n.Stats().Links != 0 {
			t.Error("it got in")
		}
		h.nodes = h.nodes[:2]
		if !h.oneView() {
			t.Error("the herd was disturbed")
		}
		n.stop()
		<-n.ended
	})
}

// Whoever closes a cluster that somebody else closes waits for the same end.
func TestCloseTwice(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		n := h.start(0)
		h.await("caught up", time.Second, func() bool { return isClosed(n.CaughtUp()) })
		var slow bool
		n.spawn(func() { time.Sleep(time.Second); slow = true })
		var both sync.WaitGroup
		for range 2 {
			both.Go(func() {
				n.Close()
				if !slow {
					t.Error("closed while a goroutine runs")
				}
			})
		}
		both.Wait()
	})
}
