package top

import (
	"fmt"
	"strings"
	"time"
)

// Draw draws a snapshot in at most so many lines, each at most so many cells wide. With a
// height of 0 there are as many lines as it takes.
func Draw(s *Snapshot, v *View, width, height int) []Line {
	w := &writer{glyphs: glyphsFor(v.ASCII), width: max(width, 1)}
	if v.Help {
		return cut(drawHelp(w), height)
	}
	l := plan(s, v, width, height)
	lines := append([]Line{title(w, s, v)}, warningLines(w, s)...)
	blank := func() {
		if l.gaps {
			lines = append(lines, nil)
		}
	}
	if l.figures > 0 {
		blank()
		lines = append(lines, figures(w, s, l.figures)...)
	}
	if l.members >= 0 {
		blank()
		lines = append(lines, drawMembers(w, s, v, l.members)...)
	}
	if l.clients >= 0 {
		blank()
		lines = append(lines, drawClients(w, s, v, l.clients)...)
	}
	if l.events >= 0 {
		blank()
		lines = append(lines, drawEvents(w, s, l.events)...)
	}
	if l.keys {
		for len(lines) < height-1 {
			lines = append(lines, nil)
		}
		lines = append(cut(lines, height-1), drawKeys(w, v))
	}
	return cut(lines, height)
}

func cut(lines []Line, height int) []Line {
	if height > 0 && len(lines) > height {
		return lines[:height]
	}
	return lines
}

// title says who sees the herd so, and when.
func title(w *writer, s *Snapshot, v *View) Line {
	w.add(Strong, "The herd as seen by "+s.Node)
	at := s.Now.Local().Format(time.TimeOnly)
	if v.Paused {
		at = "PAUSED  " + at
	}
	var states []string
	for _, state := range []string{"alive", "leaving", "suspect", "failed", "left"} {
		n := 0
		for _, m := range s.Members {
			if m.shown() == state {
				n++
			}
		}
		if n > 0 {
			states = append(states, fmt.Sprintf("%d %s", n, state))
		}
	}
	room := w.width - len(at) - gap
	for _, text := range []string{strings.Join(states, ", "), "up " + span(time.Duration(s.Uptime*float64(time.Second))), s.Addr, s.Version} {
		if w.used+gap+textWidth(clean(text, w.ascii)) > room {
			break
		}
		w.add(Faint, "  "+text)
	}
	if w.used <= room {
		w.to(w.width - len(at))
		style := Faint
		if v.Paused {
			style = Warn
		}
		w.add(style, at)
	}
	return w.end()
}

// warnings are what somebody should know before he reads on.
func warnings(s *Snapshot) (all []cell) {
	switch {
	case s.Trouble != "":
		all = append(all, cell{"No node answers: " + s.Trouble + ". What is shown is old.", Bad})
	case s.Away != "":
		all = append(all, cell{fmt.Sprintf("%s does not answer: %s. It is tried again.", s.home, s.Away), Warn})
	}
	switch {
	case s.Node == "":
	case !s.Ready:
		all = append(all, cell{s.Node + " is not ready.", Warn})
	case len(s.Behind) > 0:
		all = append(all, cell{fmt.Sprintf("%s is behind %s.", s.Node, strings.Join(s.Behind, ", ")), Warn})
	}
	return all
}

func warningLines(w *writer, s *Snapshot) (lines []Line) {
	for _, c := range warnings(s) {
		w.add(c.style, c.text)
		lines = append(lines, w.end())
	}
	return lines
}

// drawEvents draws the last events, the newest first.
func drawEvents(w *writer, s *Snapshot, rows int) []Line {
	w.add(Strong, "EVENTS")
	lines := []Line{w.end()}
	if len(s.Events) == 0 && rows > 0 {
		w.add(Faint, "none since the start of herd top")
		return append(lines, w.end())
	}
	for _, e := range s.Events[:min(rows, len(s.Events))] {
		w.add(Faint, e.Time.Local().Format(time.TimeOnly)+"  ")
		w.add(stateStyle(e.Kind), e.Text)
		lines = append(lines, w.end())
	}
	return lines
}

// drawKeys is the last line.
func drawKeys(w *writer, v *View) Line {
	pause := "pause"
	if v.Paused {
		pause = "go on"
	}
	left, up := "←→", "↑↓"
	if w.ascii {
		left, up = "<>", "^v"
	}
	for i, k := range [][2]string{{"q", "quit"}, {"?", "help"}, {"p", pause}, {"m", "members"}, {"c", "clients"}, {up, "scroll"}, {left, "order"}} {
		if w.used+textWidth(k[0]+k[1])+3 > w.width {
			break
		}
		if i > 0 {
			w.add(Normal, "  ")
		}
		w.add(Strong, k[0])
		w.add(Faint, " "+k[1])
	}
	return w.end()
}

func drawHelp(w *writer) (lines []Line) {
	for _, text := range strings.Split(help, "\n") {
		style := Normal
		if text != "" && !strings.Contains(text, "  ") {
			style = Strong
		}
		w.add(style, text)
		lines = append(lines, w.end())
	}
	return lines
}

const help = `KEYS
q           quit, and so does Ctrl-C
p           hold the picture, and let it go on
m c         act on the members, on the clients
up down     scroll, and so do page up, page down, home, end
left right  order by another column
?           these lines, or back

FIGURES, a second, of the node that is asked
IAMAT WHATSAT invalid     commands of its clients
from clients, others      positions that clients, and other nodes, have sent
p50, p99                  how old that was when it came: half of it, 99 in 100
lag                       the most that a member lacks, in batches of positions

LISTS
LAG    what a member lacks of this node's batches; self: of all others'
LINK   up, down, slow (catches up), deaf (does not see this node)
PER S  how often a client was updated, at least, in the last seconds
       OF SOME: there are too many updates to see them all`
