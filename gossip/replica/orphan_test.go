package replica

import (
	"fmt"
	"testing"
	"time"

	"herd/gossip/location"
)

// An origin that is gone costs an entry of the vector only while some fix has its dot.
func TestForgetOrigins(t *testing.T) {
	b := newLab(t)
	cfg := Config{GoneAfter: time.Second, CompareEvery: 50 * time.Millisecond}
	x, y, z := b.core(1, cfg), b.core(2, cfg), b.core(3, cfg)
	b.link(x, y)
	atX, _ := b.link(x, z)
	atY, _ := b.link(y, z)
	b.pass(100 * time.Millisecond)
	b.report(z, "kiwi", 7)
	b.pass(100 * time.Millisecond)
	b.cut(atX)
	b.cut(atY)
	b.still[z] = true
	b.pass(15 * time.Second)
	if x.Vector()[3] != 1 || y.Vector()[3] != 1 {
		t.Fatalf("vectors %v and %v: forgotten while a fix carries the dot", x.Vector(), y.Vector())
	}
	b.report(x, "kiwi", 8)
	b.pass(15 * time.Second)
	for _, c := range []*Core{x, y} {
		if len(c.Vector()) != 1 || len(c.gone.since) != 0 {
			t.Errorf("node %d: vector %v, absent %v", c.cfg.Self, c.Vector(), c.gone.since)
		}
	}
	deltas := x.Stats().Deltas + y.Stats().Deltas
	b.pass(5 * time.Second)
	if n := x.Stats().Deltas + y.Stats().Deltas - deltas; n > 0 {
		t.Errorf("%d deltas while nothing happens", n)
	}
}

// Nodes that forget an origin one after the other don't remind each other of it.
func TestForgetOneByOne(t *testing.T) {
	b := newLab(t)
	cfg := Config{CompareEvery: 50 * time.Millisecond}
	cfg.GoneAfter = time.Second
	x := b.core(1, cfg)
	cfg.GoneAfter = 1700 * time.Millisecond
	y, z := b.core(2, cfg), b.core(3, cfg)
	b.link(x, y)
	atX, _ := b.link(x, z)
	atY, _ := b.link(y, z)
	b.pass(100 * time.Millisecond)
	b.report(z, "kiwi", 7)
	b.pass(100 * time.Millisecond)
	b.report(x, "kiwi", 8)
	b.cut(atX)
	b.cut(atY)
	b.still[z] = true
	b.pass(4500 * time.Millisecond) // each has swept once, at a time of its own
	for _, c := range []*Core{x, y} {
		if len(c.Vector()) != 1 || len(c.gone.since) != 0 {
			t.Errorf("node %d: vector %v, absent %v", c.cfg.Self, c.Vector(), c.gone.since)
		}
	}
}

