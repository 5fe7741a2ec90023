package location

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"
)

// inMicros is the position of whole millionths of a degree.
func inMicros(t rapid.TB, lat, lon int) Position {
	t.Helper()
	text := func(n int) string {
		sign := "+"
		if n < 0 {
			sign, n = "-", -n
		}
		return fmt.Sprintf("%s%d.%06d", sign, n/1e6, n%1e6)
	}
	p, err := ParsePosition([]byte(text(lat) + text(lon)))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// moved is the n-th fix of a client.
func moved(p Position, n int64) Entry {
	return Entry{Fix{Order: n, Received: n, Time: Time{nanos: n, integer: 1}, Position: p, Node: "Clark"}, Dot{0, 7, 1}}
}

// bruteForce answers as Near must.
func bruteForce(all map[string]Entry, lat, lon, radius float64, limit int) []Neighbour {
	near := []Neighbour{}
	for id, e := range all {
		toLat, toLon := e.Position.Degrees()
		if d := Distance(lat, lon, toLat, toLon); d <= radius {
			near = append(near, Neighbour{id, e, d})
		}
	}
	slices.SortFunc(near, func(a, b Neighbour) int {
		return cmp.Or(cmp.Compare(a.Distance, b.Distance), strings.Compare(a.ID, b.ID))
	})
	return near[:min(limit, len(near))]
}

// micros draws a coordinate: anywhere, at an edge of the map, or about a place, so that
// there are crowds, coincidence and clients at one distance.
func micros(limit int) *rapid.Generator[int] {
	const most = 180e6
	return rapid.OneOf(
		rapid.IntRange(-limit, limit),
		rapid.SampledFrom([]int{0, limit, -limit, limit - 1, -limit + 1, limit / 2, -limit / 2}),
		rapid.IntRange(-3, 3),
		rapid.Map(rapid.IntRange(0, 2000), func(n int) int { return limit - n }),
		rapid.Map(rapid.IntRange(0, 2000), func(n int) int { return n - limit }),
		rapid.Map(rapid.IntRange(0, 50), func(n int) int { return limit/3 + 5*n }),
		rapid.Map(rapid.IntRange(0, 50), func(n int) int { return int(float64(limit)/most*35e6) + n*100 }),
	)
}

func checkNear(t rapid.TB, got, want []Neighbour) {
	t.Helper()
	if slices.Equal(got, want) {
		return
	}
	for i := range max(len(got), len(want)) {
		if i < len(got) && i < len(want) && got[i] == want[i] {
			continue
		}
		var g, w Neighbour
		if i < len(got) {
			g = got[i]
		}
		if i < len(want) {
			w = want[i]
		}
		t.Fatalf("%d are near, want %d; number %d is\n%+v, want\n%+v", len(got), len(want), i, g, w)
	}
}

// Whatever happened to a table, before the first question and after, it says who is near
// like whoever looks at all.
func TestNearIsBruteForce(t *testing.T) {
	latitude, longitude := micros(90e6), micros(180e6)
	radius := rapid.OneOf(
		rapid.Float64Range(0, 5), rapid.Float64Range(0, 1e4), rapid.Float64Range(0, HalfEarth),
		rapid.SampledFrom([]float64{0, HalfEarth / 2, HalfEarth, math.Inf(1)}),
	)
	text := []Position{mustPosition(t, "+90+12.3456789012345678"), mustPosition(t, "-0.00000000000000001+180/")}
	rapid.Check(t, func(t *rapid.T) {
		table := NewTable(rapid.SampledFrom([]int{1, 8}).Draw(t, "shards"), 5)
		all := map[string]Entry{}
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		crowd := []Position{} // few draws make many clients
		for range rapid.IntRange(1, 40).Draw(t, "positions") {
			crowd = append(crowd, inMicros(t, latitude.Draw(t, "latitude"), longitude.Draw(t, "longitude")))
		}
		crowd = append(crowd, text...)
		clients := rapid.SampledFrom([]int{1, 20, 300}).Draw(t, "clients")
		n, hidden := int64(0), int64(-1)
		for range rapid.IntRange(1, 6).Draw(t, "rounds") {
			for range rapid.IntRange(0, 2*clients).Draw(t, "reports") {
				n++
				id, e := strconv.Itoa(random.IntN(clients)), moved(crowd[random.IntN(len(crowd))], n)
				table.Merge([]byte(id), e)
				all[id] = e
			}
			if rapid.IntRange(0, 4).Draw(t, "rest") == 0 {
				table.RestNear()
				table.RestNear()
			}
			if rapid.IntRange(0, 2).Draw(t, "sweep") == 0 {
				f := Floor{Order: n - int64(rapid.IntRange(0, clients).Draw(t, "left")), ID: "5"}
				for i := range table.Shards() {
					table.Sweep(i, f)
				}
				maps.DeleteFunc(all, func(id string, e Entry) bool { return f.Covers(e.Order, []byte(id)) })
			}
			if rapid.IntRange(0, 5).Draw(t, "hide") == 0 {
				old := n - int64(rapid.IntRange(0, clients).Draw(t, "shown"))
				table.Hide(old)
				hidden = max(hidden, old)
			}
			for range 3 {
				lat := float64(latitude.Draw(t, "at latitude")) / 1e6
				lon := float64(longitude.Draw(t, "at longitude")) / 1e6
				r, limit := radius.Draw(t, "radius"), rapid.SampledFrom([]int{1, 2, 10, 1000}).Draw(t, "limit")
				shown := maps.Clone(all)
				maps.DeleteFunc(shown, func(_ string, e Entry) bool { return e.Order <= hidden })
				checkNear(t, table.Near(lat, lon, r, limit), bruteForce(shown, lat, lon, r, limit))
			}
		}
	})
}

// The radius and the places of clients may be such that all depends on rounding.
func TestNearAtTheRim(t *testing.T) {
	table, all := NewTable(8, 5), map[string]Entry{}
	random := rand.New(rand.NewPCG(1, 1))
	for i := range 150 {
		e := moved(inMicros(t, random.IntN(180e6+1)-90e6, random.IntN(360e6+1)-180e6), 1)
		if i%4 == 0 {
			e = moved(inMicros(t, 90e6-random.IntN(1000), random.IntN(360e6+1)-180e6), 1)
		}
		table.Merge([]byte(strconv.Itoa(i)), e)
		all[strconv.Itoa(i)] = e
	}
	for _, e := range all {
		lat, lon := random.Float64()*180-90, random.Float64()*360-180
		if random.IntN(2) == 0 {
			lat, lon = 90, 180
		}
		toLat, toLon := e.Position.Degrees()
		d := Distance(lat, lon, toLat, toLon)
		for _, r := range []float64{d, math.Nextafter(d, 0), math.Nextafter(d, HalfEarth)} {
			checkNear(t, table.Near(lat, lon, r, 1000), bruteForce(all, lat, lon, r, 1000))
		}
	}
}

// A crowd at one point, larger than any leaf, comes and goes.
func TestNearCrowd(t *testing.T) {
	table, all := NewTable(64, 5), map[string]Entry{}
	here, there := inMicros(t, 34068930, -118445127), inMicros(t, -34068930, 118445127)
	report := func(i int, p Position, n int64) {
		id := fmt.Sprintf("client-%04d", i)
		table.Merge([]byte(id), moved(p, n))
		all[id] = moved(p, n)
	}
	const clients = 3000
	table.Near(0, 0, 1, 1) // it keeps account from now on
	for i := range clients {
		report(i, here, 1)
	}
	checkNear(t, table.Near(34.068930, -118.445127, 0, 10), bruteForce(all, 34.068930, -118.445127, 0, 10))
	for i := range clients {
		if i%3 > 0 {
			report(i, there, 2)
		}
	}
	for _, p := range []Position{here, there} {
		lat, lon := p.Degrees()
		got := table.Near(lat, lon, 1, 10_000)
		checkNear(t, got, bruteForce(all, lat, lon, 1, 10_000))
	}
}

// However far clients move while nobody asks, few wait for their leaves, and memory has a bound.
func TestNearWaiting(t *testing.T) {
	const clients = 2000
	table, all := NewTable(8, 5), map[string]Entry{}
	random := rand.New(rand.NewPCG(1, 1))
	table.Near(0, 0, 1, 1)
	g := table.near.grid
	for n := range 40_000 {
		id, e := strconv.Itoa(random.IntN(clients)), moved(inMicros(t, random.IntN(180e6)-90e6, random.IntN(360e6)-180e6), int64(n))
		table.Merge([]byte(id), e)
		all[id] = e
		if w := g.waiting(); w >= settleAt {
			t.Fatalf("%d wait", w)
		}
	}
	if room := cap(g.moves.list); room > 3*settleMost {
		t.Errorf("room for %d who wait", room)
	}
	g.mu.Lock() // as if somebody were busy: who moves clients does not wait yet
	for n := range settleMost / 2 {
		id, e := strconv.Itoa(random.IntN(clients)), moved(inMicros(t, random.IntN(180e6)-90e6, random.IntN(360e6)-180e6), int64(50_000+n))
		table.Merge([]byte(id), e)
		all[id] = e
	}
	g.mu.Unlock()
	checkNear(t, table.Near(0, 0, HalfEarth, clients), bruteForce(all, 0, 0, HalfEarth, clients))
}

func TestNearTakesNoNonsense(t *testing.T) {
	table := NewTable(1, 1)
	table.Merge([]byte("kiwi"), moved(inMicros(t, 0, 0), 1))
	nan := math.NaN()
	for _, q := range []struct {
		lat, lon, radius float64
		limit            int
	}{
		{0, 0, 1, 0}, {0, 0, 1, -1}, {0, 0, -1, 1}, {0, 0, nan, 1}, {nan, 0, 1, 1}, {0, nan, 1, 1}, {91, 0, HalfEarth, 1}, {0, -181, HalfEarth, 1},
	} {
		if got := table.Near(q.lat, q.lon, q.radius, q.limit); len(got) > 0 {
			t.Errorf("%+v: %+v", q, got)
		}
	}
	if table.NearBytes() != 0 {
		t.Error("a question that is none costs memory")
	}
}

// What is kept for questions is dropped when there are none.
func TestRestNear(t *testing.T) {
	table := NewTable(8, 1)
	for i := range 1000 {
		table.Merge([]byte(strconv.Itoa(i)), moved(inMicros(t, i, i), 1))
	}
	if n := table.NearBytes(); n != 0 {
		t.Errorf("%d bytes before the first question", n)
	}
	table.Near(0, 0, 1, 1)
	table.RestNear()
	if table.NearBytes() == 0 {
		t.Error("dropped though somebody has asked")
	}
	table.RestNear()
	if n := table.NearBytes(); n != 0 {
		t.Errorf("%d bytes though nobody asks", n)
	}
	for i := range table.shards {
		if table.shards[i].grid != nil {
			t.Fatalf("shard %d has a grid", i)
		}
	}
}

// Cells that were crowded once are given up at the next question.
func TestNearForgetsOldCrowds(t *testing.T) {
	table := NewTable(8, 1)
	const crowd = leafRefs + 1
	n := int64(0)
	most := 0
	for place := range 300 {
		for i := range crowd {
			n++
			table.Merge([]byte(strconv.Itoa(i)), moved(inMicros(t, place*7919*7%90e6, place*104729%180e6), n))
		}
		table.Near(0, 0, HalfEarth, 1)
		most = max(most, table.NearBytes())
	}
	if limit := slabNodes * (6*16 + 4*leafRefs); most > limit {
		t.Errorf("%d clients take %d bytes, more than %d", crowd, most, limit)
	}
}

// While clients move, come, and the grid is made and dropped, who does not move is in each
// answer once, and who moves once at most, where it was.
func TestNearWhileClientsMove(t *testing.T) {
	const still, moving, writers = 200, 200, 2
	table := NewTable(16, 1)
	spot := func(i int) Position { return inMicros(t, (i*37)%1000, (i*101)%1000) }
	for i := range still {
		table.Merge(fmt.Append(nil, "still-", i), moved(spot(i), 1<<50))
	}
	var (
		stop  atomic.Bool
		group sync.WaitGroup
	)
	for w := range writers {
		group.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(w)))
			for n := int64(1); !stop.Load(); n++ {
				i := random.IntN(moving)
				table.Merge(fmt.Append(nil, "moving-", i), moved(spot(random.IntN(1e6)), n*writers+int64(w)))
				if n%64 == 0 { // some are new: leaves are quartered
					p := spot(random.IntN(1e6))
					table.Merge(fmt.Append(nil, "new-", n%2000), moved(p, n*writers+int64(w)))
				}
			}
		})
	}
	group.Go(func() {
		for !stop.Load() {
			table.RestNear()
		}
	})
	group.Go(func() {
		for i := 0; !stop.Load(); i++ {
			table.Sweep(i%table.Shards(), Floor{Order: int64(i / 8)}) // who does not move is far above that
		}
	})
	for range 60 {
		lat, lon := rand.Float64()*0.001, rand.Float64()*0.001
		limit := []int{20, 150, 10_000}[rand.IntN(3)]
		got := table.Near(lat, lon, 1000, limit)
		ids := map[string]bool{}
		for i, n := range got {
			toLat, toLon := n.Position.Degrees()
			if ids[n.ID] || n.Distance != Distance(lat, lon, toLat, toLon) || i > 0 && got[i-1].compare(&n) >= 0 {
				t.Fatalf("number %d of %+v", i, got)
			}
			ids[n.ID] = true
		}
		rim := math.Inf(1)
		if len(got) == limit {
			rim = got[limit-1].Distance
		}
		for i := range still {
			toLat, toLon := spot(i).Degrees()
			if d := Distance(lat, lon, toLat, toLon); d < rim && !ids[fmt.Sprint("still-", i)] {
				t.Fatalf("client still-%d at %v m is not among %d within %v", i, d, len(got), rim)
			}
		}
	}
	stop.Store(true)
	group.Wait()

	all := contents(table)
	checkNear(t, table.Near(0, 0, HalfEarth, 10_000), bruteForce(all, 0, 0, HalfEarth, 10_000))
}

