package top

import (
	"fmt"
	"strconv"
)

func stateStyle(state string) Style {
	switch state {
	case "alive":
		return Good
	case "suspect":
		return Warn
	case "failed":
		return Bad
	case "left":
		return Faint
	}
	return Normal
}

func (g *glyphs) mark(state string) string {
	switch state {
	case "alive":
		return g.alive
	case "leaving":
		return g.leaving
	case "suspect":
		return g.suspect
	case "failed":
		return g.failed
	case "left":
		return g.left
	}
	return "?"
}

// marked is the style of the title of the column that a list is ordered by.
func (v *View) marked(l List) Style {
	if v.Focus == l && !v.Still {
		return Chosen
	}
	return Strong
}

// part says which of all rows are shown, if not all are.
func (v *View) part(from, all, rows int) string {
	if rows <= 0 || all <= rows || v.Still {
		return ""
	}
	return fmt.Sprintf(" %d-%d/%d", from+1, from+rows, all)
}

// drawMembers draws the members in so many lines below their title.
func drawMembers(w *writer, s *Snapshot, v *View, rows int) []Line {
	t := &table{columns: []column{
		{title: "MEMBER", rank: 0, least: 12, order: orderName},
		{title: "STATE", rank: 1, room: 7, order: orderState},
		{title: "SINCE", rank: 2, room: 11, order: orderSince},
		{title: "IN SYNC", rank: 3},
		{title: "LAG", rank: 4, room: 4, right: true, order: orderLag},
		{title: "LINK", rank: 5, room: 4},
		{title: "CLIENTS", rank: 6},
		{title: "HTTP", rank: 7},
		{title: "CLOCK", rank: 8, right: true},
		{title: "VERSION", rank: 9},
		{title: "GOSSIP", rank: 10},
	}}
	all := v.members(s)
	for i := range all {
		t.rows = append(t.rows, memberCells(w, s, &all[i]))
	}
	from := v.from(MemberList, len(t.rows), rows)
	t.columns[0].title += v.part(from, len(t.rows), rows)
	return t.draw(w, v.order[MemberList]+1, v.marked(MemberList), from, rows)
}

func memberCells(w *writer, s *Snapshot, m *Row) []cell {
	style := stateStyle(m.shown())
	live := m.State == "alive" || m.State == "suspect"
	lag, sync, link := cell{w.none, Faint}, cell{w.none, Faint}, cell{w.none, Faint}
	if m.Lag != nil {
		lag = cell{strconv.FormatUint(*m.Lag, 10), Normal}
	}
	switch {
	case !live:
	case m.Self:
		sync = cell{"self", Faint}
	case m.InSync:
		sync = cell{"yes", Normal}
	default:
		sync = cell{"no", Warn}
	}
	switch {
	case !live || m.Self:
	case !m.Linked:
		link = cell{"down", Bad}
	case m.Unseen:
		link = cell{"deaf", Warn}
	case m.Lagging:
		link = cell{"slow", Warn}
	case m.Queued > 0:
		link = cell{"up " + short(float64(m.Queued), "B"), Normal}
	default:
		link = cell{"up", Normal}
	}
	name := Normal
	if m.Self {
		name = Strong
	}
	if m.State == "left" {
		name = Faint
	}
	return []cell{
		{w.mark(m.shown()) + " " + m.Name, name},
		{m.shown(), style},
		{span(s.Now.Sub(m.Since)), Normal},
		sync, lag, link,
		{m.Client, Normal},
		{m.HTTP, Normal},
		{clock(m.Clock), Faint},
		{m.Version, Faint},
		{m.Gossip, Faint},
	}
}

// drawClients draws the hottest clients in so many lines below their title.
func drawClients(w *writer, s *Snapshot, v *View, rows int) []Line {
	t := &table{columns: []column{
		{title: "HOTTEST CLIENTS", rank: 0, room: 24, least: 24, order: orderID},
		{title: "PER S", rank: 1, right: true, order: orderRate},
		{title: "NODE", rank: 2, least: 8, order: orderNode},
		{title: "AGE", rank: 4, room: 4, order: orderAge},
		{title: "POSITION", rank: 3, least: 22},
	}}
	if s.Sampled {
		t.columns[0].title = "HOTTEST OF SOME"
	}
	for _, c := range v.clients(s) {
		t.rows = append(t.rows, []cell{
			{c.ID, Normal},
			{number(c.PerSecond), Normal},
			{c.Node, Normal},
			{span(s.Now.Sub(c.Received)), Normal},
			{c.Position, Faint},
		})
	}
	from := v.from(ClientList, len(t.rows), rows)
	t.columns[0].title += v.part(from, len(t.rows), rows)
	lines := t.draw(w, v.order[ClientList]+1, v.marked(ClientList), from, rows)
	if rows > 0 && (s.Deaf != "" || len(t.rows) == 0) {
		why := cell{"nobody reports", Faint}
		if s.Deaf != "" {
			why = cell{s.Deaf, Warn}
		}
		w.add(why.style, why.text)
		at := min(1, len(lines))
		lines = append(lines[:at:at], append([]Line{w.end()}, lines[at:]...)...)
	}
	return lines[:min(len(lines), rows+1)]
}

// draw draws the title and rows from one on.
func (t *table) draw(w *writer, order int, marked Style, from, rows int) []Line {
	widths := t.widths(w.width, w.glyphs)
	lines := []Line{t.head(w, widths, order, marked)}
	for _, row := range t.rows[from:min(len(t.rows), from+max(rows, 0))] {
		lines = append(lines, t.line(w, widths, row))
	}
	return lines
}
