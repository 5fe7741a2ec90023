package location

import "math"

// EarthRadius is the mean radius of the earth, in metres.
const EarthRadius = 6_371_008.8

// HalfEarth is the distance of a point from the one opposite to it, in metres: no two
// are further apart.
const HalfEarth = math.Pi * EarthRadius

// Distance is the length of the way along a great circle between two points in degrees,
// on a sphere of the earth's mean radius, in metres. Points that are one, such as a pole
// by two longitudes, have the distance 0. It is good to some nanometres.
func Distance(lat1, lon1, lat2, lon2 float64) float64 {
	c := around(lat1, lon1)
	return c.metres(c.half(lat2, lon2), lat2, lon2)
}

// centre is a point that others are measured from.
type centre struct {
	lat, lon float64 // degrees
	sin, cos float64 // of the latitude
}

func around(lat, lon float64) centre {
	return centre{lat, lon, math.Sin(lat * degree), cosine(lat)}
}

const degree = math.Pi / 180

// cosine is that of a latitude in degrees, 0 at the poles.
func cosine(lat float64) float64 { return math.Sin((90 - math.Abs(lat)) * degree) }

// half is half of the straight line from c to a point, on a sphere of radius 1: the
// square root of the haversine. It grows with the distance, from 0 to 1.
func (c *centre) half(lat, lon float64) float64 {
	s, t := math.Sin((lat-c.lat)*degree/2), math.Sin(turn(c.lon, lon)*degree/2)
	return math.Sqrt(min(1, s*s+c.cos*cosine(lat)*t*t))
}

// turn is how far two longitudes are apart, from 0 to 180 degrees.
func turn(lon1, lon2 float64) float64 {
	d := math.Abs(lon1 - lon2)
	return min(d, 360-d)
}

// metres is the length of the way from c to a point, whose half is given. Of a way that is
// nearly as long as any, the half says little: what is left to the point opposite to c
// says more.
func (c *centre) metres(half, lat, lon float64) float64 {
	if half < 0.9 {
		return 2 * EarthRadius * math.Asin(half)
	}
	opposite := centre{lat: -c.lat, lon: c.lon - math.Copysign(180, c.lon), cos: c.cos}
	return HalfEarth - 2*EarthRadius*math.Asin(opposite.half(lat, lon))
}

// halfOf is the half of a way in metres, up to HalfEarth.
func halfOf(metres float64) float64 { return math.Sin(min(metres/(2*EarthRadius), math.Pi/2)) }
