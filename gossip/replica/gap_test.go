package replica

import (
	"slices"
	"testing"
	"time"

	"herd/gossip/location"
)

// With more peers than GapPeers a batch leaves at once, and what comes in the gap
// behind it in the next, when the gap has ended: not when somebody reports, nor when a
// writer has come back.
func TestGap(t *testing.T) {
	b, x, y, atX, _ := inSync(t, Config{GapPeers: -1, GapEach: 4 * time.Millisecond})
	if _, waits := x.Due(); waits {
		t.Fatal("an empty batch waits")
	}
	b.report(x, "kiwi", 1)
	if x.Sealed() != 1 {
		t.Fatal("the first report did not leave at once")
	}
	b.talk()
	b.now += 3 * time.Millisecond
	b.report(x, "kiwi", 2)
	b.report(x, "emu", 2)
	b.talk()
	at, waits := x.Due()
	if x.Sealed() != 1 || !waits || at != b.now+time.Millisecond {
		t.Fatalf("in the gap: batch %d, due in %v (%t)", x.Sealed(), at-b.now, waits)
	}
	b.now = at
	x.Flush(b.now)
	if _, waits := x.Due(); waits || x.Sealed() != 2 {
		t.Fatalf("after the gap: batch %d, still waits: %t", x.Sealed(), waits)
	}
	b.talk()
	if !b.shows(y, "kiwi", 2) || !b.shows(y, "emu", 2) || x.Released() != 2 {
		t.Errorf("released %d", x.Released())
	}

	b.now += time.Millisecond
	b.report(x, "kiwi", 3)
	b.now += 3 * time.Millisecond
	if b.carry(atX, Live); x.Sealed() != 3 {
		t.Error("a writer that comes back after the gap has found nothing")
	}
}

// The gap grows with the peers, and only beyond the first few.
func TestGapLength(t *testing.T) {
	for _, test := range []struct {
		peers int
		want  time.Duration
	}{{0, 0}, {20, 0}, {21, 1050 * time.Microsecond}, {50, 2500 * time.Microsecond}, {400, 20 * time.Millisecond}, {1000, 20 * time.Millisecond}} {
		c := newLab(t).core(1, Config{})
		for range test.peers {
			c.Open(time.Second, 2)
		}
		if got := c.gap(); got != test.want {
			t.Errorf("%d peers: %v, want %v", test.peers, got, test.want)
		}
	}
}

// In a gap an ack goes with the batch that ends it: a frame less for each that comes.
// Without reports of one's own it goes at once.
func TestAckRidesWithBatch(t *testing.T) {
	b, x, y, atX, atY := inSync(t, Config{GapPeers: -1, GapEach: 4 * time.Millisecond})
	dirty(x)
	b.report(y, "emu", 1)
	if b.carry(atY, Live); !slices.Contains(dirty(x), atX) {
		t.Error("a node without reports does not acknowledge at once")
	}
	b.talk()
	b.now += 5 * time.Millisecond
	b.report(x, "kiwi", 1)
	b.talk()
	b.now += time.Millisecond
	b.report(x, "kiwi", 2)
	dirty(x)
	b.report(y, "emu", 2)
	if b.carry(atY, Live); !b.shows(x, "emu", 2) || slices.Contains(dirty(x), atX) {
		t.Error("the ack does not wait for the batch")
	}
	at, _ := x.Due()
	b.now = at
	x.Flush(b.now)
	out, _ := x.Next(b.now, atX, Live, nil, 1<<20)
	if got := kinds(t, out); !slices.Contains(got, kindAck) || !slices.Contains(got, kindBatch) {
		t.Errorf("sent %v, want an ack and a batch", got)
	}
}

// While nothing is reported a pair keeps its leases with three writes for each beat: an
// ack, a grant with an ack in the same write, a grant.
func TestIdleWrites(t *testing.T) {
	b, x, _, atX, atY := inSync(t, Config{})
	writes := 0
	for end := b.now + time.Second; b.now < end; {
		b.now += 25 * time.Millisecond
		for _, c := range b.cores {
			c.Tick(b.now)
		}
		for more := true; more; {
			more = false
			for _, l := range b.links {
				if b.carry(l, Live) {
					writes++
					more = true
				}
			}
		}
		if !atX.Leased(b.now) || !atY.Leased(b.now) {
			t.Fatal("a lease has ended")
		}
	}
	if beats := int(time.Second / (125 * time.Millisecond)); writes > 3*beats+3 {
		t.Errorf("%d writes in %d beats", writes, beats)
	}
	if x.cfg.AckTimeout != 250*time.Millisecond {
		t.Fatal("the beats are not as the test has them")
	}
}

