package replica

import (
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"herd/gossip/location"
)

// liar is a session with a peer that says what it likes.
func (b *lab) liar(to *Core, self location.Origin) func(lane Lane, message []byte) error {
	l := to.Open(b.now, self)
	return func(lane Lane, message []byte) error {
		return to.Receive(b.now, l, lane, messages(b.t, message)[0])
	}
}

// A commit that claims all of everybody harms nobody: the one who is told does not
// acknowledge what it has not got, those of whom it was said don't shun it, and all
// hold the same in the end. Whether the origin is linked when the lie is told or comes
// later, and whatever number is named.
func TestLyingVector(t *testing.T) {
	for _, linked := range []bool{true, false} {
		for _, seq := range []uint64{100, 1 << 40, maxSeq} {
			t.Run(fmt.Sprint(linked, seq), func(t *testing.T) {
				b := newLab(t)
				victim, origin, third := b.core(1, Config{}), b.core(2, Config{}), b.core(3, Config{})
				b.link(victim, third)
				b.link(third, origin)
				if linked {
					b.link(victim, origin)
				}
				b.pass(100 * time.Millisecond)
				lie := b.liar(victim, 66)
				if err := lie(Delta, appendCommit(nil, Vector{1: seq, 2: seq, 3: seq, 66: maxSeq})); err != nil {
					t.Fatal(err)
				}
				for i := range 10 {
					b.report(origin, fmt.Sprint("client-", i), 7)
					b.pass(time.Millisecond)
				}
				if !linked {
					b.link(victim, origin) // they meet only now
				}
				b.pass(3 * time.Second)
				for i := range 10 {
					if !b.shows(victim, fmt.Sprint("client-", i), 7) {
						t.Errorf("client %d is not there", i)
					}
				}
				for _, l := range b.links {
					if l.State() != In || !l.Leased(b.now) || !l.Met() {
						t.Errorf("%d with %d: %v, leased %v, met %v", l.core.cfg.Self, l.peer, l.State(), l.Leased(b.now), l.Met())
					}
					if l.acked > l.core.seq {
						t.Errorf("%d has acknowledged %d of %d batches", l.peer, l.acked, l.core.seq)
					}
				}
				for o, has := range map[location.Origin]uint64{2: victim.vector[2], 3: victim.vector[3]} {
					if sealed := b.cores[o-1].seq; has != sealed {
						t.Errorf("has %d batches of %d, which has sealed %d", has, o, sealed)
					}
				}
				if victim.Stats().Unfounded == 0 {
					t.Error("the lie is not counted")
				}
			})
		}
	}
}

// Of an origin that has sealed nothing yet a lie leaves nothing behind: a vector that named
// it at zero would have honest nodes shun who sends it.
func TestLyingVectorOfWhoIsSilent(t *testing.T) {
	b := newLab(t)
	victim, silent, third := b.core(1, Config{}), b.core(2, Config{}), b.core(3, Config{})
	b.link(victim, third)
	b.pass(100 * time.Millisecond)
	lie := b.liar(victim, 66)
	e := location.Entry{Fix: fixAt(t, "evil", 7), Dot: location.Dot{Origin: 2, Seq: 1}}
	w := chunkWriter{limit: 1 << 16}
	w.add("fake", &e)
	w.close()
	if err := errors.Join(lie(Delta, w.buf), lie(Delta, appendCommit(nil, Vector{2: 100, 66: 1}))); err != nil {
		t.Fatal(err)
	}
	b.link(victim, silent)
	b.link(third, silent)
	b.pass(3 * time.Second)
	if victim.Stats().Unfounded == 0 {
		t.Error("the lie is not counted")
	}
	for _, c := range b.cores {
		for o, seq := range c.vector {
			if seq == 0 {
				t.Errorf("%d has nothing of %d, and says so", c.cfg.Self, o)
			}
		}
	}
	b.report(silent, "kiwi", 7)
	b.pass(time.Second)
	if !b.shows(victim, "kiwi", 7) || !b.shows(third, "kiwi", 7) {
		t.Error("the origin is not heard any more")
	}
}

// Until the origin has spoken nothing is acknowledged that others say.
func TestNoAckOnHearsay(t *testing.T) {
	b := newLab(t)
	victim, origin := b.core(1, Config{}), b.core(2, Config{})
	lie := b.liar(victim, 66)
	if err := lie(Delta, appendCommit(nil, Vector{2: maxSeq})); err != nil {
		t.Fatal(err)
	}
	b.report(origin, "kiwi", 7)
	_, at := b.link(victim, origin)
	b.report(origin, "plum", 7)
	b.carry(at, Live) // the batch, before the delta of what came before
	b.carry(b.far[at], Live)
	if at.acked > 0 {
		t.Errorf("batch %d is acknowledged, and kiwi is missing", at.acked)
	}
	b.pass(time.Second)
	if at.acked != origin.seq || !b.shows(victim, "kiwi", 7) {
		t.Errorf("batch %d of %d is acknowledged", at.acked, origin.seq)
	}
}

