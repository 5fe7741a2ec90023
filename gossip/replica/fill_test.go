package replica

import (
	"fmt"
	"testing"
	"time"

	"herd/gossip/location"
)

// filled is a herd of three that hold the same 50 fixes, and an empty node that has
// just been linked with them all, in that order.
func filled(t *testing.T) (b *lab, donors [3]*Core, to [3]*Link, joiner *Core) {
	b = newLab(t)
	for i := range donors {
		donors[i] = b.core(location.Origin(1+i), Config{})
		for j := range i {
			b.link(donors[j], donors[i])
		}
	}
	b.pass(200 * time.Millisecond)
	for i := range 50 {
		b.report(donors[i%3], fmt.Sprint("client-", i), 7)
	}
	b.pass(200 * time.Millisecond)
	joiner = b.core(9, Config{})
	for i, d := range donors {
		to[i], _ = b.link(joiner, d)
	}
	return b, donors, to, joiner
}

// full checks that the joiner holds all, is in sync with all and they with it, and how
// many fixes came in vain.
func full(t *testing.T, b *lab, c *Core, redundant uint64) {
	t.Helper()
	b.pass(300 * time.Millisecond)
	if s := c.Stats(); c.table.Len() != 50 || s.Redundant > redundant {
		t.Errorf("%d of 50 fixes came, and %d in vain, at most %d wanted", c.table.Len(), s.Redundant, redundant)
	}
	for _, l := range c.links {
		if at := b.far[l]; !l.Met() || !l.Leased(b.now) || l.State() != In || !at.Met() || at.State() != In {
			t.Errorf("with %d: %v %v %s %v %s", l.peer, l.Met(), l.Leased(b.now), l.State(), at.Met(), at.State())
		}
	}
}

// An empty node is filled by one peer, not by each.
func TestFill(t *testing.T) {
	b, _, _, joiner := filled(t)
	full(t, b, joiner, 0)
}

// While it is, it answers: nobody waits for what an empty node might have.
func TestFillAnswers(t *testing.T) {
	b, _, to, joiner := filled(t)
	for _, l := range to {
		at := b.far[l]
		b.carry(at, Delta)
		b.carry(l, Delta)
		if !at.Met() {
			t.Errorf("%d waits", at.core.cfg.Self)
		}
	}
	full(t, b, joiner, 0)
}

// Who asks again before the answer has ended is not sent all of it once more.
func TestFillOnce(t *testing.T) {
	b, donors, to, joiner := filled(t)
	b.carry(to[0], Delta)
	to[0].oweFullAsk()
	b.carry(to[0], Delta)
	b.report(donors[0], "late", 8)
	b.pass(300 * time.Millisecond)
	if sent := b.sent[kindAsk]; sent < 2 {
		t.Fatalf("%d asks were sent", sent)
	}
	if s := joiner.Stats(); joiner.table.Len() != 51 || s.Redundant > 2 { // the late one came three times
		t.Errorf("%d of 51 fixes came, and %d in vain", joiner.table.Len(), s.Redundant)
	}
}

// A donor that is lost, or stands still, gives way; so does one that has nothing.
func TestFillGivesWay(t *testing.T) {
	t.Run("lost", func(t *testing.T) {
		b, _, to, joiner := filled(t)
		b.carry(to[0], Delta)
		b.cut(to[0])
		full(t, b, joiner, 0)
	})
	t.Run("still", func(t *testing.T) {
		b, donors, to, joiner := filled(t)
		b.carry(to[0], Delta)
		b.still[donors[0]] = true
		b.pass(200 * time.Millisecond)
		if joiner.table.Len() > 0 {
			t.Error("the others are asked at once")
		}
		b.pass(300 * time.Millisecond)
		if joiner.table.Len() != 50 {
			t.Errorf("%d of 50 fixes came", joiner.table.Len())
		}
		b.still[donors[0]] = false
		full(t, b, joiner, 100)
	})
	t.Run("empty", func(t *testing.T) {
		b, _, to, _ := filled(t)
		for _, l := range to {
			b.cut(l)
		}
		joiner, other := b.core(10, Config{}), b.core(11, Config{})
		b.link(joiner, other)
		b.link(joiner, b.cores[0])
		b.link(joiner, b.cores[1])
		full(t, b, joiner, 0)
	})
}

// A peer that fills itself elsewhere has yet to ask, and nobody waits until it is in; nor until one is full that
// came with nothing. Another one that has asked is waited for.
func TestCounts(t *testing.T) {
	b := newLab(t)
	x, y, donor := b.core(1, Config{}), b.core(2, Config{}), b.core(3, Config{})
	b.report(donor, "kiwi", 7)
	toDonor, _ := b.link(y, donor)
	b.carry(toDonor, Delta)
	b.still[donor] = true
	atX, atY := b.link(x, y)
	b.talk()
	if !atX.Met() || !atX.Leased(b.now) || atX.State() == In || !atX.Counts() {
		t.Errorf("met %v, leased %v, %s: counts %v", atX.Met(), atX.Leased(b.now), atX.State(), atX.Counts())
	}
	if atY.State() != In {
		t.Errorf("who fills itself has it %s", atY.State())
	}
	b.still[donor] = false
	b.talk()
	if atX.State() != In || !atX.Counts() {
		t.Errorf("%s: counts %v", atX.State(), atX.Counts())
	}
	z := b.core(4, Config{})
	atX, atZ := b.link(x, z)
	b.carry(atZ, Delta)
	if !atX.Counts() {
		t.Error("it has nothing, and is waited for before it is filled")
	}
	b.carry(atX, Delta)
	if atX.Counts() {
		t.Error("it has all, and is not in")
	}
	b.cut(atX)
	b.report(z, "fig", 7)
	atX, atZ = b.link(x, z)
	b.carry(atZ, Delta)
	if atX.Counts() {
		t.Error("it has asked, and is not in")
	}
	b.talk()
	if atX.State() != In || !atX.Counts() {
		t.Errorf("%s: counts %v", atX.State(), atX.Counts())
	}
}

// Who stands still gives way, and has sent nothing by that.
func TestFilled(t *testing.T) {
	b := newLab(t)
	joiner, other, full := b.core(1, Config{}), b.core(2, Config{}), b.core(3, Config{})
	to, _ := b.link(joiner, other)
	b.carry(to, Delta)
	b.still[other] = true
	b.pass(300 * time.Millisecond)
	if !joiner.first.over || joiner.Filled() {
		t.Errorf("given up %v, filled %v", joiner.first.over, joiner.Filled())
	}
	b.still[other] = false
	b.pass(100 * time.Millisecond)
	if !to.Met() || joiner.Filled() {
		t.Errorf("met %v who has nothing, filled %v", to.Met(), joiner.Filled())
	}
	b.report(full, "kiwi", 7)
	b.link(joiner, full)
	b.pass(100 * time.Millisecond)
	if !joiner.Filled() || !b.shows(joiner, "kiwi", 7) {
		t.Errorf("filled %v", joiner.Filled())
	}
}
