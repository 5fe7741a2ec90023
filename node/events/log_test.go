package events

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"herd/gossip/location"
)

var (
	all     = Filter{Kinds: [Kinds]bool{Fix: true, Gone: true, Member: true}}
	fixes   = Filter{Kinds: [Kinds]bool{Fix: true}}
	gone    = Filter{Kinds: [Kinds]bool{Gone: true}}
	members = Filter{Kinds: [Kinds]bool{Member: true}}
)

// say has a client report its n-th position.
func say(l *Log, client string, n int) {
	p, err := location.ParsePosition([]byte(fmt.Sprintf("+%d+%d", n%90, n%180)))
	if err != nil {
		panic(err)
	}
	t, err := location.ParseTime([]byte(strconv.Itoa(n)))
	if err != nil {
		panic(err)
	}
	l.Fix([]byte(client), location.NewFix("Clark", 0, 1<<62, p, t))
}

// text is an event as these tests write it: "kiwi 5", "kiwi expired", or a member's body.
func text(e Event) string {
	switch e.Kind {
	case Member:
		return string(e.Body)
	case Gone:
		return e.Client + " " + e.Reason.String()
	}
	return e.Client + " " + e.Fix.Time.String()
}

func read(t testing.TB, l *Log, f Filter, last string) (*Reader, Start) {
	t.Helper()
	r, start, err := l.Read(f, last)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r, start
}

// drain is what a reader is given until there is no more, in a bubble.
func drain(t testing.TB, r *Reader) (got []string) {
	t.Helper()
	for {
		events, err := r.Next(t.Context(), time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		if len(events) == 0 {
			return got
		}
		for _, e := range events {
			got = append(got, text(e))
		}
	}
}

func expect(t testing.TB, got []string, want string) {
	t.Helper()
	if s := strings.Join(got, ", "); s != want {
		t.Errorf("got %q, want %q", s, want)
	}
}

// A reader gets what happens after it began, in order.
func TestFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Config{Boot: 7})
		say(l, "kiwi", 1)
		l.Member([]byte("Bona alive"))
		r, start := read(t, l, all, "")
		if start != (Start{ID: "0000000000000007-2"}) {
			t.Errorf("begins at %+v", start)
		}
		say(l, "kiwi", 2)
		l.Member([]byte("Bona failed"))
		say(l, "emu", 3)
		expect(t, drain(t, r), "kiwi 2, Bona failed, emu 3")
		say(l, "emu", 4)
		expect(t, drain(t, r), "emu 4")
	})
}

func TestFilter(t *testing.T) {
	north := func(f *location.Fix) bool { lat, _ := f.Position.Degrees(); return lat >= 3 }
	for _, c := range []struct {
		name   string
		filter Filter
		want   string
	}{
		{"all", all, "kiwi 1, Bona, kiwi.cs 2, emu 3, kiwi 4, emu evicted, kiwi expired"},
		{"fixes", fixes, "kiwi 1, kiwi.cs 2, emu 3, kiwi 4"},
		{"who is gone", gone, "emu evicted, kiwi expired"},
		{"members", members, "Bona"},
		{"client", Filter{Kinds: all.Kinds, Client: "kiwi"}, "kiwi 1, Bona, kiwi 4, kiwi expired"},
		{"prefix", Filter{Kinds: fixes.Kinds, Prefix: "ki"}, "kiwi 1, kiwi.cs 2, kiwi 4"},
		{"who of a prefix is gone", Filter{Kinds: gone.Kinds, Prefix: "ki"}, "kiwi expired"},
		{"area", Filter{Kinds: all.Kinds, Where: north}, "Bona, emu 3, kiwi 4, emu evicted, kiwi expired"},
		{"client in an area", Filter{Kinds: fixes.Kinds, Client: "kiwi", Where: north}, "kiwi 4"},
		{"nothing", Filter{}, ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			l := New(Config{})
			_, other := read(t, l, all, "") // so that all is written
			r, _ := read(t, l, c.filter, other.ID)
			say(l, "kiwi", 1)
			l.Member([]byte("Bona"))
			say(l, "kiwi.cs", 2)
			say(l, "emu", 3)
			say(l, "kiwi", 4)
			l.Gone([]byte("emu"), location.Evicted)
			l.Gone([]byte("kiwi"), location.Expired)
			if s := strings.Join(drain(t, r), ", "); s != c.want {
				t.Errorf("%s: got %q, want %q", c.name, s, c.want)
			}
		})
	}
}

