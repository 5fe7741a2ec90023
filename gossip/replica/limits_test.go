package replica

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"herd/gossip/location"
)

// trimAll makes all passes that are due.
func (b *lab) trimAll() {
	for _, c := range b.cores {
		b.trim(c)
	}
}

// trim makes all passes of a core that are due.
func (b *lab) trim(c *Core) {
	for range 3 {
		for c.Trim(b.now) == 0 {
		}
	}
}

// clock is a wall clock that goes with b.now; at is what it shows at zero.
func (b *lab) clock(at *int64) func() time.Time {
	return func() time.Time { return time.Unix(0, *at+int64(b.now)) }
}

// Of the clients of a herd the greatest stay, the same everywhere; reports that are older
// than what was given up are answered and not kept.
func TestMaxClients(t *testing.T) {
	const most = 10
	b := newLab(t)
	x, y := b.core(1, Config{Limits: Limits{MaxClients: most}}), b.core(2, Config{Limits: Limits{MaxClients: most}})
	b.link(x, y)
	b.talk()
	for i := range 3 * most {
		c := []*Core{x, y}[i%2]
		b.report(c, fmt.Sprint("client-", i), 100+i)
		b.talk()
	}
	b.trimAll()
	b.pass(50 * time.Millisecond)
	b.trimAll()
	for _, c := range b.cores {
		if c.table.Len() != most || c.Floor() != (location.Floor{Order: 119e9, ID: "client-19"}) {
			t.Errorf("%d: %d clients, floor %v", c.cfg.Self, c.table.Len(), c.Floor())
		}
		for i := range 3 * most {
			if b.shows(c, fmt.Sprint("client-", i), 100+i) != (i >= 2*most) {
				t.Errorf("%d: client %d", c.cfg.Self, i)
			}
		}
	}
	if n := x.Stats().Evicted + y.Stats().Evicted; n != 4*most {
		t.Errorf("%d were given up, want %d", n, 4*most)
	}
	if ticket := b.report(x, "client-1", 110); ticket != 0 || x.Stats().Refused != 1 || b.shows(x, "client-1", 110) {
		t.Errorf("an old report: ticket %d, %d refused", ticket, x.Stats().Refused)
	}
	if ticket := b.report(x, "client-1", 500); ticket == 0 || !b.shows(x, "client-1", 500) {
		t.Error("who was given up can't come back with news")
	}
}

// A table without limits has one, for it would be the end of the node to be full; a small one
// need not know.
func TestTableIsNeverFull(t *testing.T) {
	b := newLab(t)
	x := b.core(1, Config{})
	for i := range 1000 {
		b.report(x, fmt.Sprintf("client-%013d", i), 100+i)
	}
	if b.trim(x); x.Most() != 0 {
		t.Errorf("%d clients may be", x.Most())
	}
	x.trim.roomy = 1000
	if b.trim(x); x.Most() < 5*location.Roomy/2 || x.Most() > 5*location.Roomy {
		t.Errorf("of a large table %d clients may be, %d fit in any case", x.Most(), location.Roomy)
	}
	x.SetLimits(Limits{MaxClients: 10})
	if b.trim(x); x.Most() != 10 || x.table.Len() != 10 {
		t.Errorf("%d clients may be, %d are", x.Most(), x.table.Len())
	}
}

// What a node gives up does not come back by a peer that still has it.
func TestFloorAgainstPeers(t *testing.T) {
	b := newLab(t)
	full := b.core(1, Config{})
	for i := range 20 {
		b.report(full, fmt.Sprint("client-", i), 100+i)
	}
	small := b.core(2, Config{Limits: Limits{MaxClients: 5}})
	b.link(full, small)
	b.talk()
	b.trimAll()
	_, atSmall := b.link(b.core(3, Config{}), small) // a joiner hears of it with the commit
	b.pass(100 * time.Millisecond)
	b.trimAll()
	small.Find(b.now, atSmall, 1, []byte("client-0"))
	b.pass(2 * time.Second) // vectors are compared
	for _, c := range b.cores {
		if c.table.Len() != 5 || c.Floor().ID != "client-14" {
			t.Errorf("%d: %d clients, floor %v", c.cfg.Self, c.table.Len(), c.Floor())
		}
	}
}