// Fixes of a time to come: what an honest node may have passed on is not taken, and
// nobody is to blame; what none passes on is a bad message.
func TestTimeToCome(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	b := newLab(t)
	c := b.core(1, Config{Wall: func() time.Time { return now }})
	send := b.liar(c, 66)
	entry := func(ahead time.Duration) location.Entry {
		f := mustFix(t, "evil", now.Add(ahead).UnixNano(), "+34.0-118.4", fmt.Sprint(now.Add(ahead).Unix()))
		return location.Entry{Fix: f, Dot: location.Dot{Origin: 66, Seq: 1}}
	}
	seq := uint64(0)
	for _, x := range []struct {
		ahead     time.Duration
		take, bad bool
	}{
		{0, true, false},
		{24*time.Hour + 5*time.Minute, true, false},
		{takeAhead, true, false},
		{takeAhead + time.Second, false, false},
		{bearAhead, false, false},
		{bearAhead + time.Second, false, true},
		{time.Duration(math.MaxInt64 - now.UnixNano()).Truncate(time.Second), false, true}, // the year 2262
	} {
		e := entry(x.ahead)
		var w chunkWriter
		w.limit = 1 << 16
		w.add("chunk", &e)
		w.close()
		var s sources
		found := appendFlag(appendUvarintKind(kindFound, 1), true)
		found = finish(appendFix(found, &s, []byte("found"), &e), 0)
		seq++
		for id, m := range map[string][]byte{"batch": appendBatch(nil, "evil", seq-1, seq, []record{{"batch", e}}), "chunk": w.buf, "found": found} {
			lane := Live
			if id == "chunk" {
				lane = Delta
			}
			refused := c.Stats().Incredible
			err := send(lane, m)
			if errors.Is(err, ErrMessage) != x.bad {
				t.Errorf("%s %v ahead: %v", id, x.ahead, err)
			}
			got, _ := c.table.Get([]byte(id))
			if taken := got.Fix == e.Fix; taken != x.take {
				t.Errorf("%s %v ahead: taken is %v", id, x.ahead, taken)
			}
			if refused = c.Stats().Incredible - refused; (refused == 1) != (!x.take && !x.bad) {
				t.Errorf("%s %v ahead: %d are counted", id, x.ahead, refused)
			}
		}
	}
	if c.loose.any() && c.vector[66] == 0 {
		t.Error("what was not taken is looked for")
	}
}

func appendUvarintKind(k kind, lookup byte) []byte { return append(begin(nil, k), lookup) }

// A fix that was taken over more often than can be would be in every delta for ever.
func TestTooManyTakeovers(t *testing.T) {
	b := newLab(t)
	x, y := b.core(1, Config{}), b.core(2, Config{})
	send := b.liar(x, 66)
	for i, takeovers := range []uint32{takeTakeovers - 1, takeTakeovers, maxTakeovers} {
		e := location.Entry{Fix: fixAt(t, "evil", 7), Dot: location.Dot{Takeovers: takeovers, Origin: 99, Seq: 1}}
		w := chunkWriter{limit: 1 << 16}
		w.add(fmt.Sprint("client-", i), &e)
		w.close()
		if err := send(Delta, w.buf); err != nil {
			t.Fatal(err)
		}
	}
	if n := x.table.Len(); n != 1 || x.Stats().Incredible != 2 {
		t.Errorf("%d taken, %d not", n, x.Stats().Incredible)
	}
	x.Close(b.now, x.links[0], true)
	b.link(x, y)
	b.pass(2 * time.Minute) // it is taken over
	before := x.Stats().Deltas + y.Stats().Deltas
	b.pass(20 * time.Second)
	if n := x.Stats().Deltas + y.Stats().Deltas - before; n > 0 || x.Stats().Takeovers == 0 {
		t.Errorf("%d scans of tables that are the same, %d fixes taken over", n, x.Stats().Takeovers)
	}
}

// Who asks without end is answered, but not all the time.
func TestEndlessAsks(t *testing.T) {
	b := newLab(t)
	c := b.core(1, Config{})
	for i := range 100 {
		b.report(c, fmt.Sprint("client-", i), 7)
	}
	l := c.Open(b.now, 66)
	began := b.now
	for range 1000 {
		if err := c.Receive(b.now, l, Delta, messages(t, appendAsk(nil, Vector{}, false, true))[0]); err != nil {
			t.Fatal(err)
		}
		for more := true; more; {
			b.now += 10 * time.Millisecond // a scan takes that long
			_, more = c.Next(b.now, l, Delta, nil, 64<<10)
		}
		b.now += time.Millisecond
		c.Tick(b.now)
	}
	took := time.Duration(c.Stats().Deltas) * 10 * time.Millisecond
	if all := b.now - began; took > all*6/10 || took < all/10 {
		t.Errorf("answered for %v of %v", took, all)
	}
}

