package journal_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"herd/gossip/journal"
	"herd/gossip/journal/journaltest"
)

// A disk that is full takes up nothing that it does not say, and needs nothing but room.
func TestFull(t *testing.T) {
	d := journaltest.New(1)
	l, _, _ := open(t, d)
	appendAll(t, l, "a", "b")
	check(t, l.Sync())
	appendAll(t, l, "c")
	d.SetCapacity(l.Stats().Total + 50)
	for range 3 {
		if err := l.Append([]byte(strings.Repeat("d", 100))); !errors.Is(err, journaltest.ErrFull) {
			t.Fatalf("error %v", err)
		}
		if s := l.Stats(); s.Appended != 3 || s.Durable != 3 { // it had room for c
			t.Errorf("stats are %+v", s)
		}
	}
	if s, err := l.Begin(); err == nil {
		t.Error("a snapshot is begun")
		s.Abort()
	}
	if n := len(d.Names()); n != 1 {
		t.Errorf("%d files are left of what failed", n-1)
	}
	d.SetCapacity(0)
	appendAll(t, l, "e")
	check(t, l.Sync())
	d.Crash()
	_, all, r := open(t, d)
	expect(t, all, "a", "b", "c", "e")
	if r.Lost {
		t.Errorf("report is %v", r)
	}
}

// A snapshot that can't be written leaves what there is, and no more than that.
func TestFullSnapshot(t *testing.T) {
	for _, op := range []string{"write", "sync", "rename", "syncdir"} {
		d := journaltest.New(1)
		l, _, _ := open(t, d)
		appendAll(t, l, "a")
		s, err := l.Begin()
		check(t, err)
		files := len(d.Names()) - 1
		d.SetFail(func(o, name string) error {
			if o == op && (strings.Contains(name, ".snap") || op == "syncdir") {
				return journaltest.ErrFull
			}
			return nil
		})
		if err := errors.Join(s.Append([]byte("A")), s.Commit()); !errors.Is(err, journaltest.ErrFull) {
			t.Errorf("%s failed: error %v", op, err)
		}
		if n := len(d.Names()); n != files {
			t.Errorf("%s failed: files are %q", op, d.Names())
		}
		d.SetFail(nil)
		appendAll(t, l, "b")
		check(t, l.Sync())
		c := d.Clone()
		_, all, _ := open(t, c)
		expect(t, all, "a", "b")
		s, err = l.Begin()
		check(t, err)
		appendAll(t, s, "AB")
		check(t, s.Commit())
		d.Crash()
		_, all, _ = open(t, d)
		expect(t, all, "AB")
	}
}

// What is left of a snapshot that was given up and could not be removed goes with the next one.
func TestPartIsRemovedLater(t *testing.T) {
	d := journaltest.New(1)
	l, _, _ := open(t, d)
	appendAll(t, l, "a")
	s, err := l.Begin()
	check(t, err)
	appendAll(t, s, "A")
	d.SetFail(func(op, _ string) error {
		if op == "remove" {
			return journaltest.ErrIO
		}
		return nil
	})
	s.Abort()
	d.SetFail(nil)
	left := func() int {
		n := 0
		for _, name := range d.Names() {
			if strings.HasSuffix(name, ".part") {
				n++
			}
		}
		return n
	}
	if left() != 1 {
		t.Fatalf("files are %q", d.Names())
	}
	s, err = l.Begin()
	check(t, err)
	appendAll(t, s, "A")
	check(t, s.Commit())
	if left() != 0 || l.Stats().Files != len(d.Names()) {
		t.Errorf("files are %q, of which the log knows %d", d.Names(), l.Stats().Files)
	}
}

// What failed to sync is not trusted any more: a second sync may succeed and mean nothing.
func TestFailedSync(t *testing.T) {
	d := journaltest.New(1)
	l, _, _ := open(t, d)
	appendAll(t, l, "a")
	check(t, l.Sync())
	appendAll(t, l, "b")
	d.SetFail(func(op, _ string) error {
		if op == "sync" {
			return journaltest.ErrIO
		}
		return nil
	})
	if err := l.Sync(); !errors.Is(err, journaltest.ErrIO) {
		t.Fatalf("error %v", err)
	}
	if s := l.Stats(); s.Appended != 1 {
		t.Errorf("stats are %+v", s)
	}
	d.SetFail(nil)
	appendAll(t, l, "c")
	check(t, l.Sync())
	d.Crash()
	_, all, r := open(t, d)
	expect(t, all, "a", "c")
	if r.Lost {
		t.Errorf("report is %v", r)
	}
}

// What was read on a disk that takes no writes is read; that it can't be written is said then.
func TestReadOnly(t *testing.T) {
	d, want := small(t)
	d.Put("0000000000000009.snap.part", []byte("half"))
	d.SetFail(func(op, _ string) error {
		switch op {
		case "create", "write", "sync", "rename", "remove", "syncdir":
			return journaltest.ErrReadOnly
		}
		return nil
	})
	l, all, _ := open(t, d)
	expect(t, all, want...)
	if err := l.Append([]byte("x")); !errors.Is(err, journaltest.ErrReadOnly) {
		t.Errorf("error %v", err)
	}
	d.SetFail(nil)
	appendAll(t, l, "x")
	check(t, l.Close())
	_, all, _ = open(t, d)
	expect(t, all, append(want, "x")...)
}