// A peer of a release that knows of no floors is told of none.
func TestFloorIsNotForOldPeers(t *testing.T) {
	b := newLab(t)
	x := b.core(1, Config{Limits: Limits{MaxClients: 5}})
	for i := range 20 {
		b.report(x, fmt.Sprint("client-", i), 100+i)
	}
	b.trimAll()
	l := x.Open(b.now, 2)
	if err := x.Receive(b.now, l, Delta, messages(t, appendAsk(nil, Vector{}, true, true))[0]); err != nil {
		t.Fatal(err)
	}
	out, _ := x.Next(b.now, l, Delta, nil, 1<<20)
	for _, k := range kinds(t, out) {
		if k == kindFloor {
			t.Error("it is told of a floor")
		}
	}
	if x.table.Len() != 5 {
		t.Errorf("%d clients", x.table.Len())
	}
}

// A floor of a time to come would take all that clients will report for years.
func TestFloorOfATimeToCome(t *testing.T) {
	for ahead, want := range map[time.Duration]struct{ raised, bad bool }{
		time.Hour:              {true, false},
		takeAhead + 1e9:        {false, false},
		bearAhead + 1e9:        {false, true},
		100 * 365 * 24 * 36e11: {false, true},
	} {
		b := newLab(t)
		wall := time.Now()
		x := b.core(1, Config{Wall: func() time.Time { return wall }})
		l := x.Open(b.now, 2)
		m := messages(t, appendFloor(nil, location.Floor{Order: wall.Add(ahead).UnixNano(), ID: "kiwi"}))[0]
		err := x.Receive(b.now, l, Delta, m)
		if (err != nil) != want.bad || (x.Floor().ID != "") != want.raised || (x.Stats().Incredible == 1) != (!want.bad && !want.raised) {
			t.Errorf("%v ahead: %v; floor %v, %d incredible", ahead, err, x.Floor(), x.Stats().Incredible)
		}
	}
}

// A fix is shown until its order time + TTL, held for a grace after that, and then
// forgotten; a loser of a fix that has expired is refused.
func TestTTL(t *testing.T) {
	const ttl, grace = 10 * time.Second, 4 * time.Second
	b := newLab(t)
	var base int64
	x := b.core(1, Config{Limits: Limits{TTL: ttl}, Grace: grace})
	x.cfg.Wall = b.clock(&base)
	base = 100e9 - int64(b.now) // it is 100 s after the epoch
	id := []byte("kiwi")
	b.report(x, "kiwi", 99)
	b.report(x, "old", 95)
	held := func() bool { _, ok := x.table.Held(id); return ok }
	b.pass(9*time.Second - 10*time.Millisecond)
	if !b.shows(x, "kiwi", 99) || b.shows(x, "old", 95) {
		t.Error("before the time is over")
	}
	b.now += 10 * time.Millisecond
	x.Expire()
	if b.shows(x, "kiwi", 99) || !held() {
		t.Error("when the time is over")
	}
	b.pass(grace)
	if b.trim(x); held() || x.table.Len() != 0 || x.Stats().Expired != 2 {
		t.Errorf("after the grace there are %d clients, %d expired", x.table.Len(), x.Stats().Expired)
	}
	if ticket := b.report(x, "kiwi", 98); ticket != 0 || x.Stats().Refused != 1 {
		t.Error("a report that has expired is kept")
	}
	// The clock is set back: what was gone stays so.
	base -= 60e9
	x.Tick(b.now)
	if b.report(x, "kiwi", 98); held() {
		t.Error("a clock that was set back brings clients back")
	}
	// Nothing expires any more.
	x.SetLimits(Limits{})
	x.Tick(b.now)
	b.report(x, "kiwi", 200)
	base += 1000e9
	x.Tick(b.now)
	if b.trim(x); !b.shows(x, "kiwi", 200) {
		t.Error("it expires without a TTL")
	}
}

