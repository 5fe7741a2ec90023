package journal_test

import (
	"bytes"
	"testing"

	"herd/gossip/journal"
)

// chunk is of the size of a chunk of a delta, frame of that of a batch of 20 fixes.
const (
	chunk = 64 << 10
	frame = 1200
)

// Reading a journal back, in bytes of messages: from the cache of the system, not from the disk.
func BenchmarkReplay(b *testing.B) {
	for name, size := range map[string]int{"chunks": chunk, "frames": frame} {
		b.Run(name, func(b *testing.B) {
			const total = 64 << 20
			fs := journal.Dir(b.TempDir())
			l, _, _ := open(b, fs)
			m := bytes.Repeat([]byte{7}, size)
			for range total / size {
				check(b, l.Append(m))
			}
			check(b, l.Close())
			b.SetBytes(total)
			for b.Loop() {
				l, err := journal.Open(fs, journal.Config{})
				check(b, err)
				r, err := l.Replay(func([]byte) error { return nil })
				check(b, err)
				if r.Messages != total/uint64(size) {
					b.Fatal(r)
				}
				check(b, l.Close())
			}
		})
	}
}

// Appending, without syncing, and what it writes for a byte of messages.
func BenchmarkAppend(b *testing.B) {
	for name, size := range map[string]int{"chunks": chunk, "frames": frame} {
		b.Run(name, func(b *testing.B) {
			l, _, _ := open(b, journal.Dir(b.TempDir()))
			m := bytes.Repeat([]byte{7}, size)
			b.SetBytes(int64(size))
			n := 0
			for b.Loop() {
				check(b, l.Append(m))
				if n++; n%(1<<20/size) == 0 && l.Due() { // so that the disk does not fill up
					s, err := l.Begin()
					check(b, err)
					check(b, s.Commit())
				}
			}
			b.ReportMetric(float64(l.Stats().Written)/float64(n*size), "written/B")
			check(b, l.Close())
		})
	}
}

// One batch and one sync, as with sync = "always" and one client.
func BenchmarkSync(b *testing.B) {
	l, _, _ := open(b, journal.Dir(b.TempDir()))
	m := bytes.Repeat([]byte{7}, frame)
	for b.Loop() {
		check(b, l.Append(m))
		check(b, l.Sync())
	}
	check(b, l.Close())
}