// Sessions that come and go have the others compare vectors once a second, no more.
func TestSessionsWithoutEnd(t *testing.T) {
	b := newLab(t)
	x, y := b.core(1, Config{CompareEvery: time.Second}), b.core(2, Config{})
	b.link(x, y)
	b.pass(time.Second)
	asks, began := b.sent[kindAsk], b.now
	for i := range location.Origin(1000) {
		x.Close(b.now, x.Open(b.now, 100+i), false)
		b.pass(5 * time.Millisecond)
	}
	if n, most := b.sent[kindAsk]-asks, int((b.now-began)/time.Second)*4; n > most {
		t.Errorf("%d asks in %v", n, b.now-began)
	}
}

// While nobody knows whose clock is right a fix of a time to come is neither taken nor
// counted as had: no ack, no commit covers it, nobody is to blame. All peers are asked again
// soon, and once the clock is known it comes.
func TestUnsure(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	b := newLab(t)
	ahead, sure := time.Duration(0), false
	x := b.core(1, Config{Wall: func() time.Time { return now }, Ahead: func() (time.Duration, bool) { return ahead, sure }})
	y := b.core(2, Config{})
	for o := range location.Origin(20) {
		x.Open(b.now, 100+o) // they say nothing
	}
	b.pass(2 * time.Second)
	atX, atY := b.link(x, y)
	late := now.Add(100 * time.Hour)
	report := func(id string) {
		y.AcceptNow(b.now, 0, []byte(id), mustFix(t, "node-2", late.UnixNano(), "+1-1", fmt.Sprint(late.Unix())))
		y.Flush(b.now)
	}
	report("before")
	b.pass(10 * time.Millisecond)
	report("live")
	b.talk()
	if x.table.Len() != 0 || x.vector[2] != 0 || atY.acked != 0 || atX.Met() || x.Stats().Incredible < 2 {
		t.Fatalf("%d taken, vector %v, acked %d, met %v, %d not taken", x.table.Len(), x.vector, atY.acked, atX.Met(), x.Stats().Incredible)
	}
	b.pass(2 * time.Second)
	if n := b.sent[kindAsk]; n < 3 {
		t.Errorf("%d asks", n)
	}
	ahead, sure = 100*time.Hour, true
	b.pass(1100 * time.Millisecond)
	if x.table.Len() != 2 || x.vector[2] != 2 || atY.acked != 2 || !atX.Met() {
		t.Errorf("%d taken, vector %v, acked %d, met %v", x.table.Len(), x.vector, atY.acked, atX.Met())
	}
	ahead = math.MaxInt64 // says a liar
	if h := x.horizon(); h.bear < h.take || h.take < late.UnixNano() {
		t.Errorf("horizon %+v", h)
	}
}

// What a disk was given of a lie that was found out does not come back with a restart, nor does
// the disk go by it when it has failed: before the next vector, or in the middle of a delta.
func TestLyingVectorOnDisk(t *testing.T) {
	for _, fails := range []string{"never", "before the next vector", "before it is found out"} {
		t.Run(fails, func(t *testing.T) {
			b := newLab(t)
			victim, origin := b.core(1, Config{}), b.core(2, Config{})
			d := victim.OpenDisk(b.now, fails != "never")
			kept := written(d, b.now)
			d.Synced(b.now)
			lie := b.liar(victim, 66)
			e := location.Entry{Fix: fixAt(t, "evil", 6), Dot: location.Dot{Origin: 2, Seq: 1}}
			w := chunkWriter{limit: 1 << 16}
			w.add("client-0", &e)
			w.close()
			if err := errors.Join(lie(Delta, w.buf), lie(Delta, appendCommit(nil, Vector{2: 100, 66: 1}))); err != nil {
				t.Fatal(err)
			}
			d.Save()
			kept = append(kept, written(d, b.now)...)
			if c, _ := replayed(t, 8, kept); c.vector[2] != 100 {
				t.Fatal("the lie is not on disk")
			}
			d.Synced(b.now)
			for i := range 20 {
				b.report(origin, fmt.Sprint("client-", i), 7)
			}
			if fails == "before it is found out" {
				d.Failed(b.now, false, 0)
				if d.Next(b.now, nil, 0); victim.disk.link.answer == nil { // it goes by the lie
					t.Fatal("no delta is under way")
				}
			}
			victim.TakeDirty(func(*Link, Lane) {})
			b.link(victim, origin)
			b.pass(100 * time.Millisecond)
			if victim.Stats().Unfounded != 1 || victim.vector[2] != 20 {
				t.Fatalf("vector %v", victim.vector)
			}
			switch fails {
			case "before the next vector":
				d.Failed(b.now, false, 0)
			case "before it is found out":
				d.drop() // it is full besides
			}
			woken := false
			victim.TakeDirty(func(l *Link, _ Lane) { woken = woken || l == d.link })
			if !woken {
				t.Error("its writer is not called")
			}
			if d.holdsBack() && d.kept.vector[2] > 0 {
				t.Error("what is not on disk would be acknowledged")
			}
			kept = append(kept, written(d, b.now)...)
			if c, _ := replayed(t, 8, kept); c.vector[2] != 20 || c.table.Len() != 20 {
				t.Errorf("after a restart there are %d of 20 clients, vector %v", c.table.Len(), c.vector)
			}
		})
	}
}
