package journal_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"slices"
	"strings"
	"testing"

	"herd/gossip/journal"
	"herd/gossip/journal/journaltest"
)

// small is a journal of a snapshot and three log files, and what is in it. Its files are
// those that are in testdata/v1.
func small(t testing.TB) (*journaltest.Disk, []string) {
	t.Helper()
	d := journaltest.New(1)
	l, _, _ := open(t, d)
	appendAll(t, l, "gone")
	check(t, l.Sync())
	s, err := l.Begin()
	check(t, err)
	check(t, s.Append([]byte("snapshot, first"), []byte("snapshot, second")))
	appendAll(t, s, "snapshot, third")
	appendAll(t, l, "beside")
	check(t, s.Commit())
	check(t, l.Append([]byte("log, first"), []byte("log, second")))
	check(t, l.Sync())
	s, err = l.Begin() // so that there is another log file
	check(t, err)
	s.Abort()
	for _, m := range []string{"log, third", "log, fourth", "log, fifth"} {
		appendAll(t, l, m)
		check(t, l.Sync())
	}
	check(t, l.Close())
	return d, []string{
		"snapshot, first", "snapshot, second", "snapshot, third", "beside",
		"log, first", "log, second", "log, third", "log, fourth", "log, fifth",
	}
}

// contents are the files of a disk.
func contents(d *journaltest.Disk) map[string]string {
	all := map[string]string{}
	for _, name := range d.Names() {
		all[name] = string(d.Get(name))
	}
	return all
}

// damaged opens a journal that was damaged: it is refused, and then nothing of it is
// changed, or a prefix of what was in it is there, after which it goes on.
func damaged(t *testing.T, what string, d *journaltest.Disk, want []string) (n int, r journal.Report, err error) {
	t.Helper()
	before := contents(d)
	l, err := journal.Open(d, journal.Config{})
	if err != nil {
		if !maps.Equal(before, contents(d)) {
			t.Fatalf("%s: refused, and changed", what)
		}
		return 0, r, err
	}
	var got []string
	r, err = l.Replay(func(m []byte) error {
		got = append(got, string(m))
		return nil
	})
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if len(got) > len(want) || !slices.Equal(got, want[:len(got)]) {
		t.Fatalf("%s: got %q", what, got)
	}
	appendAll(t, l, "more")
	check(t, l.Sync())
	check(t, l.Close())
	d.Crash()
	_, again, second := open(t, d)
	if !slices.Equal(again, append(got, "more")) {
		t.Fatalf("%s: after %q there is %q", what, got, again)
	}
	if second.Lost && len(got) > 0 {
		t.Fatalf("%s: said twice: %v", what, second)
	}
	return len(got), r, nil
}

// Each file is cut at each byte.
func TestTruncated(t *testing.T) {
	d, want := small(t)
	names := d.Names()
	for i, name := range names {
		whole := d.Get(name)
		for n := range whole {
			c := d.Clone()
			c.Put(name, whole[:n])
			got, r, err := damaged(t, fmt.Sprintf("%s cut at %d", name, n), c, want)
			if err != nil {
				t.Fatalf("%s cut at %d: %v", name, n, err)
			}
			last := i == 2 // names: first log, snapshot, second log
			if got < len(want) && !last && (!r.Lost || r.Why == "") {
				t.Fatalf("%s cut at %d: not said to be lost: %v", name, n, r)
			}
			if last && got < 6 {
				t.Fatalf("%s cut at %d: %d messages are left", name, n, got)
			}
		}
	}
}

// Each bit of each file is turned over.
func TestFlipped(t *testing.T) {
	d, want := small(t)
	for _, name := range d.Names() {
		whole := d.Get(name)
		for bit := range len(whole) * 8 {
			c := d.Clone()
			b := slices.Clone(whole)
			b[bit/8] ^= 1 << (bit % 8)
			c.Put(name, b)
			what := fmt.Sprintf("%s, bit %d of byte %d turned over", name, bit%8, bit/8)
			switch n, r, err := damaged(t, what, c, want); {
			case err != nil && bit/8 < 8 && errors.Is(err, journal.ErrForeign): // of the magic
			case err != nil:
				t.Fatalf("%s: %v", what, err)
			case n == len(want):
				t.Fatalf("%s: not noticed", what)
			case r.Why == "" && bit/8 >= 64:
				t.Fatalf("%s: not said", what)
			case !r.Lost && n < len(want)-1:
				// Of the last block nothing tells that it was durable.
				t.Fatalf("%s: not said to be lost: %v", what, r)
			}
		}
	}
}