func TestDistance(t *testing.T) {
	const quarter = HalfEarth / 2
	tests := []struct {
		lat1, lon1, lat2, lon2, want, tolerance float64
	}{
		{0, 0, 0, 0, 0, 0},
		{90, 0, 90, 180, 0, 0},
		{-90, 77, -90, -12.5, 0, 0},
		{12.5, 180, 12.5, -180, 0, 0},
		{0, 0, 0, 90, quarter, 1e-8},
		{0, 0, 90, 33, quarter, 1e-8},
		{90, 5, -90, 5, 2 * quarter, 1e-8},
		{0, 0, 0, 180, 2 * quarter, 1e-8},
		{45, 10, -45, -170, 2 * quarter, 1e-8},
		{0, 179.5, 0, -179.5, quarter / 90, 1e-8},
		{89.5, 0, 89.5, 180, quarter / 90, 1e-7},
		{34, -118, 34.000001, -118, quarter / 90e6, 1e-9},
		{45, 10, -45, -169.999, 2*quarter - 2*quarter/180e3*math.Sqrt2/2, 1e-7},
	}
	for _, tt := range tests {
		for range 2 {
			if got := Distance(tt.lat1, tt.lon1, tt.lat2, tt.lon2); math.Abs(got-tt.want) > tt.tolerance {
				t.Errorf("from %v %v to %v %v: %v m, want %v", tt.lat1, tt.lon1, tt.lat2, tt.lon2, got, tt.want)
			}
			tt.lat1, tt.lon1, tt.lat2, tt.lon2 = tt.lat2, tt.lon2, tt.lat1, tt.lon1
		}
	}
}

