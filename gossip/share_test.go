package gossip

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"
)

// tally is a state of counters that only grow, one for each start of a node, merged
// by maximum.
type tally struct {
	name   string
	self   string
	behind chan struct{} // Merge waits for it to be closed, if there is one

	mu      sync.Mutex // guards what follows
	counts  map[string]uint64
	padding int // bytes that Local has in addition
	locals  int // calls of Local
	merges  int // calls of Merge
	merging int // calls under way
	overlap bool
}

var errNoTally = errors.New("no tally\nat all")

func (y *tally) Name() string { return y.name }

func (y *tally) Local() []byte {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.locals++
	var b []byte
	for _, node := range slices.Sorted(maps.Keys(y.counts)) {
		b = append(append(b, byte(len(node))), node...)
		b = binary.BigEndian.AppendUint64(b, y.counts[node])
	}
	return append(b, make([]byte, y.padding)...)
}

func (y *tally) Merge(b []byte) (changed bool, err error) {
	y.mu.Lock()
	y.merges++
	y.merging++
	y.overlap = y.overlap || y.merging > 1
	y.mu.Unlock()
	if y.behind != nil {
		<-y.behind
	}
	y.mu.Lock()
	defer y.mu.Unlock()
	y.merging--
	for len(b) > 0 && b[0] > 0 {
		n := int(b[0])
		if len(b) < 1+n+8 {
			return false, errNoTally
		}
		node, count := string(b[1:1+n]), binary.BigEndian.Uint64(b[1+n:])
		if count > y.counts[node] {
			y.counts[node], changed = count, true
		}
		b = b[1+n+8:]
	}
	return changed, nil
}

func (y *tally) add(n uint64) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.counts[y.self] += n
}

func (y *tally) sum() (n uint64) {
	y.mu.Lock()
	defer y.mu.Unlock()
	for _, count := range y.counts {
		n += count
	}
	return n
}

func (y *tally) calls() (locals, merges int) {
	y.mu.Lock()
	defer y.mu.Unlock()
	return y.locals, y.merges
}

// tallies gives each node that is started from now on a tally of that name, and
// returns them by node; a node that starts again has a new one.
func (h *herd) tallies(names ...string) map[string]*tally {
	all := make(map[string]*tally)
	starts := 0
	h.states = func(node string) (states []State) {
		starts++
		for _, name := range names {
			y := &tally{name: name, self: fmt.Sprintf("%s#%d", node, starts), counts: make(map[string]uint64)}
			states = append(states, y)
			all[node] = y
			all[node+" "+name] = y
		}
		return states
	}
	return all
}

// same tells whether all nodes count the same.
func (h *herd) same(all map[string]*tally) bool {
	first := all[h.nodes[0].name].Local()
	for _, n := range h.nodes {
		if !bytes.Equal(all[n.name].Local(), first) {
			return false
		}
	}
	return true
}

// agree tells whether all nodes count as many.
func (h *herd) agree(all map[string]*tally, want uint64) bool {
	for _, n := range h.nodes {
		if all[n.name].sum() != want {
			return false
		}
	}
	return true
}

func (h *herd) statesSent() (n uint64) {
	for _, node := range h.nodes {
		n += node.Stats().StatesSent
	}
	return n
}

// A change is everywhere after the time that one message takes.
func TestStateSpreads(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		all := h.tallies("calls")
		five := h.startFive()
		time.Sleep(5 * time.Second)
		quiet := h.statesSent()
		all["node2"].add(7)
		five[2].Changed("calls")
		took := h.await("known to all", time.Second, func() bool { return h.agree(all, 7) })
		if took > 2*time.Millisecond { // of the simulated clock; a message takes 0.3 ms
			t.Errorf("known to all after %v", took)
		}
		if sent := h.statesSent() - quiet; sent != 4 {
			t.Errorf("%d messages, want 4", sent)
		}
		five[2].Changed("no such state")
		time.Sleep(100 * time.Millisecond)
		s := five[3].Stats()
		if s.StatesReceived == 0 || s.StateBytesReceived < s.StatesReceived*frameHeader || five[2].Stats().StateBytesSent == 0 ||
			s.StatesRefused+s.StatesUnknown+s.StatesTooLarge+s.Quarantined != 0 {
			t.Errorf("counts: %+v", s)
		}
	})
}

