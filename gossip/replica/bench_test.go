package replica

import (
	"fmt"
	"testing"
	"time"

	"herd/gossip/location"
)

// benchFixes are reports of as many clients, each newer than the one before.
func benchFixes(b *testing.B, n int) (ids [][]byte, at func(i int) location.Fix) {
	for i := range n {
		ids = append(ids, fmt.Appendf(nil, "client-%013d", i))
	}
	f := mustFix(b, "Clark", 1621464828000000001, "+34.068930-118.445127", "1621464827.959498503")
	return ids, func(i int) location.Fix {
		f := f
		f.Received += int64(i) // of equal times the greater clock difference wins
		return f
	}
}

// An op is a fix: accepted, sealed in a batch of as many and written for one peer.
func BenchmarkSend(b *testing.B) {
	for _, size := range []int{1, 16, 256} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			ids, at := benchFixes(b, 10_000)
			c := New(Config{Self: 1, Name: "Clark", Table: location.NewTable(64, 1)})
			l := c.Open(0, 2)
			var buf []byte
			bytes, now := 0, time.Duration(0)
			b.ReportAllocs()
			b.ResetTimer()
			for i := 0; i < b.N; {
				now += time.Millisecond
				for range size {
					c.AcceptNow(now, 0, ids[i%len(ids)], at(i))
					i++
				}
				c.Flush(now)
				for more := true; more; bytes += len(buf) {
					buf, more = c.Next(now, l, Live, buf[:0], 1<<20)
				}
				c.TakeEvents()
			}
			b.ReportMetric(float64(bytes)/float64(b.N), "wire-B/op")
		})
	}
}

// An op is a fix that comes in a batch of as many and wins.
func BenchmarkReceiveBatch(b *testing.B) {
	for _, size := range []int{1, 16, 256} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			ids, at := benchFixes(b, 10_000)
			c := New(Config{Self: 1, Name: "Bona", Table: location.NewTable(64, 1)})
			l := c.Open(0, 2)
			fixes, stock := make([]record, size), [1024][]byte{}
			b.ReportAllocs()
			b.ResetTimer()
			for i, seq := 0, uint64(0); i < b.N; {
				b.StopTimer()
				for k := range stock {
					seq++
					for j := range fixes {
						e := location.Entry{Fix: at(i), Dot: location.Dot{Origin: 2, Seq: seq}}
						fixes[j] = record{string(ids[i%len(ids)]), e}
						i++
					}
					stock[k] = appendBatch(stock[k][:0], "Clark", seq-1, seq, fixes)
				}
				b.StartTimer()
				for _, m := range stock {
					if err := c.Receive(time.Duration(seq), l, Live, m[prefixLen:]); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

// An op is a fix of a snapshot: found by the scan and written by one side, read and
// merged by the other. In a herd with a key both tables have one seed.
func BenchmarkSnapshot(b *testing.B) {
	b.Run("key", func(b *testing.B) { benchSnapshot(b, 1) })
	b.Run("no_key", func(b *testing.B) { benchSnapshot(b, 2) })
}

func benchSnapshot(b *testing.B, seed uint64) {
	const clients = 1_000_000
	ids, at := benchFixes(b, clients)
	from := New(Config{Self: 1, Name: "Clark", Table: location.NewTable(4096, 1)})
	for i := range ids {
		from.AcceptNow(0, 0, ids[i], at(i))
	}
	from.Flush(0)
	empty := messages(b, appendAsk(nil, Vector{}, true, true))[0]
	b.ReportAllocs()
	b.ResetTimer()
	for n := 0; n < b.N; n += clients {
		b.StopTimer()
		to := New(Config{Self: 2, Name: "Bona", Table: location.NewTable(4096, seed)})
		atTo, atFrom := to.Open(1, 1), from.Open(1, 2)
		b.StartTimer()
		if err := from.Receive(1, atFrom, Delta, empty); err != nil {
			b.Fatal(err)
		}
		var buf []byte
		for more := true; more; {
			buf, more = from.Next(1, atFrom, Delta, buf[:0], 256<<10)
			for _, m := range messages(b, buf) {
				if err := to.Receive(1, atTo, Delta, m); err != nil {
					b.Fatal(err)
				}
			}
		}
		b.StopTimer()
		if to.table.Len() != clients {
			b.Fatalf("%d clients came", to.table.Len())
		}
		from.Close(1, atFrom, false)
		b.StartTimer()
	}
}
