package replica

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"testing"

	"herd/gossip/location"
)

// What is scanned ahead is what Next would have written.
func TestScan(t *testing.T) {
	answer := func(ahead bool) (sent []byte) {
		b := newLab(t)
		x := b.core(1, Config{ChunkBytes: 300})
		x.budget = 20
		for i := range 100 {
			b.report(x, fmt.Sprint("client-", i), i)
		}
		x.Tick(b.now)
		l := x.Open(b.now, 2)
		for more, asked := true, false; more; asked = true {
			var buf []byte
			if ahead {
				buf = l.Scan(nil, 400)
			}
			if buf, more = x.Next(b.now, l, Delta, buf, 400); asked && len(buf) > 900 {
				t.Errorf("ahead %v: %d bytes at once", ahead, len(buf))
			}
			sent = append(sent, buf...)
			if !asked {
				if err := x.Receive(b.now, l, Delta, messages(t, appendAsk(nil, Vector{}, true, true))[0]); err != nil {
					t.Fatal(err)
				}
				more = true
			}
		}
		return sent
	}
	if plain := answer(false); len(messages(t, plain)) < 10 || !bytes.Equal(answer(true), plain) {
		t.Error("two ways, two answers")
	}
}

// A scan goes on beside reports and batches that come, and misses nothing.
func TestScanBeside(t *testing.T) {
	const clients = 2000
	b := newLab(t)
	x, y := b.core(1, Config{}), b.core(2, Config{})
	x.budget = 50
	id := func(i int) []byte { return fmt.Append(nil, "client-", i) }
	for i := range clients {
		x.AcceptNow(b.now, 0, id(i), fixAt(t, "node-1", 1))
	}
	x.Tick(b.now)
	atX, atY := b.link(x, y)
	b.carry(atY, Delta) // the vector
	other := x.Open(b.now, 3)
	var mu sync.Mutex // around x
	var others sync.WaitGroup
	others.Go(func() {
		for i := range clients {
			x.Accept(0, id(i), fixAt(t, "node-1", 2))
		}
	})
	others.Go(func() {
		for i := range uint64(clients) {
			fixes := []record{{string(id(int(i))), location.Entry{Fix: fixAt(t, "node-3", 3)}}}
			m := messages(t, appendBatch(nil, "node-3", i, i+1, fixes))[0]
			other.Prepare(Live, m)
			mu.Lock()
			if err := x.Receive(b.now, other, Live, m); err != nil {
				t.Error(err)
			}
			mu.Unlock()
		}
	})
	for more := true; more; {
		buf := atX.Scan(nil, 1000)
		mu.Lock()
		buf, more = x.Next(b.now, atX, Delta, buf, 1000)
		mu.Unlock()
		for _, m := range messages(t, buf) {
			if err := y.Receive(b.now, atY, Delta, m); err != nil {
				t.Fatal(err)
			}
		}
	}
	others.Wait()
	if n := y.table.Len(); n != clients || !atY.Met() {
		t.Errorf("%d of %d clients came, met %v", n, clients, atY.Met())
	}
}

// Fixes of a prepared chunk are in the table; that they are there is known when it is
// received, or never will be.
func TestPrepareChunk(t *testing.T) {
	chunk := func(dots ...location.Dot) []byte {
		w := chunkWriter{limit: 1 << 20}
		for i, dot := range dots {
			w.add(fmt.Sprint("client-", i), &location.Entry{Fix: fixAt(t, "node-7", 7), Dot: dot})
		}
		w.close()
		return messages(t, w.buf)[0]
	}
	seven, eight := location.Dot{Origin: 7, Seq: 4}, location.Dot{Origin: 8, Seq: 9}
	good := chunk(seven, eight, seven)
	t.Run("received", func(t *testing.T) {
		b, x, _, atX, _ := inSync(t, Config{})
		atX.Prepare(Live, good) // the wrong lane
		if x.table.Len() > 0 {
			t.Error("merged from the wrong lane")
		}
		atX.Prepare(Delta, good)
		if x.table.Len() != 3 || x.loose.any() || x.Stats().Applied > 0 {
			t.Errorf("%d clients, loose %v, %+v", x.table.Len(), x.loose.any(), x.Stats())
		}
		for range 2 { // the second was not prepared
			if err := x.Receive(b.now, atX, Delta, good); err != nil {
				t.Error(err)
			}
		}
		if s := x.Stats(); !x.loose.any() || s.Applied != 3 || s.Redundant != 3 || x.gone.since[7] == nil || x.gone.since[8] == nil {
			t.Errorf("loose %v, %+v, %v are gone", x.loose.any(), s, x.gone.since)
		}
	})
	t.Run("covered", func(t *testing.T) {
		b, x, _, atX, _ := inSync(t, Config{})
		x.vector[7], x.vector[8] = 4, 9
		atX.Prepare(Delta, good)
		if err := x.Receive(b.now, atX, Delta, good); err != nil || x.loose.any() {
			t.Errorf("%v; loose %v", err, x.loose.any())
		}
		newer := chunk(seven, location.Dot{Origin: 7, Seq: 5}, seven)
		if err := x.Receive(b.now, atX, Delta, newer); err != nil || !x.loose.any() {
			t.Errorf("%v; loose %v", err, x.loose.any())
		}
	})
	t.Run("closed", func(t *testing.T) {
		b, x, _, atX, _ := inSync(t, Config{})
		atX.Prepare(Delta, good)
		x.Close(b.now, atX, true)
		if err := x.Receive(b.now, atX, Delta, good); err != nil || !x.loose.any() {
			t.Errorf("%v; loose %v", err, x.loose.any())
		}
	})
	t.Run("faulty", func(t *testing.T) {
		b, x, _, atX, _ := inSync(t, Config{})
		bad := append(bytes.Clone(good[:len(good)-1]), 9)
		atX.Prepare(Delta, bad)
		if err := x.Receive(b.now, atX, Delta, bad); !errors.Is(err, ErrMessage) || !x.loose.any() {
			t.Errorf("%v; loose %v", err, x.loose.any())
		}
	})
	t.Run("of batches that are not open yet", func(t *testing.T) {
		b, x, _, atX, _ := inSync(t, Config{})
		open := x.Sealed() + 1
		for seq, ok := range map[uint64]bool{open: true, open + 1: false} {
			m := chunk(location.Dot{Origin: 1, Seq: seq})
			before := x.table.Len()
			atX.Prepare(Delta, m)
			if err := x.Receive(b.now, atX, Delta, m); (err == nil) != ok || !ok && x.table.Len() != before {
				t.Errorf("batch %d, %d is open: %v", seq, open, err)
			}
		}
	})
}