// Each file is missing.
func TestMissing(t *testing.T) {
	d, want := small(t)
	left := []int{3, 0} // without the first log, the snapshot
	for i, name := range d.Names() {
		c := d.Clone()
		c.Put(name, nil)
		if i == 2 { // that there was one nobody knows
			_, all, _ := open(t, c)
			expect(t, all, want[:6]...)
			continue
		}
		n, r, err := damaged(t, "without "+name, c, want)
		if err != nil || n != left[i] || !r.Lost {
			t.Errorf("without %s: %d messages, %v, error %v", name, n, r, err)
		}
	}
}

// What damage leaves out is counted, and where it begins is told.
func TestReport(t *testing.T) {
	d, _ := small(t)
	names := d.Names()
	b := d.Get(names[0])
	b[64+32] ^= 1
	d.Put(names[0], b)
	_, all, r := open(t, d)
	expect(t, all, "snapshot, first", "snapshot, second", "snapshot, third")
	if r.File != names[0] || r.Offset != 64 || r.Cut != int64(len(b)-64+len(d.Get(names[2]))) || !r.Lost || !r.Whole {
		t.Errorf("report is %+v", r)
	}
	if s := r.String(); !strings.Contains(s, names[0]+" ends after 0 messages") || !strings.Contains(s, "is missing") {
		t.Errorf("for people it is %q", s)
	}
}

// A damaged snapshot of which a whole older one is there does no harm.
func TestOlderSnapshot(t *testing.T) {
	d := journaltest.New(1)
	l, _, _ := open(t, d)
	s, err := l.Begin()
	check(t, err)
	appendAll(t, s, "A")
	check(t, s.Commit())
	appendAll(t, l, "b")
	check(t, l.Sync())
	before := d.Clone()
	s, err = l.Begin()
	check(t, err)
	appendAll(t, s, "AB")
	check(t, s.Commit())
	check(t, l.Close())
	for _, name := range d.Names() { // as if the crash had come before the older ones were removed
		before.Put(name, d.Get(name))
	}
	newest := before.Names()[len(before.Names())-1]
	_, all, r := open(t, before.Clone())
	expect(t, all, "AB")
	if r.Lost {
		t.Errorf("report is %v", r)
	}
	before.Put(newest, before.Get(newest)[:70])
	_, all, r = open(t, before)
	expect(t, all, "A", "b")
	if r.Lost {
		t.Errorf("report is %v", r)
	}
}

// What is written of a later version, by somebody else, or of another journal is refused, and left as it is.
func TestRefusedFiles(t *testing.T) {
	d, want := small(t)
	names := d.Names()
	sealed := func(b []byte, version uint32) []byte {
		binary.BigEndian.PutUint32(b[8:], version)
		binary.BigEndian.PutUint32(b[12:], crc32.Checksum(b[:12], crc32.MakeTable(crc32.Castagnoli)))
		return b
	}
	for what, c := range map[string]struct {
		name  string
		bytes []byte
		err   error
	}{
		"a later version":                {names[1], sealed(d.Get(names[1]), 2), journal.ErrVersion},
		"a later version of other shape": {names[0], append(sealed(d.Get(names[0])[:16], 77), make([]byte, 100)...), journal.ErrVersion},
		"something else":                 {names[1], []byte(strings.Repeat("My diary. ", 10)), journal.ErrForeign},
		"another name":                   {"00000000000000aa.log", d.Get(names[0]), journal.ErrForeign},
		"another kind":                   {"0000000000000003.snap", d.Get(names[2]), journal.ErrForeign},
	} {
		e := d.Clone()
		e.Put(c.name, c.bytes)
		if _, _, err := damaged(t, what, e, want); !errors.Is(err, c.err) || !strings.Contains(err.Error(), c.name) {
			t.Errorf("%s: error %v, want %v", what, err, c.err)
		}
	}
	other := journaltest.New(1)
	l, err := journal.Open(other, journal.Config{Store: 8})
	check(t, err)
	_, err = l.Replay(func([]byte) error { return nil })
	check(t, err)
	appendAll(t, l, "x")
	e := d.Clone()
	e.Put("0000000000000001.log", other.Get("0000000000000001.log"))
	if _, _, err := damaged(t, "another journal", e, want); !errors.Is(err, journal.ErrForeign) {
		t.Errorf("another journal: %v", err)
	}
	e = d.Clone()
	e.Put("address-book.json", []byte("{}"))
	if n, _, err := damaged(t, "a file of others", e, want); err != nil || n != len(want) {
		t.Errorf("a file of others: %d messages, %v", n, err)
	}
}
