package history

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// Promise is something that a herd promises its clients.
type Promise string

// The promises, each with when it is broken.
const (
	Convergence  Promise = "convergence"      // dumps differ
	AckedLoss    Promise = "no acked loss"    // no dump has a fix that was acknowledged, and one of those who held it lives
	InSync       Promise = "in sync"          // a member that was in sync at an ack does not show what was acknowledged
	CaughtUp     Promise = "caught up"        // a node that had caught up does not show what was known
	OwnWrites    Promise = "read your writes" // a node does not show what it acknowledged
	Monotonic    Promise = "monotonic reads"  // a node shows something older than before
	Invention    Promise = "no invention"     // a node shows what nobody had sent
	Resurrection Promise = "no resurrection"  // a node shows what had expired
)

// promises are all of them, in the order of a report.
var promises = [...]Promise{Convergence, AckedLoss, InSync, CaughtUp, OwnWrites, Monotonic, Invention, Resurrection}

// maxViolations is how many violations of one promise a report has at most. All are
// counted.
const maxViolations = 10

// Violation is one broken promise.
type Violation struct {
	Promise Promise `json:"promise"`
	Client  string  `json:"client"`
	Why     string  `json:"why"` // the story, for a person
	// Lines are where the commands of the story are in the file that
	// [History.Write] makes, counted from 1.
	Lines []int `json:"lines,omitempty"`
}

// Tally is how often a promise was put to the test, and how often it was broken. One
// that was never tested has not been kept: the history has nothing to judge it by.
type Tally struct {
	Promise Promise `json:"promise"`
	Tested  int     `json:"tested"`
	Broken  int     `json:"broken"`
}

// Quantiles are of durations, in nanoseconds where they are written as JSON.
type Quantiles struct {
	Count int           `json:"count"`
	Min   time.Duration `json:"min"`
	P50   time.Duration `json:"p50"`
	P95   time.Duration `json:"p95"`
	P99   time.Duration `json:"p99"`
	Max   time.Duration `json:"max"`
}

// Commands are figures of the commands sent in some time to some nodes.
type Commands struct {
	OK      int       `json:"ok"`
	Fail    int       `json:"fail"`
	Unknown int       `json:"unknown"`
	Writes  Quantiles `json:"writes"` // latency of those that are OK
	Reads   Quantiles `json:"reads"`
}

// Window is the time of one fault.
type Window struct {
	Fault     string        `json:"fault"`
	Nodes     []string      `json:"nodes,omitempty"` // to whom it was done; none: to all
	Begin     time.Duration `json:"begin"`           // since the history began
	End       time.Duration `json:"end"`
	At        Commands      `json:"at"`        // sent to those nodes meanwhile
	Elsewhere Commands      `json:"elsewhere"` // and to the others
}

// Report is what a check found.
type Report struct {
	Promises   []Tally     `json:"promises"`
	Violations []Violation `json:"violations,omitempty"`

	Writes  int `json:"writes"`  // acknowledged
	Lost    int `json:"lost"`    // acknowledged and in no dump, newer than what is
	Excused int `json:"excused"` // of the lost: nobody who is known to have held it lives

	All     Commands `json:"all"`
	Quiet   Commands `json:"quiet"` // sent while there was no fault
	Windows []Window `json:"windows,omitempty"`

	// Staleness is, of each acknowledged write and each other process that was read
	// later, how long after the ack it was last seen to show something older.
	Staleness Quantiles `json:"staleness"`
	Stale     int       `json:"stale"` // how many of them are not zero

	// Converged is, of each end of a fault after which there was none, how long after
	// it a read last showed something older than what had been acknowledged before it.
	Converged Quantiles `json:"converged"`
}

// OK tells whether no promise was broken.
func (r *Report) OK() bool { return len(r.Violations) == 0 }

// Tally is how a promise fared.
func (r *Report) Tally(p Promise) Tally {
	for _, t := range r.Promises {
		if t.Promise == p {
			return t
		}
	}
	return Tally{Promise: p}
}

// String is the report for a person.
func (r *Report) String() string {
	var b strings.Builder
	r.print(&b)
	return b.String()
}

func (r *Report) print(w io.Writer) {
	for _, t := range r.Promises {
		what := "kept"
		switch {
		case t.Broken > 0:
			what = fmt.Sprintf("BROKEN %d times", t.Broken)
		case t.Tested == 0:
			what = "not tested"
		}
		fmt.Fprintf(w, "%-17s %9d tests  %s\n", t.Promise, t.Tested, what)
	}
	fmt.Fprintf(w, "\nacknowledged %d, lost %d, of which nobody who held it lives %d\n", r.Writes, r.Lost, r.Excused)
	fmt.Fprintf(w, "staleness    %s; stale %d\n", &r.Staleness, r.Stale)
	fmt.Fprintf(w, "converged    %s\n", &r.Converged)
	fmt.Fprintf(w, "commands     %s\n", &r.All)
	fmt.Fprintf(w, "  no fault   %s\n", &r.Quiet)
	for i := range r.Windows {
		f := &r.Windows[i]
		what := f.Fault
		if names := strings.Join(f.Nodes, ","); !strings.Contains(what, names) {
			what += " " + names
		}
		fmt.Fprintf(w, "%s to %s: %s\n", f.Begin.Round(time.Millisecond), f.End.Round(time.Millisecond), what)
		fmt.Fprintf(w, "  there      %s\n", &f.At)
		if len(f.Nodes) > 0 {
			fmt.Fprintf(w, "  elsewhere  %s\n", &f.Elsewhere)
		}
	}
	for _, v := range r.Violations {
		fmt.Fprintf(w, "\n%s: %s\n", strings.ToUpper(string(v.Promise)), v.Why)
	}
}

// String is the quantiles in one line.
func (q *Quantiles) String() string {
	if q.Count == 0 {
		return "none"
	}
	round := func(d time.Duration) time.Duration { return d.Round(time.Microsecond) }
	return fmt.Sprintf("p0 %s p50 %s p95 %s p99 %s p100 %s (%d)",
		round(q.Min), round(q.P50), round(q.P95), round(q.P99), round(q.Max), q.Count)
}

// String is the figures in one line.
func (c *Commands) String() string {
	return fmt.Sprintf("%d ok, %d failed, %d unknown; writes p50 %s p99 %s, reads p50 %s p99 %s",
		c.OK, c.Fail, c.Unknown, c.Writes.P50.Round(time.Microsecond), c.Writes.P99.Round(time.Microsecond),
		c.Reads.P50.Round(time.Microsecond), c.Reads.P99.Round(time.Microsecond))
}

// lineNumber is where an op is in a file: after the header.
func lineNumber(op int) int { return op + 2 }
