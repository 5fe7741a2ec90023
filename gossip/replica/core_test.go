package replica

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"herd/gossip/location"
)

// inSync is two cores that have each other in sync.
func inSync(t *testing.T, cfg Config) (b *lab, x, y *Core, atX, atY *Link) {
	t.Helper()
	b = newLab(t)
	x, y = b.core(1, cfg), b.core(2, cfg)
	atX, atY = b.link(x, y)
	b.pass(100 * time.Millisecond)
	if atX.State() != In || atY.State() != In || !atX.Leased(b.now) || !atY.Leased(b.now) || !atX.Met() || !atY.Met() {
		t.Fatalf("after the first exchange: %s, %s", atX.State(), atY.State())
	}
	x.TakeEvents()
	y.TakeEvents()
	return b, x, y, atX, atY
}

// dirty are the links whose live lane has something to send.
func dirty(c *Core) (links []*Link) {
	c.TakeDirty(func(l *Link, lane Lane) {
		if lane == Live {
			links = append(links, l)
		}
	})
	return links
}

// A report at a node whose writers have nothing to do goes out at once, and its client
// is answered one round trip later. No timer has a part in it.
func TestLoneReport(t *testing.T) {
	b, x, y, atX, atY := inSync(t, Config{})
	dirty(x)
	dirty(y)
	ticket := b.report(x, "kiwi", 7)
	if ticket != x.Sealed() || x.Released() >= ticket {
		t.Fatalf("ticket %d, sealed %d, released %d", ticket, x.Sealed(), x.Released())
	}
	if got := dirty(x); !slices.Contains(got, atX) {
		t.Fatal("its writer is not told")
	}
	b.carry(atX, Live)
	if !b.shows(y, "kiwi", 7) || !slices.Contains(dirty(y), atY) {
		t.Fatal("the peer does not show it, or does not acknowledge it at once")
	}
	b.carry(atY, Live)
	if x.Released() != ticket {
		t.Errorf("released %d, want %d", x.Released(), ticket)
	}
}

// A report and its ack wake the writers of the live lane only, and none that is at work.
func TestOnlyWhoHasWorkIsWoken(t *testing.T) {
	b, x, y, atX, atY := inSync(t, Config{})
	b.talk()
	woken := map[Lane]int{}
	count := func(l *Link, lane Lane) { woken[lane]++ }
	x.TakeDirty(count)
	y.TakeDirty(count)
	clear(woken)
	for i := range 10 {
		x.AcceptNow(b.now, []byte("kiwi"), fixAt(t, "node-1", i+1))
		if b.carry(atX, Live); !b.shows(y, "kiwi", i+1) {
			t.Fatal("a writer that comes by itself does not take the open batch")
		}
		x.TakeDirty(count)
	}
	if woken[Live] > 0 {
		t.Errorf("a writer was woken for what it had just sent: %v", woken)
	}
	b.carry(atY, Live)
	y.TakeDirty(count)
	x.TakeDirty(count)
	if woken[Delta] > 0 {
		t.Errorf("the delta lane was woken for acks: %v", woken)
	}
}

// While all writers are busy the open batch grows; the first that comes back takes it.
func TestBusyWriters(t *testing.T) {
	b, x, _, atX, _ := inSync(t, Config{})
	b.report(x, "first", 1)
	out, more := x.Next(b.now, atX, Live, nil, 1<<20)
	if !slices.Contains(kinds(t, out), kindBatch) || !more {
		t.Fatalf("sent %v, more %v: the writer would not come back", kinds(t, out), more)
	}
	sealed := x.Sealed()
	for i := range 100 {
		b.report(x, fmt.Sprint("client-", i), 1)
	}
	if x.Sealed() != sealed {
		t.Fatalf("%d batches while the only writer is busy", x.Sealed()-sealed)
	}
	out, _ = x.Next(b.now, atX, Live, nil, 1<<20)
	if got := kinds(t, out); !slices.Equal(got, []kind{kindBatch}) {
		t.Errorf("then sent %v, want one batch", got)
	}
	if out, more = x.Next(b.now, atX, Live, nil, 1<<20); len(out) > 0 || more {
		t.Errorf("then sent %v, more %v", kinds(t, out), more)
	}
}

// A peer that lags has an idle writer; that is no reason to send the others
// batches of one.
func TestLaggardsDoNotHurry(t *testing.T) {
	b, x, _, atX, _ := inSync(t, Config{QueueBytes: 200})
	z := b.core(3, Config{})
	toZ, _ := b.link(x, z)
	b.pass(100 * time.Millisecond)
	b.report(x, "first", 1)
	x.Next(b.now, toZ, Live, nil, 1<<20) // this writer writes from here on
	for x.Tick(b.now); !atX.Lagging(); x.Tick(b.now) {
		b.report(x, fmt.Sprint("client-", x.Sealed()), 1)
		x.Next(b.now, toZ, Live, nil, 1<<20)
	}
	for out := []byte{0}; len(out) > 0; {
		out, _ = x.Next(b.now, atX, Live, nil, 1<<20)
	}
	sealed := x.Sealed()
	b.report(x, "second", 1)
	if x.Sealed() != sealed {
		t.Error("the batch did not wait for the one writer that takes batches")
	}
	x.Close(b.now, toZ, false)
	sealed = x.Sealed()
	b.report(x, "third", 1)
	if x.Sealed() != sealed+1 {
		t.Error("the batch waits though no peer takes batches")
	}
}

