package top

import (
	"fmt"
	"time"
)

// figure is a number with a name, and perhaps its course.
type figure struct {
	name, value string
	course      func(r *Rates) float64 // nil: it has none
}

// figureRows are which figures stand beside each other, by how many do. The last rows are
// the first to go.
var figureRows = [4][][]int{
	1: {{0}, {1}, {4}, {5}, {8}, {9}, {6}, {2}, {10}, {11}, {3}, {7}},
	2: {{0, 4}, {1, 5}, {8, 9}, {2, 6}, {10, 11}, {3, 7}},
	3: {{0, 4, 8}, {1, 5, 9}, {2, 6, 10}, {3, 7, 11}},
}

// figureColumns is how many figures stand beside each other.
func figureColumns(width int) int { return max(1, min(3, width/26)) }

func figureLines(width int) int { return len(figureRows[figureColumns(width)]) }

// figures draws the most important ones in so many lines.
func figures(w *writer, s *Snapshot, rows int) (lines []Line) {
	perSecond := func(of func(r *Rates) float64) string {
		if s.Rates == nil {
			return w.none
		}
		return number(of(s.Rates)) + "/s"
	}
	bytesPer := func(of func(r *Rates) float64) string {
		if s.Rates == nil {
			return w.none
		}
		return short(of(s.Rates), "B/s")
	}
	rate := func(name string, of func(r *Rates) float64) figure {
		return figure{name, perSecond(of), of}
	}
	age := w.none
	if s.Propagation.Count > 0 {
		age = brief(s.Propagation.P50, w.glyphs) + ", " + brief(s.Propagation.P99, w.glyphs)
	}
	in, out := func(r *Rates) float64 { return r.BytesIn }, func(r *Rates) float64 { return r.BytesOut }
	all := [...]figure{
		rate("IAMAT", func(r *Rates) float64 { return r.IAmAt }),
		rate("WHATSAT", func(r *Rates) float64 { return r.WhatsAt }),
		rate("invalid", func(r *Rates) float64 { return r.Invalid }),
		{"bytes in", bytesPer(in), in},
		rate("from clients", func(r *Rates) float64 { return r.Accepted }),
		rate("from others", func(r *Rates) float64 { return r.Received }),
		{"p50, p99", age, nil},
		{"bytes out", bytesPer(out), out},
		{"clients", number(float64(s.Clients)), nil},
		{"connections", number(float64(s.Connections)), nil},
		{"table", short(float64(s.TableBytes), "B"), nil},
		{"lag", most(w, s), nil},
	}
	columns := figureColumns(w.width)
	each := w.width / columns
	for _, row := range figureRows[columns][:min(rows, figureLines(w.width))] {
		for k, i := range row {
			w.figure(s, &all[i], k*each, each-gap)
		}
		lines = append(lines, w.end())
	}
	return lines
}

// most is what the member lacks that lacks most, in batches.
func most(w *writer, s *Snapshot) string {
	most, known := uint64(0), false
	for _, m := range s.Members {
		if m.Lag != nil {
			most, known = max(most, *m.Lag), true
		}
	}
	if !known {
		return w.none
	}
	return number(float64(most))
}

const (
	nameCells  = 12
	valueCells = 14
	mostCourse = 40
)

// figure draws one in so many cells from the column at on.
func (w *writer) figure(s *Snapshot, f *figure, at, cells int) {
	w.to(at)
	w.add(Faint, f.name)
	room := cells - nameCells - valueCells - 1
	if room < 6 { // for a course worth a look
		w.to(at + cells - textWidth(f.value))
		w.add(Normal, f.value)
		return
	}
	w.to(at + nameCells + max(0, valueCells-textWidth(f.value)))
	w.add(Normal, f.value)
	if f.course == nil {
		return
	}
	if w.used < at+nameCells+valueCells+1 {
		w.to(at + nameCells + valueCells + 1)
	}
	w.add(Good, w.bars(s.course, f.course, min(room, mostCourse)))
}

// bars draws the last rates, the newest at the right, as parts of the greatest.
func (w *writer) bars(course []Rates, of func(r *Rates) float64, cells int) string {
	course = course[max(0, len(course)-cells):]
	most := 10.0 // a second: less is little
	for i := range course {
		most = max(most, of(&course[i]))
	}
	text := make([]rune, 0, cells)
	for range cells - len(course) {
		text = append(text, w.course[0])
	}
	steps := len(w.course) - 1
	for i := range course {
		// Whatever is more than nothing is seen.
		k := int(of(&course[i])/most*float64(steps) + 0.999)
		text = append(text, w.course[max(0, min(k, steps))])
	}
	return string(text)
}

// clock writes how far a member's clock is ahead of the node's.
func clock(us *int64) string {
	if us == nil {
		return ""
	}
	d := (time.Duration(*us) * time.Microsecond).Round(time.Millisecond)
	if d < 0 {
		return d.String()
	}
	return fmt.Sprintf("+%v", d)
}
