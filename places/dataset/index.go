package dataset

import "math"

// vector is a point on the unit sphere. Float32 is good to half a metre there:
// enough to find candidates, whose distance is then computed from their degrees.
type vector [3]float32

func vectorOf(lat, lng float64) vector {
	sinLat, cosLat := math.Sincos(lat * math.Pi / 180)
	sinLng, cosLng := math.Sincos(lng * math.Pi / 180)
	return vector{float32(cosLat * cosLng), float32(cosLat * sinLng), float32(sinLat)}
}

// index is a kd-tree without pointers: the root of a range is its middle, what
// lies before it on the root's axis stands before it. It never changes once
// made.
type index struct {
	at   []vector
	row  []uint32 // of the table, for each of at
	axis []uint8  // that the range whose middle this is was split by
}

// leaf is the size of a range that is searched without further splits.
const leaf = 8

func newIndex(lat, lng []int32) *index {
	n := len(lat)
	x := &index{at: make([]vector, n), row: make([]uint32, n), axis: make([]uint8, n)}
	for i := range n {
		x.at[i] = vectorOf(degrees(lat[i]), degrees(lng[i]))
		x.row[i] = uint32(i)
	}
	x.build(0, n)
	return x
}

func (x *index) build(from, to int) {
	for to-from > leaf {
		middle, axis := (from+to)/2, x.widest(from, to)
		x.split(from, to, middle, axis)
		x.axis[middle] = axis
		x.build(from, middle)
		from = middle + 1
	}
}

// widest is the axis on which a range spreads most.
func (x *index) widest(from, to int) uint8 {
	low, high := x.at[from], x.at[from]
	for _, v := range x.at[from+1 : to] {
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

// split moves the points of a range so that none before middle is greater on the
// axis than it, and none after it less: Hoare's selection. Scans stop at equal
// points too, so that a heap of equal ones is halved like any other.
func (x *index) split(from, to, middle int, axis uint8) {
	left, right := from, to-1
	for left < right {
		pivot := x.median(left, (left+right)/2, right, axis)
		i, j := left, right
		for i <= j {
			for x.at[i][axis] < pivot {
				i++
			}
			for x.at[j][axis] > pivot {
				j--
			}
			if i <= j {
				x.at[i], x.at[j] = x.at[j], x.at[i]
				x.row[i], x.row[j] = x.row[j], x.row[i]
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
	a, b, c := x.at[i][axis], x.at[j][axis], x.at[k][axis]
	return max(min(a, b), min(max(a, b), c))
}

// slack is what rounding to float32 can add to or take from the distance of two
// unit vectors (less than 4e-7), doubled: five metres.
const slack = 8e-7

// walk calls visit with the row of every place within radius metres of a point,
// and of some that are up to ten metres further. visit returns the radius to go
// on with; it may shrink. Nearer places tend to come first.
func (x *index) walk(lat, lng, radius float64, visit func(row uint32) (radius float64)) {
	w := walker{index: x, from: vectorOf(lat, lng), visit: visit}
	w.within(radius)
	w.walk(0, len(x.at))
}

type walker struct {
	*index
	from   vector
	visit  func(uint32) float64
	radius float64
	limit  float32 // the square of the chord that spans radius, and slack
}

func (w *walker) within(radius float64) {
	if radius == w.radius && w.limit > 0 {
		return
	}
	const earth = 6_371_008.8 // metres
	chord := 2*math.Sin(min(math.Pi/2, max(0, radius)/(2*earth))) + slack
	w.radius, w.limit = radius, float32(chord*chord)
}

func (w *walker) walk(from, to int) {
	for to-from > leaf {
		middle := (from + to) / 2
		axis := w.axis[middle]
		d := w.from[axis] - w.at[middle][axis]
		if d < 0 {
			w.walk(from, middle)
			from = middle + 1
		} else {
			w.walk(middle+1, to)
			to = middle
		}
		if d*d > w.limit {
			return // what is left lies on the other side of too wide a gap
		}
		w.meet(middle)
	}
	for i := from; i < to; i++ {
		w.meet(i)
	}
}

func (w *walker) meet(i int) {
	v := &w.at[i]
	dx, dy, dz := v[0]-w.from[0], v[1]-w.from[1], v[2]-w.from[2]
	if dx*dx+dy*dy+dz*dz <= w.limit {
		w.within(w.visit(w.row[i]))
	}
}