// What was merged goes on at a bounded pace, until all are known to have it; then it
// is quiet.
func TestStateNoStorm(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		all := h.tallies("calls")
		five := h.startFive()
		time.Sleep(5 * time.Second)
		quiet := h.statesSent()
		before, _ := all["node4"].calls()
		time.Sleep(5 * time.Second)
		after, _ := all["node4"].calls()
		if n := h.statesSent() - quiet; n != 0 || after != before {
			t.Errorf("in 5 s without changes %d messages, %d calls of Local", n, after-before)
		}
		all["node0"].add(1)
		five[0].Changed("calls")
		time.Sleep(5 * time.Second)
		first := h.statesSent() - quiet
		before, _ = all["node4"].calls()
		time.Sleep(5 * time.Second)
		if after, _ := all["node4"].calls(); after != before {
			t.Errorf("%d calls of Local long after a change", after-before)
		}
		n := h.statesSent() - quiet
		if n != first {
			t.Errorf("%d messages long after a change", n-first)
		}
		// 4 to begin with, then each of 6 pairs tells each other once at the most.
		if n > 4+12 {
			t.Errorf("%d messages for one change", n)
		}
		t.Logf("%d messages", n)
		// Changes all the time: relays add relayFan a second and node at the most.
		quiet = h.statesSent()
		for range 100 {
			all["node0"].add(1)
			five[0].Changed("calls")
			time.Sleep(50 * time.Millisecond)
		}
		if n := h.statesSent() - quiet; n < 400 || n > 400+5*relayFan*6 {
			t.Errorf("%d messages for 100 changes", n)
		}
	})
}

// A node gets all on connect, from one that has it from elsewhere too.
func TestStateOnConnect(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		all := h.tallies("calls", "more")
		a := h.start(0)
		for _, y := range all {
			y.mu.Lock()
			y.counts["gone"] = 3
			y.mu.Unlock()
		}
		h.await("caught up", time.Second, func() bool { return isClosed(a.CaughtUp()) })
		a.Changed("calls") // with nobody there
		b := h.start(1, a.addr())
		all["node1 calls"].add(4)
		took := h.await("connected", 5*time.Second, func() bool { return a.Stats().Links == 1 && b.Stats().Links == 1 })
		t.Logf("connected after %v", took)
		took = h.await("both have it", time.Second, func() bool {
			return all["node0 calls"].sum() == 7 && all["node1 calls"].sum() == 7 && all["node1 more"].sum() == 3
		})
		if took > 3*shareGap { // of the simulated clock
			t.Errorf("both have it %v after they met", took)
		}
	})
}

// A node that starts again with nothing gets its own counts back; what it changed last
// before it left is not lost.
func TestStateRestart(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		all := h.tallies("calls")
		five := h.startFive()
		all["node3"].add(5)
		five[3].Changed("calls")
		time.Sleep(time.Millisecond)
		h.kill(five[3])
		h.startAs("node3", five[3].ip, five[0].addr())
		h.await("all agree", 5*time.Second, func() bool { return h.agree(all, 5) })
		h.await("one view", 5*time.Second, h.oneView)

		five[2].Changed("calls") // takes the turn of now
		time.Sleep(time.Millisecond)
		all["node2"].add(1)
		five[2].Changed("calls")
		five[2].stop()
		err := <-five[2].ended
		five[2].ended <- err
		if err != nil {
			t.Error(err)
		}
		h.nodes = slices.DeleteFunc(h.nodes, func(n *testNode) bool { return n == five[2] })
		if !h.agree(all, 6) {
			t.Error("the last change of a node that left is lost")
		}
	})
}

// Both sides of a partition change; when it heals, all have both.
func TestStatePartition(t *testing.T) {
	for _, cut := range []time.Duration{500 * time.Millisecond, 45 * time.Second} {
		t.Run(cut.String(), func(t *testing.T) {
			inBubble(t, func(t *testing.T, h *herd) {
				all := h.tallies("calls")
				five := h.startFive()
				h.net.Partition([]string{five[0].ip, five[1].ip}, []string{five[2].ip, five[3].ip, five[4].ip})
				for range 10 {
					for _, n := range five {
						all[n.name].add(1)
						n.Changed("calls")
					}
					time.Sleep(cut / 10)
				}
				if all["node0"].sum() != 20 || all["node4"].sum() != 30 {
					t.Errorf("the sides know of %d and %d", all["node0"].sum(), all["node4"].sum())
				}
				h.net.Heal()
				took := h.await("all agree", 10*time.Second, func() bool { return h.agree(all, 50) })
				t.Logf("healed after %v", took)
			})
		})
	}
}

// Two nodes that can't see each other get what the one between them has merged.
func TestStateGoesOn(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		all := h.tallies("calls")
		h.net.Cut("10.0.0.1", "10.0.0.3")
		h.net.Cut("10.0.0.3", "10.0.0.1")
		a, b := h.start(0), h.start(1, "10.0.0.1:4132")
		c := h.start(2, "10.0.0.2:4132")
		h.await("a line", 10*time.Second, func() bool {
			return a.Stats().Links == 1 && b.Stats().Links == 2 && c.Stats().Links == 1
		})
		time.Sleep(5 * time.Second)
		for i := range uint64(5) {
			all["node0"].add(1)
			a.Changed("calls")
			took := h.await("known at the other end", 5*time.Second, func() bool { return all["node2"].sum() == i+1 })
			if took > relayEvery+2*shareGap { // of the simulated clock
				t.Errorf("known at the other end after %v", took)
			}
		}
	})
}

