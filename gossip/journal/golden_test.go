package journal_test

import (
	"os"
	"path/filepath"
	"testing"

	"herd/gossip/journal/journaltest"
)

// What the first version has written is read for ever. The files are those of small.
func TestGolden(t *testing.T) {
	d := journaltest.New(1)
	folder := filepath.Join("testdata", "v1")
	entries, err := os.ReadDir(folder)
	check(t, err)
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(folder, e.Name()))
		check(t, err)
		d.Put(e.Name(), b)
	}
	now, want := small(t)
	for _, name := range now.Names() {
		if string(now.Get(name)) != string(d.Get(name)) {
			t.Errorf("%s is written in another way now: that is another version", name)
		}
	}
	l, all, r := open(t, d)
	expect(t, all, want...)
	if !r.Whole || r.Lost || r.Cut > 0 {
		t.Errorf("report is %+v", r)
	}
	appendAll(t, l, "more")
	check(t, l.Close())
	_, all, _ = open(t, d)
	expect(t, all, append(want, "more")...)
}
