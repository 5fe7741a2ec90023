package replica

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"herd/gossip/location"
)

// What was prepared is in the table, and nothing else is so until it is received: no
// ack, no vector. Then all is as if it had not been prepared.
func TestPrepare(t *testing.T) {
	_, x, _, atX, _ := inSync(t, Config{})
	batch := func(prev uint64) []byte {
		fixes := []record{{"kiwi", location.Entry{Fix: fixAt(t, "node-2", 10+int(prev))}}, {"emu", location.Entry{Fix: fixAt(t, "node-2", 10)}}}
		return messages(t, appendBatch(nil, "node-2", prev, prev+1, fixes))[0]
	}
	first, second := batch(0), batch(1)
	dirty(x)
	atX.Prepare(Live, first)
	atX.Prepare(Live, messages(t, appendBehind(nil))[0])
	atX.Prepare(Live, second)
	if e, _ := x.table.Get([]byte("kiwi")); e.Dot != (location.Dot{Origin: 2, Seq: 2}) {
		t.Errorf("the table holds %v", e)
	}
	if x.vector[2] != 0 || x.Stats().Applied != 0 || len(dirty(x)) > 0 {
		t.Errorf("the vector has %d, %+v", x.vector[2], x.Stats())
	}
	for i, m := range [][]byte{first, second, batch(2)} { // the last was not prepared
		if err := x.Receive(0, atX, Live, m); err != nil || x.vector[2] != uint64(i+1) || len(dirty(x)) == 0 {
			t.Errorf("batch %d: %v; the vector has %d", i+1, err, x.vector[2])
		}
	}
	if s := x.Stats(); s.Applied != 4 || s.Redundant != 2 || x.loose.any() {
		t.Errorf("%+v, loose %v", s, x.loose.any())
	}
	x.TakeArrived(func(received []int64) {
		want := []int64{10e9 + 5, 10e9 + 5, 11e9 + 5, 10e9 + 5, 12e9 + 5, 10e9 + 5}
		if !slices.Equal(received, want) {
			t.Errorf("received at %v, want %v", received, want)
		}
	})
}

// Of a batch longer than what is merged at a time all is merged, up to a fault if there is
// one.
func TestPrepareLong(t *testing.T) {
	const n = 2*together + 3
	for _, cut := range []int{0, 1} {
		_, x, _, atX, _ := inSync(t, Config{})
		var fixes []record
		for i := range n {
			fixes = append(fixes, record{fmt.Sprint("client-", i), location.Entry{Fix: fixAt(t, "node-2", 10)}})
		}
		m := messages(t, appendBatch(nil, "node-2", 0, 1, fixes))[0]
		m = m[:len(m)-2*cut] // the end of the batch and of its last fix
		before := x.table.Len()
		atX.Prepare(Live, m)
		if got := x.table.Len() - before; got != n-cut {
			t.Errorf("%d of %d fixes, %d of them whole, are in the table", got, n, n-cut)
		}
		if err := x.Receive(0, atX, Live, m); (err != nil) != (cut > 0) {
			t.Error(err)
		}
		if s := x.Stats(); cut == 0 && s.Applied != n {
			t.Errorf("%d fixes were applied", s.Applied)
		}
	}
}

// Prepared fixes that no batch will account for are known to be loose.
func TestPreparedInVain(t *testing.T) {
	fixes := []record{{"kiwi", location.Entry{Fix: fixAt(t, "node-2", 10)}}}
	m := messages(t, appendBatch(nil, "node-2", 0, 1, fixes))[0]
	t.Run("closed", func(t *testing.T) {
		b, x, _, atX, _ := inSync(t, Config{})
		atX.Prepare(Live, m)
		x.Close(b.now, atX, true)
		if err := x.Receive(b.now, atX, Live, m); err != nil || x.vector[2] != 0 || !x.loose.any() {
			t.Errorf("%v; the vector has %d, loose %v", err, x.vector[2], x.loose.any())
		}
	})
	t.Run("after a fault", func(t *testing.T) {
		b, x, _, atX, _ := inSync(t, Config{})
		bad := []byte{0xf0}
		atX.Prepare(Live, bad)
		atX.Prepare(Live, m)
		if err := x.Receive(b.now, atX, Live, bad); !errors.Is(err, ErrMessage) || !x.loose.any() {
			t.Errorf("%v; loose %v", err, x.loose.any())
		}
	})
	t.Run("faulty", func(t *testing.T) {
		b, x, _, atX, _ := inSync(t, Config{})
		bad := append(slices.Clone(m[:len(m)-1]), 7)
		atX.Prepare(Live, bad)
		if err := x.Receive(b.now, atX, Live, bad); !errors.Is(err, ErrMessage) || !x.loose.any() {
			t.Errorf("%v; loose %v", err, x.loose.any())
		}
	})
}
