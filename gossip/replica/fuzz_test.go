package replica

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"testing"

	"herd/gossip/location"
)

// Whatever a peer sends, a core stays a good member: it answers, it takes reports,
// and what it then sends to others is what they take.
func fuzzReceive(f *testing.F, lane Lane) {
	for k, m := range samples(f) {
		if k.lane() == lane {
			f.Add(m, []byte{})
			f.Add(m[:len(m)/2], m)
		}
	}
	f.Fuzz(func(t *testing.T, first, second []byte) {
		c, l := sampled(t)
		b := newLab(t)
		b.cores = append(b.cores, c)
		for _, m := range [][]byte{first, second} {
			if err := c.Receive(b.now, l, lane, m); err != nil && !errors.Is(err, ErrMessage) {
				t.Fatalf("error of another kind: %v", err)
			}
		}
		b.report(c, "kiwi", 7)
		for _, lane := range []Lane{Live, Delta} {
			out, _ := c.Next(b.now, l, lane, nil, 1<<20)
			messages(t, out)
		}
		c.Close(b.now, l, true)

		const stranger = 0x9e3779b97f4a7c15 // no input has heard of it
		other := b.core(stranger, Config{})
		b.link(c, other)
		b.talk()
		if _, ok := other.table.Get([]byte("kiwi")); !ok && c.Floor().Order < 7e9 {
			t.Fatal("the next peer does not learn of a report")
		}
		for shard := range c.table.Shards() {
			c.table.Scan(shard, func(id string, e *location.Entry) {
				checkEntry(t, id, e)
				if got, ok := other.table.Get([]byte(id)); (!ok || got.Fix != e.Fix) && !c.table.Refuses([]byte(id), &e.Fix) {
					t.Fatalf("of %q the next peer has %v, want %v", id, got, e)
				}
			})
		}
	})
}

func FuzzReceiveLive(f *testing.F)  { fuzzReceive(f, Live) }
func FuzzReceiveDelta(f *testing.F) { fuzzReceive(f, Delta) }

// checkEntry: e is as if made from a client's command.
func checkEntry(t *testing.T, id string, e *location.Entry) {
	t.Helper()
	p, err := location.ParsePosition([]byte(e.Position.String()))
	if err != nil || p != e.Position {
		t.Errorf("position %v of %q: %v", e.Position, id, err)
	}
	at, err := location.ParseTime([]byte(e.Time.String()))
	if err != nil || at != e.Time {
		t.Errorf("time %v of %q: %v", e.Time, id, err)
	}
	if e.Order < 0 || e.Order > e.Time.Nanos() || e.Received < 0 {
		t.Errorf("order %d, received %d, time %d of %q", e.Order, e.Received, e.Time.Nanos(), id)
	}
	if !isWord([]byte(id)) || !isWord([]byte(e.Node)) || e.Dot.Origin == 0 || e.Dot.Seq == 0 {
		t.Errorf("id %q, node %q, dot %v", id, e.Node, e.Dot)
	}
}

func FuzzReadMessage(f *testing.F) {
	var all []byte
	for _, m := range samples(f) {
		all = append(finish(append(make([]byte, prefixLen), m...), 0), all...)
		f.Add(all)
	}
	f.Add([]byte{0, 64, 0, 0, 1})
	f.Add([]byte{255, 255, 255, 255, 1})
	f.Fuzz(func(t *testing.T, stream []byte) {
		source := bytes.NewReader(stream)
		r := bufio.NewReader(source)
		var buf []byte
		taken := 0
		for {
			m, err := ReadMessage(r, buf)
			if err != nil {
				left := len(stream) - taken
				switch {
				case errors.Is(err, io.EOF) && left == 0:
				case errors.Is(err, io.ErrUnexpectedEOF) && left > 0:
				case errors.Is(err, ErrMessage) && left >= prefixLen:
				default:
					t.Fatalf("%v with %d bytes left", err, left)
				}
				return
			}
			if len(m) == 0 || !bytes.Equal(m, stream[taken+prefixLen:][:len(m)]) {
				t.Fatalf("not the message at %d", taken)
			}
			if cap(m) > 2*len(stream)+128<<10 {
				t.Fatalf("a buffer of %d for %d bytes", cap(m), len(stream))
			}
			taken += prefixLen + len(m)
			buf = m
		}
	})
}