// A reader that was cut goes on where it was, as long as the ring has what comes next.
func TestResume(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Config{Boot: 7, Fixes: 4, Members: 2})
		r, first := read(t, l, all, "")
		r.Close()
		for n := range 4 {
			say(l, "kiwi", n)
		}
		r, start := read(t, l, all, first.ID)
		if start != first {
			t.Errorf("begins at %+v, want %+v", start, first)
		}
		expect(t, drain(t, r), "kiwi 0, kiwi 1, kiwi 2, kiwi 3")
		at := r.ID()
		say(l, "kiwi", 4) // takes the place of the first
		if _, start := read(t, l, all, first.ID); start.Reset == "" || start.ID != l.id(l.number) {
			t.Errorf("what is lost is resumed from: %+v", start)
		}
		if _, start := read(t, l, members, first.ID); start.Reset != "" {
			t.Errorf("members are not lost: %+v", start)
		}
		r, start = read(t, l, all, at)
		if start.Reset != "" {
			t.Errorf("reset: %+v", start)
		}
		expect(t, drain(t, r), "kiwi 4")
		s := l.Stats()
		if s.Begun != 1 || s.Resumed != 3 || s.Reset != 1 {
			t.Errorf("counts %+v", s)
		}
	})
}

// What no event of this node's life has as its ID is nothing to resume from.
func TestResumeBadID(t *testing.T) {
	l := New(Config{Boot: 7})
	read(t, l, fixes, "")
	for _, id := range []string{
		"0000000000000008-1", "0000000000000007-99", "1", "7-1", "-", "0000000000000007", "0000000000000007-",
		"0000000000000007--1", "0000000000000007-1.5", "000000000000000x-1", "+000000000000007-1",
		"0000000000000007-18446744073709551616", strings.Repeat("9", 1<<16), "\x00", "0000000000000007-1 ",
	} {
		r, start := read(t, l, all, id)
		if start.Reset == "" || start.ID != l.id(l.number) {
			t.Errorf("%.40q: %+v", id, start)
		}
		r.Close()
	}
}

// Fixes, and who is gone, are written from the first reader on until the ring has turned
// after the last has left: whoever comes back before has missed nothing, later it is told.
func TestFeed(t *testing.T) {
	for kind, bring := range map[Kind]func(*Log, int){
		Fix:  func(l *Log, n int) { say(l, "kiwi", n) },
		Gone: func(l *Log, n int) { l.Gone(fmt.Append(nil, "kiwi-", n), location.Expired) },
	} {
		synctest.Test(t, func(t *testing.T) { feed(t, kind, bring) })
	}
}

func feed(t *testing.T, kind Kind, bring func(l *Log, n int)) {
	var fed []bool
	l := New(Config{Fixes: 3, Gone: 3, Feed: func(k Kind, on bool) {
		if k != kind {
			t.Errorf("%s: fed with %s", kind, k)
		}
		fed = append(fed, on)
	}})
	var wanted Filter
	wanted.Kinds[kind] = true
	m, _ := read(t, l, members, "")
	if len(fed) > 0 {
		t.Fatal("fed for a reader of members")
	}
	bring(l, 1)
	r, begin := read(t, l, wanted, "")
	r.Close()
	for n := 2; n <= 4; n++ {
		bring(l, n)
	}
	r, start := read(t, l, wanted, begin.ID)
	if len(fed) != 1 || !fed[0] || start.Reset != "" {
		t.Fatalf("%s: fed %v, %+v", kind, fed, start)
	}
	if got := drain(t, r); len(got) != 3 {
		t.Errorf("%s: got %q", kind, got)
	}
	at := r.ID()
	r.Close()
	for n := 5; n <= 9; n++ { // the fourth finds that nobody can come back
		bring(l, n)
	}
	if len(fed) != 2 || fed[1] || l.rings[kind].chunks != nil {
		t.Fatalf("%s: fed %v, %d chunks", kind, fed, len(l.rings[kind].chunks))
	}
	if _, start := read(t, l, wanted, at); start.Reset == "" {
		t.Errorf("%s: resumed over what was not written", kind)
	}
	if len(fed) != 3 || !fed[2] {
		t.Errorf("%s: fed %v", kind, fed)
	}
	l.Close()
	if len(fed) != 4 || fed[3] {
		t.Errorf("%s: fed %v", kind, fed)
	}
	if _, err := m.Next(t.Context(), time.Minute); err != ErrClosed {
		t.Errorf("%s: got %v", kind, err)
	}
}

