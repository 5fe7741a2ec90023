package crowd

import "math"

// vector is a point of the sphere of radius 1, or a direction.
type vector struct{ x, y, z float64 }

const degree = math.Pi / 180

// point is the vector of a position in degrees.
func point(lat, lon float64) vector {
	cos := math.Cos(lat * degree)
	return vector{cos * math.Cos(lon*degree), cos * math.Sin(lon*degree), math.Sin(lat * degree)}
}

// degrees is the position of a point: latitude within ±90, longitude within ±180.
func (v vector) degrees() (lat, lon float64) {
	return math.Atan2(v.z, math.Hypot(v.x, v.y)) / degree, math.Atan2(v.y, v.x) / degree
}

func (v vector) dot(w vector) float64 { return v.x*w.x + v.y*w.y + v.z*w.z }

func (v vector) cross(w vector) vector {
	return vector{v.y*w.z - v.z*w.y, v.z*w.x - v.x*w.z, v.x*w.y - v.y*w.x}
}

func (v vector) length() float64 { return math.Sqrt(v.dot(v)) }

func (v vector) times(f float64) vector { return vector{v.x * f, v.y * f, v.z * f} }

func (v vector) plus(w vector) vector { return vector{v.x + w.x, v.y + w.y, v.z + w.z} }

// aside is a direction at a right angle to v, any.
func (v vector) aside() vector {
	axis := vector{x: 1}
	if math.Abs(v.x) > 0.6 { // too near to v to tell a direction
		axis = vector{y: 1}
	}
	d := v.cross(axis)
	return d.times(1 / d.length())
}

// turned is a direction at a right angle to v: the one aside, turned by an angle.
func (v vector) turned(angle float64) vector {
	a := v.aside()
	return a.times(math.Cos(angle)).plus(v.cross(a).times(math.Sin(angle)))
}

// ahead is the point that is reached from v, in a direction at a right angle to it, after
// an angle.
func (v vector) ahead(direction vector, angle float64) vector {
	return v.times(math.Cos(angle)).plus(direction.times(math.Sin(angle)))
}

// to is the way from v to w: its direction at v, and its angle. If they are one point, or
// opposite ones, any direction does.
func (v vector) to(w vector) (direction vector, angle float64) {
	across := v.cross(w)
	sin := across.length()
	angle = math.Atan2(sin, v.dot(w))
	const least = 1e-15 // below it rounding tells the direction
	if sin < least {
		return v.aside(), angle
	}
	return across.cross(v).times(1 / sin), angle
}
