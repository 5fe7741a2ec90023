package geofile

import (
	"bytes"

	"herd/places/dataset"
)

// origin is a project that shares places, as a record shows it.
type origin uint8

const (
	ownFile origin = iota
	overture
	openStreetMap
	foursquare
	geoNames
	origins
)

// credits are what answers say of places of an origin, unless the configuration
// says something else.
var credits = [origins]dataset.Source{
	overture: {
		URL: "https://overturemaps.org/", License: "CDLA-Permissive-2.0",
		Attribution: `Places by <a href="https://overturemaps.org/">Overture Maps Foundation</a>`,
	},
	openStreetMap: {
		URL: "https://www.openstreetmap.org/copyright", License: "ODbL 1.0",
		Attribution: `© <a href="https://www.openstreetmap.org/copyright">OpenStreetMap contributors</a>`,
	},
	foursquare: {
		URL: "https://opensource.foursquare.com/os-places/", License: "Apache-2.0",
		Attribution: `Places by <a href="https://opensource.foursquare.com/os-places/">Foursquare OS Places</a>`,
	},
	geoNames: {
		URL: "https://www.geonames.org/", License: "CC BY 4.0",
		Attribution: `Places by <a href="https://www.geonames.org/">GeoNames</a>, CC BY 4.0`,
	},
}

// guessOrigin tells whose record it is by the names that it uses.
func (f *feature) guessOrigin() origin {
	id := f.values[fieldID]
	switch {
	case f.origin != ownFile:
		return f.origin
	case f.values[fieldName] != nil && aliases[fieldName][f.ranks[fieldName]] == "names.primary":
		return overture
	case id == nil:
		return ownFile
	case f.ranks[fieldID] < uint8(len(aliases[fieldID])) && aliases[fieldID][f.ranks[fieldID]] == "fsq_place_id":
		return foursquare
	case f.values[fieldOSMType] != nil || isOSM(id):
		return openStreetMap
	}
	return ownFile
}

// isOSM tells an id of OpenStreetMap: n1, node/1.
func isOSM(id []byte) bool {
	digits := bytes.TrimLeft(id, "abcdefghijklmnopqrstuvwxyz/")
	if !isNumber(digits) {
		return false
	}
	switch string(id[:len(id)-len(digits)]) {
	case "n", "w", "r", "a", "node/", "way/", "relation/":
		return true
	}
	return false
}
