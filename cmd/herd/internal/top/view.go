package top

import (
	"cmp"
	"slices"
	"strings"
)

// List is one of the two lists that keys act on.
type List int

// The lists.
const (
	MemberList List = iota
	ClientList
	lists
)

// View is how somebody wants to see a snapshot.
type View struct {
	ASCII bool // no other characters
	Still bool // it is printed and done with: there are no keys

	Help, Paused bool
	Focus        List
	order        [lists]int
	scroll       [lists]int
}

// The orders of the lists, the first of each at first; a column has the number from 1 of
// the order that goes by it.
var (
	memberOrders = []func(a, b *Row) int{
		byName,
		func(a, b *Row) int { return cmp.Compare(stateRank(a.shown()), stateRank(b.shown())) },
		func(a, b *Row) int { return b.Since.Compare(a.Since) },
		func(a, b *Row) int { return cmp.Compare(lagRank(b), lagRank(a)) },
	}
	clientOrders = []func(a, b *Hot) int{
		func(a, b *Hot) int { return cmp.Compare(b.PerSecond, a.PerSecond) },
		func(a, b *Hot) int { return strings.Compare(a.ID, b.ID) },
		func(a, b *Hot) int { return strings.Compare(a.Node, b.Node) },
		func(a, b *Hot) int { return b.Received.Compare(a.Received) },
	}
)

const (
	orderName, orderState, orderSince, orderLag = 1, 2, 3, 4
	orderRate, orderID, orderNode, orderAge     = 1, 2, 3, 4
)

func byName(a, b *Row) int {
	return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Origin, b.Origin))
}

// stateRank puts first what somebody should look at.
func stateRank(state string) int {
	return slices.Index([]string{"left", "alive", "leaving", "suspect", "failed"}, state) * -1
}

func lagRank(r *Row) int64 {
	if r.Lag == nil {
		return -1
	}
	return int64(min(*r.Lag, 1<<62))
}

// members are the rows in the order of the view.
func (v *View) members(s *Snapshot) []Row {
	all := slices.Clone(s.Members)
	slices.SortStableFunc(all, func(a, b Row) int {
		return cmp.Or(memberOrders[v.order[MemberList]](&a, &b), byName(&a, &b))
	})
	return all
}

func (v *View) clients(s *Snapshot) []Hot {
	all := slices.Clone(s.Hottest)
	slices.SortStableFunc(all, func(a, b Hot) int {
		return cmp.Or(clientOrders[v.order[ClientList]](&a, &b), strings.Compare(a.ID, b.ID))
	})
	return all
}

// Press is the view after a key, of a drawing of that size; quit if it was to end.
func (v View) Press(k Key, s *Snapshot, width, height int) (after View, quit bool) {
	if k == 'q' || k == 'Q' || k == KeyInterrupt {
		return v, true
	}
	if v.Help {
		v.Help = false
		if k == '?' || k == 'h' || k == KeyEscape {
			return v, false
		}
	}
	orders := len(memberOrders)
	if v.Focus == ClientList {
		orders = len(clientOrders)
	}
	rows := plan(s, &v, width, height).of(v.Focus)
	switch k {
	case '?', 'h':
		v.Help = true
	case 'p', ' ':
		v.Paused = !v.Paused
	case 'm':
		v.Focus = MemberList
	case 'c':
		v.Focus = ClientList
	case '\t':
		v.Focus = (v.Focus + 1) % lists
	case KeyRight:
		v.reorder((v.order[v.Focus] + 1) % orders)
	case KeyLeft:
		v.reorder((v.order[v.Focus] + orders - 1) % orders)
	case KeyUp, 'k':
		v.scroll[v.Focus]--
	case KeyDown, 'j':
		v.scroll[v.Focus]++
	case KeyPageUp:
		v.scroll[v.Focus] -= max(rows, 1)
	case KeyPageDown:
		v.scroll[v.Focus] += max(rows, 1)
	case KeyHome:
		v.scroll[v.Focus] = 0
	case KeyEnd:
		v.scroll[v.Focus] = len(s.Members) + len(s.Hottest)
	}
	v.scroll[MemberList] = v.from(MemberList, len(s.Members), plan(s, &v, width, height).members)
	v.scroll[ClientList] = v.from(ClientList, len(s.Hottest), plan(s, &v, width, height).clients)
	return v, false
}

func (v *View) reorder(order int) { v.order[v.Focus], v.scroll[v.Focus] = order, 0 }

// from is the first of all rows to be drawn in so many lines.
func (v *View) from(l List, all, lines int) int {
	return max(0, min(v.scroll[l], all-max(lines, 0)))
}
