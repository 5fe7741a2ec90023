package load

import "sync/atomic"

// command is one command under way: enough to write its text, and to write it again
// when the reply has to be compared with it.
type command struct {
	due   int64 // when its latency begins, by the run's clock
	nanos int64 // the client's time, POSIX
	key   uint32
	lat   int32 // microdegrees
	lon   int32
	query bool
}

// maker makes the commands of one goroutine.
type maker struct {
	random
	clients          uint64
	updates, queries uint64
	each             *atomic.Int64 // if set: every stride-th client once, in order
	stride           int64
	last             int64 // the greatest time given out
	homes            bool  // clients stay where they are at home
	step             int32 // if > 0, they keep within so many microdegrees of it
	seed             uint64
}

// next makes a command; false when there are no more. now is the present, POSIX.
func (m *maker) next(c *command, due, now int64) bool {
	c.due = due
	if m.each != nil {
		key := (m.each.Add(1) - 1) * m.stride
		if key >= int64(m.clients) {
			return false
		}
		c.key = uint32(key)
	} else {
		c.key = uint32(m.below(m.clients))
	}
	c.query = m.queries > 0 && m.below(m.updates+m.queries) >= m.updates
	m.last = max(m.last+1, now) // no two reports of a client have the same time
	c.nanos = m.last
	if m.homes && !c.query {
		c.lat, c.lon = home(m.seed, c.key)
	} else if m.step > 0 {
		c.lat, c.lon = home(m.seed, c.key)
		c.lat += m.about(m.step)
		c.lon += m.about(m.step)
	} else {
		c.lat, c.lon = m.place()
	}
	return true
}

// about is a number from -n to n.
func (m *maker) about(n int32) int32 { return int32(m.below(2*uint64(n)+1)) - n }

// random is splitmix64: small, and good enough for load.
type random uint64

func (r *random) next64() uint64 {
	*r += 0x9e3779b97f4a7c15
	z := uint64(*r)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// below is a number less than n, which is at most 1<<32.
func (r *random) below(n uint64) uint64 { return r.next64() >> 32 * n >> 32 }

// place is a point in a square around a large city, in microdegrees. Of 100,000 clients
// some ten are within 10 km of each.
func (r *random) place() (lat, lon int32) {
	x := r.next64()
	city := cities[x%uint64(len(cities))]
	const spread = 3_000_000
	lat = city[0]*10_000 + int32(x>>8&0xffff_ffff*spread>>32) - spread/2
	lon = city[1]*10_000 + int32(r.below(spread)) - spread/2
	return lat, lon
}

// cities are in hundredths of a degree.
var cities = [...][2]int32{
	{3405, -11824}, // Los Angeles
	{4071, -7401},  // New York
	{4188, -8763},  // Chicago
	{1943, -9913},  // Mexico City
	{-2355, -4663}, // São Paulo
	{-3461, -5838}, // Buenos Aires
	{5151, -13},    // London
	{4885, 235},    // Paris
	{5252, 1341},   // Berlin
	{4041, -370},   // Madrid
	{5575, 3762},   // Moscow
	{4101, 2895},   // Istanbul
	{3004, 3124},   // Cairo
	{645, 339},     // Lagos
	{-2620, 2804},  // Johannesburg
	{-129, 3682},   // Nairobi
	{3569, 5139},   // Tehran
	{2487, 6701},   // Karachi
	{2865, 7723},   // Delhi
	{1908, 7288},   // Mumbai
	{2371, 9041},   // Dhaka
	{1375, 10050},  // Bangkok
	{-621, 10685},  // Jakarta
	{1460, 12098},  // Manila
	{3991, 11640},  // Beijing
	{3122, 12146},  // Shanghai
	{3757, 12698},  // Seoul
	{3569, 13969},  // Tokyo
	{-3387, 15121}, // Sydney
	{-3681, 17476}, // Auckland
}
