package load

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// truth knows where every client is that was stored, and answers who is near a point by
// looking at all of its latitude: what replies are compared with. It is not written to
// once it is made.
type truth struct {
	clients []placed // by latitude
	radius  float64  // metres
	limit   int
	seed    uint64
	count   uint32
}

// placed is a client and where it is, in microdegrees.
type placed struct {
	lat, lon int32
	key      uint32
}

func newTruth(c *Config) *truth {
	t := &truth{
		clients: make([]placed, c.Clients), radius: float64(c.Radius) * 1000, limit: c.Limit,
		seed: c.Seed, count: uint32(c.Clients),
	}
	for key := range t.clients {
		lat, lon := home(c.Seed, uint32(key))
		t.clients[key] = placed{lat, lon, uint32(key)}
	}
	slices.SortFunc(t.clients, func(a, b placed) int { return cmp.Compare(a.lat, b.lat) })
	return t
}

// home is where a client stays that never moves.
func home(seed uint64, key uint32) (lat, lon int32) {
	r := random(seed<<32 | uint64(key))
	return r.place()
}

// check says what is wrong with the answer to a query, IDs nearest first; empty if nothing
// is. The server may be wrong by so many metres, and by such a part of each distance.
func (t *truth) check(c *command, ids []string, metres, part float64) string {
	reach := t.radius + metres + part*t.radius
	var all []float64 // distances of those who may be near
	const perMicro = earthRadius * math.Pi / 180e6
	band := int32(reach/perMicro) + 1
	from, _ := slices.BinarySearchFunc(t.clients, c.lat-band, func(p placed, lat int32) int { return cmp.Compare(p.lat, lat) })
	for _, p := range t.clients[from:] {
		if p.lat > c.lat+band {
			break
		}
		if d := distance(c.lat, c.lon, p.lat, p.lon); d <= reach {
			all = append(all, d)
		}
	}
	slices.Sort(all)
	sure, _ := slices.BinarySearch(all, t.radius-metres-part*t.radius)
	if least, most := min(sure, t.limit), min(len(all), t.limit); len(ids) < least || len(ids) > most {
		return fmt.Sprintf("%d results, of %d that are near", len(ids), most)
	}
	met := make(map[string]bool, len(ids))
	for i, id := range ids {
		key, err := strconv.ParseUint(strings.TrimPrefix(id, idPrefix), 10, 32)
		if err != nil || len(id) != idWidth || key >= uint64(t.count) || met[id] {
			return fmt.Sprintf("result %d, %q, is no client, or is not new", i+1, id)
		}
		met[id] = true
		lat, lon := home(t.seed, uint32(key))
		d := distance(c.lat, c.lon, lat, lon)
		if math.Abs(d-all[i]) > metres+part*d {
			return fmt.Sprintf("result %d is at %.3f m, not at %.3f m", i+1, d, all[i])
		}
	}
	return ""
}

const earthRadius = 6_371_008.8 // metres

// distance is along a great circle, in metres, between points in microdegrees (haversine).
func distance(lat1, lon1, lat2, lon2 int32) float64 {
	const micro = math.Pi / 180e6
	s, t := math.Sin(float64(lat2-lat1)*micro/2), math.Sin(float64(lon2-lon1)*micro/2)
	h := s*s + math.Cos(float64(lat1)*micro)*math.Cos(float64(lat2)*micro)*t*t
	return 2 * earthRadius * math.Asin(math.Sqrt(min(1, h)))
}