// No point of a cell is nearer than the cell is said to be, and some are about as near.
func TestCellHalf(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		level := rapid.IntRange(0, cellLevels).Draw(t, "level")
		from := around(
			rapid.OneOf(rapid.Float64Range(-90, 90), rapid.SampledFrom([]float64{-90, 0, 90})).Draw(t, "latitude"),
			rapid.OneOf(rapid.Float64Range(-180, 180), rapid.SampledFrom([]float64{-180, 0, 180})).Draw(t, "longitude"),
		)
		n := uint32(1) << level
		index := rapid.OneOf(rapid.Uint32Range(0, n-1), rapid.SampledFrom([]uint32{0, n - 1, n / 2 % n}))
		c := cell{index.Draw(t, "south"), index.Draw(t, "west"), uint8(level)}
		least := c.half(&from)
		height, width := 180/float64(n), 360/float64(n)
		nearest := 2.0
		const steps = 64
		for i := range steps + 1 {
			for j := range steps + 1 {
				lat := max(-90, min(float64(c.lat)*height-90+height*float64(i)/steps, 90))
				lon := max(-180, min(float64(c.lon)*width-180+width*float64(j)/steps, 180))
				nearest = min(nearest, from.half(lat, lon))
			}
		}
		if least > nearest+beyondCell {
			t.Fatalf("the cell is at %v, a point of it at %v", least, nearest)
		}
		if step := width / steps * degree; nearest > least+step {
			t.Fatalf("the cell is at %v, but no point of it nearer than %v", least, nearest)
		}
	})
}

