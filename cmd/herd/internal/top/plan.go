package top

import "slices"

// layout is how many lines each part of a drawing gets, its title not counted; -1: it is
// left out.
type layout struct {
	gaps    bool // between the parts
	figures int
	members int
	clients int
	events  int
	keys    bool // the last line says which there are
}

func (l layout) of(list List) int {
	if list == ClientList {
		return l.clients
	}
	return l.members
}

const (
	natural   = 10  // clients and events, where there is no height to fill
	leastRows = 2   // of a list
	aLot      = 100 // more than a screen has
)

// plan gives the lines of a drawing to its parts. Without a height it takes as many as it
// needs. It depends on how many members there are, and not on what comes and goes by the
// second.
func plan(s *Snapshot, v *View, width, height int) layout {
	l := layout{gaps: true, figures: figureLines(width), members: len(s.Members), clients: min(len(s.Hottest), natural), events: min(len(s.Events), natural)}
	if v.Still && l.events == 0 {
		l.events = -1
	}
	if height <= 0 {
		l.clients = max(l.clients, 1)
		return l
	}
	free := height - 1 - len(warnings(s))
	if l.keys = !v.Still && height >= 4; l.keys {
		free--
	}
	l.figures = max(0, min(l.figures, free/3))
	free -= l.figures
	if l.gaps = free >= 17; l.gaps {
		free -= 4
	}

	// A list needs a title and two rows. The one that the keys act on is there in any case.
	type share struct {
		lines *int
		want  int
		turns int
	}
	members, clients, events := share{&l.members, len(s.Members), 2}, share{&l.clients, aLot, 2}, share{&l.events, aLot, 1}
	all := []share{members, clients, events}
	if v.Focus == ClientList {
		all = []share{clients, members, events}
	}
	all[0].turns = 3
	all = slices.DeleteFunc(all, func(p share) bool { return *p.lines < 0 })
	for i, part := range all {
		switch {
		case free >= 1+leastRows:
			*part.lines = min(leastRows, part.want)
			free -= 1 + *part.lines
		case i == 0:
			*part.lines = max(0, free-1)
			free = 0
		default:
			*part.lines = -1
		}
	}
	all = slices.DeleteFunc(all, func(p share) bool { return *p.lines < 0 })
	for given := true; given && free > 0; {
		given = false
		for _, part := range all {
			for range part.turns {
				if free > 0 && *part.lines < part.want {
					*part.lines++
					free--
					given = true
				}
			}
		}
	}
	return l
}
