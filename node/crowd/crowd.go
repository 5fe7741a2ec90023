package crowd

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"herd/gossip/location"
)

// Bounds of what may be asked for.
const (
	maxClients = 1_000_000
	MaxSpeed   = 1000
)

// Town is where clients live.
type Town struct {
	Lat, Lon float64 // degrees
	People   float64 // how many live there
}

// Config is a crowd. Each town has clients in proportion to its people.
type Config struct {
	Towns   []Town
	Clients int
	Seed    uint64
	Speed   int // so many times as fast as in life; 0 is 1
}

// Validate names the first number that is out of bounds. The towns are for [New] to look
// at.
func (c *Config) Validate() error {
	switch {
	case c.Clients < 1 || c.Clients > maxClients:
		return fmt.Errorf("the clients must be from 1 to %d", maxClients)
	case c.Speed < 0 || c.Speed > MaxSpeed:
		return fmt.Errorf("the speed must be from 1 to %d", MaxSpeed)
	}
	return nil
}

// Crowd is many clients, by number from 0 and from west to east. Several goroutines may use it,
// each with clients of its own.
type Crowd struct {
	speed   time.Duration
	towns   []Town
	people  []float64 // of the towns up to each
	clients []client
}

// New makes a crowd, which begins to move at the time 0.
func New(config Config) (*Crowd, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	c := &Crowd{speed: time.Duration(max(config.Speed, 1)), towns: config.Towns, clients: make([]client, config.Clients)}
	sum := 0.0
	for _, t := range config.Towns {
		if !(math.Abs(t.Lat) <= 90 && math.Abs(t.Lon) <= 180 && t.People >= 0 && t.People <= 1e12) {
			return nil, fmt.Errorf("%+v is no town", t)
		}
		sum += t.People
		c.people = append(c.people, sum)
	}
	if sum == 0 {
		return nil, errors.New("nobody lives in any town")
	}
	for i := range c.clients {
		c.settle(&c.clients[i], rand.NewPCG(config.Seed, uint64(i)))
	}
	slices.SortStableFunc(c.clients, func(a, b client) int {
		return cmp.Compare(math.Atan2(a.home.y, a.home.x), math.Atan2(b.home.y, b.home.x))
	})
	return c, nil
}

// Len is the number of clients.
func (c *Crowd) Len() int { return len(c.clients) }

// AppendID appends the ID of client i, which says what it is: "driver-0042".
func (c *Crowd) AppendID(b []byte, i int) []byte {
	b = append(b, kinds[c.clients[i].kind].name...)
	b = append(b, '-')
	for least := 1000; least > max(i, 1); least /= 10 {
		b = append(b, '0')
	}
	return strconv.AppendInt(b, int64(i), 10)
}

// At is where client i is at the time t, in degrees. The time of a client never goes back.
func (c *Crowd) At(i int, t time.Duration) (lat, lon float64) {
	p := &c.clients[i]
	t *= c.speed
	for t >= p.leg.end {
		c.turn(p)
	}
	return p.leg.at(t).degrees()
}

// kind is how clients move.
type kind struct {
	name  string
	share int     // of a hundred
	speed float64 // metres a second
	reach float64 // metres from home; 0: to other towns
}

var kinds = [...]kind{
	{name: "walker", share: 60, speed: 1.4, reach: 800},
	{name: "cyclist", share: 13, speed: 5, reach: 4000},
	{name: "driver", share: 25, speed: 16, reach: 25_000},
	{name: "flyer", share: 2, speed: 240},
}

// client is one of a crowd.
type client struct {
	kind  uint8
	pace  float64 // times the speed of its kind
	home  vector
	leg   leg
	turns rand.PCG // which decides on each turn
}

// leg is a part of a client's way, along a great circle.
type leg struct {
	begin, end      time.Duration
	from, direction vector
	angle           float64 // the whole of it
}

func (l *leg) at(t time.Duration) vector {
	return l.from.ahead(l.direction, l.angle*(float64(t-l.begin)/float64(l.end-l.begin)))
}

// settle gives a client its kind and its home, and a leg on which it has been for a while
// at the time 0.
func (c *Crowd) settle(p *client, source *rand.PCG) {
	p.turns = *source
	r := rand.New(&p.turns)
	for share := r.IntN(100); share >= kinds[p.kind].share; p.kind++ {
		share -= kinds[p.kind].share
	}
	p.pace = 0.7 + 0.6*r.Float64()
	p.home = c.placeIn(c.town(r), r)
	p.leg.from = p.home
	p.leg.angle = 0
	c.turn(p)
	since := time.Duration(r.Float64() * float64(p.leg.end-p.leg.begin))
	p.leg.begin, p.leg.end = -since, p.leg.end-since
}

// town draws one, by its people.
func (c *Crowd) town(r *rand.Rand) *Town {
	i, _ := slices.BinarySearch(c.people, r.Float64()*c.people[len(c.people)-1])
	return &c.towns[min(i, len(c.towns)-1)]
}

// density is of people in a town, by the square metre.
const density = 3000 / 1e6

// placeIn draws a point in a town, rather at its middle than at its edge.
func (c *Crowd) placeIn(t *Town, r *rand.Rand) vector {
	radius := max(300, math.Sqrt(t.People/(math.Pi*density)))
	return around(point(t.Lat, t.Lon), radius, r)
}

// around draws a point within a radius, in metres, of another.
func around(middle vector, radius float64, r *rand.Rand) vector {
	direction := middle.turned(2 * math.Pi * r.Float64())
	return middle.ahead(direction, radius/location.EarthRadius*r.Float64())
}

// leastLeg keeps what is done for a client in bounds, however fast it is.
const leastLeg = time.Second

// turn sends a client on, from where its leg ends.
func (c *Crowd) turn(p *client) {
	r := rand.New(&p.turns)
	k := &kinds[p.kind]
	from := p.leg.from.ahead(p.leg.direction, p.leg.angle)
	from = from.times(1 / from.length()) // or the roundings of many legs would add up
	var to vector
	if k.reach > 0 {
		to = around(p.home, k.reach, r)
	} else {
		to = c.placeIn(c.town(r), r)
	}
	direction, angle := from.to(to)
	took := time.Duration(angle * location.EarthRadius / (k.speed * p.pace) * float64(time.Second))
	p.leg = leg{begin: p.leg.end, end: p.leg.end + max(took, leastLeg), from: from, direction: direction, angle: angle}
}
