package gossip

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// view is the members as those see them who ask often: in a large herd they change far less often
// than that. Nobody changes what is in it.
type view struct {
	list   []Member // see list
	peers  []Member // see peers
	limits []Limits // see limits
}

// viewLocked is the members as they are.
func (t *memberTable) viewLocked() *view {
	if t.view == nil {
		t.view = &view{t.listLocked(), t.peersLocked(), t.limitsLocked()}
	}
	return t.view
}

// list is the members by name, then by start. A dead incarnation of a name that is
// alive again is left out: the herd shows nodes, and that node is alive. The caller may change it.
func (t *memberTable) list() []Member {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.pruneLocked()
	return slices.Clone(t.viewLocked().list)
}

// all is every member, those that list leaves out too, in no order.
func (t *memberTable) all() []Member {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := make([]Member, 0, len(t.byID))
	for _, m := range t.byID {
		all = append(all, *m)
	}
	return all
}

// peers is the live members but this node, and those that are said to be back. One of
// these, and one whose name a newer one has, is marked as superseded: it is most likely
// dead, and the herd has yet to notice. The caller must not change it.
func (t *memberTable) peers() []Member {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.viewLocked().peers
}

// limits are those that the herd's other nodes are configured to. Who has failed counts: he
// may be alive behind a cut, and whoever is alone there must not take himself for the
// herd. Of a name the newest incarnation counts. The caller must not change it.
func (t *memberTable) limits() []Limits {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.viewLocked().limits
}

func (t *memberTable) listLocked() []Member {
	alive := make(map[string]bool)
	for _, m := range t.byID {
		alive[m.Name] = alive[m.Name] || m.State.live()
	}
	newest := make(map[string]*Member)
	var all []Member
	for _, m := range t.byID {
		switch {
		case m.State.live():
			all = append(all, *m)
		case alive[m.Name]:
		default:
			if n := newest[m.Name]; n == nil || m.byStart(n) > 0 {
				newest[m.Name] = m
			}
		}
	}
	for _, m := range newest {
		all = append(all, *m)
	}
	slices.SortFunc(all, func(a, b Member) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), a.byStart(&b))
	})
	return all
}

// byStart compares two incarnations by when they started, as they say. Of two that have started at once
// it does not matter which is the later one, but it must be the same whenever somebody asks.
func (m *Member) byStart(n *Member) int {
	return cmp.Or(m.Started.Compare(n.Started), cmp.Compare(m.Origin, n.Origin))
}

func (t *memberTable) peersLocked() []Member {
	newest := newestOf(t.byID, func(m *Member) bool { return m.State.live() || m.said })
	var all []Member
	for _, m := range t.byID {
		if (m.State.live() || m.said) && !m.Self {
			c := *m
			c.superseded = newest[m.Name] != m || m.said
			all = append(all, c)
		}
	}
	slices.SortFunc(all, func(a, b Member) int { return cmp.Compare(a.Origin, b.Origin) })
	return all
}

func (t *memberTable) limitsLocked() []Limits {
	var all []Limits
	for _, m := range newestOf(t.byID, func(*Member) bool { return true }) {
		if !m.Self && m.State != Left && m.Protocol >= floorVersion {
			all = append(all, m.Limits)
		}
	}
	return all
}

// newestOf is, of each name, the incarnation that started last, of those that count. This node
// knows best of itself, and of others by when it learned of them; their clocks may be wrong, and
// decide only between those of which it learned within a second of the last.
func newestOf(all map[string]*Member, counts func(*Member) bool) map[string]*Member {
	learned := make(map[string]time.Time, len(all))
	for _, m := range all {
		if counts(m) && m.seen.After(learned[m.Name]) {
			learned[m.Name] = m.seen
		}
	}
	newest := make(map[string]*Member, len(learned))
	for _, m := range all {
		n := newest[m.Name]
		switch {
		case !counts(m) || n != nil && n.Self:
		case m.Self, learned[m.Name].Sub(m.seen) <= time.Second && (n == nil || m.byStart(n) > 0):
			newest[m.Name] = m
		}
	}
	return newest
}

// holders is the live members of a name but this node.
func (t *memberTable) holders(name string) []Holder {
	t.mu.Lock()
	defer t.mu.Unlock()
	var all []Holder
	for _, m := range t.byID {
		if m.Name == name && m.State.live() && !m.Self {
			all = append(all, Holder{m.Origin, m.Gossip, m.since})
		}
	}
	return all
}

// byState counts the members that list shows.
func (t *memberTable) byState() map[string]int {
	count := map[string]int{Alive.String(): 0, Suspect.String(): 0, Failed.String(): 0, Left.String(): 0}
	for _, m := range t.list() {
		count[m.State.String()]++
	}
	return count
}
