package crowd

import (
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"herd/gossip/location"
)

// towns lie where degrees are odd: at a pole, at the 180th meridian, next to both.
func towns() []Town {
	return []Town{
		{90, 0, 1e6},
		{-90, 77, 1e5},
		{-18, 180, 2e6},
		{-17.9, -179.999, 1e4},
		{89.9999, -180, 500},
		{34.07, -118.45, 4e6},
		{0, 0, 0},
	}
}

func draw(t *rapid.T) Config {
	return Config{
		Towns: towns(), Clients: 50, Seed: rapid.Uint64().Draw(t, "seed"),
		Speed: rapid.SampledFrom([]int{0, 1, 7, MaxSpeed}).Draw(t, "speed"),
	}
}

func crowd(t interface{ Fatal(...any) }, config Config) *Crowd {
	c, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Nobody is faster than its kind allows, over seams and poles either, nor stands still, and
// all stay near home but those who fly.
func TestSpeed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		config := draw(t)
		c := crowd(t, config)
		step := time.Duration(rapid.Int64Range(int64(time.Second), int64(10*time.Minute)).Draw(t, "step"))
		for i := range c.Len() {
			p := &c.clients[i]
			k, now := kinds[p.kind], time.Duration(0)
			lat, lon := c.At(i, now)
			moved := 0.0
			for range 20 {
				now += step
				lat2, lon2 := c.At(i, now)
				if !(math.Abs(lat2) <= 90 && math.Abs(lon2) <= 180) {
					t.Fatalf("client %d is at %v, %v", i, lat2, lon2)
				}
				d := location.Distance(lat, lon, lat2, lon2)
				if most := k.speed * p.pace * step.Seconds() * float64(c.speed); d > most*(1+1e-9)+1e-3 {
					t.Fatalf("%s %d went %.3f m in %s, and can go %.3f", k.name, i, d, step, most)
				}
				homeLat, homeLon := p.home.degrees()
				if off := location.Distance(homeLat, homeLon, lat2, lon2); k.reach > 0 && off > k.reach*(1+1e-6)+1e-3 {
					t.Fatalf("%s %d is %.0f m from home", k.name, i, off)
				}
				moved += d
				lat, lon = lat2, lon2
			}
			if moved == 0 {
				t.Fatalf("%s %d stands still", k.name, i)
			}
		}
	})
}

// On a leg a client keeps its speed, exactly: across a pole and the 180th meridian too.
func TestLegIsGreatCircle(t *testing.T) {
	for _, tt := range []struct{ lat, lon, toLat, toLon float64 }{
		{-18, 179.9, -18, -179.9},
		{89.9, 10, 89.9, -170},
		{-90, 0, -89.99, 45},
		{89.99, 120, 90, 0},
		{10, 20, -10, -160.0001}, // nearly as far as any
		{10, 20, 10, 20},
	} {
		from, to := point(tt.lat, tt.lon), point(tt.toLat, tt.toLon)
		l := leg{end: 1000, from: from}
		l.direction, l.angle = from.to(to)
		whole := location.Distance(tt.lat, tt.lon, tt.toLat, tt.toLon)
		for at := range 1001 {
			lat, lon := l.at(time.Duration(at)).degrees()
			want := whole * float64(at) / 1000
			if d := location.Distance(tt.lat, tt.lon, lat, lon); math.Abs(d-want) > 1e-3 {
				t.Fatalf("%+v: after %d of 1000 parts %.4f m, want %.4f", tt, at, d, want)
			}
			if left := location.Distance(tt.toLat, tt.toLon, lat, lon); math.Abs(left-(whole-want)) > 1e-3 {
				t.Fatalf("%+v: after %d of 1000 parts %.4f m are left, want %.4f", tt, at, left, whole-want)
			}
		}
	}
}

