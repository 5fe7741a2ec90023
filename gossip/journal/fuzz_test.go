package journal_test

import (
	"slices"
	"testing"

	"herd/gossip/journal"
	"herd/gossip/journal/journaltest"
)

// Whatever is in the files, it is refused and left alone, or read, and what is read is read again
// with what was appended.
func FuzzReplay(f *testing.F) {
	d, _ := small(f)
	names := d.Names() // a log, a snapshot, the next log
	f.Add(d.Get(names[0]), d.Get(names[1]), d.Get(names[2]))
	f.Add([]byte{}, []byte{}, []byte{})
	f.Fuzz(func(t *testing.T, log, snapshot, next []byte) {
		d := journaltest.New(1)
		d.Put(names[0], append([]byte{}, log...))
		d.Put(names[1], append([]byte{}, snapshot...))
		d.Put(names[2], append([]byte{}, next...))
		l, err := journal.Open(d, journal.Config{})
		if err != nil {
			return
		}
		read := func(l *journal.Log) (all []string) {
			_, err := l.Replay(func(m []byte) error {
				all = append(all, string(m))
				return nil
			})
			check(t, err)
			return all
		}
		first := read(l)
		size := 0
		for _, m := range first {
			size += len(m)
		}
		if size > len(log)+len(snapshot)+len(next) {
			t.Fatalf("%d bytes of messages", size)
		}
		appendAll(t, l, "more")
		check(t, l.Sync())
		check(t, l.Close())
		d.Crash()
		l, err = journal.Open(d, journal.Config{})
		check(t, err)
		if again := read(l); !slices.Equal(again, append(first, "more")) {
			t.Fatalf("after %q there is %q", first, again)
		}
	})
}