// A reader that the ring has overtaken is told, once and for good; others are not hurt.
func TestSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Config{Fixes: 4})
		slow, _ := read(t, l, all, "")
		quick, _ := read(t, l, all, "")
		for n := range 5 {
			say(l, "kiwi", n)
			expect(t, drain(t, quick), fmt.Sprint("kiwi ", n))
		}
		for range 2 {
			if events, err := slow.Next(t.Context(), time.Minute); err != ErrSlow || events != nil {
				t.Errorf("got %v, %v", events, err)
			}
		}
		if s := l.Stats(); s.Slow != 1 || s.Sent[Fix] != 5 {
			t.Errorf("counts %+v", s)
		}
	})
}

// A reader that wants nothing of what happens has an ID all the same that is not too old.
func TestIDMovesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Config{Fixes: 4})
		f := fixes
		f.Client = "emu"
		r, _ := read(t, l, f, "")
		for n := range 40 {
			say(l, "kiwi", n)
			if events, err := r.Next(t.Context(), time.Second); len(events) > 0 || err != nil {
				t.Fatalf("got %v, %v", events, err)
			}
		}
		if _, start := read(t, l, f, r.ID()); start.Reset != "" {
			t.Errorf("%+v", start)
		}
	})
}

func TestTooManyReaders(t *testing.T) {
	l := New(Config{Readers: 2})
	r, _ := read(t, l, all, "")
	read(t, l, all, "")
	if _, _, err := l.Read(all, ""); err != ErrTooMany {
		t.Errorf("got %v", err)
	}
	r.Close()
	r.Close()
	read(t, l, all, "")
	if s := l.Stats(); s.Refused != 1 || s.Readers != 2 || s.Begun != 3 {
		t.Errorf("counts %+v", s)
	}
}

// The end of the log is the end of its readers, which have all that there was.
func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Config{})
		var ends sync.WaitGroup
		for range 5 {
			r, _, err := l.Read(all, "")
			if err != nil {
				t.Fatal(err)
			}
			ends.Go(func() {
				defer r.Close()
				var got []string
				for {
					events, err := r.Next(t.Context(), time.Minute)
					for _, e := range events {
						got = append(got, text(e))
					}
					if err == nil {
						continue
					}
					if err != ErrClosed {
						t.Errorf("got %v", err)
					}
					expect(t, got, "kiwi 1, kiwi 2")
					return
				}
			})
		}
		synctest.Wait()
		say(l, "kiwi", 1)
		synctest.Wait()
		say(l, "kiwi", 2)
		l.Close()
		l.Close()
		l.Wait()
		ends.Wait()
		if _, _, err := l.Read(all, ""); err != ErrClosed {
			t.Errorf("got %v", err)
		}
	})
}

func TestContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Config{})
		r, _ := read(t, l, all, "")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := r.Next(ctx, time.Minute); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}

// Many readers and writers at once; each reader has all of it, in order, or is told.
func TestTogether(t *testing.T) {
	const writers, each = 4, 2000
	l := New(Config{Fixes: 1 << 11})
	var readers, done sync.WaitGroup
	for i := range 4 {
		r, _ := read(t, l, all, "")
		if i%2 == 1 {
			r.Merge(gather)
		}
		readers.Go(func() {
			var last uint64
			n := 0
			for {
				events, err := r.Next(t.Context(), time.Second)
				if err == ErrClosed && (i%2 == 1 || n == writers*each) || err == ErrSlow {
					return
				}
				if err != nil {
					t.Errorf("after %d events: %v", n, err)
					return
				}
				for _, e := range events {
					if e.Number <= last {
						t.Errorf("%d after %d", e.Number, last)
					}
					last = e.Number
				}
				n += len(events)
			}
		})
	}
	for i := range writers {
		done.Go(func() {
			for n := range each {
				say(l, fmt.Sprint("client-", i), n)
			}
		})
	}
	done.Wait()
	l.Close()
	readers.Wait()
}

// BenchmarkFix is the cost of an event to who brings it, with one reader that wants all.
func BenchmarkFix(b *testing.B) {
	l := New(Config{})
	r, _, err := l.Read(all, "")
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	var reading sync.WaitGroup
	reading.Go(func() {
		defer r.Close()
		for ctx.Err() == nil {
			r.Next(ctx, time.Second)
		}
	})
	p, _ := location.ParsePosition([]byte("+34.068930-118.445127"))
	t, _ := location.ParseTime([]byte("1621464827.959498503"))
	f, id := location.NewFix("Clark", 0, 0, p, t), []byte("kiwi.cs.ucla.edu")
	b.ReportAllocs()
	for b.Loop() {
		l.Fix(id, f)
	}
	cancel()
	reading.Wait()
}
