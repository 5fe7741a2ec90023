package dataset

import (
	"cmp"
	"math"
	"slices"
	"sync"
)

// vector is a point on a sphere of radius [scale].
type vector [3]float64

// scale makes a unit of 3 mm on the earth, so that integers of 32 bits do.
const scale = math.MaxInt32

func vectorOf(lat, lng float64) vector {
	sinLat, cosLat := math.Sincos(lat * math.Pi / 180)
	sinLng, cosLng := math.Sincos(lng * math.Pi / 180)
	return vector{scale * cosLat * cosLng, scale * cosLat * sinLng, scale * sinLat}
}

// chord is the straight line from u to v.
func (v vector) chord(u vector) float64 {
	x, y, z := v[0]-u[0], v[1]-u[1], v[2]-u[2]
	return math.Sqrt(x*x + y*y + z*z)
}

// rounded is a vector in 12 bytes. It lies within [rounding] of what it is of.
type rounded [3]int32

// rounding is half the diagonal of a cube, and a little.
const rounding = 0.87

func (v vector) round() rounded {
	return rounded{int32(math.Round(v[0])), int32(math.Round(v[1])), int32(math.Round(v[2]))}
}

// index is a kd-tree without pointers. A node's halves are the halves of its
// range of rows, so that all leaves lie equally deep and ranges need not be kept.
// Within a leaf the most important stand first. It never changes once made.
type index struct {
	at    []rounded // a row for each place
	nodes []node    // the root is 1, the halves of i are 2i and 2i+1; leaves come last
}

// node is what is known of all places of a range.
type node struct {
	split int32 // none of the first half is greater on the axis, none of the second less
	axis  uint8
	best  uint8 // the greatest importance
	towns bool  // there are any
}

// leafSize is the most places that are searched without further splits.
const leafSize = 64

// alone is the size of a range that is not worth a goroutine, some that of one that takes about
// a millisecond.
const (
	alone = 1 << 15
	some  = 1 << 12
)

// makeIndex puts the rows of s in the order of the leaves of a new index, at a pace.
func (s *Set) makeIndex(p pace) {
	n, leaves := s.Len(), 1
	for (n+leaves-1)/leaves > leafSize {
		leaves *= 2
	}
	s.index = index{make([]rounded, n), make([]node, 2*leaves)}
	b := builder{&s.index, s, make([]placed, n), p}
	for i := range b.places {
		if i%some == 0 {
			p.rest()
		}
		b.places[i] = placed{vectorOf(s.degrees(uint32(i))).round(), uint32(i)}
	}
	b.build(1, 0, leaves)
	order := make([]uint32, n)
	for row, at := range b.places {
		s.index.at[row], order[row] = at.at, at.row
	}
	s.reorder(order, p)
}

// start is the first row of a leaf; that of the one after the last is the number
// of rows.
func (x *index) start(leaf int) int {
	return int(uint64(len(x.at)) * uint64(leaf) / uint64(len(x.nodes)/2))
}

// builder makes the nodes of an index, and puts the places in order.
type builder struct {
	*index
	set    *Set
	places []placed
	pace   pace
}

type placed struct {
	at  rounded
	row uint32 // of the set, before
}

// build makes node i of a range of leaves, and those below.
func (b *builder) build(i, first, last int) {
	n := &b.nodes[i]
	from, to := b.start(first), b.start(last)
	if last-first == 1 {
		slices.SortFunc(b.places[from:to], func(p, q placed) int { // the most important first
			return cmp.Or(cmp.Compare(b.set.importance[q.row], b.set.importance[p.row]), cmp.Compare(p.row, q.row))
		})
		for _, p := range b.places[from:to] {
			n.best = max(n.best, b.set.importance[p.row])
			n.towns = n.towns || b.set.kinds[b.set.kind[p.row]].town
		}
		return
	}
	half := (first + last) / 2
	middle := b.start(half)
	n.axis = b.widest(from, to)
	b.split(from, to, middle, n.axis)
	n.split = b.places[middle].at[n.axis]
	var wg sync.WaitGroup
	if to-from > alone && b.pace == nil {
		wg.Go(func() { b.build(2*i, first, half) })
	} else {
		b.build(2*i, first, half)
	}
	if to-from > some {
		b.pace.rest()
	}
	b.build(2*i+1, half, last)
	wg.Wait()
	one, two := &b.nodes[2*i], &b.nodes[2*i+1]
	n.best, n.towns = max(one.best, two.best), one.towns || two.towns
}

// widest is the axis on which a range spreads most.
func (b *builder) widest(from, to int) uint8 {
	low, high := b.places[from].at, b.places[from].at
	for i := range b.places[from:to] {
		v := &b.places[from+i].at
		for a := range v {
			low[a], high[a] = min(low[a], v[a]), max(high[a], v[a])
		}
	}
	best := 0
	for a := range low {
		if uint32(high[a]-low[a]) > uint32(high[best]-low[best]) { // 32 bits hold it without the sign
			best = a
		}
	}
	return uint8(best)
}

// split moves the places of a range so that none before middle is greater on the
// axis than it, and none after it less: Hoare's selection. Scans stop at equal
// places too, so that a heap of equal ones is halved like any other.
func (b *builder) split(from, to, middle int, axis uint8) {
	p := b.places
	left, right := from, to-1
	for left < right {
		if right-left > alone {
			b.pace.rest()
		}
		pivot := b.median(left, (left+right)/2, right, axis)
		i, j := left, right
		for i <= j {
			for p[i].at[axis] < pivot {
				i++
			}
			for p[j].at[axis] > pivot {
				j--
			}
			if i <= j {
				p[i], p[j] = p[j], p[i]
				i++
				j--
			}
		}
		switch {
		case middle <= j:
			right = j
		case middle >= i:
			left = i
		default:
			return
		}
	}
}

func (b *builder) median(i, j, k int, axis uint8) int32 {
	u, v, w := b.places[i].at[axis], b.places[j].at[axis], b.places[k].at[axis]
	return max(min(u, v), min(max(u, v), w))
}
