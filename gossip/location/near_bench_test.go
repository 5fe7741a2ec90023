package location

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// benchWorld is where clients of benchmarks are.
type benchWorld struct {
	name          string
	lat, lon      float64 // of the middle
	height, width float64 // degrees
}

var benchWorlds = []benchWorld{
	{"world", 0, 0, 180, 360},
	{"city", 34, -118, 0.3, 0.36}, // 33 km by 33 km
}

func (w *benchWorld) at(r *rand.Rand) (lat, lon float64) {
	return w.lat + (r.Float64()-0.5)*w.height, w.lon + (r.Float64()-0.5)*w.width
}

func fixed(lat, lon float64) Position {
	return Position{lat: fixedDegrees(lat), lon: fixedDegrees(lon)}
}

func fixedDegrees(d float64) coordinate {
	c := coordinate{mantissa: uint64(math.Abs(d) * 1e6), negative: d < 0, integer: 3, fraction: 6}
	return c
}

// A million clients, all over the world or in one city.
func BenchmarkNear(b *testing.B) {
	const clients = 1_000_000
	for _, w := range benchWorlds {
		table := NewTable(4096, 1)
		r := rand.New(rand.NewPCG(1, 1))
		var id [20]byte
		e := benchEntry(b)
		for i := range clients {
			e.Position = fixed(w.at(r))
			table.Merge(benchID(&id, uint32(i)), e)
		}
		b.Run(w.name+"/first", func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				table.RestNear()
				table.RestNear()
				b.StartTimer()
				table.Near(0, 0, 1, 1)
			}
			b.ReportMetric(float64(table.NearBytes())/clients, "B/client")
		})
		for _, q := range []struct {
			radius float64
			limit  int
		}{{1000, 20}, {5000, 20}, {1000, 1000}, {100_000, 20}, {HalfEarth, 20}} {
			b.Run(fmt.Sprintf("%s/%.0fm/%d", w.name, q.radius, q.limit), func(b *testing.B) {
				b.ReportAllocs()
				found := 0
				for b.Loop() {
					lat, lon := w.at(r)
					found += len(table.Near(lat, lon, q.radius, q.limit))
				}
				b.ReportMetric(float64(found)/float64(b.N), "found/op")
			})
		}
	}
}

// An op is a report of one of a million clients, in no order, as they come together from a
// connection: with nobody who asks who is near, and with the grid; from some metres away, and
// from anywhere. What it takes to have them all in the grid is in it.
func BenchmarkGridReport(b *testing.B) {
	const clients, batch = 1_000_000, 16
	for _, w := range benchWorlds {
		table, e := NewTable(4096, 1), benchEntry(b)
		home := func(n, metres uint32) Position { // the same for a client, but for some metres
			x := uint64(n)*0x9e3779b97f4a7c15 + 1
			lat := w.lat + (float64(x>>40)/(1<<24)-0.5)*w.height*0.99
			lon := w.lon + (float64(x>>16&0xffffff)/(1<<24)-0.5)*w.width*0.99
			return fixed(lat+1e-6*float64(metres), lon)
		}
		var room [batch][20]byte
		for i := range uint32(clients) {
			e.Position = home(i, 0)
			table.Merge(benchID(&room[0], i), e)
		}
		r := rand.New(rand.NewPCG(1, 1))
		ids, to := make([][]byte, batch), make([]Position, batch)
		run := func(n int, far bool) {
			for i := 0; i < n; i += batch {
				for k := range batch {
					c := r.Uint32N(clients)
					ids[k] = benchID(&room[k], c)
					if far {
						c = r.Uint32N(clients)
					}
					to[k] = home(c, r.Uint32N(100))
				}
				table.Prefetch(ids)
				for k, id := range ids {
					e.Received++
					e.Order, e.Time.nanos, e.Position = e.Received, e.Received, to[k]
					table.Merge(id, e)
				}
			}
		}
		for _, far := range []bool{false, true} {
			way := "metres"
			if far {
				way = "anywhere"
			}
			for _, grid := range []bool{false, true} {
				b.Run(fmt.Sprintf("%s/%s/grid=%t", w.name, way, grid), func(b *testing.B) {
					table.RestNear()
					table.RestNear()
					if grid {
						table.Near(0, 0, 1, 1)
					}
					b.ResetTimer()
					run(b.N, far)
				})
			}
		}
	}
}
