package gossip

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"herd/gossip/location"
)

// limited has all nodes of a herd, but those named, keep to limits.
func (h *herd) limited(l Limits, others map[string]Limits) {
	h.limits = func(name string) Limits {
		if other, ok := others[name]; ok {
			return other
		}
		return l
	}
}

// Wherever clients report, all nodes keep the same ones, as many as may be: also those who
// join later, or were cut off, and have what the others gave up.
func TestHerdsGiveUpAlike(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		const most = 50
		h.audits = 20 * time.Second
		h.limited(Limits{MaxClients: most}, nil)
		five := h.startFive()
		n := 0
		add := func(clients int, nodes ...*testNode) {
			for i := range clients {
				n++
				nodes[i%len(nodes)].report(t, fmt.Sprint("client", n), 1000+n)
			}
		}
		alike := func() bool {
			floor := five[0].core.Floor()
			for _, n := range h.nodes {
				if n.table.Len() != most || n.core.Floor() != floor {
					return false
				}
			}
			return h.equal()
		}
		add(3*most, five...)
		h.await("alike", 5*time.Second, alike)
		if got, want := five[0].core.Floor(), (location.Floor{Order: int64(1000+2*most)*1e9 + 5e8, ID: fmt.Sprint("client", 2*most)}); got != want {
			t.Errorf("floor %v, want %v", got, want)
		}
		h.net.Partition([]string{five[0].ip, five[1].ip}, []string{five[2].ip, five[3].ip, five[4].ip})
		time.Sleep(2 * time.Second)
		add(most/2, five[0]) // older than those that the others will keep
		n += most / 2
		add(2*most, five[2:]...)
		h.net.Heal()
		h.await("alike after a cut", 30*time.Second, alike)
		h.start(5, five[1].addr())
		h.await("alike with a joiner", 10*time.Second, func() bool { return h.oneView() && alike() })
		if testing.Short() {
			return
		}
		time.Sleep(time.Minute) // for audits
		if alarms := h.sum(func(s Stats) uint64 { return s.AuditAlarms + s.AuditsUnfounded }); alarms > 0 {
			t.Errorf("%d alarms of the audit", alarms)
		}
		if made := h.sum(func(s Stats) uint64 { return s.Audits }); made == 0 {
			t.Error("no audit was made")
		}
	})
}

// Nodes whose tables may take so much memory keep as many clients as fit, and the same ones.
func TestHerdsFitAlike(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		const bytes, clients = 40_000, 300 // more than half is taken by an empty table
		h.limited(Limits{Bytes: bytes}, nil)
		three := h.startFirst(3)
		for i := range clients {
			three[i%3].report(t, fmt.Sprint("client", i), 1000+i)
		}
		h.await("alike", 10*time.Second, func() bool {
			for _, n := range three {
				if n.table.Len() > n.table.Fits(bytes) || n.core.Floor() != three[0].core.Floor() {
					return false
				}
			}
			return h.equal()
		})
		s := three[0].Stats()
		if n := three[0].table.Len(); n < 20 || n > clients/2 || s.Most < n || s.Limits.Bytes != bytes || s.Replica.Evicted == 0 {
			t.Errorf("%d clients are left, %d may be; %d were given up", n, s.Most, s.Replica.Evicted)
		}
		if _, ok := three[1].Get([]byte(fmt.Sprint("client", clients-1))); !ok {
			t.Error("the newest is not among them")
		}
	})
}

// What most nodes are configured to holds, of two halves the looser; and a minority has no say.
func TestPrevailing(t *testing.T) {
	a, b := Limits{TTL: time.Hour, MaxClients: 100}, Limits{MaxClients: 5}
	large := Limits{TTL: 1 << 62, MaxClients: 1 << 40, Bytes: 1 << 40} // more than 32 bits
	for _, tt := range []struct {
		all  []Limits
		want Limits
	}{
		{[]Limits{a}, a},
		{[]Limits{b}, b},
		{[]Limits{{}}, Limits{}},
		{[]Limits{a, b}, Limits{MaxClients: 100}},
		{[]Limits{a, {}}, Limits{}},
		{[]Limits{a, b, a}, a},
		{[]Limits{b, b, a}, b},
		{[]Limits{{}, b, a}, Limits{MaxClients: 100}},
		{[]Limits{b, b, a, a}, Limits{MaxClients: 100}},
		{[]Limits{a, {}, a, {}, a}, a},
		{[]Limits{large, large}, large},
		{[]Limits{large, {}}, Limits{}},
	} {
		if got := prevailing(tt.all); got != tt.want {
			t.Errorf("%v: got %v, want %v", tt.all, got, tt.want)
		}
	}
	limits := rapid.Custom(func(t *rapid.T) Limits {
		return Limits{TTL: time.Duration(rapid.IntRange(0, 3).Draw(t, "ttl")), MaxClients: rapid.Int64Range(0, 3).Draw(t, "most"), Bytes: rapid.Int64Range(0, 3).Draw(t, "bytes")}
	})
	rapid.Check(t, func(t *rapid.T) {
		most, few := limits.Draw(t, "most nodes"), rapid.SliceOfN(limits, 0, 5).Draw(t, "few")
		all := few
		for range len(few) + 1 {
			all = append(all, most)
		}
		if got := prevailing(rapid.Permutation(all).Draw(t, "nodes")); got != most {
			t.Errorf("%v: got %v, want %v", all, got, most)
		}
	})
}

