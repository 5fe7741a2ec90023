package journal_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"herd/gossip/journal"
	"herd/gossip/journal/journaltest"
)

// open opens a journal and returns what is in it.
func open(t testing.TB, fs journal.FS) (*journal.Log, []string, journal.Report) {
	t.Helper()
	l, err := journal.Open(fs, journal.Config{Store: 7})
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	r, err := l.Replay(func(m []byte) error {
		all = append(all, string(m))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return l, all, r
}

func appendAll(t testing.TB, l interface{ Append(...[]byte) error }, messages ...string) {
	t.Helper()
	for _, m := range messages {
		if err := l.Append([]byte(m)); err != nil {
			t.Fatal(err)
		}
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func expect(t testing.TB, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("got %.200q, want %.200q", got, want)
	}
}

// What was appended is there when the journal is opened again, on a disk and in memory.
func TestAppend(t *testing.T) {
	for name, fs := range map[string]journal.FS{"memory": journaltest.New(1), "disk": journal.Dir(t.TempDir())} {
		t.Run(name, func(t *testing.T) {
			l, all, _ := open(t, fs)
			expect(t, all)
			big := strings.Repeat("x", journal.MaxMessage)
			check(t, l.Append([]byte("a"), []byte("b"), []byte(big), []byte("c")))
			check(t, l.Sync())
			check(t, l.Append([]byte("d")))
			if s := l.Stats(); s.Appended != 5 || s.Durable != 4 || s.Files != 1 || s.Total != s.Written {
				t.Errorf("stats are %+v", s)
			}
			check(t, l.Close())
			l, all, r := open(t, fs)
			expect(t, all, "a", "b", big, "c", "d")
			if r.Messages != 5 || r.Bytes != int64(len(big)+4) || r.Lost || r.Cut != 0 || !r.Whole {
				t.Errorf("report is %+v", r)
			}
			appendAll(t, l, "e")
			check(t, l.Close())
			l, all, _ = open(t, fs)
			expect(t, all, "a", "b", big, "c", "d", "e")
			check(t, l.Close())
		})
	}
}

// A snapshot stands for what was appended before it was begun, and what was appended since follows it.
func TestSnapshot(t *testing.T) {
	for name, fs := range map[string]journal.FS{"memory": journaltest.New(1), "disk": journal.Dir(t.TempDir())} {
		t.Run(name, func(t *testing.T) {
			l, _, _ := open(t, fs)
			appendAll(t, l, "a", "b")
			s, err := l.Begin()
			check(t, err)
			if _, err := l.Begin(); err == nil {
				t.Error("two at a time")
			}
			appendAll(t, l, "c")
			appendAll(t, s, "A", "B")
			appendAll(t, l, "d")
			check(t, s.Commit())
			s.Abort() // does nothing
			appendAll(t, l, "e")
			if st := l.Stats(); st.Files != 2 || st.Snapshot == 0 || st.Total <= st.Snapshot {
				t.Errorf("stats are %+v", st)
			}
			check(t, l.Close())
			l, all, r := open(t, fs)
			expect(t, all, "A", "B", "c", "d", "e")
			if r.Snapshot == 0 || !r.Whole || r.Lost {
				t.Errorf("report is %+v", r)
			}
			s, err = l.Begin()
			check(t, err)
			appendAll(t, s, "C")
			appendAll(t, l, "f")
			s.Abort()
			check(t, l.Close())
			l, all, _ = open(t, fs)
			expect(t, all, "A", "B", "c", "d", "e", "f")
			if got := l.Stats(); got.Files != 4 {
				t.Errorf("%d files, want a snapshot, its log file, what was carried over, and another", got.Files)
			}
			s, err = l.Begin()
			check(t, err)
			appendAll(t, s, "D")
			check(t, s.Commit())
			check(t, l.Close())
			l, all, _ = open(t, fs)
			expect(t, all, "D")
			check(t, l.Close())
		})
	}
}

// A message that is too long, or none, is refused, with what comes with it.
func TestRefusedMessages(t *testing.T) {
	d := journaltest.New(1)
	l, _, _ := open(t, d)
	for _, m := range [][]byte{nil, make([]byte, journal.MaxMessage+1)} {
		if err := l.Append([]byte("a"), m); err == nil {
			t.Errorf("%d bytes were taken", len(m))
		}
	}
	appendAll(t, l, "b")
	check(t, l.Close())
	_, all, _ := open(t, d)
	expect(t, all, "b")
}

// Where a reader refuses a message, the log goes on before it.
func TestRefusal(t *testing.T) {
	d := journaltest.New(1)
	l, _, _ := open(t, d)
	check(t, l.Append([]byte("a"), []byte("b"), []byte("c")))
	check(t, l.Close())
	l, err := journal.Open(d, journal.Config{})
	check(t, err)
	if err := l.Append([]byte("x")); err == nil {
		t.Error("it was appended to before it was read")
	}
	wrong := errors.New("wrong")
	r, err := l.Replay(func(m []byte) error {
		if string(m) == "b" {
			return wrong
		}
		return nil
	})
	if !errors.Is(err, wrong) || r.Messages != 1 || r.Lost {
		t.Errorf("report is %+v, error %v", r, err)
	}
	appendAll(t, l, "d")
	check(t, l.Close())
	_, all, _ := open(t, d)
	expect(t, all, "a", "d")
}

func TestClosed(t *testing.T) {
	l, _, _ := open(t, journaltest.New(1))
	appendAll(t, l, "a")
	s, err := l.Begin()
	check(t, err)
	check(t, l.Close())
	check(t, l.Close())
	for what, err := range map[string]error{
		"append": l.Append([]byte("b")), "sync": l.Sync(), "commit": s.Commit(),
		"begin": func() error { _, err := l.Begin(); return err }(),
	} {
		if err == nil {
			t.Errorf("%s after close went well", what)
		}
	}
}

func ExampleLog() {
	l, err := journal.Open(journaltest.New(1), journal.Config{})
	if err != nil {
		panic(err)
	}
	defer l.Close()
	if _, err := l.Replay(func(m []byte) error { return nil }); err != nil {
		panic(err)
	}
	if err := errors.Join(l.Append([]byte("news")), l.Sync()); err != nil {
		panic(err)
	}
	fmt.Println(l.Stats().Durable)
	// Output: 1
}

// Again hands out what Replay did, beside what is appended meanwhile; of a damaged file too.
func TestAgain(t *testing.T) {
	for damaged := range 3 { // so many files from the end
		fs := journaltest.New(1)
		l, _, _ := open(t, fs)
		appendAll(t, l, "a", "b")
		s, err := l.Begin()
		check(t, err)
		appendAll(t, s, "ab")
		check(t, s.Commit())
		appendAll(t, l, "c")
		check(t, l.Sync())
		check(t, l.Close())
		l, _, _ = open(t, fs)
		appendAll(t, l, "d")
		check(t, l.Sync())
		check(t, l.Close())
		if damaged > 0 {
			name := fs.Names()[len(fs.Names())-damaged]
			b := fs.Get(name)
			b[len(b)-1] ^= 1
			fs.Put(name, b)
		}
		l, all, _ := open(t, fs)
		expect(t, all, []string{"ab", "c", "d"}[:3-damaged]...)
		appendAll(t, l, "e")
		for range 2 {
			var again []string
			check(t, l.Again(func(m []byte) error {
				again = append(again, string(m))
				return nil
			}))
			expect(t, again, all...)
		}
		if err := l.Again(func([]byte) error { return journaltest.ErrIO }); !errors.Is(err, journaltest.ErrIO) {
			t.Errorf("it ends with %v", err)
		}
		check(t, l.Close())
	}
}