// A node whose clock was ahead for a moment shows nobody for long, and passes on what it
// acknowledges all the same: to the others the report is new.
func TestTTLPassesOn(t *testing.T) {
	const ttl, grace = 10 * time.Second, 4 * time.Second
	b := newLab(t)
	var base, right int64
	x := b.core(1, Config{Limits: Limits{TTL: ttl}, Grace: grace})
	y := b.core(2, Config{Limits: Limits{TTL: ttl}, Grace: grace})
	x.cfg.Wall, y.cfg.Wall = b.clock(&base), b.clock(&right)
	base, right = 100e9-int64(b.now), 100e9-int64(b.now)
	b.link(x, y)
	b.pass(time.Second)
	base += 7200e9
	x.Tick(b.now)
	base -= 7200e9
	x.Tick(b.now)
	ticket := b.report(x, "kiwi", 101)
	if b.shows(x, "kiwi", 101) || x.Stats().Refused != 1 || ticket == 0 || ticket <= x.Released() {
		t.Errorf("ticket %d, released %d, %d refused", ticket, x.Released(), x.Stats().Refused)
	}
	b.pass(100 * time.Millisecond)
	if !b.shows(y, "kiwi", 101) || ticket > x.Released() {
		t.Errorf("the other node does not show it; ticket %d, released %d", ticket, x.Released())
	}
	if ticket := b.report(x, "kiwi", 80); ticket != 0 {
		t.Error("who has expired at all nodes is passed on")
	}
}

// Nobody catches up with a node whose clock is, or was, wrong, until it can be right again
// about what has expired.
func TestAstrayAnswersNoVector(t *testing.T) {
	b := newLab(t)
	var base int64
	x := b.core(1, Config{Limits: Limits{TTL: time.Hour}, Grace: 4 * time.Second})
	x.cfg.Wall = b.clock(&base)
	base = 100e9 - int64(b.now)
	b.report(x, "kiwi", 99)
	y := b.core(2, Config{})
	met := func(said string, want bool) {
		t.Helper()
		_, atY := b.link(x, y)
		b.pass(1100 * time.Millisecond) // scans rest
		if atY.Met() != want {
			t.Errorf("%s: met %v", said, !want)
		}
		if !want {
			b.cut(atY)
		}
	}
	x.SetAstray(true)
	x.Tick(b.now)
	met("astray", false)
	x.SetAstray(false)
	base += 10e9
	x.Tick(b.now)
	base -= 10e9
	x.Tick(b.now)
	met("its clock was set back by 10 s", false)
	b.pass(10 * time.Second)
	met("time has passed", true)
	if !b.shows(y, "kiwi", 99) {
		t.Error("the client did not come")
	}
}

// Who answers no vectors for long has then the one that the peer has by now, not the one that it met
// it with: it does not send what the peer has got from others.
func TestAstrayAnswersAnew(t *testing.T) {
	b := newLab(t)
	var base int64
	x, z := b.core(1, Config{Limits: Limits{TTL: time.Hour}}), b.core(3, Config{})
	x.cfg.Wall = b.clock(&base)
	base = 100e9 - int64(b.now)
	for i := range 50 {
		b.report(z, fmt.Sprint("client-", i), 99)
	}
	b.link(x, z)
	b.pass(100 * time.Millisecond)
	x.SetAstray(true)
	x.Tick(b.now)
	y := b.core(2, Config{})
	atY, _ := b.link(y, x)
	b.link(y, z)
	b.pass(time.Minute)
	if atX := b.far[atY]; y.table.Len() != 50 || atX.next == nil {
		t.Fatalf("%d of 50 fixes, asks %v", y.table.Len(), atX.next)
	}
	x.SetAstray(false)
	b.pass(100 * time.Millisecond)
	if s := y.Stats(); atY.awaits || s.Redundant > 0 {
		t.Errorf("awaits %v, %d fixes came in vain", atY.awaits, s.Redundant)
	}
}

