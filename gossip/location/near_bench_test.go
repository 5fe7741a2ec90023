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
