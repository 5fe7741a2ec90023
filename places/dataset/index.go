package dataset

import (
	"math"
	"sync"
)

// vector is a point on the unit sphere. Float32 is good to half a metre there:
// enough to find candidates, whose distance is then computed from their degrees.
type vector [3]float32

func vectorOf(lat, lng float64) vector {
	sinLat, cosLat := math.Sincos(lat * math.Pi / 180)
	sinLng, cosLng := math.Sincos(lng * math.Pi / 180)
	return vector{float32(cosLat * cosLng), float32(cosLat * sinLng), float32(sinLat)}
}

// index is a kd-tree without pointers. Its places stand in the order of the
// leaves; a node's halves are the halves of its range, so that all leaves lie
// equally deep and ranges need not be kept. It never changes once made.
type index struct {
	places []indexed
	best   []uint8 // the importance of each of places
	nodes  []node  // the root is 1, the halves of i are 2i and 2i+1; leaves come last
}

type indexed struct {
	at  vector
	row uint32 // of the table
}

// node is what is known of all places of a range.
type node struct {
	split float32 // none of the first half is greater on the axis, none of the second less
	axis  uint8
	best  uint8 // the greatest importance
	towns bool  // there is one
}

// leaf is the most places that are searched without further splits.
const leaf = 16

// alone is the size of a range that is not worth a goroutine.
const alone = 1 << 15

// newIndex makes the index of places by their columns; town tells which rows are
// towns.
func newIndex(lat, lng []int32, importance []uint8, town func(row uint32) bool) *index {
	n, leaves := len(lat), 1
	for (n+leaves-1)/leaves > leaf {
		leaves *= 2
	}
	x := &index{places: make([]indexed, n), best: make([]uint8, n), nodes: make([]node, 2*leaves)}
	b := builder{x, importance, town}
	for i := range x.places {
		x.places[i] = indexed{vectorOf(degrees(lat[i]), degrees(lng[i])), uint32(i)}
	}
	b.build(1, 0, n)
	return x
}

type builder struct {
	*index
	importance []uint8
	town       func(row uint32) bool
}

// build makes node i of a range, and those below.
func (b *builder) build(i, from, to int) {
	n := &b.nodes[i]
	if 2*i >= len(b.nodes) {
		for p := from; p < to; p++ {
			row := b.places[p].row
			b.best[p] = b.importance[row]
			n.best = max(n.best, b.best[p])
			n.towns = n.towns || b.town(row)
		}
		return
	}
	middle := (from + to) / 2
	n.axis = b.widest(from, to)
	b.split(from, to, middle, n.axis)
	if middle < to {
		n.split = b.places[middle].at[n.axis]
	}
	var wg sync.WaitGroup
	if to-from > alone {
		wg.Go(func() { b.build(2*i, from, middle) })
	} else {
		b.build(2*i, from, middle)
	}
	b.build(2*i+1, middle, to)
	wg.Wait()
	one, two := &b.nodes[2*i], &b.nodes[2*i+1]
	n.best, n.towns = max(one.best, two.best), one.towns || two.towns
}

// widest is the axis on which a range spreads most.
func (x *index) widest(from, to int) uint8 {
	if from == to {
		return 0
	}
	low, high := x.places[from].at, x.places[from].at
	for i := range x.places[from:to] {
		v := &x.places[from+i].at
		for a := range v {
			low[a], high[a] = min(low[a], v[a]), max(high[a], v[a])
		}
	}
	best := 0
	for a := range low {
		if high[a]-low[a] > high[best]-low[best] {
			best = a
		}
	}
	return uint8(best)
}

// split moves the places of a range so that none before middle is greater on the
// axis than it, and none after it less: Hoare's selection. Scans stop at equal
// places too, so that a heap of equal ones is halved like any other.
func (x *index) split(from, to, middle int, axis uint8) {
	p := x.places
	left, right := from, to-1
	for left < right {
		pivot := x.median(left, (left+right)/2, right, axis)
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

func (x *index) median(i, j, k int, axis uint8) float32 {
	a, b, c := x.places[i].at[axis], x.places[j].at[axis], x.places[k].at[axis]
	return max(min(a, b), min(max(a, b), c))
}