// While there are a few clients too many, passes are rare; while there are many, one
// follows the other; and what a pass gives up is bounded.
func TestTrimRests(t *testing.T) {
	const most = 64 * 100
	b := newLab(t)
	x := b.core(1, Config{Limits: Limits{MaxClients: most}})
	n := 0
	add := func(clients int) {
		for range clients {
			n++
			e := location.Entry{Fix: fixAt(t, "node-1", n), Dot: location.Dot{Origin: 1, Seq: 1}}
			x.table.Merge(fmt.Append(nil, "client-", n), e)
		}
	}
	pass := func() { // each look takes a millisecond
		for {
			rest := x.Trim(b.now)
			if b.now += time.Millisecond; rest > 0 {
				return
			}
		}
	}
	x.trim.budget = 1000
	add(most + 50)
	pass()
	if x.table.Len() != most {
		t.Fatalf("%d clients after a pass", x.table.Len())
	}
	took := x.trim.took
	if took <= 0 {
		t.Fatalf("a pass took %v", took)
	}
	add(50)
	if pass(); x.table.Len() != most+50 {
		t.Errorf("a pass for 50 clients right after another")
	}
	b.now += 50 * took
	if pass(); x.table.Len() != most {
		t.Errorf("%d clients after a rest", x.table.Len())
	}
	add(101)
	if pass(); x.table.Len() != most {
		t.Errorf("%d clients, many are too many", x.table.Len())
	}
	add(3 * trimAtOnce)
	if pass(); x.table.Len() != most+2*trimAtOnce {
		t.Errorf("%d clients, want %d more than %d", x.table.Len(), 2*trimAtOnce, most)
	}
}

// Who watches the table is told of whom it shows no more within a second, or an eighth of the
// TTL, long before that is removed; by whatever it is that clients go.
func TestTrimTellsWhoIsGone(t *testing.T) {
	const ttl, grace = 40 * time.Second, 100 * time.Second
	b := newLab(t)
	var base int64
	x := b.core(1, Config{Limits: Limits{TTL: ttl, MaxClients: 3}, Grace: grace})
	x.cfg.Wall = b.clock(&base)
	base = 1000e9 - int64(b.now)
	var told []string
	x.table.SetGoneWatch(func(id []byte, why location.Reason) { told = append(told, string(id)+" "+why.String()) })
	expect := func(want ...string) {
		t.Helper()
		b.trim(x)
		if slices.Sort(told); !slices.Equal(told, want) {
			t.Errorf("told %q, want %q", told, want)
		}
		told = nil
	}
	for i := range 5 {
		b.report(x, fmt.Sprint("client-", i), 990+i)
	}
	expect("client-0 evicted", "client-1 evicted")
	b.pass(32500 * time.Millisecond)
	expect("client-2 expired")
	b.report(x, "client-2", 1033)
	b.pass(ttl / 8)
	expect("client-3 expired", "client-4 expired")
	b.report(x, "client-5", 998)
	b.pass(time.Second)
	x.SetLimits(Limits{}) // nothing expires any more, but what has is hidden
	b.report(x, "client-6", 999)
	b.pass(ttl)
	expect("client-5 expired")
	if x.table.Len() != 5 || x.Stats().Expired != 0 {
		t.Errorf("%d clients, %d removed", x.table.Len(), x.Stats().Expired)
	}
}

// When very many expire at once, who reads of it is given time, but not where clients are
// too many.
func TestTrimTellsSlowly(t *testing.T) {
	const clients = 5 * tellAtOnce
	for most, slowly := range map[int]bool{0: true, clients: true, clients / 2: false} {
		b := newLab(t)
		base := int64(1000e9)
		x := New(Config{Self: 1, Name: "node-1", Table: location.NewTable(256, 1), Limits: Limits{TTL: time.Second}, Wall: b.clock(&base)})
		fix, told, rests := fixAt(t, "node-1", 999), 0, 0
		for i := range clients {
			x.table.Merge(fmt.Append(nil, "client-", i), location.Entry{Fix: fix})
		}
		x.table.SetGoneWatch(func([]byte, location.Reason) { told++ })
		base += 2e9
		x.Tick(b.now)
		x.SetLimits(Limits{TTL: time.Second, MaxClients: int64(most)})
		for told < clients && rests < 100 {
			before := told
			rest := x.Trim(b.now)
			if rest > 0 {
				rests++
			}
			if at := told - before; slowly && at > tellAtOnce+2*clients/256 {
				t.Errorf("of %d told at once", at)
			}
		}
		if told != clients || (rests >= 4) != slowly {
			t.Errorf("at most %d clients: told of %d with %d rests", most, told, rests)
		}
	}
}
