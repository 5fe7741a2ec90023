package geofile

import (
	"fmt"
	"math"
	"strconv"
)

// vector is a point in space, in radii of the earth.
type vector [3]float64

func (v vector) add(w vector, times float64) vector {
	return vector{v[0] + w[0]*times, v[1] + w[1]*times, v[2] + w[2]*times}
}

func (v vector) dot(w vector) float64 { return v[0]*w[0] + v[1]*w[1] + v[2]*w[2] }

func (v vector) cross(w vector) vector {
	return vector{v[1]*w[2] - v[2]*w[1], v[2]*w[0] - v[0]*w[2], v[0]*w[1] - v[1]*w[0]}
}

func (v vector) length() float64 { return math.Sqrt(v.dot(v)) }

const degree = math.Pi / 180

func vectorOf(lat, lng float64) vector {
	sinLat, cosLat := math.Sincos(lat * degree)
	sinLng, cosLng := math.Sincos(lng * degree)
	return vector{cosLat * cosLng, cosLat * sinLng, sinLat}
}

func (v vector) degrees() (lat, lng float64) {
	return math.Atan2(v[2], math.Hypot(v[0], v[1])) / degree, math.Atan2(v[1], v[0]) / degree
}

// center finds the middle of a geometry: of its areas if it has any, else of its
// lines, else of its points. Points are unit vectors, which have no seam at the
// 180th meridian and none at the poles.
type center struct {
	sum    [3]vector // by dimension, weighted
	weight [3]float64
}

func (c *center) add(dimension int, v vector, weight float64) {
	c.sum[dimension] = c.sum[dimension].add(v, weight)
	c.weight[dimension] += weight
}

// degrees is the middle, if there is one.
func (c *center) degrees() (lat, lng float64, ok bool) {
	for d := 2; d >= 0; d-- {
		// Half around the earth and back there is no middle.
		if c.weight[d] > 0 && c.sum[d].length() > 1e-9*c.weight[d] {
			lat, lng = c.sum[d].degrees()
			return lat, lng, true
		}
	}
	return 0, 0, false
}

// path takes the positions of a line or a ring in order. Whatever side a ring
// winds to, its area is positive.
type path struct {
	n           int
	first, last vector
	area        vector    // twice the area, along its normal
	moment      [3]vector // of the triangles from first, by the axes of their normals
}

func (p *path) add(c *center, v vector) {
	c.add(0, v, 1)
	if p.n++; p.n == 1 {
		p.first, p.last = v, v
		return
	}
	c.add(1, p.last.add(v, 1), p.last.add(v, -1).length()/2)
	// Relative to the first: a house is a millionth of a radius wide.
	a, b := p.last.add(p.first, -1), v.add(p.first, -1)
	normal, middle := a.cross(b), a.add(b, 1)
	p.area = p.area.add(normal, 1)
	for i := range p.moment {
		p.moment[i] = p.moment[i].add(middle, normal[i]/3)
	}
	p.last = v
}

// close adds the area of a ring to c.
func (p *path) close(c *center) {
	twice := p.area.length()
	if twice == 0 {
		return
	}
	var offset vector
	for i := range p.moment {
		offset = offset.add(p.moment[i], p.area[i]/(twice*twice))
	}
	c.add(2, p.first.add(offset, 1), twice)
}

// A shape of coordinates: how many lists a position lies in, and whether they
// make points, lines or areas.
type shape struct{ depth, dimension int }

var shapes = map[string]shape{
	"Point":           {0, 0},
	"MultiPoint":      {1, 0},
	"LineString":      {1, 1},
	"MultiLineString": {2, 1},
	"Polygon":         {2, 2},
	"MultiPolygon":    {3, 2},
}

// geometry reads GeoJSON geometries.
type geometry struct {
	*lexer
	middle   center
	points   int
	lat, lng float64 // of the last point
	fault    *fault  // the first
}

