package load

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Percentiles agree with sorted latencies, to three digits, however they were spread
// over groups and seconds.
func TestPercentiles(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.SliceOfN(rapid.Int64Range(0, 2*longest), 1, 300).Draw(t, "latencies")
		groups := []*group{{tally: tally{latency: newHistogram()}}, {tally: tally{latency: newHistogram()}}}
		c := newCollector(groups)
		var commands uint64
		for i, ns := range all {
			groups[i%2].tally.latency.record(ns)
			if i%50 == 49 {
				commands += c.cut().Commands
			}
		}
		commands += c.cut().Commands
		if commands != uint64(len(all)) || c.total.count() != commands {
			t.Fatalf("%d in seconds, %d in all, want %d", commands, c.total.count(), len(all))
		}
		slices.Sort(all)
		got := c.total.latency()
		for _, p := range []struct {
			per1000 int
			got     time.Duration
		}{{500, got.P50}, {900, got.P90}, {990, got.P99}, {999, got.P999}, {1000, got.Max}} {
			rank := (p.per1000*len(all) + 500) / 1000 // the nearest
			want := min(all[max(rank, 1)-1], longest)
			if diff := int64(p.got) - want; diff < -want/1000-1 || diff > want/1000+1 {
				t.Fatalf("percentile %d of %v is %d, want %d", p.per1000, all, p.got, want)
			}
		}
	})
}

func TestNoLatencies(t *testing.T) {
	if got := newHistogram().latency(); got != (Latency{}) {
		t.Errorf("got %+v", got)
	}
}

func TestValidate(t *testing.T) {
	good := func() Config {
		return Config{Addrs: []string{"a:1"}, Protocol: Herd, Connections: 1, Clients: 1, Duration: 1}
	}
	if c := good(); c.Validate() != nil {
		t.Error(c.Validate())
	}
	for name, change := range map[string]func(*Config){
		"no address":      func(c *Config) { c.Addrs = nil },
		"a bad address":   func(c *Config) { c.Addrs = []string{"a"} },
		"connections":     func(c *Config) { c.Connections = maxConnections + 1 },
		"no connections":  func(c *Config) { c.Connections = 0 },
		"clients":         func(c *Config) { c.Clients = maxClients + 1 },
		"rate":            func(c *Config) { c.Rate = maxRate + 1 },
		"pipeline":        func(c *Config) { c.Pipeline = MaxPipeline + 1 },
		"duration":        func(c *Config) { c.Duration = MaxDuration + 1 },
		"no duration":     func(c *Config) { c.Duration = 0 },
		"warm-up":         func(c *Config) { c.Warmup = -1 },
		"mix":             func(c *Config) { c.Queries = -1 },
		"step":            func(c *Config) { c.Step = maxStep + 1 },
		"step back":       func(c *Config) { c.Step = -1 },
		"radius":          func(c *Config) { c.Radius = 51 },
		"limit":           func(c *Config) { c.Limit = 21 },
		"protocol":        func(c *Config) { c.Protocol = "memcached" },
		"a mix for Redis": func(c *Config) { c.Protocol, c.Queries = RedisSet, 1 },
	} {
		c := good()
		change(&c)
		if c.Validate() == nil {
			t.Errorf("%s: valid", name)
		}
	}
}
