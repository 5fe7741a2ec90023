package main

import (
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"herd/node/load"
)

const (
	plotWidth  = 60 // columns, each one second or more
	plotHeight = 10 // rows
	leastPlot  = 3  // seconds that are worth a plot
)

// plotMarks are the characters of a plot.
type plotMarks struct{ p50, p99, both, axis, corner, floor string }

var (
	fineMarks  = plotMarks{"●", "▲", "◆", "│", "└", "─"}
	plainMarks = plotMarks{"o", "^", "#", "|", "+", "-"}
)

// column is what a plot shows of some seconds: the worst of them.
type column struct{ p50, p99 time.Duration }

// plotSeries draws p50 and p99 over time, on a logarithmic scale.
func plotSeries(w io.Writer, series []load.Second, plain bool) {
	marks := fineMarks
	if plain {
		marks = plainMarks
	}
	columns, each := columnsOf(series)
	least, most := plotRange(columns)
	fmt.Fprintf(w, "latency in ms: %s p50  %s p99  %s both\n", marks.p50, marks.p99, marks.both)
	for row := plotHeight - 1; row >= 0; row-- {
		var line strings.Builder
		for _, c := range columns {
			p50, p99 := rowOf(c.p50, least, most) == row, rowOf(c.p99, least, most) == row
			switch {
			case p50 && p99:
				line.WriteString(marks.both)
			case p50:
				line.WriteString(marks.p50)
			case p99:
				line.WriteString(marks.p99)
			default:
				line.WriteByte(' ')
			}
		}
		level := math.Exp(least + (most-least)*float64(row)/(plotHeight-1))
		label := strings.TrimSuffix(ms(time.Duration(level)), " ms")
		fmt.Fprintln(w, strings.TrimRight(fmt.Sprintf("%8s %s%s", label, marks.axis, &line), " "))
	}
	fmt.Fprintf(w, "%8s %s%s\n", "", marks.corner, strings.Repeat(marks.floor, len(columns)))
	end := fmt.Sprintf("%d s", len(columns)*each)
	fmt.Fprintf(w, "%8s  0%*s\n", "", max(len(columns)-1, len(end)+1), end)
}

// columnsOf gives at most plotWidth columns and how many seconds each stands for.
// Seconds in which nothing was answered have no mark.
func columnsOf(series []load.Second) (columns []column, each int) {
	each = (len(series) + plotWidth - 1) / plotWidth
	for i, s := range series {
		if i%each == 0 {
			columns = append(columns, column{})
		}
		c := &columns[len(columns)-1]
		c.p50, c.p99 = max(c.p50, s.P50), max(c.p99, s.P99)
	}
	return columns, each
}

// plotRange gives the logarithms of the least and the greatest nanoseconds to show,
// far enough apart for a scale.
func plotRange(columns []column) (least, most float64) {
	least, most = math.Inf(1), math.Inf(-1)
	for _, c := range columns {
		if c.p50 > 0 {
			least = min(least, math.Log(float64(c.p50)))
			most = max(most, math.Log(float64(c.p99)))
		}
	}
	if math.IsInf(least, 1) {
		least = math.Log(float64(time.Millisecond))
		most = least
	}
	return least, max(most, least+math.Ln10)
}

// rowOf is the row of a latency, from 0; -1 if there is none.
func rowOf(d time.Duration, least, most float64) int {
	if d <= 0 {
		return -1
	}
	return int(math.Round((math.Log(float64(d)) - least) / (most - least) * (plotHeight - 1)))
}
