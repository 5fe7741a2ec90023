package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
)

// tolerance is how far a line may be from where it was, in degrees: two kilometres, a
// point on the screen where a city fills it.
const tolerance = 0.02

// perDegree are the units of a point.
const perDegree = 100

// point is a place in units of 1/perDegree degrees.
type point struct{ x, y int }

// ref is an arc as a part of a ring.
type ref struct {
	arc      int
	backward bool
}

// outlines are the land and the borders on it. A line that two share is there once.
type outlines struct {
	arcs    [][]point
	land    [][]ref // rings; what lies in an odd number of them is land
	borders []int   // arcs
}

// topology is what is needed of TopoJSON.
type topology struct {
	Transform struct{ Scale, Translate [2]float64 }
	Arcs      [][][2]int // points, each less the one before
	Objects   struct {
		Countries, Land struct{ Geometries []geometry }
	}
}

type geometry struct {
	Type string
	Arcs json.RawMessage
}

// polygons are a geometry's rings of arcs. ^i is arc i backwards.
func (g geometry) polygons() ([][][]int, error) {
	switch g.Type {
	case "Polygon":
		var rings [][]int
		err := json.Unmarshal(g.Arcs, &rings)
		return [][][]int{rings}, err
	case "MultiPolygon":
		var all [][][]int
		err := json.Unmarshal(g.Arcs, &all)
		return all, err
	case "":
		return nil, nil // a country without an outline of its own
	}
	return nil, fmt.Errorf("a geometry of type %q", g.Type)
}

func readOutlines(data []byte) (*outlines, error) {
	var t topology
	if err := json.Unmarshal(data, &t); err != nil {
		return nil, err
	}
	if len(t.Arcs) == 0 || len(t.Objects.Land.Geometries) == 0 || len(t.Objects.Countries.Geometries) == 0 {
		return nil, errors.New("arcs, land or countries are not there")
	}
	p := pruner{source: &t, number: make(map[int]int), out: &outlines{}}
	coast := make(map[int]bool)
	for _, g := range t.Objects.Land.Geometries {
		err := eachRing(g, len(t.Arcs), func(ring []ref) {
			for _, r := range ring {
				coast[r.arc] = true
			}
			p.ring(ring)
		})
		if err != nil {
			return nil, err
		}
	}
	border := make(map[int]bool)
	for _, g := range t.Objects.Countries.Geometries {
		err := eachRing(g, len(t.Arcs), func(ring []ref) {
			for _, r := range ring {
				if !coast[r.arc] && !border[r.arc] {
					border[r.arc] = true
					p.border(r.arc)
				}
			}
		})
		if err != nil {
			return nil, err
		}
	}
	return p.out, nil
}

// eachRing calls f for the rings of g, whose arcs are below n.
func eachRing(g geometry, n int, f func([]ref)) error {
	all, err := g.polygons()
	if err != nil {
		return err
	}
	for _, polygon := range all {
		for _, ring := range polygon {
			refs := make([]ref, 0, len(ring))
			for _, i := range ring {
				r := ref{arc: i}
				if i < 0 {
					r = ref{^i, true}
				}
				if r.arc >= n {
					return fmt.Errorf("arc %d of %d", r.arc, n)
				}
				refs = append(refs, r)
			}
			f(refs)
		}
	}
	return nil
}

// pruner keeps the arcs that are needed, with fewer points.
type pruner struct {
	source *topology
	number map[int]int // of an arc of source in out
	out    *outlines
}

// arc is the number in out of an arc of the source.
func (p *pruner) arc(i int) int {
	if n, ok := p.number[i]; ok {
		return n
	}
	t := p.source.Transform
	var line [][2]float64
	var x, y int
	for _, d := range p.source.Arcs[i] {
		x, y = x+d[0], y+d[1]
		line = append(line, [2]float64{float64(x)*t.Scale[0] + t.Translate[0], float64(y)*t.Scale[1] + t.Translate[1]})
	}
	var points []point
	for _, at := range simplify(line, tolerance) {
		q := point{int(math.Round(at[0] * perDegree)), int(math.Round(at[1] * perDegree))}
		if len(points) == 0 || points[len(points)-1] != q {
			points = append(points, q)
		}
	}
	n := len(p.out.arcs)
	p.out.arcs = append(p.out.arcs, points)
	p.number[i] = n
	return n
}

// ring adds a ring of land, unless nothing is left of it.
func (p *pruner) ring(ring []ref) {
	var kept []ref
	points := 0
	for _, r := range ring {
		r.arc = p.arc(r.arc)
		points += len(p.out.arcs[r.arc]) - 1
		kept = append(kept, r)
	}
	if points >= 3 {
		p.out.land = append(p.out.land, kept)
	}
}

func (p *pruner) border(i int) {
	if n := p.arc(i); len(p.out.arcs[n]) > 1 {
		p.out.borders = append(p.out.borders, n)
	}
}

// simplify leaves out the points of a line without which it is nowhere further than
// tolerance from where it was: the algorithm of Ramer, Douglas and Peucker. Its ends
// stay, so that lines that met do so still.
func simplify(line [][2]float64, tolerance float64) [][2]float64 {
	if len(line) < 3 {
		return line
	}
	first, last := line[0], line[len(line)-1]
	furthest, most := 0, tolerance
	for i := 1; i < len(line)-1; i++ {
		if d := distance(line[i], first, last); d > most {
			furthest, most = i, d
		}
	}
	if furthest == 0 {
		return [][2]float64{first, last}
	}
	head := simplify(line[:furthest+1], tolerance)
	return append(head[:len(head)-1:len(head)-1], simplify(line[furthest:], tolerance)...)
}

// distance is how far p is from the line between a and b.
func distance(p, a, b [2]float64) float64 {
	dx, dy := b[0]-a[0], b[1]-a[1]
	t := 0.0
	if l := dx*dx + dy*dy; l > 0 {
		t = min(1, max(0, ((p[0]-a[0])*dx+(p[1]-a[1])*dy)/l))
	}
	return math.Hypot(p[0]-a[0]-t*dx, p[1]-a[1]-t*dy)
}
