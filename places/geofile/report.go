package geofile

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Report says what a file was read as, and what became of its records.
type Report struct {
	File    string // as the caller calls it
	Format  Format
	Zipped  bool    // it was a gzip
	Records int64   // read: kept and dropped
	Kept    int     // places
	Dropped []Tally // records that gave no place, by reason
	Noted   []Tally // places kept although something was missing
	Warning string  // a sentence, if the file is probably not what it should be
}

// Tally counts the records of which the same is to be said.
type Tally struct {
	Reason string // "without a name"
	Count  int
	First  Example
}

// Example is one record of a Tally.
type Example struct {
	Line  int    // from 1, in the unpacked text
	Byte  int64  // from 0, in the unpacked text
	Field string // "" if the whole record is meant
	What  string // what was wrong: `the latitude is "north"`
}

// Drops is the number of records dropped.
func (r *Report) Drops() int {
	n := 0
	for _, t := range r.Dropped {
		n += t.Count
	}
	return n
}

// String is the report as a line for people.
func (r *Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s kept", r.File, Counted(r.Kept))
	if n := r.Drops(); n > 0 {
		fmt.Fprintf(&b, ", %s dropped (%s)", Thousands(n), list(r.Dropped))
	}
	if len(r.Noted) > 0 {
		fmt.Fprintf(&b, "; of those kept %s", list(r.Noted))
	}
	if r.Warning != "" {
		b.WriteString(". ")
		b.WriteString(r.Warning)
	}
	return b.String()
}

func list(tallies []Tally) string {
	var b strings.Builder
	for i, t := range tallies {
		if i > 0 {
			b.WriteString("; ")
		}
		fmt.Fprintf(&b, "%s %s, first at line %d", Thousands(t.Count), t.Reason, t.First.Line)
		if t.First.Byte > 0 && t.First.Line == 1 {
			fmt.Fprintf(&b, ", byte %d", t.First.Byte)
		}
		if t.First.What != "" {
			b.WriteString(": ")
			b.WriteString(t.First.What)
		}
	}
	return b.String()
}

// Counted is a number of places, as people read it: "12,345 places".
func Counted(n int) string {
	if n == 1 {
		return "1 place"
	}
	return Thousands(n) + " places"
}

// Thousands writes n ≥ 0 as people read it: "12,345".
func Thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// A reason is why a record was dropped, or what is to be noted of a place.
type reason uint8

const (
	broken reason = iota
	tooLong
	tooDeep
	wrongColumns
	notFeature
	nowhere
	offGlobe
	nameless
	badName
	otherClass
	gone

	madeID // the first note
	badWeight

	reasons // how many there are
)

var reasonTexts = [reasons]string{
	broken:       "broken",
	tooLong:      "longer than 1 MiB",
	tooDeep:      "nested too deeply",
	wrongColumns: "with another number of columns",
	notFeature:   "without a feature",
	nowhere:      "without a position",
	offGlobe:     "off the globe",
	nameless:     "without a name",
	badName:      "with a bad name",
	otherClass:   "of a class that is not kept",
	gone:         "of what is no more",
	madeID:       "without an id of their own",
	badWeight:    "with a weight that is no number",
}

// A fault is what is wrong with a record.
type fault struct {
	reason reason
	field  string
	what   string
}

// position is where a record begins.
type position struct {
	line int
	byte int64
}

type tallies [reasons]struct {
	count int
	first Example
}

func (t *tallies) add(at position, f *fault) {
	tally := &t[f.reason]
	if tally.count++; tally.count == 1 {
		tally.first = Example{Line: at.line, Byte: at.byte, Field: f.field, What: f.what}
	}
}

// list gives those of the reasons from … to that there are.
func (t *tallies) list(from, to reason) []Tally {
	var all []Tally
	for r := from; r < to; r++ {
		if t[r].count > 0 {
			all = append(all, Tally{reasonTexts[r], t[r].count, t[r].first})
		}
	}
	return all
}

// quote quotes what a file says, no more than fits in a line.
func quote(text []byte) string { return quoteUpTo(string(text[:min(len(text), 48)]), 40) }

func quoteUpTo(s string, most int) string {
	if len(s) <= most {
		return strconv.Quote(s)
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return strconv.Quote(s[:most]) + "…"
}