// Where a client is depends on seed, number and time, not on who asked before.
func TestSeed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		config := draw(t)
		a, b := crowd(t, config), crowd(t, config)
		at := time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "at"))
		for i := range a.Len() {
			for part := range 5 {
				a.At(i, at/5*time.Duration(part))
			}
			lat, lon := a.At(i, at)
			if lat2, lon2 := b.At(i, at); lat != lat2 || lon != lon2 {
				t.Fatalf("client %d is at %v, %v and at %v, %v", i, lat, lon, lat2, lon2)
			}
		}
		config.Seed++
		c, same := crowd(t, config), 0
		for i := range a.Len() {
			lat, lon := a.At(i, at)
			if lat2, lon2 := c.At(i, at); lat == lat2 && lon == lon2 {
				same++
			}
		}
		if same > 0 {
			t.Fatalf("%d clients do not mind the seed", same)
		}
	})
}

// Towns have clients by their people, kinds by their share.
func TestShares(t *testing.T) {
	c := crowd(t, Config{Towns: []Town{{0, 0, 3e6}, {40, 100, 0}, {-40, -100, 1e6}}, Clients: 20_000, Seed: 1})
	var byKind [len(kinds)]int
	larger := 0
	for i := range c.clients {
		byKind[c.clients[i].kind]++
		lat, lon := c.clients[i].home.degrees()
		switch {
		case location.Distance(lat, lon, 0, 0) < 20_000:
			larger++
		case location.Distance(lat, lon, -40, -100) > 20_000:
			t.Fatalf("client %d lives at %v, %v", i, lat, lon)
		}
	}
	if larger < 14_500 || larger > 15_500 {
		t.Errorf("%d of 20,000 live where three quarters do", larger)
	}
	for i := 1; i < c.Len(); i++ {
		_, west := c.clients[i-1].home.degrees()
		if _, lon := c.clients[i].home.degrees(); lon < west {
			t.Fatalf("client %d lives at the longitude %v, the one before at %v", i, lon, west)
		}
	}
	for i, n := range byKind {
		if want := 200 * kinds[i].share; math.Abs(float64(n-want)) > float64(want)/5 {
			t.Errorf("%d are of the kind %s, want about %d", n, kinds[i].name, want)
		}
	}
}

func TestIDs(t *testing.T) {
	c := crowd(t, Config{Towns: towns(), Clients: 20_000})
	seen := map[string]bool{}
	for i := range c.Len() {
		id := string(c.AppendID(nil, i))
		name, number, _ := strings.Cut(id, "-")
		if name != kinds[c.clients[i].kind].name || len(number) < 4 || seen[id] {
			t.Fatalf("client %d is %q", i, id)
		}
		seen[id] = true
	}
	for i, want := range map[int]string{0: "0000", 7: "0007", 42: "0042", 999: "0999", 1000: "1000", 19_999: "19999"} {
		if id := string(c.AppendID(nil, i)); !strings.HasSuffix(id, "-"+want) {
			t.Errorf("client %d is %q", i, id)
		}
	}
}

func TestNoCrowd(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"the clients must":          func(c *Config) { c.Clients = 0 },
		"be from 1 to 1000000":      func(c *Config) { c.Clients = maxClients + 1 },
		"the speed must":            func(c *Config) { c.Speed = MaxSpeed + 1 },
		"nobody lives":              func(c *Config) { c.Towns = nil },
		"nobody lives in any":       func(c *Config) { c.Towns = []Town{{1, 2, 0}} },
		"Lat:91 Lon:0 People:1} is": func(c *Config) { c.Towns = []Town{{91, 0, 1}} },
		"Lon:NaN":                   func(c *Config) { c.Towns = []Town{{0, math.NaN(), 1}} },
		"People:-1":                 func(c *Config) { c.Towns = []Town{{0, 0, -1}} },
		"People:+Inf":               func(c *Config) { c.Towns = []Town{{0, 0, math.Inf(1)}} },
	} {
		config := Config{Towns: towns(), Clients: 1}
		change(&config)
		if _, err := New(config); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got the error %v, want %s", err, want)
		}
	}
}
