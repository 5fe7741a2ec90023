package location

import (
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"
)

// benchID is the ID of client n, 20 bytes, in id.
func benchID(id *[20]byte, n uint32) []byte {
	const hex = "0123456789abcdef"
	*id = [20]byte{'c', 'l', 'i', 'e', 'n', 't', '.', 'e', 'x', 'a', 'm', '.'}
	for i := len(id) - 1; i >= 12; i-- {
		id[i] = hex[n&15]
		n >>= 4
	}
	return id[:]
}

func benchEntry(t testing.TB) Entry {
	t.Helper()
	return Entry{NewFix("Clark", 17e17, 0, mustPosition(t, usualPosition), mustTime(t, usualTime)), Dot{0, 7, 1}}
}

func benchTable(b *testing.B, clients int) *Table {
	b.Helper()
	table, e := NewTable(4096, 1), benchEntry(b)
	var id [20]byte
	for i := range clients {
		table.Merge(benchID(&id, uint32(i)), e)
	}
	return table
}

// What is done for each command, with clients in no order; run with -cpu 1,2.
func BenchmarkTable(b *testing.B) {
	for _, clients := range []int{100_000, 1_000_000} {
		table := benchTable(b, clients)
		var random, clock atomic.Uint64
		each := func(name string, do func(id []byte, e Entry)) {
			b.Run(fmt.Sprint(name, "/", clients), func(b *testing.B) {
				b.ReportAllocs()
				b.RunParallel(func(pb *testing.PB) {
					e := benchEntry(b)
					e.Received += int64(clock.Add(1e9)) // later than all that was
					x := random.Add(0x9e3779b97f4a7c15)
					var id [20]byte
					for pb.Next() {
						x ^= x << 13
						x ^= x >> 7
						x ^= x << 17
						e.Received++
						do(benchID(&id, uint32(x%uint64(clients))), e)
					}
				})
			})
		}
		each("update", func(id []byte, e Entry) { table.Merge(id, e) })
		each("stale", func(id []byte, e Entry) {
			e.Order, e.Time.nanos = 1, 1
			table.Merge(id, e)
		})
		each("get", func(id []byte, _ Entry) { table.Get(id) })
	}
}

// An op is one of as many updates that come together, with clients in no order.
func BenchmarkPrefetch(b *testing.B) {
	for _, clients := range []int{100_000, 1_000_000} {
		table, e := benchTable(b, clients), benchEntry(b)
		x := uint64(0x9e3779b97f4a7c15)
		var room [64][20]byte
		ids := make([][]byte, 0, len(room))
		for _, n := range []int{1, 4, 16, 64} {
			for name, prefetch := range map[string]func([][]byte){"with": table.Prefetch, "without": func([][]byte) {}} {
				b.Run(fmt.Sprint(clients, "/", n, "/", name), func(b *testing.B) {
					b.ReportAllocs()
					for i := 0; i < b.N; i += n {
						ids = ids[:0]
						for k := range n {
							x ^= x << 13
							x ^= x >> 7
							x ^= x << 17
							ids = append(ids, benchID(&room[k], uint32(x%uint64(clients))))
						}
						prefetch(ids)
						for _, id := range ids {
							e.Received++
							table.Merge(id, e)
						}
					}
				})
			}
		}
	}
}

// An op is to fill an empty table with what another of its seed holds, in the order of
// that one's shards.
func BenchmarkTableCopy(b *testing.B) {
	const clients = 1_000_000
	from, e := benchTable(b, clients), benchEntry(b)
	ids := make([][]byte, 0, clients)
	for i := range from.Shards() {
		from.Scan(i, func(id string, _ *Entry) { ids = append(ids, []byte(id)) })
	}
	for b.Loop() {
		to := NewTable(from.Shards(), 1)
		for _, id := range ids {
			to.Merge(id, e)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/clients, "ns/client")
}

func BenchmarkTableScan(b *testing.B) {
	const clients = 1_000_000
	table := benchTable(b, clients)
	var digits int
	for b.Loop() {
		for i := range table.Shards() {
			table.Scan(i, func(id string, e *Entry) { digits += len(id) + int(e.Dot.Seq) })
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/clients, "ns/client")
}

// One million clients come to an empty table: what that takes, of the heap too.
func BenchmarkTableFill(b *testing.B) {
	const clients = 1_000_000
	for b.Loop() {
		b.StopTimer()
		var before, filled, collected runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		b.StartTimer()
		table := benchTable(b, clients)
		b.StopTimer()
		runtime.ReadMemStats(&filled)
		runtime.GC()
		runtime.ReadMemStats(&collected)
		runtime.KeepAlive(table)
		b.ReportMetric(float64(collected.HeapAlloc-before.HeapAlloc)/clients, "heap-B/client")
		b.ReportMetric(float64(filled.TotalAlloc-before.TotalAlloc)/clients, "alloc-B/client")
		b.StartTimer()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/clients, "ns/client")
}

// Five million come, and each is timed: the table grows without a pause.
func BenchmarkTableGrowth(b *testing.B) {
	const clients = 5_000_000
	for b.Loop() {
		table, e := NewTable(4096, 1), benchEntry(b)
		took := make([]time.Duration, clients)
		var id [20]byte
		for i := range took {
			id := benchID(&id, uint32(i))
			start := time.Now()
			table.Merge(id, e)
			took[i] = time.Since(start)
		}
		slices.Sort(took)
		b.ReportMetric(float64(took[clients/2].Nanoseconds()), "p50-ns")
		b.ReportMetric(float64(took[clients/1000*999].Nanoseconds()), "p99.9-ns")
		b.ReportMetric(float64(took[clients/100_000*99_999].Nanoseconds()), "p99.999-ns")
		b.ReportMetric(float64(took[clients-1].Nanoseconds()), "max-ns")
	}
}

// A cycle of the collector over five million clients.
func BenchmarkTableCollection(b *testing.B) {
	table := benchTable(b, 5_000_000)
	for b.Loop() {
		runtime.GC()
	}
	runtime.KeepAlive(table)
}
