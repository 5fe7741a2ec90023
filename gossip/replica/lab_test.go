package replica

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"herd/gossip/location"
)

// lab is a few cores, the links between them and a clock, without chance.
type lab struct {
	t     testing.TB
	now   time.Duration
	cores []*Core
	links []*Link
	far   map[*Link]*Link // the other end
	deaf  map[*Core]bool  // reads nothing
	still map[*Core]bool  // stopped: reads, writes and ticks nothing
	sent  map[kind]int    // messages delivered

	ticking bool // a tick after each message
}

func newLab(t testing.TB) *lab {
	return &lab{t: t, now: time.Second, far: map[*Link]*Link{}, deaf: map[*Core]bool{}, still: map[*Core]bool{}, sent: map[kind]int{}}
}

// core makes a core named like its number. Of cfg, Self, Name and Table are filled in.
func (b *lab) core(self location.Origin, cfg Config) *Core {
	cfg.Self, cfg.Name, cfg.Table = self, fmt.Sprint("node-", self), location.NewTable(8, 1)
	c := New(cfg)
	b.cores = append(b.cores, c)
	return c
}

func (b *lab) link(x, y *Core) (atX, atY *Link) {
	atX, atY = x.Open(b.now, y.cfg.Self), y.Open(b.now, x.cfg.Self)
	atX.KnowFloors()
	atY.KnowFloors()
	b.links = append(b.links, atX, atY)
	b.far[atX], b.far[atY] = atY, atX
	return atX, atY
}

// cut ends a session as a reset does.
func (b *lab) cut(l *Link) {
	for _, x := range []*Link{l, b.far[l]} {
		x.core.Close(b.now, x, false)
	}
}

// talk delivers until there is nothing to deliver. No time passes.
func (b *lab) talk() {
	b.t.Helper()
	for more := true; more; {
		more = false
		for _, l := range b.links {
			for _, lane := range []Lane{Live, Delta} {
				more = b.carry(l, lane) || more
			}
		}
	}
}

// carry delivers what is to be sent on one lane now.
func (b *lab) carry(l *Link, lane Lane) bool {
	b.t.Helper()
	to := b.far[l]
	if b.still[l.core] || b.deaf[to.core] || b.still[to.core] {
		return false
	}
	out, more := l.core.Next(b.now, l, lane, nil, 64<<10)
	for _, m := range messages(b.t, out) {
		b.sent[kind(m[0])]++
		if err := to.core.Receive(b.now, to, lane, m); err != nil {
			b.t.Fatalf("%d to %d: %v", l.core.cfg.Self, to.core.cfg.Self, err)
		}
		if b.ticking {
			to.core.Tick(b.now)
		}
	}
	return more || len(out) > 0
}

// pass has time pass, with talk all the way.
func (b *lab) pass(d time.Duration) {
	b.t.Helper()
	const step = 5 * time.Millisecond
	for end := b.now + d; b.now < end; {
		b.now += step
		for _, c := range b.cores {
			if !b.still[c] {
				c.Tick(b.now)
			}
		}
		b.talk()
	}
}

// report has c take a report and returns its ticket.
func (b *lab) report(c *Core, id string, seconds int) uint64 {
	b.t.Helper()
	ticket := c.AcceptNow(b.now, 0, []byte(id), fixAt(b.t, c.cfg.Name, seconds))
	c.Flush(b.now)
	return ticket
}

func (b *lab) shows(c *Core, id string, seconds int) bool {
	e, ok := c.table.Get([]byte(id))
	return ok && e.Time.Nanos() == int64(seconds)*1e9
}

func fixAt(t testing.TB, node string, seconds int) location.Fix {
	t.Helper()
	return mustFix(t, node, int64(seconds)*1e9+5, "+34.068930-118.445127", fmt.Sprint(seconds, ".0"))
}

func mustFix(t testing.TB, node string, received int64, position, at string) location.Fix {
	t.Helper()
	p, err := location.ParsePosition([]byte(position))
	if err != nil {
		t.Fatal(err)
	}
	v, err := location.ParseTime([]byte(at))
	if err != nil {
		t.Fatal(err)
	}
	return location.NewFix(node, received, time.Minute, p, v)
}

// messages takes what Next wrote apart.
func messages(t testing.TB, b []byte) (all [][]byte) {
	t.Helper()
	r := bufio.NewReader(bytes.NewReader(b))
	for {
		m, err := ReadMessage(r, nil)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, m)
	}
}

// kinds are the kinds of the messages in what Next wrote.
func kinds(t testing.TB, b []byte) (all []kind) {
	t.Helper()
	for _, m := range messages(t, b) {
		all = append(all, kind(m[0]))
	}
	return all
}

// happened takes the events of c and tells whether k is among them.
func happened(c *Core, k EventKind) bool {
	return slices.ContainsFunc(c.TakeEvents(), func(e Event) bool { return e.Kind == k })
}