// Reading may be tried again when the disk has failed to.
func TestReadAgain(t *testing.T) {
	d, want := small(t)
	l, err := journal.Open(d, journal.Config{})
	check(t, err)
	d.SetFail(func(op, _ string) error {
		if op == "read" {
			return journaltest.ErrIO
		}
		return nil
	})
	if _, err := l.Replay(func([]byte) error { return nil }); !errors.Is(err, journaltest.ErrIO) {
		t.Errorf("error %v", err)
	}
	if err := l.Append([]byte("x")); err == nil {
		t.Error("it was appended to and not read")
	}
	d.SetFail(nil)
	var all []string
	_, err = l.Replay(func(m []byte) error {
		all = append(all, string(m))
		return nil
	})
	check(t, err)
	expect(t, all, want...)
	if _, err := l.Replay(func([]byte) error { return nil }); err == nil {
		t.Error("it was read twice")
	}
}

const lockFolder = "JOURNAL_TEST_LOCK"

// TestMain is another process that opens a journal, if it is told to.
func TestMain(m *testing.M) {
	if folder := os.Getenv(lockFolder); folder != "" {
		_, err := journal.Open(journal.Dir(folder), journal.Config{})
		fmt.Print(err)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// A folder is one process's.
func TestTwoProcesses(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "new", "folder")
	l, _, _ := open(t, journal.Dir(folder))
	if _, err := journal.Open(journal.Dir(folder), journal.Config{}); !errors.Is(err, journal.ErrLocked) {
		t.Errorf("twice in one process: error %v", err)
	}
	other := func() string {
		exe, err := os.Executable()
		check(t, err)
		cmd := exec.Command(exe)
		cmd.Env = append(os.Environ(), lockFolder+"="+folder)
		out, err := cmd.Output()
		check(t, err)
		return string(out)
	}
	if out, want := other(), fmt.Sprintf("in use by another process, pid %d", os.Getpid()); !strings.Contains(out, want) {
		t.Errorf("another process is told %q, want %q", out, want)
	}
	check(t, l.Close())
	if out := other(); out != "<nil>" {
		t.Errorf("when it was closed another process is told %q", out)
	}
}

func TestNoFolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	check(t, os.WriteFile(file, nil, 0o600))
	if _, err := journal.Open(journal.Dir(filepath.Join(file, "journal")), journal.Config{}); err == nil {
		t.Error("there is a folder in a file")
	}
	if _, err := journal.Dir(t.TempDir()).Open("none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v", err)
	}
}

// Appending, syncing and writing a snapshot go on beside each other.
func TestBeside(t *testing.T) {
	folder := t.TempDir()
	l, _, _ := open(t, journal.Dir(folder))
	const n = 300
	var w sync.WaitGroup
	w.Go(func() {
		for i := range n {
			if err := l.Append(fmt.Appendf(nil, "log %d", i)); err != nil {
				t.Error(err)
			}
		}
	})
	w.Go(func() {
		for range 20 {
			if err := l.Sync(); err != nil {
				t.Error(err)
			}
			l.Due()
		}
	})
	began := make(chan uint64, 1)
	w.Go(func() {
		s, err := l.Begin()
		if err != nil {
			t.Error(err)
			return
		}
		began <- 0
		for i := range n {
			if err := s.Append(fmt.Appendf(nil, "snapshot %d", i)); err != nil {
				t.Error(err)
			}
		}
		if err := s.Commit(); err != nil {
			t.Error(err)
		}
	})
	w.Wait()
	check(t, l.Sync())
	check(t, l.Close())
	_, all, r := open(t, journal.Dir(folder))
	if r.Lost || !r.Whole || len(all) < n {
		t.Fatalf("report is %v", r)
	}
	for i := range n {
		if want := fmt.Sprintf("snapshot %d", i); all[i] != want {
			t.Fatalf("message %d is %q, want %q", i, all[i], want)
		}
	}
	// What was appended before the snapshot was begun is in it, as far as this test knows.
	rest := all[n:]
	for i, m := range rest {
		if want := fmt.Sprintf("log %d", n-len(rest)+i); m != want {
			t.Fatalf("message %d is %q, want %q", n+i, m, want)
		}
	}
}

// If a snapshot is written whenever one is due, the files have a bound, and so has what
// is written.
func TestBound(t *testing.T) {
	const slack, state, message = 10_000, 40_000, 400
	d := journaltest.New(1)
	l, err := journal.Open(d, journal.Config{Slack: slack})
	check(t, err)
	_, err = l.Replay(func([]byte) error { return nil })
	check(t, err)
	m := make([]byte, message)
	appended, snapshots, greatest := 0, 0, int64(0)
	for range 2_000 {
		check(t, l.Append(m))
		appended += message
		greatest = max(greatest, l.Stats().Total)
		if !l.Due() {
			continue
		}
		s, err := l.Begin()
		check(t, err)
		if l.Due() {
			t.Fatal("another is due while one is written")
		}
		for range state / message {
			check(t, s.Append(m))
		}
		greatest = max(greatest, l.Stats().Total)
		check(t, s.Commit())
		snapshots++
	}
	t.Logf("%d snapshots, at most %d bytes for a state of %d, %d bytes written for %d", snapshots, greatest, state, l.Stats().Written, appended)
	if snapshots < 5 || greatest > 3.3*state+slack || l.Stats().Written > int64(2.5*float64(appended)) {
		t.Error("that is not within bounds")
	}
}
