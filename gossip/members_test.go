package gossip

import (
	"slices"
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

// Whether a member has failed or left is told once its link has ended: goodbye comes
// before that.
func TestNewsOfFailure(t *testing.T) {
	const origin location.Origin = 7
	linked, unlinked := map[location.Origin]bool{origin: true}, map[location.Origin]bool{}
	is := func(s MemberState) MemberChange {
		m := Member{State: s}
		m.Origin = origin
		return MemberChange{Member: m}
	}
	for _, c := range []struct {
		name       string
		news       []MemberState
		linked     map[location.Origin]bool
		now, later []MemberState
	}{
		{"killed", []MemberState{Failed}, unlinked, []MemberState{Failed}, nil},
		{"not known yet", []MemberState{Suspect, Failed}, linked, []MemberState{Suspect}, []MemberState{Failed}},
		{"said goodbye after all", []MemberState{Failed, Left}, linked, []MemberState{Left}, nil},
		{"said goodbye and is gone", []MemberState{Failed, Left}, unlinked, []MemberState{Left}, nil},
		{"back again", []MemberState{Failed, Alive}, linked, []MemberState{Failed, Alive}, nil},
		{"left", []MemberState{Left}, linked, []MemberState{Left}, nil},
	} {
		table := newMemberTable(Meta{Name: "Bailey", Origin: 1}, time.Now)
		for _, s := range c.news {
			table.news = append(table.news, is(s))
		}
		states := func(all []MemberChange) (states []MemberState) {
			for _, n := range all {
				states = append(states, n.State)
			}
			return states
		}
		if now := states(table.takeNews(c.linked)); !slices.Equal(now, c.now) {
			t.Errorf("%s: told now: %v, want %v", c.name, now, c.now)
		}
		for _, n := range table.takeNews(c.linked) {
			t.Errorf("%s: told twice: %v", c.name, n.State)
		}
		if later := states(table.news); !slices.Equal(later, c.later) {
			t.Errorf("%s: told later: %v, want %v", c.name, later, c.later)
		}
	}
}
