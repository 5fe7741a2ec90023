package fakegoogle

import (
	"fmt"
	"math"
)

// place is made up.
type place struct {
	id, name, vicinity       string
	lat, lng                 float64
	north, east, south, west float64
}

const (
	icon  = "https://maps.gstatic.com/mapfiles/place_api/icons/v2/cafe_pinlet"
	color = "#FF9E67"
)

var types = []string{"cafe", "food", "point_of_interest", "establishment"}

// places are the same for the same question. They lie on a spiral that ends
// within the radius.
func (q question) places() []place {
	const (
		degree = 111_195.0 // metres of a meridian
		size   = 20.0      // metres from a place to the edge of its viewport
		golden = 2.399963  // radians: no two places in one direction
	)
	// Towards a pole meridians meet: places keep to the point's own.
	narrow := math.Cos(q.lat * math.Pi / 180)
	list := make([]place, 0, maxCount)
	for i := range min(q.there, q.count) {
		away := q.radius * 0.9 * float64(i+1) / float64(q.there+1) / degree
		north, east := away*math.Cos(golden*float64(i)), 0.0
		if narrow > 0.1 {
			east = away * math.Sin(golden*float64(i)) / narrow
		}
		lat := q.lat + north
		if math.Abs(lat) > 89.9 {
			lat = q.lat - math.Abs(north)*math.Copysign(1, q.lat)
		}
		p := place{lat: round(lat), lng: round(wrap(q.lng + east))}
		p.north, p.south = round(min(p.lat+size/degree, 90)), round(max(p.lat-size/degree, -90))
		p.east, p.west = round(wrap(p.lng+size/degree)), round(wrap(p.lng-size/degree))
		p.id = fmt.Sprintf("fake-%d-of-%g-%g", i, q.lat, q.lng)
		p.name = fmt.Sprintf("Café №%d <“A&B”>", i+1)
		p.vicinity = fmt.Sprintf("%d Example Plaza", i+1)
		list = append(list, p)
	}
	return list
}

func round(degrees float64) float64 { return math.Round(degrees*1e7) / 1e7 }

func wrap(lng float64) float64 {
	switch {
	case lng > 180:
		return lng - 360
	case lng < -180:
		return lng + 360
	}
	return lng
}
