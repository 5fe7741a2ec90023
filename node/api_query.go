package node

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// misread says what is wrong with the parameters of a request as such; empty: nothing.
// One that is not known is refused: a misspelt bound would else be no bound.
func (r *route) misread(query string) string {
	if r.query == anyQuery {
		return ""
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return "The query can't be read: " + err.Error() + "."
	}
	may := strings.Fields(r.query)
	for name, given := range values {
		switch {
		case !slices.Contains(may, name) && len(may) == 0:
			return fmt.Sprintf("There is no parameter %q here: %s takes none.", name, r.path)
		case !slices.Contains(may, name):
			return fmt.Sprintf("There is no parameter %q here: %s takes %s.", name, r.path, strings.Join(may, ", "))
		case len(given) > 1:
			return fmt.Sprintf("The parameter %s is given more than once.", name)
		}
	}
	return ""
}

// params reads the parameters of a request. The first that makes no sense is kept, and
// what is read after it means nothing: ask bad before any of it is used.
type params struct {
	values url.Values
	wrong  string
}

func readParams(r *http.Request) *params { return &params{values: r.URL.Query()} }

// bad answers with a problem if a parameter made no sense.
func (p *params) bad(w http.ResponseWriter) bool {
	if p.wrong != "" {
		problem(w, http.StatusBadRequest, p.wrong)
	}
	return p.wrong != ""
}

// refuse says what a parameter has to be.
func (p *params) refuse(name, must string) {
	if p.wrong == "" {
		p.wrong = fmt.Sprintf("%s is %q: it must be %s.", name, p.values.Get(name), must)
	}
}

// has tells whether a parameter is there.
func (p *params) has(name string) bool { return p.values.Has(name) }

// text is a parameter of at most so many bytes; empty if it is not there.
func (p *params) text(name string, most int) string {
	text := p.values.Get(name)
	if len(text) > most {
		p.refuse(name, fmt.Sprintf("no longer than %d bytes", most))
	}
	return text
}

// whole is a whole number from low to high.
func (p *params) whole(name string, low, high, otherwise int) int {
	if !p.has(name) {
		return otherwise
	}
	n, err := strconv.Atoi(p.values.Get(name))
	if err != nil || n < low || n > high {
		p.refuse(name, fmt.Sprintf("a whole number from %d to %d", low, high))
	}
	return n
}

// number is a number from low to high.
func (p *params) number(name string, low, high, otherwise float64) float64 {
	if !p.has(name) {
		return otherwise
	}
	n, err := strconv.ParseFloat(p.values.Get(name), 64)
	if err != nil || !(n >= low && n <= high) { // not a number is neither
		p.refuse(name, "a number from "+decimal(low)+" to "+decimal(high))
	}
	return n
}

// needed is number of a parameter that must be there.
func (p *params) needed(name string, low, high float64) float64 {
	if !p.has(name) && p.wrong == "" {
		p.wrong = name + " is needed, a number from " + decimal(low) + " to " + decimal(high) + "."
	}
	return p.number(name, low, high, low)
}

// decimal is a number without an exponent.
func decimal(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }

// span is a duration as Go writes it, "1.5s", from low to high.
func (p *params) span(name string, low, high, otherwise time.Duration) time.Duration {
	if !p.has(name) {
		return otherwise
	}
	d, err := time.ParseDuration(p.values.Get(name))
	if err != nil || d < low || d > high {
		p.refuse(name, fmt.Sprintf("a duration from %v to %v", low, high))
	}
	return d
}

// oneOf is one of some words, the first of which stands for none.
func (p *params) oneOf(name string, words ...string) string {
	if !p.has(name) {
		return words[0]
	}
	word := p.values.Get(name)
	if !slices.Contains(words, word) {
		p.refuse(name, "one of "+strings.Join(words, ", "))
	}
	return word
}

// box is an area between two meridians, from west to east, and two parallels, in
// degrees. Where west is greater than east it spans the antimeridian.
type box struct{ west, south, east, north float64 }

// world is the box that holds all.
var world = box{-180, -90, 180, 90}

// box is the parameter's, "west,south,east,north"; the whole world if it is not there.
func (p *params) box(name string) box {
	if !p.has(name) {
		return world
	}
	const must = "west,south,east,north in degrees: longitudes from -180 to 180, latitudes from -90 to 90, south no greater than north"
	fields := strings.Split(p.values.Get(name), ",")
	var at [4]float64
	if len(fields) != len(at) {
		p.refuse(name, must)
		return world
	}
	for i := range at {
		limit := 180 - 90*float64(i&1)
		n, err := strconv.ParseFloat(fields[i], 64)
		if err != nil || !(n >= -limit && n <= limit) {
			p.refuse(name, must)
			return world
		}
		at[i] = n
	}
	if at[1] > at[3] {
		p.refuse(name, must)
	}
	return box{at[0], at[1], at[2], at[3]}
}

// holds tells whether a point is in the box or on its edge.
func (b box) holds(lat, lon float64) bool {
	if lat < b.south || lat > b.north {
		return false
	}
	return b.spans(lon) || (lon == 180 || lon == -180) && b.spans(-lon) // one meridian
}

func (b box) spans(lon float64) bool {
	if b.west <= b.east {
		return lon >= b.west && lon <= b.east
	}
	return lon >= b.west || lon <= b.east
}
