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
		x.AcceptNow(b.now, 0, []byte("kiwi"), fixAt(t, "node-1", i+1))
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

func TestFind(t *testing.T) {
	b, x, y, atX, _ := inSync(t, Config{})
	y.AcceptNow(b.now, 0, []byte("kiwi"), fixAt(t, y.cfg.Name, 7)) // not sealed yet
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
	y.AcceptNow(b.now, 0, []byte("long"), long)
	for i := range uint64(20) {
		if err := y.Receive(b.now, atY, Live, messages(t, appendFind(nil, i, []byte("long")))[0]); err != nil {
			t.Fatal(err)
		}
	}
	if got := y.Stats(); got.Lookups != 4 || got.LookupsOff != 16 {
		t.Errorf("answered %d, refused %d, want 4 and 16", got.Lookups, got.LookupsOff)
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
	l.oweFullAsk()
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
		x.AcceptNow(b.now, 0, fmt.Append(nil, "client-", i), f)
	}
	b.report(x, "kiwi", 7)
	_, atY := b.link(x, y)
	b.talk()
	if y.table.Len() != 4 {
		t.Fatalf("by delta came %d of 4", y.table.Len())
	}
	for i := range 3 {
		f := mustFix(t, y.cfg.Name, 1, "+1."+zeros+"-10", "2."+zeros)
		y.AcceptNow(b.now, 0, fmt.Append(nil, "client-", i), f)
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
