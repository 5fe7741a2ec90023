package main

import (
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"herd/cmd/herd/internal/tty"
	"herd/node/load"
)

// printLoad prints what was measured: what it was, a table, what it cost, a plot.
func (b *benchVerb) printLoad(r *loadReport) error {
	out := b.app.stdout
	fmt.Fprintln(out, r.title())
	fmt.Fprintln(out)
	l := r.Latency
	rows := [][]string{
		{"COMMANDS", "PER SECOND", "P50", "P90", "P99", "P99.9", "MAX", "ERRORS"},
		{
			fmt.Sprint(r.Commands), fmt.Sprintf("%.0f", r.PerSecond),
			ms(l.P50), ms(l.P90), ms(l.P99), ms(l.P999), ms(l.Max), fmt.Sprint(r.Wrong + r.Lost + r.Missing),
		},
	}
	if err := printTable(out, rows); err != nil {
		return err
	}
	fmt.Fprintln(out)
	for _, line := range r.notes() {
		fmt.Fprintln(out, line)
	}
	if len(r.Series) >= leastPlot {
		fmt.Fprintln(out)
		plotSeries(out, r.Series, b.plain || !b.app.utf8())
	}
	return nil
}

// title says what was measured.
func (r *loadReport) title() string {
	var how string
	if r.Rate > 0 {
		how = fmt.Sprintf("%d/s", r.Rate)
	} else {
		how = fmt.Sprintf("pipeline %d", r.Pipeline)
	}
	what := r.Protocol
	if r.Mix != "" {
		what += " " + r.Mix
	}
	if r.Mode == modeNear {
		what += ", who is near"
	}
	where := strings.Join(r.Addrs, ", ")
	if r.Nodes > 0 {
		where = startedHere(r.Protocol, r.Nodes)
	}
	return fmt.Sprintf("%s, %s over %d connections, %d clients, %.1f s,\nto %s", what, how, r.Connections, r.Clients, r.Seconds, where)
}

// startedHere tells of servers that the bench has started.
func startedHere(protocol string, n int) string {
	switch {
	case protocol == string(load.Herd):
		return fmt.Sprintf("a herd of %d here", n)
	case n == 1:
		return "a Redis here"
	}
	return fmt.Sprintf("a Redis with %d replicas here", n-1)
}

// notes are the lines below the table.
func (r *loadReport) notes() (lines []string) {
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	if s := r.Server; s != nil {
		add("server CPU     %.2f s per million commands, %.2f cores", s.PerMillion, s.Cores)
	}
	if s := r.Generator; s != nil {
		add("generator CPU  %.2f s per million commands, %.2f cores", s.PerMillion, s.Cores)
	}
	if l := r.Lateness; l != nil {
		add("sent late by   p50 %s, p99 %s, max %s", ms(l.P50), ms(l.P99), ms(l.Max))
	}
	if r.Filled > 0 {
		add("stored before  %d clients in %.1f s", r.Filled, r.FillTime.Seconds())
	}
	if r.Results > 0 {
		add("per query      %.1f results", r.Results)
	}
	if r.Unsent > 0 {
		add("never sent     %d commands: the servers were that far behind", r.Unsent)
	}
	for _, s := range r.Samples {
		add("error          %s", s)
	}
	return lines
}

// faults says how much of what went wrong.
func faults(r *load.Result) string {
	var parts []string
	for _, p := range []struct {
		n    uint64
		what string
	}{
		{r.Wrong, "wrong replies"},
		{r.Lost, "connections lost"},
		{r.Missing, "commands without a reply"},
	} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.what))
		}
	}
	return strings.Join(parts, ", ")
}

// ms shows three digits of a latency, in milliseconds.
func ms(d time.Duration) string {
	v := float64(d) / float64(time.Millisecond)
	digits := 3
	if v >= 1 {
		digits = max(0, 2-int(math.Log10(v)))
	}
	return fmt.Sprintf("%.*f ms", digits, v)
}

// utf8 tells whether the terminal shows more than ASCII.
func (a *app) utf8() bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} { // the first that is set rules
		if v := strings.ToUpper(a.getenv(name)); v != "" {
			return strings.Contains(v, "UTF-8") || strings.Contains(v, "UTF8")
		}
	}
	return false
}

// progress is a line at the terminal that tells how far a run is.
type progress struct {
	w     io.Writer // nil: nobody looks
	total time.Duration
	width int // of what is on the line
}

func newProgress(w io.Writer, total time.Duration) *progress {
	if !tty.Is(w) {
		w = nil
	}
	return &progress{w: w, total: total}
}

func (p *progress) say(text string) {
	if p.w == nil {
		return
	}
	fmt.Fprintf(p.w, "\r%-*s", p.width, text)
	p.width = len(text)
}

func (p *progress) second(s load.Second) {
	text := fmt.Sprintf("%d of %.0f s: %d commands, p50 %s, p99 %s", s.Second, p.total.Seconds(), s.Commands, ms(s.P50), ms(s.P99))
	if s.Wrong > 0 {
		text += fmt.Sprintf(", %d wrong", s.Wrong)
	}
	p.say(text)
}

// done leaves the line as if nothing had been there.
func (p *progress) done() {
	p.say("")
	p.width = 0
	if p.w != nil {
		fmt.Fprint(p.w, "\r")
	}
}