// Alone, there is nobody to wait for.
func TestAlone(t *testing.T) {
	b := newLab(t)
	x := b.core(1, Config{})
	if ticket := b.report(x, "kiwi", 7); ticket != 1 || x.Released() != 1 {
		t.Errorf("ticket %d, released %d, want 1 and 1", ticket, x.Released())
	}
	if x.Stats().Alone != 0 || happened(x, Alone) {
		t.Error("a node without peers is not said to acknowledge alone")
	}
}

// An origin acknowledges alone when nobody is in sync, and says so once.
func TestNobodyInSync(t *testing.T) {
	b, x, y, atX, _ := inSync(t, Config{})
	b.deaf[y], b.still[y] = true, true
	ticket := b.report(x, "kiwi", 7)
	b.pass(200 * time.Millisecond)
	if x.Released() >= ticket {
		t.Fatal("acknowledged while a member that is in has not")
	}
	b.pass(100 * time.Millisecond)
	if atX.State() != Out || x.Released() != ticket {
		t.Fatalf("peer %s, released %d, want out and %d", atX.State(), x.Released(), ticket)
	}
	if e := x.TakeEvents(); len(e) != 2 || e[0].Kind != MemberOut || e[1].Kind != Alone {
		t.Errorf("events %v", e)
	}
	b.report(x, "kiwi", 8)
	b.pass(20 * time.Millisecond)
	if x.Stats().Alone != 2 || happened(x, Alone) {
		t.Error("not counted, or said again")
	}
	// The peer comes back, catches up and is in again.
	b.deaf[y], b.still[y] = false, false
	b.pass(200 * time.Millisecond)
	if atX.State() != In || !happened(x, MemberIn) || !b.shows(y, "kiwi", 8) {
		t.Errorf("back, the peer is %s", atX.State())
	}
}

// An origin that was stopped for longer than the time-out does not take its own
// stillness for its peers'.
func TestOriginPause(t *testing.T) {
	b, x, y, atX, _ := inSync(t, Config{})
	ticket := b.report(x, "kiwi", 7)
	b.still[x] = true // before its writer has written anything
	b.pass(time.Second)
	b.still[x] = false
	x.Tick(b.now)
	if x.Released() >= ticket || atX.State() != In {
		t.Fatalf("on waking it has the peer %s and acknowledges alone", atX.State())
	}
	b.talk()
	if x.Released() != ticket || !b.shows(y, "kiwi", 7) {
		t.Error("not acknowledged by the peer after all")
	}
}

// A link that this end gives up may leave the peer with a lease: nothing is
// acknowledged before that has ended. One that the peer closed leaves none.
func TestHold(t *testing.T) {
	for _, gaveUp := range []bool{true, false} {
		b, x, _, atX, atY := inSync(t, Config{})
		x.Close(b.now, atX, gaveUp)
		ticket := b.report(x, "kiwi", 7)
		if early := x.Released() >= ticket; early == gaveUp {
			t.Errorf("gave up %v: acknowledged at once %v", gaveUp, early)
		}
		for x.Released() < ticket {
			if b.now += 5 * time.Millisecond; b.now > time.Minute {
				t.Fatal("never acknowledged")
			}
			x.Tick(b.now)
		}
		if gaveUp && atY.Leased(b.now) {
			t.Error("acknowledged while the peer trusts its lease")
		}
	}
}

// acks = "none" waits for nobody.
func TestNoAcks(t *testing.T) {
	b, x, y, _, _ := inSync(t, Config{NoAcks: true})
	if ticket := b.report(x, "kiwi", 7); ticket != 0 {
		t.Errorf("ticket %d, want 0", ticket)
	}
	b.talk()
	if !b.shows(y, "kiwi", 7) {
		t.Error("the report does not travel")
	}
}

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
	atX.oweGrant(1)
	atX.oweAsk(false)
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
		atY.oweAsk(false)
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
	atY.oweAsk(true)
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
		x.AcceptNow(b.now, ids[i], at)
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
		atY.oweAsk(false)
		b.carry(atY, Delta)
		b.carry(atX, Delta)
		if !b.shows(y, "kiwi", 7) {
			t.Error("a routine vector does not find it")
		}
	})
}