// readGeometry reads a geometry and gives its middle. Where that has a fault and
// the JSON has none, the lexer has no error.
func readGeometry(l *lexer) (lat, lng float64, f *fault) {
	g := geometry{lexer: l}
	if l.peek() == 'n' {
		l.skip()
	} else {
		g.read()
	}
	switch {
	case g.fault != nil:
		return 0, 0, g.fault
	case g.points == 0:
		return 0, 0, &fault{nowhere, "geometry", "the geometry is empty"}
	case g.points == 1: // as it was written
		return g.lat, g.lng, nil
	}
	lat, lng, ok := g.middle.degrees()
	if !ok {
		return 0, 0, &fault{nowhere, "geometry", "the geometry has no middle"}
	}
	return lat, lng, nil
}

func (g *geometry) refuse(why reason, format string, args ...any) {
	if g.fault == nil {
		g.fault = &fault{why, "geometry", fmt.Sprintf(format, args...)}
	}
}

func (g *geometry) read() {
	var kind []byte
	var c coordinates
	for g.open('{'); g.more('}'); {
		switch key := g.key(); string(key) {
		case "type":
			kind = g.scalar()
		case "coordinates": // perhaps before the type
			if g.peek() != '[' {
				g.skip()
				continue
			}
			c = coordinates{depth: -1}
			if v, ok := g.list(&c, 0, true); ok {
				c.add(0, v, 1)
			}
		case "geometries":
			for g.open('['); g.more(']'); {
				g.read()
			}
		default:
			g.skip()
		}
	}
	if g.err != nil || string(kind) == "GeometryCollection" {
		return
	}
	shape, ok := shapes[string(kind)]
	switch {
	case !ok:
		g.refuse(nowhere, "no type of a geometry: %s", quote(kind))
	case c.weight[0] == 0:
	case c.depth != shape.depth:
		g.refuse(nowhere, "the coordinates are no %s", kind)
	}
	for d := range shape.dimension + 1 {
		g.middle.sum[d] = g.middle.sum[d].add(c.sum[d], 1)
		g.middle.weight[d] += c.weight[d]
	}
}

// coordinates are read before it is known what they are: points, lines and areas
// all together.
type coordinates struct {
	center
	depth int // of all positions
}

// list reads a list of lists, or a position. Only the first ring of a polygon
// counts: the others are holes.
func (g *geometry) list(c *coordinates, depth int, outer bool) (v vector, position bool) {
	var p path
	n := 0
	for g.open('['); g.more(']'); n++ {
		if g.peek() != '[' {
			return g.position(c, depth), true
		}
		if v, ok := g.list(c, depth+1, n == 0); ok {
			p.add(&c.center, v)
		}
	}
	if outer {
		p.close(&c.center)
	}
	return vector{}, false
}

// position reads the rest of a position, the height too, which doesn't count.
func (g *geometry) position(c *coordinates, depth int) vector {
	var at [2]float64 // longitude, latitude
	n := 0
	for more := true; more; more = g.more(']') {
		switch digit := g.peek(); {
		case digit != '-' && (digit < '0' || digit > '9'):
			g.refuse(nowhere, "coordinates that are no numbers")
			g.skip()
		case n < len(at):
			at[n], _ = strconv.ParseFloat(string(g.number()), 64) // out of range is infinite, and off the globe
		default:
			g.skip()
		}
		n++
	}
	if g.err != nil {
		return vector{}
	}
	switch {
	case n < len(at):
		g.refuse(nowhere, "a position of %d numbers", n)
	case c.depth >= 0 && c.depth != depth:
		g.refuse(nowhere, "the coordinates are of no shape")
	default:
		if f := onGlobe(at[1], at[0]); f != nil && g.fault == nil {
			g.fault = f
		}
	}
	c.depth = depth
	g.points++
	g.lng, g.lat = at[0], at[1]
	return vectorOf(g.lat, g.lng)
}
