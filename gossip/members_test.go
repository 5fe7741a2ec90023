package gossip

import (
	"cmp"
	"fmt"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/hashicorp/memberlist"
	"pgregory.net/rapid"

	"herd/gossip/location"
)

// Of the incarnations of a name the one that this node learned of last is the newest, whatever
// their clocks say; of those it learned of at once the one that says it started last. The order in
// which they are looked at does not matter.
func TestNewest(t *testing.T) {
	now := time.Now()
	m := func(started int, seen time.Duration, self bool) *Member {
		m := &Member{Self: self, seen: now.Add(seen)}
		m.Name, m.Started = "Bona", now.Add(time.Duration(started)*time.Second)
		return m
	}
	for _, c := range []struct {
		name string
		all  []*Member // the first is the newest
	}{
		{"seen later", []*Member{m(0, 10*time.Second, false), m(100, 0, false)}},
		{"seen at once, started later", []*Member{m(1, 0, false), m(0, time.Second, false)}},
		{"seen and started at once", []*Member{m(0, 0, false), m(0, 0, false)}},
		{"this node", []*Member{m(0, 0, true), m(100, 10*time.Second, false)}},
		{"one after the other", []*Member{m(2, 800*time.Millisecond, false), m(3, 0, false), m(1, 1600*time.Millisecond, false)}},
		{"known for ever", []*Member{{}}},
	} {
		for range 20 { // in any order
			all := make(map[string]*Member)
			for i, m := range c.all {
				m.Origin = location.Origin(len(c.all) - i)
				all[fmt.Sprint(m.Origin)] = m
			}
			got := newestOf(all, func(*Member) bool { return true })
			if len(got) != 1 || got[c.all[0].Name] != c.all[0] {
				t.Fatalf("%s: %+v", c.name, got)
			}
		}
		if got := newestOf(map[string]*Member{"1": c.all[0]}, func(*Member) bool { return false }); len(got) != 0 {
			t.Errorf("%s: %+v, though none counts", c.name, got)
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

// What the table keeps for who asks often is what its members are, whatever has become of them.
func TestViewIsNew(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		table := newMemberTable(Meta{Name: "Bailey", Origin: 3}, time.Now)
		origin := func(rt *rapid.T) location.Origin { return location.Origin(rapid.IntRange(1, 4).Draw(rt, "origin")) }
		drawn := func(rt *rapid.T) *memberlist.Node {
			o := origin(rt)
			m := Meta{
				Name:     []string{"Bailey", "Bona", "Clark"}[o%3],
				Origin:   o,
				Started:  time.Unix(int64(rapid.IntRange(1, 3).Draw(rt, "started")), 0),
				Protocol: floorVersion,
				Limits:   Limits{MaxClients: rapid.Int64Range(0, 2).Draw(rt, "max clients")},
			}
			return &memberlist.Node{Name: m.id(), Addr: net.IPv4(10, 0, 0, 9), Port: 4132, Meta: m.encode()}
		}
		rt.Repeat(map[string]func(*rapid.T){
			"join":    func(rt *rapid.T) { events{table}.NotifyJoin(drawn(rt)) },
			"leave":   func(rt *rapid.T) { events{table}.NotifyLeave(drawn(rt)) },
			"suspect": func(rt *rapid.T) { table.suspect(drawn(rt).Name) },
			"clear":   func(rt *rapid.T) { table.clear(drawn(rt).Name) },
			"goodbye": func(rt *rapid.T) { table.leaves(origin(rt)) },
			"answer":  func(rt *rapid.T) { table.answered(map[location.Origin]bool{origin(rt): true}) },
			"forget": func(*rapid.T) {
				table.mu.Lock()
				defer table.mu.Unlock()
				table.forgetOldestLocked()
			},
			"": func(rt *rapid.T) {
				list, peers, limits := table.list(), table.peers(), table.limits()
				table.view = nil
				slices.SortFunc(limits, compareLimits)
				now := table.limits()
				slices.SortFunc(now, compareLimits)
				if want := table.list(); !slices.Equal(list, want) {
					rt.Errorf("the list is\n%+v\nwant\n%+v", list, want)
				}
				if want := table.peers(); !slices.Equal(peers, want) {
					rt.Errorf("the peers are\n%+v\nwant\n%+v", peers, want)
				}
				if !slices.Equal(limits, now) {
					rt.Errorf("the limits are %+v, want %+v", limits, now)
				}
			},
		})
	})
}

func compareLimits(a, b Limits) int { return cmp.Compare(a.MaxClients, b.MaxClients) }
