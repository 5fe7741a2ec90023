package journaltest

import (
	"bytes"
	"testing"

	"herd/gossip/journal"
)

// newLog is a disk with a file that would be there after a crash.
func newLog(t *testing.T, seed uint64) (*Disk, journal.File) {
	t.Helper()
	d := New(seed)
	f, err := d.Create("log")
	if err == nil {
		err = d.Sync()
	}
	if err != nil {
		t.Fatal(err)
	}
	return d, f
}

// write writes a byte at a time, and syncs each if it is to.
func write(t *testing.T, f journal.File, b []byte, sync bool) {
	t.Helper()
	for i := range b {
		_, err := f.Write(b[i : i+1])
		if err == nil && sync {
			err = f.Sync()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// A crash leaves what was synced as it was, and of the rest some pages.
func TestCrash(t *testing.T) {
	one, two := bytes.Repeat([]byte{1}, 5*page/2), bytes.Repeat([]byte{2}, 4*page)
	lengths, torn := map[int]bool{}, false
	for seed := range uint64(200) {
		d, f := newLog(t, seed)
		write(t, f, one, true)
		write(t, f, two, false)
		if b := d.Get("log"); !bytes.Equal(b, append(bytes.Clone(one), two...)) {
			t.Fatalf("seed %d: before the crash there is %v", seed, b)
		}
		d.Crash()
		rest, ok := bytes.CutPrefix(d.Get("log"), one)
		if left := bytes.Trim(rest, "\x00\x02"); !ok || len(left) > 0 {
			t.Fatalf("seed %d: after the crash there is %v", seed, d.Get("log"))
		}
		lengths[len(rest)], torn = true, torn || bytes.Contains(rest, []byte{0})
	}
	if len(lengths) < 50 || !torn {
		t.Errorf("after crashes there are files of %d lengths, torn: %v", len(lengths), torn)
	}
}

// What a sync that failed has lost no later one brings back.
func TestSyncFails(t *testing.T) {
	lost := 0
	for seed := range uint64(50) {
		d, f := newLog(t, seed)
		all := bytes.Repeat([]byte{1}, 4*page)
		write(t, f, all, false)
		d.SetFail(func(op, _ string) error { return ErrIO })
		if err := f.Sync(); err == nil {
			t.Fatal("a sync did not fail")
		}
		d.SetFail(nil)
		write(t, f, all, true)
		d.Crash()
		if b := d.Get("log"); !bytes.HasPrefix(b, all) {
			lost++
		}
	}
	if lost < 40 {
		t.Errorf("something was lost %d times", lost)
	}
}