// One node that is configured to keep next to nothing has nobody give up anything: whether
// it is first or last, alone behind a cut, or restarted.
func TestOneIsStrict(t *testing.T) {
	for _, strict := range []string{"node0", "node4"} {
		t.Run(strict, func(t *testing.T) {
			inBubble(t, func(t *testing.T, h *herd) {
				right := Limits{TTL: time.Hour, MaxClients: 100}
				h.limited(right, map[string]Limits{strict: {TTL: time.Second, MaxClients: 1}})
				five := h.startFive()
				wrong := five[slices.IndexFunc(five, func(n *testNode) bool { return n.name == strict })]
				n := 0
				add := func(to *testNode) {
					for range 10 {
						n++
						to.report(t, fmt.Sprint("client", n), int(time.Now().Unix()))
					}
				}
				kept := func(when string) {
					t.Helper()
					h.await("all keep "+when, 10*time.Second, func() bool { return h.oneView() && h.equal() })
					for _, node := range h.nodes {
						s := node.Stats()
						if node.table.Len() != n || node.core.Floor() != (location.Floor{}) || s.Limits != right {
							t.Errorf("%s: %s has %d clients of %d, floor %v, limits %v", when, node.name, node.table.Len(), n, node.core.Floor(), s.Limits)
						}
						if want := map[bool]int{true: 4, false: 1}[node.name == strict]; s.LimitsDiffer != want {
							t.Errorf("%s: %s counts %d with other limits, want %d", when, node.name, s.LimitsDiffer, want)
						}
					}
				}
				for _, node := range five {
					add(node)
				}
				kept("at first")
				var others []string
				for _, node := range five {
					if node != wrong {
						others = append(others, node.ip)
					}
				}
				h.net.Partition([]string{wrong.ip}, others)
				time.Sleep(6 * time.Second) // the others are dead to it
				add(wrong)
				time.Sleep(4 * time.Second)
				h.net.Heal()
				kept("after a cut")
				h.kill(wrong)
				h.start(int(strict[4]-'0'), h.nodes[0].addr())
				kept("after a restart")
				if h.log.count("this node is configured to other limits than most") == 0 || h.log.count("members are configured to other limits") == 0 {
					t.Error("nobody says so")
				}
			})
		})
	}
}

// A node that finds none of its seeds keeps to its own limits once it has taken a report,
// whether reports wait for others or not.
func TestAloneKeepsToItsOwn(t *testing.T) {
	for _, noAcks := range []bool{false, true} {
		inBubble(t, func(t *testing.T, h *herd) {
			const most = 5
			h.noAcks = noAcks
			h.limited(Limits{MaxClients: most}, nil)
			n := h.start(0, "10.0.0.9:4132") // nobody is there, and no machine that says so
			for i := range 4 * most {
				n.report(t, fmt.Sprint("client", i), 1000+i)
			}
			h.await(fmt.Sprintf("as many as may be, without acks: %t", noAcks), time.Minute, func() bool { return n.table.Len() == most })
		})
	}
}

// Once an hour it is said that clients go who have just reported; that others go is nothing to
// be told of.
func TestCrampedIsTold(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		const most = 5
		h.limited(Limits{MaxClients: most}, nil)
		n := h.startFirst(1)[0]
		ids := 0
		crowd := func(ago time.Duration) {
			for range 3 * most {
				ids++
				n.report(t, fmt.Sprint("client", ids), int(time.Now().Add(-ago).Unix()))
			}
			h.await("few are left", 5*time.Second, func() bool { return n.table.Len() == most })
			time.Sleep(2 * time.Second)
		}
		const line = "within a minute of their reports"
		for i, step := range []struct {
			ago, rest time.Duration
			lines     int
		}{
			{2 * time.Minute, 0, 0},
			{0, 0, 1},
			{-4 * time.Minute, 30 * time.Minute, 1}, // times to come
			{0, 31 * time.Minute, 1},
			{0, 0, 2},
		} {
			crowd(step.ago)
			if got := h.log.count(line); got != step.lines {
				t.Errorf("step %d: %d lines, want %d", i, got, step.lines)
			}
			time.Sleep(step.rest)
		}
	})
}

