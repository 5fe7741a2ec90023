package journal_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"herd/gossip/journal"
	"herd/gossip/journal/journaltest"
)

// A folder that is removed under the log takes all that is written, and keeps nothing: that is
// said, and what is written from then on is in a folder made anew, which is locked.
func TestFolderRemoved(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "data", "journal")
	l, _, _ := open(t, journal.Dir(folder))
	appendAll(t, l, "a")
	check(t, l.Sync())
	snapshot(t, l, "A")
	appendAll(t, l, "b")
	check(t, l.Sync())
	check(t, os.RemoveAll(filepath.Dir(folder)))
	if err := l.Sync(); !errors.Is(err, journal.ErrGone) { // with nothing to sync, too
		t.Errorf("error %v", err)
	}
	if err := l.Append([]byte("c")); !errors.Is(err, journal.ErrGone) {
		t.Errorf("error %v: what was durable is no more", err)
	}
	if s := l.Stats(); s.Durable != 0 || s.Appended != 0 || s.Snapshot != 0 || s.Total != 0 {
		t.Errorf("stats are %+v", s)
	}
	appendAll(t, l, "d")
	check(t, l.Sync())
	if _, err := journal.Open(journal.Dir(folder), journal.Config{}); !errors.Is(err, journal.ErrLocked) {
		t.Errorf("another has the folder: %v", err)
	}
	snapshot(t, l, "D")
	appendAll(t, l, "e")
	check(t, l.Sync())
	check(t, l.Close())
	_, all, r := open(t, journal.Dir(folder))
	expect(t, all, "D", "e")
	if r.Lost {
		t.Errorf("report is %v", r)
	}
}

// A folder that was out of sight for a while is gone on with, all of it.
func TestFolderComesBack(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "journal")
	l, _, _ := open(t, journal.Dir(folder))
	appendAll(t, l, "a")
	check(t, l.Sync())
	away := folder + ".away"
	check(t, os.Rename(folder, away))
	check(t, os.WriteFile(folder, nil, 0o600)) // where there can be no folder
	appendAll(t, l, "b")
	if err := l.Sync(); !errors.Is(err, journal.ErrGone) {
		t.Errorf("error %v", err)
	}
	for range 3 {
		if err := l.Append([]byte("c")); err == nil {
			t.Error("it was appended to nothing")
		}
	}
	check(t, os.Remove(folder))
	check(t, os.Rename(away, folder))
	appendAll(t, l, "d")
	check(t, l.Sync())
	if s := l.Stats(); s.Durable != 2 {
		t.Errorf("stats are %+v", s)
	}
	if _, err := journal.Open(journal.Dir(folder), journal.Config{}); !errors.Is(err, journal.ErrLocked) {
		t.Errorf("another has the folder: %v", err)
	}
	check(t, l.Close())
	_, all, r := open(t, journal.Dir(folder))
	expect(t, all, "a", "d")
	if r.Lost {
		t.Errorf("report is %v", r)
	}
}

// A folder with another journal in place of the one there was, as when a volume is mounted late, stays as it
// is; who opens it has what is there.
func TestFolderOfAnother(t *testing.T) {
	for _, more := range []int{0, 3} { // its last file has the name of ours, or another one
		late := filepath.Join(t.TempDir(), "journal")
		other, err := journal.Open(journal.Dir(late), journal.Config{Store: 8})
		check(t, err)
		_, err = other.Replay(func([]byte) error { return nil })
		check(t, err)
		appendAll(t, other, "x")
		for range more {
			check(t, other.Sync())
			snapshot(t, other, "X")
			appendAll(t, other, "y")
		}
		check(t, other.Sync())
		check(t, other.Close())

		folder := filepath.Join(t.TempDir(), "journal")
		l, _, _ := open(t, journal.Dir(folder))
		appendAll(t, l, "a")
		check(t, l.Sync())
		check(t, os.Rename(folder, folder+".below"))
		check(t, os.Rename(late, folder))
		l.Sync()
		for range 3 {
			if err := l.Append([]byte("b")); !errors.Is(err, journal.ErrForeign) {
				t.Errorf("error %v", err)
			}
		}
		check(t, l.Close())
		_, all, r := open(t, journal.Dir(folder))
		if more == 0 {
			expect(t, all, "x")
		} else {
			expect(t, all, "X", "y")
		}
		if r.Lost {
			t.Errorf("report is %v", r)
		}
	}
}

// What is removed before anything is appended, with what is to be carried over, is found out, too.
func TestFolderRemovedAtOnce(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "journal")
	for _, before := range [][]string{nil, {"a"}} {
		l, _, _ := open(t, journal.Dir(folder))
		appendAll(t, l, before...)
		check(t, l.Close())
		l, all, _ := open(t, journal.Dir(folder))
		expect(t, all, before...)
		check(t, os.RemoveAll(folder))
		var err error
		for range 3 {
			if err = l.Append([]byte("b")); err == nil {
				break
			}
		}
		check(t, err)
		check(t, l.Sync())
		check(t, l.Close())
		l, all, _ = open(t, journal.Dir(folder))
		expect(t, all, "b")
		check(t, l.Close())
		check(t, os.RemoveAll(folder))
	}
}

// A disk that was full, and is another one when it has room, is begun anew.
func TestFullThenGone(t *testing.T) {
	d := journaltest.New(1)
	l, _, _ := open(t, d)
	appendAll(t, l, "a")
	check(t, l.Sync())
	d.SetCapacity(1)
	if err := l.Append([]byte("b")); !errors.Is(err, journaltest.ErrFull) {
		t.Errorf("error %v", err)
	}
	d.SetCapacity(0)
	for _, name := range d.Names() {
		d.Put(name, nil)
	}
	if err := l.Append([]byte("c")); !errors.Is(err, journal.ErrGone) {
		t.Errorf("error %v", err)
	}
	appendAll(t, l, "d")
	check(t, l.Sync())
	d.Crash()
	_, all, r := open(t, d)
	expect(t, all, "d")
	if r.Lost {
		t.Errorf("report is %v", r)
	}
}

// snapshot puts one message in the place of all there is.
func snapshot(t *testing.T, l *journal.Log, message string) {
	t.Helper()
	s, err := l.Begin()
	check(t, err)
	appendAll(t, s, message)
	check(t, s.Commit())
}