// A lease ends before its member can be put out: for the oldest batch that it has yet to
// acknowledge, or for one that is sealed just after the grant.
func TestLeaseLength(t *testing.T) {
	b, x, y, atX, atY := inSync(t, Config{})
	const step = 5 * time.Millisecond
	timeout := x.cfg.AckTimeout
	b.pass(timeout)
	if left := atY.lease - b.now; left > timeout || left < timeout/2-step {
		t.Errorf("all is acknowledged, and the lease runs for %v", left)
	}
	b.report(x, "kiwi", 7)
	b.deaf[y] = true
	sealed := b.now
	for b.now < sealed+timeout/2 {
		b.pass(step)
	}
	x.acknowledged(atX, atX.Acked(), b.now)
	if out, want := b.now+atX.length, sealed+timeout; out > want || out < want-step {
		t.Errorf("a batch has waited for %v, and the lease ends %v after that was sealed", b.now-sealed, out-sealed)
	}
	for atX.State() == In {
		b.pass(step)
	}
	if x.acknowledged(atX, atX.Acked(), b.now); atY.Leased(b.now) || x.ran < atX.promised {
		t.Error("put out, and the lease has yet to end")
	}
}

// Leases are renewed as the peer's length of them asks for, not as this node's own time-out:
// of a node in a room and one far away neither's ends.
func TestRenewal(t *testing.T) {
	b := newLab(t)
	x, y := b.core(1, Config{}), b.core(2, Config{AckTimeout: time.Second})
	atX, atY := b.link(x, y)
	b.pass(300 * time.Millisecond)
	for end := b.now + 4*time.Second; b.now < end; b.pass(10 * time.Millisecond) {
		if !atX.Leased(b.now) || !atY.Leased(b.now) {
			t.Fatalf("leased %t and %t", atX.Leased(b.now), atY.Leased(b.now))
		}
	}
	for length, want := range map[time.Duration]time.Duration{0: 125, 100: 125, 600: 300, 1000: 500, 3_600_000: 500} {
		if atY.lasts = length * time.Millisecond; atY.renewal() != want*time.Millisecond {
			t.Errorf("a lease of %v: an ack each %v, want %v", atY.lasts, atY.renewal(), want*time.Millisecond)
		}
	}
}

// Of two acks that cross each is met by a grant at once, though one for an ack of before went
// with the other: that has half a lease less to give.
func TestCrossedAcks(t *testing.T) {
	b, x, y, atX, atY := inSync(t, Config{})
	before := b.now
	b.now += 100 * time.Millisecond
	atX.oweGrant(before, x.cfg.AckTimeout)
	atX.oweAck()
	atY.oweAck()
	x.Next(b.now, atX, Live, nil, 1<<20)
	crossed, _ := y.Next(b.now, atY, Live, nil, 1<<20)
	dirty(x)
	for _, m := range messages(t, crossed) {
		if err := x.Receive(b.now, atX, Live, m); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Contains(dirty(x), atX) {
		t.Error("the grant waits for the next beat")
	}
}

// An ack of a member that is not the last changes nothing, and one of the last releases.
func TestLastAckReleases(t *testing.T) {
	b := newLab(t)
	x := b.core(1, Config{})
	var far []*Link
	for o := range 3 {
		_, l := b.link(x, b.core(location.Origin(o+2), Config{}))
		far = append(far, l)
	}
	b.pass(100 * time.Millisecond)
	for round := 1; round <= 3; round++ {
		ticket := b.report(x, "kiwi", round)
		for _, l := range x.links {
			b.carry(l, Live)
		}
		for i, l := range far {
			if x.Released() >= ticket {
				t.Fatalf("released after %d of %d acks", i, len(far))
			}
			b.carry(l, Live)
		}
		if x.Released() != ticket {
			t.Fatalf("released %d, want %d", x.Released(), ticket)
		}
	}
}

// Mailed is what peers receive: a report that takes the place of an older one in the open
// batch is no more than that, and one that loses to a newer one of this node is none.
func TestMailed(t *testing.T) {
	b, x, y, _, _ := inSync(t, Config{})
	for _, seconds := range []int{1, 2, 3, 2} {
		x.AcceptNow(b.now, 0, []byte("kiwi"), fixAt(t, "node-1", seconds))
	}
	x.AcceptNow(b.now, 0, []byte("emu"), fixAt(t, "node-1", 1))
	x.Flush(b.now)
	b.talk()
	got, there := x.Stats(), y.Stats()
	if got.Accepted != 5 || got.Mailed != 2 || there.Applied+there.Redundant != 2 {
		t.Errorf("accepted %d, mailed %d, received %d", got.Accepted, got.Mailed, there.Applied+there.Redundant)
	}
}
