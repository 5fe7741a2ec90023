package gossip

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"herd/gossip/location"
	"herd/gossip/replica"
	"herd/gossip/simnet"
)

// testClock is a wall clock that is wrong by so many nanoseconds. Nil is right.
type testClock struct{ wrong atomic.Int64 }

func (k *testClock) set(wrong time.Duration) *testClock {
	k.wrong.Store(int64(wrong))
	return k
}

func (k *testClock) now() time.Time {
	if k == nil {
		return time.Now()
	}
	return time.Now().Add(time.Duration(k.wrong.Load()))
}

// Each node measures the clocks of the others, however long messages wait.
func TestClockOffsets(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		wrong := map[string]time.Duration{"node1": 40 * time.Millisecond, "node2": -time.Minute, "node3": 2 * time.Minute}
		h.clocks = map[string]*testClock{}
		for name, d := range wrong {
			h.clocks[name] = new(testClock).set(d)
		}
		five := h.startFive()
		h.net.SetLinks(simnet.Link{Latency: 500 * time.Microsecond, Jitter: 20 * time.Millisecond})
		time.Sleep(10 * time.Second)
		for _, n := range five {
			for _, m := range n.Members() {
				if m.Self {
					continue
				}
				want := wrong[m.Name] - wrong[n.name]
				if off := m.Clock - want; !m.ClockKnown || off.Abs() > 10*time.Millisecond {
					t.Errorf("%s: clock of %s is ahead by %v (known: %t), want %v", n.name, m.Name, m.Clock, m.ClockKnown, want)
				}
			}
			if k := n.Sync().Clock; k.Peers != 4 || k.Astray() {
				t.Errorf("%s: %+v", n.name, k)
			}
		}
		// A clock that is set is believed soon.
		h.clocks["node1"].set(30 * time.Second)
		time.Sleep(10 * time.Second)
		for _, m := range five[0].Members() {
			if off := m.Clock - 30*time.Second; m.Name == "node1" && off.Abs() > 10*time.Millisecond {
				t.Errorf("after it was set: %v", m.Clock)
			}
		}
	})
}

// A node whose clock is wrong says so, and is not checked until it is set; nobody else
// takes its own clock for wrong.
func TestClockAstray(t *testing.T) {
	for _, wrong := range []time.Duration{3 * time.Minute, -10 * 365 * 24 * time.Hour} {
		inBubble(t, func(t *testing.T, h *herd) {
			clock := new(testClock).set(wrong)
			h.clocks = map[string]*testClock{"node2": clock}
			a := h.start(0)
			b := h.start(1, a.addr())
			h.await("two are checked", 5*time.Second, func() bool { return isClosed(a.ClockChecked()) && isClosed(b.ClockChecked()) })
			n := h.start(2, a.addr())
			h.await("caught up", 5*time.Second, func() bool { return isClosed(n.CaughtUp()) })
			time.Sleep(90 * time.Second)
			if isClosed(n.ClockChecked()) {
				t.Error("its clock was let through")
			}
			if k := n.Sync().Clock; !k.Astray() || (k.Ahead-wrong).Abs() > time.Millisecond || k.Peers != 2 {
				t.Errorf("got %+v", k)
			}
			for _, other := range []*testNode{a, b} {
				if k := other.Sync().Clock; k.Astray() || k.Peers != 2 {
					t.Errorf("%s: %+v", other.name, k)
				}
			}
			if lines := h.log.count("this node's clock is wrong"); lines != 2 {
				t.Errorf("%d lines in a minute and a half, want 2", lines)
			}
			clock.set(0)
			h.await("checked", 10*time.Second, func() bool { return isClosed(n.ClockChecked()) })
		})
	}
}

