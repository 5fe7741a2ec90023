package replica

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"herd/gossip/location"
)

// A full queue is dropped; what is owed is not, and the peer comes back by vector.
func TestOverflow(t *testing.T) {
	b, x, y, atX, atY := inSync(t, Config{QueueBytes: 300})
	b.deaf[y] = true
	for i := 0; !atX.Lagging(); i++ {
		b.report(x, "kiwi", i)
		x.Tick(b.now)
		y.Tick(b.now)
	}
	if atX.Queued() != 0 || x.Stats().Overflows != 1 || !happened(x, Overflow) {
		t.Fatalf("%d bytes queued, %d overflows", atX.Queued(), x.Stats().Overflows)
	}
	atX.oweAck()
	atX.oweGrant(1, 1)
	atX.oweAsk()
	out, _ := x.Next(b.now, atX, Live, nil, 1<<20)
	if got := kinds(t, out); !slices.Equal(got, []kind{kindBehind, kindGrant, kindAck}) {
		t.Errorf("live lane: %v", got)
	}
	if err := y.Receive(b.now, atY, Live, messages(t, out)[0]); err != nil {
		t.Fatal(err)
	}
	out, _ = x.Next(b.now, atX, Delta, nil, 1<<20)
	if got := kinds(t, out); !slices.Equal(got, []kind{kindAsk}) {
		t.Errorf("delta lane: %v", got)
	}
	b.deaf[y] = false
	last := int(x.Sealed()) - 1
	b.talk()
	if atX.Lagging() || !b.shows(y, "kiwi", last) || y.Vector()[1] != x.Sealed() {
		t.Errorf("lagging %v, vector %v, sealed %d", atX.Lagging(), y.Vector(), x.Sealed())
	}
	if b.sent[kindChunk] == 0 {
		t.Error("not by a delta")
	}
}

// A routine vector that lacks only what is younger than the last one is not worth a
// scan; the same gap twice is.
func TestCompared(t *testing.T) {
	b, x, y, atX, atY := inSync(t, Config{CompareEvery: time.Hour})
	ask := func() {
		atY.oweAsk()
		b.carry(atY, Delta)
	}
	ask()
	b.carry(atX, Delta)
	b.report(x, "kiwi", 7)
	deltas, compared := x.Stats().Deltas, x.Stats().Compared
	ask() // the batch is on its way
	if got := x.Stats(); got.Deltas != deltas || got.Compared != compared+1 {
		t.Errorf("first: %d deltas, %d compared", got.Deltas-deltas, got.Compared-compared)
	}
	ask()
	if got := x.Stats(); got.Deltas != deltas+1 {
		t.Errorf("second: %d deltas", got.Deltas-deltas)
	}
	b.carry(atX, Delta)
	if !b.shows(y, "kiwi", 7) || y.Vector()[1] != x.Sealed() {
		t.Error("the delta did not fill the gap")
	}
	b.report(x, "kiwi", 8)
	atY.oweFullAsk()
	b.carry(atY, Delta)
	b.carry(atX, Delta)
	if !b.shows(y, "kiwi", 8) {
		t.Error("a full vector did not get all there is")
	}
}

// A node has met a peer when it covers what the peer opened with, or has its whole answer.
func TestMet(t *testing.T) {
	hello := appendAsk(nil, Vector{9: 5}, true, true)
	for name, m := range map[string][]byte{
		"answered": appendCommit(nil, Vector{8: 1}), // what it had of 9 it has forgotten since
		"covered":  appendAsk(nil, Vector{}, false, false),
	} {
		b := newLab(t)
		x := b.core(1, Config{})
		l := x.Open(b.now, 2)
		if l.Met() {
			t.Error("met before the hello")
		}
		if err := x.Receive(b.now, l, Delta, messages(t, hello)[0]); err != nil {
			t.Fatal(err)
		}
		if l.Met() {
			t.Error("met at the hello")
		}
		if name == "covered" {
			x.arrive(9, 0, 5)
		}
		if err := x.Receive(b.now, l, Delta, messages(t, m)[0]); err != nil {
			t.Fatal(err)
		}
		if !l.Met() || !happened(x, CaughtUp) {
			t.Errorf("%s, and not met", name)
		}
		if l.Met(); happened(x, CaughtUp) {
			t.Error("said again")
		}
	}
}