// A peer that names origins without end fills no vector: those of which it shows no fix
// leave nothing, and the fixes of those that are too many are taken over.
func TestTooManyOrigins(t *testing.T) {
	const named, more = maxGone + 2000, 5000
	b := newLab(t)
	x := b.core(1, Config{GoneAfter: time.Second})
	l := x.Open(b.now, 2)
	w, v := chunkWriter{limit: 1 << 20}, Vector{}
	for i := range named + more {
		dot := location.Dot{Origin: location.Origin(100 + i), Seq: 3}
		if v[dot.Origin] = dot.Seq; i < named {
			w.add(fmt.Sprint("fake-", i), &location.Entry{Fix: fixAt(t, "evil", 7), Dot: dot})
		}
	}
	w.close()
	for _, m := range append(messages(t, w.buf), messages(t, appendCommit(nil, v))...) {
		if err := x.Receive(b.now, l, Delta, m); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(x.Vector()); n != maxGone {
		t.Errorf("a vector of %d entries, want %d", n, maxGone)
	}
	for end := b.now + 10*time.Second; b.now < end; b.now += 5 * time.Millisecond {
		x.Tick(b.now)
	}
	if n := x.Stats().Takeovers; n < named-maxGone || n > named-maxGone+1 || x.loose.any() {
		t.Errorf("%d fixes taken over, want %d; uncovered ones are left: %v", n, named-maxGone, x.loose.any())
	}
}

// What comes late of an origin that is long gone is taken over soon.
func TestLateOrphan(t *testing.T) {
	b := newLab(t)
	x := b.core(1, Config{GoneAfter: 10 * time.Second})
	l := x.Open(b.now, 2)
	chunk := func(id string, seq uint64) {
		t.Helper()
		w := chunkWriter{limit: 1 << 20}
		w.add(id, &location.Entry{Fix: fixAt(t, "gone", 7), Dot: location.Dot{Origin: 9, Seq: seq}})
		w.close()
		if err := x.Receive(b.now, l, Delta, messages(t, w.buf)[0]); err != nil {
			t.Fatal(err)
		}
	}
	pass := func(d time.Duration) {
		for end := b.now + d; b.now < end; {
			b.now += 5 * time.Millisecond
			x.Tick(b.now)
		}
	}
	chunk("early", 1)
	if err := x.Receive(b.now, l, Delta, messages(t, appendCommit(nil, Vector{9: 1}))[0]); err != nil {
		t.Fatal(err)
	}
	x.arrive(9, 4, 5) // so that there is a run beyond a gap to forget
	pass(20 * time.Second)
	if n := x.Stats().Takeovers; n != 0 {
		t.Fatalf("%d fixes were taken over though the vector covers them", n)
	}
	chunk("late", 2)
	pass(time.Second)
	if n := x.Stats().Takeovers; n != 1 {
		t.Errorf("%d fixes were taken over, want 1", n)
	}
	chunk("early", 1)
	b.report(x, "early", 8)
	pass(120 * time.Second)
	if len(x.gone.since) != 0 || len(x.beyond) != 0 || x.Vector()[9] != 0 {
		t.Errorf("absent %v, beyond %v, vector %v", x.gone.since, x.beyond, x.Vector())
	}
}

// An origin that came back is not gone, however long it was away.
func TestBack(t *testing.T) {
	b := newLab(t)
	cfg := Config{GoneAfter: time.Second, CompareEvery: time.Hour}
	x, y := b.core(1, cfg), b.core(2, cfg)
	atX, _ := b.link(x, y)
	b.pass(100 * time.Millisecond)
	b.report(y, "kiwi", 7)
	b.pass(100 * time.Millisecond)
	b.report(x, "kiwi", 8) // no fix carries a dot of y now
	b.cut(atX)
	b.pass(900 * time.Millisecond)
	b.link(x, y)
	b.pass(20 * time.Second)
	if x.Vector()[2] != 1 {
		t.Errorf("vector %v: an origin was forgotten that is here", x.Vector())
	}
}

// An origin that only others can reach is not gone.
func TestOutOfSight(t *testing.T) {
	b := newLab(t)
	cfg := Config{GoneAfter: time.Second, CompareEvery: 50 * time.Millisecond}
	x, y, z := b.core(1, cfg), b.core(2, cfg), b.core(3, cfg)
	b.link(x, y)
	atY, _ := b.link(y, z)
	toX, _ := b.link(z, x)
	b.pass(100 * time.Millisecond)
	b.cut(toX)
	b.ticking = true // between a chunk and its commit, too
	for i := range 100 {
		b.report(z, fmt.Sprint("client-", i), i)
		b.pass(50 * time.Millisecond)
	}
	b.pass(500 * time.Millisecond)
	if n := x.Stats().Takeovers; n > 0 || !b.shows(x, "client-99", 99) {
		t.Errorf("%d fixes were taken over from an origin that lives", n)
	}
	b.cut(atY)
	b.pass(3 * time.Second)
	if x.Vector()[3] != 100 {
		t.Errorf("vector %v", x.Vector())
	}
}

// What comes while a sweep is under way counts, though the sweep has passed it: a fix
// of an origin that it is about to forget, or that origin itself.
func TestDuringSweep(t *testing.T) {
	for _, back := range []bool{false, true} {
		b := newLab(t)
		x := b.core(1, Config{GoneAfter: time.Second})
		x.budget = 1
		l := x.Open(b.now, 2)
		x.Close(b.now, x.Open(b.now, 9), false)
		if err := x.Receive(b.now, l, Delta, messages(t, appendCommit(nil, Vector{9: 1}))[0]); err != nil {
			t.Fatal(err)
		}
		for !x.gone.sweeping || x.gone.shard < x.table.Shards()-1 {
			b.now += 10 * time.Millisecond
			x.Tick(b.now)
		}
		if back {
			x.Open(b.now, 9)
		} else {
			w := chunkWriter{limit: 1 << 20}
			w.add("kiwi", &location.Entry{Fix: fixAt(t, "gone", 7), Dot: location.Dot{Origin: 9, Seq: 1}})
			w.close()
			if err := x.Receive(b.now, l, Delta, messages(t, w.buf)[0]); err != nil {
				t.Fatal(err)
			}
		}
		for x.gone.sweeping {
			x.Tick(b.now)
		}
		if x.Vector()[9] != 1 || !back && x.gone.since[9] == nil {
			t.Errorf("back %v: vector %v, absent %v", back, x.Vector(), x.gone.since)
		}
	}
}
