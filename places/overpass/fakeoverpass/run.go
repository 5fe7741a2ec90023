package fakeoverpass

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"herd/places"
)

// The statements that run knows.
var (
	settings  = regexp.MustCompile(`^\[out:json\]\[timeout:[1-9]\d*\]\[maxsize:[1-9]\d*\];`)
	selection = regexp.MustCompile(`^(nwr|node|way|rel)(?:\.(\w+))?((?:\([^)]*\)|\[[^\]]*\])*)(?:->\.(\w+))?;`)
	condition = regexp.MustCompile(`^if \((\w+)\.count\(nwr\) < (\d+)\) \{`)
	output    = regexp.MustCompile(`^(?:\.(\w+) )?out center tags (\d+);`)

	clause = regexp.MustCompile(`\((.*?)\)|\[(.*?)\]`)
	around = regexp.MustCompile(`^\(around:(\d+),(-?\d+\.\d+),(-?\d+\.\d+)\)$`)
	hasKey = regexp.MustCompile(`^\[(\w+)\]$`)
	anyKey = regexp.MustCompile(`^\[~"(.*)"~"\."\]$`)
)

// run gives what a query writes out.
func run(query string, elements []Element) ([]Element, error) {
	m := machine{all: elements, sets: make(map[string][]Element)}
	head := settings.FindString(query)
	if head == "" {
		return nil, fmt.Errorf("no settings: %.80q", query)
	}
	rest := strings.TrimSpace(query[len(head):])
	for rest != "" {
		n, err := m.step(rest)
		if err != nil {
			return nil, err
		}
		rest = strings.TrimSpace(rest[n:])
	}
	if m.open {
		return nil, fmt.Errorf("a block has no end")
	}
	return m.out, nil
}

type machine struct {
	all  []Element
	sets map[string][]Element
	out  []Element
	open bool // within a block
}

// step runs the first statement of code, and tells how long it was.
func (m *machine) step(code string) (int, error) {
	const end = "};"
	if m.open && strings.HasPrefix(code, end) {
		m.open = false
		return len(end), nil
	}
	if p := condition.FindStringSubmatch(code); p != nil && !m.open {
		below, _ := strconv.Atoi(p[2])
		set, known := m.sets[p[1]]
		switch n := strings.Index(code, end); {
		case !known:
			return 0, fmt.Errorf("no set %q", p[1])
		case len(set) < below:
			m.open = true
			return len(p[0]), nil
		case n >= 0:
			return n + len(end), nil
		}
	}
	if p := output.FindStringSubmatch(code); p != nil {
		limit, _ := strconv.Atoi(p[2])
		set := slices.Clone(m.sets[cmp.Or(p[1], "_")])
		slices.SortFunc(set, func(a, b Element) int {
			return cmp.Or(cmp.Compare(order(a.Type), order(b.Type)), cmp.Compare(a.ID, b.ID))
		})
		m.out = append(m.out, set[:min(limit, len(set))]...)
		return len(p[0]), nil
	}
	if p := selection.FindStringSubmatch(code); p != nil {
		from := m.all
		if p[2] != "" {
			from = m.sets[p[2]]
		}
		set, err := choose(from, p[1], p[3])
		m.sets[cmp.Or(p[4], "_")] = set
		return len(p[0]), err
	}
	return 0, fmt.Errorf("unknown statement: %.80q", code)
}

// order is that of Overpass's output.
func order(kind string) int { return slices.Index([]string{"node", "way", "relation"}, kind) }

// choose gives those of a kind that pass every clause.
func choose(from []Element, kind, clauses string) ([]Element, error) {
	set := slices.Clone(from)
	keep := func(ok func(e *Element) bool) {
		set = slices.DeleteFunc(set, func(e Element) bool { return !ok(&e) })
	}
	if kind != "nwr" {
		keep(func(e *Element) bool { return strings.HasPrefix(e.Type, kind) })
	}
	for _, c := range clause.FindAllString(clauses, -1) {
		if p := around.FindStringSubmatch(c); p != nil {
			radius, _ := strconv.ParseFloat(p[1], 64)
			var q places.Query
			q.Latitude, _ = strconv.ParseFloat(p[2], 64)
			q.Longitude, _ = strconv.ParseFloat(p[3], 64)
			keep(func(e *Element) bool { return q.Distance(e.Lat, e.Lon) <= radius })
		} else if p := hasKey.FindStringSubmatch(c); p != nil {
			keep(func(e *Element) bool { return e.Tags[p[1]] != "" })
		} else if p := anyKey.FindStringSubmatch(c); p != nil {
			key, err := regexp.Compile(p[1])
			if err != nil {
				return nil, fmt.Errorf("expression: %w", err)
			}
			keep(func(e *Element) bool {
				for k, v := range e.Tags {
					if v != "" && key.MatchString(k) {
						return true
					}
				}
				return false
			})
		} else {
			return nil, fmt.Errorf("unknown clause: %.80q", c)
		}
	}
	return set, nil
}