// A node whose clock is, or was, ahead by less than is wrong hides clients long before their time,
// and says so.
func TestClockHidesEarly(t *testing.T) {
	for _, tt := range []struct {
		ahead, stays time.Duration
		ttl          time.Duration
		lines        int
		none         int // that say that there are no clients
	}{
		{50 * time.Second, 30 * time.Second, time.Minute, 1, 0},
		{50 * time.Second, time.Second, time.Minute, 1, 0}, // it goes on hiding
		{20 * time.Second, 30 * time.Second, time.Minute, 0, 0},
		{50 * time.Second, 30 * time.Second, 0, 0, 0},
		{2 * time.Hour, time.Second, time.Minute, 0, 1},
	} {
		inBubble(t, func(t *testing.T, h *herd) {
			clock := new(testClock).set(0)
			h.clocks = map[string]*testClock{"node2": clock}
			h.limited(Limits{TTL: tt.ttl}, nil)
			three := h.startFirst(3)
			h.await("checked", 10*time.Second, func() bool { return isClosed(three[2].ClockChecked()) })
			clock.set(tt.ahead)
			time.Sleep(tt.stays)
			clock.set(0)
			time.Sleep(30*time.Second - tt.stays)
			if n := h.log.count("hides clients before they have expired"); n != tt.lines {
				t.Errorf("%+v: %d lines", tt, n)
			}
			if n := h.log.count("it shows no clients until it is restarted"); n != tt.none {
				t.Errorf("%+v: %d lines that there are none", tt, n)
			}
			if k := three[2].Sync().Clock; k.Astray() {
				t.Errorf("%+v: %+v", tt, k)
			}
		})
	}
}

// Of two nodes nobody knows whose clock is wrong: both say it, both go on.
func TestClockOfTwo(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		h.clocks = map[string]*testClock{"node1": new(testClock).set(time.Hour)}
		a := h.start(0)
		b := h.start(1, a.addr())
		h.await("checked", 5*time.Second, func() bool { return isClosed(a.ClockChecked()) && isClosed(b.ClockChecked()) })
		time.Sleep(5 * time.Second)
		if !a.Sync().Clock.Astray() || !b.Sync().Clock.Astray() || h.log.count("are far apart") != 2 {
			t.Errorf("%+v, %+v", a.Sync().Clock, b.Sync().Clock)
		}
	})
}

// The check costs a node that joins no time.
func TestClockCheckTakesNoTime(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		five := h.startFive()
		n := h.start(5, five[0].addr())
		h.await("caught up", 5*time.Second, func() bool { return isClosed(n.CaughtUp()) })
		if took := h.await("checked", time.Second, func() bool { return isClosed(n.ClockChecked()) }); took > 5*time.Millisecond {
			t.Errorf("%v after it had caught up", took)
		}
		if n.Sync().Clock.Peers == 0 {
			t.Error("nothing was measured")
		}
	})
}

// Peers of a release without notes are not measured, and nobody waits for it.
func TestClockMixedVersions(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		h.version = func(name string) uint8 {
			if name == "node0" || name == "node1" {
				return noteVersion - 1
			}
			return sessionVersion
		}
		five := h.startFive()
		for i, want := range []int{0, 0, 2, 2, 2} {
			if k := five[i].Sync().Clock; k.Peers != want || !isClosed(five[i].ClockChecked()) || five[i].Stats().Quarantined != 0 {
				t.Errorf("%s: %+v, want %d peers", five[i].name, k, want)
			}
		}
	})
}

// What a peer may say in a note is bounded, and a liar is outvoted.
func TestClockOfLiar(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		five := h.startFive()
		e := h.evil(t, "10.0.0.66")
		defer e.Shutdown()
		liar := location.Origin(66)
		live, delta := e.session(five[0], liar, 1)
		for _, wall := range []int64{math.MaxInt64, 0, 1} {
			live.Write(appendNote(nil, note{clock: math.MaxInt64, wall: wall, echo: 1, held: math.MaxInt64}))
		}
		time.Sleep(100 * time.Millisecond)
		if k := five[0].Sync().Clock; k.Astray() || k.Peers != 5 {
			t.Errorf("got %+v", k)
		}
		live.Close()
		delta.Close()
		for i, junk := range [][]byte{
			{0, 0, 0, 1, kindNote},
			appendNote(nil, note{wall: -1}),
			appendNote(nil, note{echo: 1000 * time.Hour}),
		} {
			live, delta := e.session(five[0], liar+1+location.Origin(i), uint64(2+i))
			live.Write(junk)
			h.await("in quarantine", time.Second, func() bool { return five[0].Stats().Quarantined == uint64(i+1) })
			live.Close()
			delta.Close()
		}
	})
}