func TestFind(t *testing.T) {
	b, x, y, atX, _ := inSync(t, Config{})
	y.AcceptNow(b.now, []byte("kiwi"), fixAt(t, y.cfg.Name, 7)) // not sealed yet
	for lookup, id := range []string{"kiwi", "nobody"} {
		if !x.Find(b.now, atX, uint64(lookup), []byte(id)) {
			t.Fatal("refused")
		}
	}
	b.carry(atX, Live)
	b.carry(b.far[atX], Live)
	want := []Event{{Kind: Found, Origin: 2, Lookup: 0}, {Kind: Found, Origin: 2, Lookup: 1}}
	if got := x.TakeEvents(); !slices.Equal(got, want) {
		t.Errorf("events %v, want %v", got, want)
	}
	if !b.shows(x, "kiwi", 7) {
		t.Error("what was found is not shown")
	}
	if x.Find(b.now, atX, 9, []byte("not an id")) || x.Find(b.now, atX, 9, nil) {
		t.Error("took an ID that the peer must refuse")
	}
}

// Look-ups that wait are bounded on both sides, by number and by size.
func TestFindsAreBounded(t *testing.T) {
	b, x, y, atX, atY := inSync(t, Config{QueueBytes: 1 << 20})
	asked := 0
	for x.Find(b.now, atX, uint64(asked), []byte("kiwi")) {
		asked++
	}
	if asked != maxFinds {
		t.Errorf("%d look-ups wait, want %d", asked, maxFinds)
	}
	long := mustFix(t, y.cfg.Name, 1, "+1.0"+string(slices.Repeat([]byte("0"), 300<<10))+"+1", "1")
	y.AcceptNow(b.now, []byte("long"), long)
	for i := range uint64(20) {
		if err := y.Receive(b.now, atY, Live, messages(t, appendFind(nil, i, []byte("long")))[0]); err != nil {
			t.Fatal(err)
		}
	}
	if got := y.Stats(); got.Lookups != 4 || got.LookupsOff != 16 {
		t.Errorf("answered %d, refused %d, want 4 and 16", got.Lookups, got.LookupsOff)
	}
}

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

// What a peer can make a node keep has a bound.
func TestBounds(t *testing.T) {
	b := newLab(t)
	x := b.core(1, Config{})
	l := x.Open(b.now, 2)
	next := location.Origin(10)
	for range 4 {
		v := Vector{}
		for range maxOrigins / 2 {
			v[next] = 1
			next++
		}
		if err := x.Receive(b.now, l, Delta, messages(t, appendCommit(nil, v))[0]); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(x.vector); n > maxOrigins/2 {
		t.Errorf("the vector has %d entries", n)
	}
	w := chunkWriter{limit: 1 << 20}
	for i := range 3 * maxNames {
		f := fixAt(t, fmt.Sprint("name-", i), 7)
		w.add("kiwi", &location.Entry{Fix: f, Dot: location.Dot{Origin: next, Seq: 1}})
		next++
	}
	w.close()
	for _, m := range messages(t, w.buf) {
		if err := x.Receive(b.now, l, Delta, m); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(x.names); n > maxNames {
		t.Errorf("%d names are kept", n)
	}
	if n := len(x.gone.since); n > maxOrigins {
		t.Errorf("%d origins are remembered", n)
	}
	x.Tick(b.now)
	l.oweAsk(true)
	out, _ := x.Next(b.now, l, Delta, nil, 1<<20)
	for _, m := range messages(t, out) {
		if len(m) > MaxMessage {
			t.Errorf("%s of %d bytes", kind(m[0]), len(m))
		}
	}
}

// Fixes whose texts are as long as texts may be travel one by one, in messages that
// their readers take.
func TestLongTexts(t *testing.T) {
	b := newLab(t)
	x, y := b.core(1, Config{}), b.core(2, Config{QueueBytes: 16 << 20})
	zeros := string(slices.Repeat([]byte("0"), location.MaxText-10))
	for i := range 3 {
		f := mustFix(t, x.cfg.Name, 1, "+1."+zeros+"-10", "1."+zeros)
		x.AcceptNow(b.now, fmt.Append(nil, "client-", i), f)
	}
	b.report(x, "kiwi", 7)
	_, atY := b.link(x, y)
	b.talk()
	if y.table.Len() != 4 {
		t.Fatalf("by delta came %d of 4", y.table.Len())
	}
	for i := range 3 {
		f := mustFix(t, y.cfg.Name, 1, "+1."+zeros+"-10", "2."+zeros)
		y.AcceptNow(b.now, fmt.Append(nil, "client-", i), f)
	}
	out, _ := y.Next(b.now, atY, Live, nil, 1<<30)
	for _, m := range messages(t, out) {
		if err := x.Receive(b.now, b.far[atY], Live, m); err != nil {
			t.Fatal(err)
		}
	}
	if e, _ := x.table.Get([]byte("client-2")); e.Node != y.cfg.Name {
		t.Error("by batch it did not come")
	}
}
