package history

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"herd/gossip/location"
)

// Check judges a history. It takes O(n log n) for n commands, with a factor for how
// many processes were asked about one client.
func Check(h *History) *Report {
	c := newChecker(h)
	c.answers()
	c.rank()
	c.crowd()
	c.sow()
	c.visible()
	c.final()
	c.staleness()
	c.windows()
	c.converged()
	return c.end()
}

// none is no fix, and no op.
const none = -1

// checker is a check under way. Clients, processes and fixes have numbers.
type checker struct {
	h *History
	r *Report

	clients map[string]int32
	names   []string // of clients
	procs   map[Process]int32
	nodes   []string         // of processes
	lines   map[string]int32 // AT lines to fixes
	fixes   []fix
	crowded []full  // below which fixes may have been given up, as it rose
	perOp   []int32 // the fix of each op's line; none: it has none that is good
	dumps   []dump
	holds   map[[2]int32]*upTo // by whom, of whom
	cells   map[[2]int32]*cell // by client, process
	about   [][]*cell          // the cells of each client
	begun   map[int32]int64    // by process, when it first acknowledged a report
	acked   [][]int32          // acknowledged writes of each client
	tallies map[Promise]*Tally
	kept    map[Promise]int
	told    map[story]bool
}

// story is what two violations have in common that are one for a person.
type story struct {
	promise Promise
	proc    int32
	known   int32 // the op that tells what should have been shown
}

// fix is one AT line that was seen.
type fix struct {
	location.Fix
	client int32
	rank   int32 // among the client's fixes; 1 and up
	line   string
}

// dump is what one process held in the end.
type dump struct {
	proc     int32
	held     map[int32]int32 // by client, the fix
	inv, ret int64
}

func newChecker(h *History) *checker {
	c := &checker{
		h: h, r: &Report{},
		clients: map[string]int32{}, procs: map[Process]int32{}, lines: make(map[string]int32, len(h.Ops)/2),
		holds: map[[2]int32]*upTo{}, cells: map[[2]int32]*cell{}, begun: map[int32]int64{},
		tallies: map[Promise]*Tally{}, kept: map[Promise]int{}, told: map[story]bool{},
	}
	for _, p := range promises {
		c.tallies[p] = &Tally{Promise: p}
	}
	return c
}

// end makes the report.
func (c *checker) end() *Report {
	for _, p := range promises {
		c.r.Promises = append(c.r.Promises, *c.tallies[p])
	}
	return c.r
}

// test counts a test of a promise; it is broken unless ok.
func (c *checker) test(p Promise, ok bool) bool {
	t := c.tallies[p]
	t.Tested++
	if !ok {
		t.Broken++
	}
	return !ok
}

// tell adds to the report a violation that test has counted. ops are those of the
// story, or none.
func (c *checker) tell(p Promise, client, why string, ops ...int32) {
	v := Violation{Promise: p, Client: client, Why: why}
	for _, i := range ops {
		if i != none {
			v.Lines = append(v.Lines, lineNumber(int(i)))
			v.Why += "\n  " + c.describe(int(i))
		}
	}
	c.r.Violations = append(c.r.Violations, v)
}

// room tells whether the report takes one more violation of a promise.
func (c *checker) room(p Promise) bool {
	c.kept[p]++
	return c.kept[p] <= maxViolations
}

// describe is an op in one line.
func (c *checker) describe(i int) string {
	o := &c.h.Ops[i]
	var b strings.Builder
	fmt.Fprintf(&b, "line %d: %s %s at %s, %s to %s, %s", lineNumber(i), o.Kind, o.Client, o.At, at(o.Inv), at(o.Ret), o.Outcome)
	switch {
	case o.Line != "":
		fmt.Fprintf(&b, ": %.300q", o.Line)
	case o.Kind == Write:
		fmt.Fprintf(&b, ": %.100q %.100q", o.Position, o.Time)
	case o.Outcome == OK:
		b.WriteString(": not known")
	}
	return b.String()
}

// at is an instant for a person.
func at(instant int64) time.Duration { return time.Duration(instant) }

func (c *checker) client(id string) int32 {
	n, ok := c.clients[id]
	if !ok {
		n = int32(len(c.names))
		c.clients[strings.Clone(id)] = n
		c.names = append(c.names, id)
		c.acked = append(c.acked, nil)
		c.about = append(c.about, nil)
	}
	return n
}

func (c *checker) proc(p Process) int32 {
	n, ok := c.procs[p]
	if !ok {
		n = int32(len(c.procs))
		c.procs[p] = n
		c.nodes = append(c.nodes, p.Node)
	}
	return n
}

// fixOf is the fix of an AT line about a client; none if it is not one.
func (c *checker) fixOf(client int32, line string) int32 {
	if n, ok := c.lines[line]; ok {
		if c.fixes[n].client != client {
			return none
		}
		return n
	}
	id, f, err := ParseAt(line, c.h.Ahead)
	if err != nil || id != c.names[client] {
		return none
	}
	n := int32(len(c.fixes))
	c.lines[line] = n
	c.fixes = append(c.fixes, fix{Fix: f, client: client, line: line})
	return n
}

// rank numbers the fixes of each client in their order: from here on a comparison is
// one of numbers.
func (c *checker) rank() {
	order := make([]int32, len(c.fixes))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(i, j int32) int {
		f, g := &c.fixes[i], &c.fixes[j]
		if n := cmp.Compare(f.client, g.client); n != 0 {
			return n
		}
		return f.Compare(&g.Fix)
	})
	last, rank := int32(none), int32(0)
	for _, i := range order {
		if f := &c.fixes[i]; f.client != last {
			last, rank = f.client, 0
		}
		rank++
		c.fixes[i].rank = rank
	}
}

// rankOf is the rank of a fix; no fix is less than any.
func (c *checker) rankOf(f int32) int32 {
	if f == none {
		return 0
	}
	return c.fixes[f].rank
}

// deadline is the instant when a fix expires, if all clocks were the recorder's.
func (c *checker) deadline(f int32, ttl time.Duration) int64 {
	if ttl <= 0 {
		return math.MaxInt64
	}
	return add(add(c.fixes[f].Order, int64(ttl)), -c.h.Wall)
}

// add is a sum that stays in range.
func add(a, b int64) int64 {
	switch s := a + b; {
	case a > 0 && b > 0 && s < 0:
		return math.MaxInt64
	case a < 0 && b < 0 && s >= 0:
		return math.MinInt64
	default:
		return s
	}
}

// mayBeGone tells whether some node could have given up a fix by an instant.
func (c *checker) mayBeGone(f int32, instant int64) bool {
	return c.mayExpire(f, instant) || c.crowdedOut(f, instant)
}

// mayExpire tells whether some node could think at an instant that a fix has expired.
func (c *checker) mayExpire(f int32, instant int64) bool {
	return add(instant, int64(c.h.Skew)) >= c.deadline(f, c.h.ttl())
}

// mustBeGone tells whether every node must think so.
func (c *checker) mustBeGone(f int32, instant int64) bool {
	return add(instant, -int64(c.h.Skew)) >= c.deadline(f, c.h.TTL)
}
