package overpass

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"

	"herd/places"
	"herd/places/category"
	"herd/places/dataset"
)

const (
	// rimPenalty is what prominence takes off at the rim, as in [dataset]: in
	// powers of two.
	rimPenalty = 3

	// What has an article counts four times as much, and up to eight times that if
	// people of many languages have a name for it.
	noteBonus = 2
	maxFame   = 3

	// sameWithin is how many metres lie between two drawings of one place, such
	// as a shop and the house that it fills.
	sameWithin = 100

	// longest is what a text of OpenStreetMap can have, 255 characters, in bytes.
	longest = 255 * 4
)

// candidate is an element that is a place.
type candidate struct {
	*element
	name     string
	types    []string
	at       places.Point
	score    float64
	distance float64 // metres
}

// choose makes the answer of what the server gave: the best first, each place
// once.
func (p *Provider) choose(q places.Query, reach float64, list elements) []places.Place {
	all := make([]candidate, 0, len(list))
	for i := range list {
		c, ok := p.candidate(&list[i])
		if !ok {
			continue
		}
		if c.distance = q.Distance(c.at.Lat, c.at.Lng); c.distance > reach {
			continue
		}
		c.score = -c.distance
		if p.rank == dataset.Prominence {
			c.score = category.Weight(c.types) + fame(c.Tags) - rimPenalty*c.distance/reach
		}
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b candidate) int {
		return cmp.Or(-cmp.Compare(a.score, b.score), cmp.Compare(a.distance, b.distance),
			cmp.Compare(a.Type, b.Type), cmp.Compare(a.ID, b.ID))
	})
	var chosen []places.Place
	for i := range all {
		if len(chosen) == q.Limit {
			break
		}
		next := all[i].place()
		if !slices.ContainsFunc(chosen, func(p places.Place) bool { return same(&p, &next) }) {
			chosen = append(chosen, next)
		}
	}
	return chosen
}

// candidate reads an element; ok is false if it is no place, or one without a name
// or a position.
func (p *Provider) candidate(e *element) (c candidate, ok bool) {
	lat, lon := e.Lat, e.Lon
	switch e.Type {
	case "way", "relation":
		if e.Center == nil {
			return c, false
		}
		lat, lon = e.Center.Lat, e.Center.Lon
	case "node":
	default:
		return c, false
	}
	if lat == nil || lon == nil || math.Abs(*lat) > 90 || math.Abs(*lon) > 180 {
		return c, false
	}
	c = candidate{element: e, at: places.Point{Lat: *lat, Lng: *lon}, name: text(e.Tags["name"])}
	if p.language != "" {
		c.name = cmp.Or(text(e.Tags["name:"+p.language]), c.name)
	}
	c.types, ok = category.OSM(e.Tags)
	return c, ok && c.name != ""
}

// text is a tag's value, empty if no mapper can have written it.
func text(s string) string {
	if len(s) > longest {
		return ""
	}
	return strings.TrimSpace(s)
}

// fame is what a place gains by signs that people elsewhere know it.
func fame(tags map[string]string) float64 {
	if tags["wikidata"] == "" && tags["wikipedia"] == "" {
		return 0
	}
	names := 1
	for key := range tags {
		if strings.HasPrefix(key, "name:") {
			names++
		}
	}
	return noteBonus + min(math.Log2(float64(names)), maxFame)
}

// same tells whether two are one place that was drawn twice.
func same(a, b *places.Place) bool {
	if a.ID == b.ID {
		return true
	}
	from := places.Query{Latitude: a.Location.Lat, Longitude: a.Location.Lng}
	return a.Name == b.Name && a.Types[0] == b.Types[0] && from.Distance(b.Location.Lat, b.Location.Lng) <= sameWithin
}

func (c *candidate) place() places.Place {
	return places.Place{
		ID:       "osm:" + c.Type + "/" + strconv.FormatInt(c.ID, 10),
		Name:     c.name,
		Scope:    "OSM",
		Types:    c.types,
		Vicinity: vicinity(c.Tags),
		Location: c.at,
		Viewport: viewport(c.at),
	}
}

// vicinity is a place's address: "308 Example Plaza, Los Angeles"; empty if nobody
// has written it down.
func vicinity(tags map[string]string) string {
	first := func(keys ...string) string {
		for _, key := range keys {
			if s := text(tags["addr:"+key]); s != "" {
				return s
			}
		}
		return ""
	}
	street := first("street", "place")
	if number := first("housenumber", "housename"); number != "" && street != "" {
		street = number + " " + street
	}
	town := first("city", "town", "village", "hamlet", "suburb")
	if street == "" {
		street = first("full")
	}
	if street != "" && town != "" {
		return street + ", " + town
	}
	return street + town
}

// viewport is a box of about 300 m around a place, as wide as high; the query asks
// for no outlines.
func viewport(at places.Point) places.Viewport {
	const half = 0.00135 // degrees
	east, west := 180.0, -180.0
	if cos := math.Cos(at.Lat * math.Pi / 180); cos*180 > half {
		east, west = at.Lng+half/cos, at.Lng-half/cos
	}
	if east > 180 {
		east -= 360
	}
	if west < -180 {
		west += 360
	}
	return places.Viewport{
		Northeast: places.Point{Lat: round(min(at.Lat+half, 90)), Lng: round(east)},
		Southwest: places.Point{Lat: round(max(at.Lat-half, -90)), Lng: round(west)},
	}
}

// round cuts to OpenStreetMap's precision.
func round(degrees float64) float64 { return math.Round(degrees*1e7) / 1e7 }