func TestCompareClocks(t *testing.T) {
	const limit = 150 * time.Second
	for _, c := range []struct {
		offsets []time.Duration // in seconds
		want    time.Duration
	}{
		{nil, 0},
		{[]time.Duration{3}, -3},
		{[]time.Duration{0, 3600}, 0},
		{[]time.Duration{-3600, 0}, 0},
		{[]time.Duration{-3600, -3601}, 3600},
		{[]time.Duration{-5, 7}, 5},
		{[]time.Duration{1, 2, 3600}, -2},
		{[]time.Duration{-9, 1, 3600, 3600}, -1},
	} {
		n := &Cluster{config: Config{MaxClientAhead: 2 * limit}, links: map[location.Origin]*link{}}
		for i, o := range c.offsets {
			l := &link{}
			l.clock.samples[0], l.clock.taken = sample{offset: o * time.Second}, 1
			n.links[location.Origin(i)] = l
		}
		got := n.compareClocksLocked()
		if got.Ahead != c.want*time.Second || got.Peers != len(c.offsets) || got.Astray() != (got.Ahead.Abs() > limit) {
			t.Errorf("%v: got %+v, want %v s", c.offsets, got, int(c.want))
		}
	}
}

func FuzzNote(f *testing.F) {
	f.Add(appendNote(nil, note{true, 1, 2, 3, 4})[frameHeader:])
	f.Add([]byte{kindNote})
	f.Fuzz(func(t *testing.T, b []byte) {
		n, err := readNote(b, time.Hour)
		switch {
		case err != nil && !errors.Is(err, replica.ErrMessage):
			t.Errorf("%v", err)
		case err == nil && b[0] == kindNote && !slices.Equal(appendNote(nil, n)[frameHeader:], b):
			t.Errorf("%x is %+v", b, n)
		}
	})
}

// A peer that opens session after session and says nothing of its clock keeps nobody from
// being ready, nor from being told that its clock is wrong.
func TestClockBesideSilentPeer(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		h.clocks = map[string]*testClock{"node2": new(testClock).set(time.Hour)}
		a := h.start(0)
		b := h.start(1, a.addr())
		e := h.evil(t, "10.0.0.66")
		defer e.Shutdown()
		n := h.start(2, a.addr())
		for range 20 {
			for _, to := range []*testNode{b, n} {
				live, delta, ok := e.trySession(to, 66)
				if !ok {
					t.Fatal("refused")
				}
				defer live.Close()
				defer delta.Close()
			}
			time.Sleep(250 * time.Millisecond)
		}
		if !isClosed(b.ClockChecked()) || isClosed(n.ClockChecked()) {
			t.Errorf("checked: %t, astray and checked: %t", isClosed(b.ClockChecked()), isClosed(n.ClockChecked()))
		}
		if h.log.count("this node's clock is wrong") != 1 {
			t.Error("nobody was told")
		}
	})
}