// Who wants other limits restarts the nodes one by one: they hold when more than half have
// them. Those who have left have no say.
func TestLimitsChange(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		h.limited(Limits{MaxClients: 100}, nil)
		five := h.startFive()
		for i := range 80 {
			five[i%5].report(t, fmt.Sprint("client", i), 1000+i)
		}
		h.await("all have all", 5*time.Second, h.equal)
		h.limited(Limits{MaxClients: 40}, nil)
		for i, n := range five {
			h.kill(n)
			h.start(i, five[(i+1)%5].addr(), h.nodes[len(h.nodes)-1].addr())
			want := 80
			if i >= 2 {
				want = 40
			}
			h.await(fmt.Sprint(want, " after ", i), 10*time.Second, func() bool {
				return h.oneView() && h.equal() && h.nodes[0].table.Len() == want
			})
		}
		if n := h.nodes[0]; n.Stats().LimitsDiffer != 0 {
			t.Errorf("%d members with other limits", n.Stats().LimitsDiffer)
		}
	})
}

// A client expires at its order time + TTL, at all nodes, and is forgotten later; nobody
// finds it by asking others, and no audit takes it for lost.
func TestHerdsForget(t *testing.T) {
	if testing.Short() {
		t.Skip("eight virtual minutes of a herd take long")
	}
	inBubble(t, func(t *testing.T, h *herd) {
		const ttl = time.Minute
		h.audits = 30 * time.Second
		h.limited(Limits{TTL: ttl}, nil)
		h.clocks = map[string]*testClock{"node1": new(testClock).set(-20 * time.Second), "node2": new(testClock).set(20 * time.Second)}
		three := h.startFirst(3)
		begin := time.Now().Truncate(time.Second)
		for i := range 100 {
			three[i%3].report(t, fmt.Sprint("client", i), int(begin.Unix())-i)
		}
		until := func(n *testNode, i int) time.Time {
			return begin.Add(time.Duration(-i)*time.Second + 500*time.Millisecond + ttl)
		}
		for range 15 {
			time.Sleep(7 * time.Second)
			for _, n := range three {
				for i := range 100 {
					id := fmt.Appendf(nil, "client%d", i)
					_, ok := n.Get(id)
					if want := n.wall().Before(until(n, i)); ok != want {
						t.Fatalf("%s: client %d, which expires at %v, is shown: %t", n.name, i, until(n, i), ok)
					}
					if _, found := n.Lookup(t.Context(), id); found != ok {
						t.Fatalf("%s: client %d is found by asking: %t", n.name, i, found)
					}
				}
			}
			if time.Since(begin) > ttl/2 && len(h.nodes) == 3 {
				h.start(3, three[0].addr())
			}
		}
		time.Sleep(ttl + 5*time.Minute)
		for _, n := range h.nodes {
			if n.table.Len() > 0 || n.Stats().Replica.Expired == 0 {
				t.Errorf("%s: %d clients are held, %d are forgotten", n.name, n.table.Len(), n.Stats().Replica.Expired)
			}
		}
		if alarms := h.sum(func(s Stats) uint64 { return s.AuditAlarms + s.AuditsUnfounded }); alarms > 0 {
			t.Errorf("%d alarms of the audit", alarms)
		}
	})
}

// A node of a release before there were floors is in the herd all the same; it keeps what
// it has, and nobody audits it.
func TestLimitsAndAnOlderRelease(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		h.audits = 20 * time.Second
		h.limited(Limits{MaxClients: 50}, nil)
		h.version = func(name string) uint8 {
			if name == "node3" {
				return floorVersion - 1
			}
			return sessionVersion
		}
		four := h.startFirst(4)
		for i := range 150 {
			four[i%4].report(t, fmt.Sprint("client", i), 1000+i)
		}
		time.Sleep(time.Minute)
		if !h.oneView() || h.log.count("quarantine") > 0 {
			t.Error("the herd has fallen apart")
		}
		for _, n := range four {
			if n.name != "node3" && n.table.Len() != 50 {
				t.Errorf("%s has %d clients", n.name, n.table.Len())
			}
		}
		if alarms := h.sum(func(s Stats) uint64 { return s.AuditAlarms }); alarms > 0 {
			t.Errorf("%d alarms of the audit", alarms)
		}
	})
}
