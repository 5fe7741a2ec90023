package top

import (
	"cmp"
	"slices"
)

// gap is what is free between columns.
const gap = 2

// column of a table. Columns are left out from the highest rank on until the rest fits.
type column struct {
	title string
	rank  int
	right bool // aligned
	room  int  // what it takes at least, so that the others stay where they are
	least int  // if not 0: it may be cut to so many cells
	order int  // which order of rows goes by it; 0: none
}

// cell of a table.
type cell struct {
	text  string
	style Style
}

type table struct {
	columns []column
	rows    [][]cell
}

// widths are how wide each column is; 0 if it is left out.
func (t *table) widths(total int, g *glyphs) []int {
	full := make([]int, len(t.columns))
	for i, c := range t.columns {
		full[i] = max(c.room, textWidth(c.title))
		for _, row := range t.rows {
			full[i] = max(full[i], textWidth(clean(row[i].text, g.ascii)))
		}
	}
	byRank := make([]int, len(t.columns))
	for i := range byRank {
		byRank[i] = i
	}
	slices.SortFunc(byRank, func(a, b int) int { return cmp.Compare(t.columns[a].rank, t.columns[b].rank) })
	widths, free := make([]int, len(t.columns)), total+gap
	for n, i := range byRank {
		w := full[i]
		if least := t.columns[i].least; least > 0 {
			w = min(w, max(least, textWidth(t.columns[i].title)))
		}
		if n == 0 {
			w = min(w, total)
		} else if w+gap > free {
			break
		}
		widths[i] = w
		free -= w + gap
	}
	for i, w := range widths {
		if w > 0 && free > 0 {
			more := min(full[i]-w, free)
			widths[i] += more
			free -= more
		}
	}
	return widths
}

// head draws the titles. That of the column by which rows are ordered is marked.
func (t *table) head(w *writer, widths []int, order int, marked Style) Line {
	row := make([]cell, len(t.columns))
	for i, c := range t.columns {
		row[i] = cell{c.title, Strong}
		if c.order == order && order != 0 {
			row[i].style = marked
		}
	}
	return t.line(w, widths, row)
}

func (t *table) line(w *writer, widths []int, row []cell) Line {
	at := 0
	for i, c := range row {
		if widths[i] == 0 {
			continue
		}
		w.to(at)
		text := clip(clean(c.text, w.ascii), widths[i], w.glyphs)
		if t.columns[i].right {
			w.to(at + widths[i] - textWidth(text))
		}
		w.add(c.style, text)
		at += widths[i] + gap
	}
	return w.end()
}
