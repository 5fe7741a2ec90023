package category

import "strings"

// keys are the tags that say what a place is, those that say it best first. A
// word of a key alone, "shop=", is for all its other values.
var keys = [...]string{
	"amenity", "shop", "tourism", "aeroway", "railway", "leisure", "historic", "healthcare",
	"office", "craft", "public_transport", "highway", "natural", "landuse", "boundary", "place",
}

// OSM says what a thing with these tags of OpenStreetMap is. ok is false if they
// don't tell: it is no place of the kind that people ask for (a road, a house, a
// signal), and the types are [Unknown].
func OSM(tags map[string]string) (types []string, ok bool) {
	var other *kind // what keys tell whose values are not known: the weightiest
	for _, key := range keys {
		value, _, _ := strings.Cut(tags[key], ";")
		value = strings.TrimSpace(value)
		if value == "" || value == "no" || value == "vacant" {
			continue
		}
		if k := narrow(tags, key, value); k != nil {
			return k.types, true
		}
		if k := known.words[key+"="]; k != nil && (other == nil || k.weight > other.weight) {
			other = k
		}
	}
	if other != nil {
		return other.types, true
	}
	return Unknown(), false
}

// narrow looks a tag up, and a second one for those of which one is not enough.
func narrow(tags map[string]string, key, value string) *kind {
	k := known.words[key+"="+value]
	more := ""
	switch {
	case key == "amenity" && value == "place_of_worship":
		more = "religion=" + tags["religion"]
	case key == "railway" && value == "station" && tags["subway"] == "yes":
		more = "station=subway"
	case key == "railway" && value == "station":
		more = "station=" + tags["station"]
	default:
		return k
	}
	if narrower := known.words[more]; narrower != nil {
		return narrower
	}
	return k
}