// Many changes are few messages, and the last one arrives.
func TestStateChangesGather(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		all := h.tallies("calls")
		five := h.startFive()
		time.Sleep(5 * time.Second)
		quiet := five[1].Stats().StatesSent
		before, _ := all["node1"].calls()
		for i := range 10_000 {
			all["node1"].add(1)
			five[1].Changed("calls")
			if i%1000 == 0 {
				time.Sleep(time.Millisecond)
			}
		}
		h.await("all agree", time.Second, func() bool { return h.agree(all, 10_000) })
		sent := five[1].Stats().StatesSent - quiet
		locals, _ := all["node1"].calls()
		if sent < 2*4 || sent > 4*4 { // 10 ms, one turn in 5
			t.Errorf("%d messages to 4 peers", sent)
		}
		if locals-before > 4 {
			t.Errorf("%d calls of Local", locals-before)
		}
	})
}

// A node whose clients keep the live lane busy still sends states, all of them, and
// large states don't keep acknowledgements.
func TestStatesOnBusyLane(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		names := []string{"a", "b", "c", "d"}
		all := h.tallies(names...)
		five := h.startFive()
		for _, name := range names {
			y := all["node0 "+name]
			y.mu.Lock()
			y.padding = maxState - 100
			y.mu.Unlock()
		}
		stop := make(chan struct{})
		var busy sync.WaitGroup
		for i := range 20 {
			busy.Go(func() {
				for n := 0; !isClosed(stop); n++ {
					five[0].report(t, fmt.Sprint("client", i), n)
				}
			})
		}
		for range 100 {
			for _, name := range names {
				all["node0 "+name].add(1)
				five[0].Changed(name)
			}
			time.Sleep(2 * time.Millisecond)
		}
		h.await("all states everywhere", 100*time.Millisecond, func() bool {
			for _, n := range h.nodes {
				for _, name := range names {
					if all[n.name+" "+name].sum() != 100 {
						return false
					}
				}
			}
			return true
		})
		close(stop)
		busy.Wait()
		if s := five[0].Stats(); s.Replica.Outs != 0 || s.Replica.Alone != 0 || s.SessionsLost != 0 {
			t.Errorf("%d out of sync, %d alone, %d sessions lost", s.Replica.Outs, s.Replica.Alone, s.SessionsLost)
		}
	})
}

// States take turns: one that is always due keeps none of the others waiting.
func TestStatesTakeTurns(t *testing.T) {
	var c Cluster
	l := &link{states: make([]stateLink, 3)}
	for i := range l.states {
		name := fmt.Sprint(i)
		c.states = append(c.states, &shared{name: name, message: []byte(name), hash: 1})
	}
	var sent []byte
	for round := range uint64(6) {
		for i, s := range c.states {
			s.sealed = round + 1
			l.states[i].due = true
		}
		sent = c.appendStateLocked(l, sent)
	}
	if string(sent) != "012012" {
		t.Errorf("sent in the order %s", sent)
	}
	l.states[1].told = c.states[1].sealed // it has that one
	l.states[2].got = 1                   // and that one
	for range 3 {
		sent = c.appendStateLocked(l, sent)
	}
	if string(sent) != "0120120" {
		t.Errorf("sent %s", sent)
	}
}

// A node of the release before has no states: it is in the herd like any other,
// and is sent none.
func TestStateMixedVersions(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		all := h.tallies("calls")
		h.version = func(name string) uint8 {
			if name == "node1" || name == "node3" {
				return 1
			}
			return sessionVersion
		}
		five := h.startFive()
		all["node0"].add(3)
		five[0].Changed("calls")
		h.await("known to the new ones", time.Second, func() bool { return all["node2"].sum() == 3 && all["node4"].sum() == 3 })
		five[1].report(t, "client", 1)
		time.Sleep(5 * time.Second)
		if !h.oneView() || !h.equal() {
			t.Error("the herd is not whole")
		}
		for _, i := range []int{1, 3} {
			if s := five[i].Stats(); s.StatesReceived+s.StatesSent+s.StatesRefused+s.Quarantined+s.SessionsRefused != 0 || all[five[i].name].sum() != 0 {
				t.Errorf("%s: %+v", five[i].name, s)
			}
		}
		// To one that knows no states, one is no message.
		e := h.evil(t, "10.0.0.66")
		defer e.Shutdown()
		live, v := e.lane(five[0], purposeLive, hail{1, 5, five[0].self.Origin, 1})
		delta, w := e.lane(five[0], purposeDelta, hail{1, 5, five[0].self.Origin, 1})
		if v != welcome || w != welcome {
			t.Fatalf("got %v and %v", v, w)
		}
		live.Write(appendState(nil, "calls", nil))
		io.Copy(io.Discard, live)
		delta.Close()
		h.await("in quarantine", time.Second, func() bool { return h.log.count("unknown kind 253") == 1 })
	})
}