// A node whose clock is days behind, or decades, shuns nobody: it is filled, holds what is
// acknowledged, and says how wrong it is. So it is in a herd of two, where one can't know who is
// right.
func TestClockFarBehind(t *testing.T) {
	for _, size := range []int{1, 5} {
		for _, wrong := range []time.Duration{40 * time.Hour, 60 * 24 * time.Hour, 29 * 365 * 24 * time.Hour} {
			if testing.Short() && size > 1 && wrong > 40*time.Hour {
				continue
			}
			inBubble(t, func(t *testing.T, h *herd) {
				h.clocks = map[string]*testClock{"late": new(testClock).set(-wrong)}
				var all []*testNode
				for i := range size {
					all = append(all, h.start(i, "10.0.0.1:4132"))
				}
				h.await("one view", 10*time.Second, h.oneView)
				today := int(time.Now().Unix())
				var want []location.Fix
				for i := range 200 {
					want = append(want, all[i%size].report(t, fmt.Sprint("client", i), today))
				}
				late := h.startAs("late", "10.0.0.9", all[0].addr())
				h.await("one view", 5*time.Second, h.oneView)
				for i := range 200 {
					want = append(want, all[i%size].report(t, fmt.Sprint("client", i), today+1))
					id := fmt.Sprint("client", i)
					if got, _ := late.Get([]byte(id)); got.Fix != want[len(want)-1] && slices.ContainsFunc(all[i%size].Members(), func(m Member) bool { return m.Name == "late" && m.InSync }) {
						t.Fatalf("%d nodes, %v behind: %s is acknowledged and not there", size, wrong, id)
					}
				}
				h.await("equal tables", 5*time.Second, h.equal)
				for _, n := range h.nodes {
					s := n.Stats()
					if s.Quarantined != 0 || s.Links != size {
						t.Errorf("%s, %v behind: %d in quarantine, %d links", n.name, wrong, s.Quarantined, s.Links)
					}
				}
				if k := late.Sync().Clock; !k.Astray() {
					t.Errorf("%+v", k)
				}
			})
		}
	}
}

// A node whose clock is days ahead is in the herd, and says so; what it takes is held by all.
// A client whose clock is as wrong does not have it shunned, and is not silenced: its fixes are
// ordered by the herd's clock.
func TestClockFarAhead(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		const wrong = 72 * time.Hour
		h.clocks = map[string]*testClock{"node3": new(testClock)}
		five := h.startFive()
		early := five[3]
		h.clocks["node3"].set(wrong)
		now := func() int { return int(time.Now().Unix()) }
		for i := range 100 {
			five[i%5].report(t, fmt.Sprint("client", i), now())
		}
		time.Sleep(10 * time.Second) // by when all have been measured anew
		for range 10 {
			f := fixAt(t, early.name, now()+int(wrong.Seconds()))
			f = location.NewFix(early.name, early.wall().UnixNano(), 5*time.Minute, f.Position, f.Time)
			early.Report(0, []byte("early"), f)
			early.Flush()
			time.Sleep(time.Second)
		}
		if !h.oneView() || !h.equal() || h.sum(func(s Stats) uint64 { return s.Quarantined + s.Replica.Incredible }) > 0 {
			t.Error("it is not in the herd, or not believed")
		}
		if k := early.Sync().Clock; !k.Astray() || h.log.count("[ERROR] node3: this node's clock is wrong: set it") == 0 || h.log.count("clock is wrong") != h.log.count("node3: this node's clock is wrong") {
			t.Errorf("it does not say that its clock is wrong, or others do: %+v", k)
		}
		five[0].report(t, "early", now()+6*60)
		time.Sleep(time.Second)
		if e, _ := early.Get([]byte("early")); e.Node != "node0" {
			t.Errorf("the client is silenced by a fix of %s, ordered %v ahead", e.Node, time.Until(time.Unix(0, e.Order)))
		}
		// The clock is set: from that very moment it orders again.
		h.clocks["node3"].set(0)
		if f := early.report(t, "client0", now()); !shows(early, "client0", f) || !shows(five[0], "client0", f) {
			t.Error("a report right after the clock was set is not shown")
		}
	})
}

// shows tells whether a node shows that very fix of a client.
func shows(n *testNode, id string, f location.Fix) bool {
	e, ok := n.Get([]byte(id))
	return ok && e.Fix == f
}
