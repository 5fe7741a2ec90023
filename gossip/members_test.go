package gossip

import (
	"testing"
	"time"

	"herd/gossip/location"
)

// Of two incarnations of a name the one that this node learned of later is the newer
// one, whatever their clocks say.
func TestNewer(t *testing.T) {
	now := time.Now()
	m := func(origin location.Origin, started, seen int, self bool) *Member {
		m := &Member{Self: self, seen: now.Add(time.Duration(seen) * time.Second)}
		m.Origin, m.Started = origin, now.Add(time.Duration(started)*time.Second)
		return m
	}
	for _, c := range []struct {
		name string
		a, b *Member
		want bool
	}{
		{"seen later", m(0, 0, 10, false), m(0, 100, 0, false), true},
		{"seen earlier", m(0, 100, 0, false), m(0, 0, 10, false), false},
		{"seen at once, started later", m(0, 1, 0, false), m(0, 0, 0, false), true},
		{"seen at once, started at once", m(1, 0, 0, false), m(0, 0, 0, false), true},
		{"this node", m(0, 0, 0, true), m(0, 100, 10, false), true},
		{"against this node", m(0, 100, 10, false), m(0, 0, 0, true), false},
	} {
		if got := c.a.newer(c.b); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}