// When a session ends, the survivors compare at once: the lost peer may have told only
// some of them.
func TestSurvivorsCompare(t *testing.T) {
	b, x, y, _, _ := inSync(t, Config{CompareEvery: time.Hour})
	z := b.core(3, Config{})
	toX, _ := b.link(z, x)
	toY, _ := b.link(z, y)
	b.pass(100 * time.Millisecond)
	b.report(z, "kiwi", 7)
	b.carry(toX, Live)
	b.still[z] = true
	b.cut(toX)
	b.cut(toY)
	b.talk()
	if !b.shows(y, "kiwi", 7) {
		t.Error("one survivor does not know what the other does")
	}
}

// A member that was put out must have acknowledged all that was sealed until then
// before anybody waits for it again.
func TestWayBack(t *testing.T) {
	b, x, _, atX, atY := inSync(t, Config{})
	b.deaf[x] = true
	for i := range 3 {
		b.report(x, "kiwi", i)
		b.pass(10 * time.Millisecond)
	}
	b.pass(300 * time.Millisecond)
	if atX.State() != Out {
		t.Fatalf("the peer is %s", atX.State())
	}
	ack := func(seq uint64) {
		if err := x.Receive(b.now, atX, Live, messages(t, appendAck(nil, seq, b.now))[0]); err != nil {
			t.Fatal(err)
		}
	}
	last := x.Sealed()
	if ack(last - 1); atX.State() != Out {
		t.Errorf("having acknowledged all but one the peer is %s", atX.State())
	}
	if ack(last); atX.State() != In {
		t.Errorf("having acknowledged all the peer is %s", atX.State())
	}
	b.deaf[x] = false
	b.talk()
	if !atY.Leased(b.now) {
		t.Error("it has no lease")
	}
}

// Nobody waits for a peer that has not read the delta it was sent, nor for one that lags.
func TestNobodyWaitsForADelta(t *testing.T) {
	b := newLab(t)
	x, y := b.core(1, Config{QueueBytes: 150}), b.core(2, Config{})
	b.report(x, "kiwi", 1)
	atX, atY := b.link(x, y)
	b.carry(atY, Delta) // the vector
	ack := func() {
		t.Helper()
		atY.oweAck()
		b.carry(atY, Live)
		b.report(x, "other", int(x.Sealed()))
		x.Tick(b.now)
		if atX.State() != Out || x.Released() != x.Sealed() {
			t.Errorf("the peer is %s, released %d of %d", atX.State(), x.Released(), x.Sealed())
		}
	}
	out, _ := x.Next(b.now, atX, Delta, nil, 1<<20)
	if got := kinds(t, out); !slices.Contains(got, kindCommit) {
		t.Fatalf("answered with %v", got)
	}
	ack() // it is on its way
	for _, m := range messages(t, out) {
		if err := y.Receive(b.now, atY, Delta, m); err != nil {
			t.Fatal(err)
		}
	}
	for x.Tick(b.now); !atX.Lagging(); x.Tick(b.now) {
		b.report(x, "other", int(x.Sealed()))
	}
	ack() // of what came before the gap
	b.carry(atX, Live)
	b.carry(atY, Delta) // the vector again; x begins to answer
	if atX.Lagging() {
		t.Fatal("still lagging")
	}
	ack()
	b.talk()
	if atX.State() != In {
		t.Errorf("having read everything the peer is %s", atX.State())
	}
}