// Who is hidden is not near, and takes nobody's place; who is deleted is not there, also if
// records have moved since.
func TestNearOfHiddenAndDeleted(t *testing.T) {
	const clients = 500
	table, all := NewTable(4, 1), map[string]Entry{}
	for i := range clients {
		id, e := strconv.Itoa(i), moved(inMicros(t, i, -i), int64(i))
		table.Merge([]byte(id), e)
		all[id] = e
	}
	for _, old := range []int64{100, 450} {
		table.Near(0, 0, 1, 1)
		table.Hide(old)
		maps.DeleteFunc(all, func(_ string, e Entry) bool { return e.Order <= old })
		checkNear(t, table.Near(0, 0, 1000, 20), bruteForce(all, 0, 0, 1000, 20))
		for i := range table.Shards() {
			table.Sweep(i, Floor{Order: old + 1})
		}
		maps.DeleteFunc(all, func(_ string, e Entry) bool { return e.Order <= old })
		checkNear(t, table.Near(0, 0, 1000, clients), bruteForce(all, 0, 0, 1000, clients))
		for i := range clients { // those who stay, and new ones in the memory of others
			id, e := strconv.Itoa(i), moved(inMicros(t, -2*i, i), int64(clients+i))
			if _, r := table.Merge([]byte(id), e); r.Won() {
				all[id] = e
			}
		}
		checkNear(t, table.Near(0, 0, 1000, clients), bruteForce(all, 0, 0, 1000, clients))
	}
}