// A long burst fills batch after batch up to the size that was configured.
func TestBatchesAreFull(t *testing.T) {
	b, x, _, atX, _ := inSync(t, Config{ChunkBytes: 10_000, Stripes: 1, QueueBytes: 64 << 20})
	const n = 5000
	ids, at := make([][]byte, n), fixAt(t, x.cfg.Name, 7)
	for i := range ids {
		ids[i] = fmt.Append(nil, "client-", i/2) // every other one replaces
		at.Received++
		x.AcceptNow(b.now, 0, ids[i], at)
	}
	out, _ := x.Next(b.now, atX, Live, nil, 64<<20)
	all := messages(t, out)
	for i, m := range all {
		if len(m) > 10_000 || len(m) < 9_500 && i < len(all)-1 {
			t.Errorf("batch %d of %d has %d bytes", i, len(all), len(m))
		}
	}
}

// A fix that no vector covers must be found by the next vector all the same, and by
// the one after: nobody else may have it.
func TestLooseFixes(t *testing.T) {
	batch := func(t *testing.T, prev uint64, ids ...string) []byte {
		var fixes []record
		for _, id := range ids {
			e := location.Entry{Fix: fixAt(t, "node-2", 7), Dot: location.Dot{Origin: 2, Seq: prev + 1}}
			fixes = append(fixes, record{id, e})
		}
		return messages(t, appendBatch(nil, "node-2", prev, prev+1, fixes))[0]
	}
	reach := func(b *lab, x *Core, ids ...string) {
		for _, self := range []location.Origin{3, 4} { // the first scan must not settle it
			z := b.core(self, Config{})
			b.link(x, z)
			b.talk()
			for _, id := range ids {
				if !b.shows(z, id, 7) {
					b.t.Errorf("%s does not travel to %d", id, self)
				}
			}
		}
	}
	t.Run("before a fault", func(t *testing.T) {
		b := newLab(t)
		x := b.core(1, Config{})
		l := x.Open(b.now, 2)
		m := batch(t, 0, "kiwi")
		if err := x.Receive(b.now, l, Live, m[:len(m)-1]); err == nil {
			t.Fatal("no error")
		}
		x.Close(b.now, l, true)
		reach(b, x, "kiwi")
	})
	t.Run("beyond a gap", func(t *testing.T) {
		b := newLab(t)
		x := b.core(1, Config{})
		l := x.Open(b.now, 2)
		if err := x.Receive(b.now, l, Live, batch(t, 5, "kiwi")); err != nil {
			t.Fatal(err)
		}
		x.Close(b.now, l, false)
		reach(b, x, "kiwi")
	})
	t.Run("behind a scan", func(t *testing.T) {
		b := newLab(t)
		x, y := b.core(1, Config{}), b.core(9, Config{})
		l := x.Open(b.now, 2)
		x.heard(2, true) // so that the scan is for something
		x.budget = 1
		atX, atY := b.link(x, y)
		b.carry(atY, Delta)
		b.carry(atX, Delta) // the first shard
		var ids []string    // that are in it
		probe := location.NewTable(x.table.Shards(), 1)
		for i := range 30 {
			probe.Merge(fmt.Append(nil, "client-", i), location.Entry{})
		}
		probe.Scan(0, func(id string, _ *location.Entry) { ids = append(ids, id) })
		if err := x.Receive(b.now, l, Live, batch(t, 5, ids...)); err != nil {
			t.Fatal(err)
		}
		for b.carry(atX, Delta) {
		}
		x.Close(b.now, l, false)
		reach(b, x, ids...)
	})
	t.Run("while reports come in", func(t *testing.T) {
		b, x, y, atX, atY := inSync(t, Config{CompareEvery: time.Hour})
		b.report(x, "other", 1)
		l := x.Open(b.now, 7)
		if err := x.Receive(b.now, l, Live, batch(t, 5, "kiwi")); err != nil {
			t.Fatal(err)
		}
		atY.oweAsk()
		b.carry(atY, Delta)
		b.carry(atX, Delta)
		if !b.shows(y, "kiwi", 7) {
			t.Error("a routine vector does not find it")
		}
	})
}
