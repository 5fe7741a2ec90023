package geofile

import (
	"bytes"
	"fmt"

	"herd/places/category"
)

// Columns of a GeoNames dump.
const (
	geoNumber     = 0
	geoName       = 1
	geoLat        = 4
	geoLng        = 5
	geoClass      = 6
	geoCode       = 7
	geoCountry    = 8
	geoRegion     = 10
	geoPopulation = 14
	geoColumns    = 19
)

// readGeoNames reads a dump of GeoNames. It keeps what people live in or go to:
// populated places (P), spots and buildings (S), mountains, islands and beaches
// (T), and those areas (L) that are parks and the like.
func (r *reader) readGeoNames() error {
	var f feature
	var columns [geoColumns][]byte
	return r.eachRecord('\n', func(at position, line []byte, bad *fault) error {
		if bad == nil {
			bad = r.geoRow(line, &columns, &f)
		}
		return r.builder.add(at, &f, bad)
	})
}

func (r *reader) geoRow(line []byte, columns *[geoColumns][]byte, f *feature) *fault {
	f.reset()
	if n := bytes.Count(line, []byte{'\t'}) + 1; n != geoColumns {
		return &fault{wrongColumns, "", fmt.Sprintf("%d and not %d", n, geoColumns)}
	}
	i := 0
	for value := range bytes.SplitSeq(line, []byte{'\t'}) {
		columns[i] = bytes.TrimSpace(value)
		i++
	}
	class, code := columns[geoClass], columns[geoCode]
	if isGone(class, code) {
		return &fault{gone, "feature code", quote(code)}
	}
	r.builder.key = append(append(append(r.builder.key[:0], class...), '.'), code...)
	is := r.builder.remember(func() what { return geoWhat(string(class), string(code)) })
	if is.types == nil {
		return &fault{otherClass, "feature class", fmt.Sprintf("%s, code %s", quote(class), quote(code))}
	}
	f.is, f.origin = is, geoNames
	f.values[fieldID] = columns[geoNumber]
	f.values[fieldName] = columns[geoName]
	f.values[fieldLat], f.values[fieldLng] = columns[geoLat], columns[geoLng]
	f.values[fieldPopulation] = columns[geoPopulation]
	f.values[fieldCountry] = columns[geoCountry]
	if region := columns[geoRegion]; len(region) > 0 && len(bytes.Trim(region, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")) == 0 {
		f.values[fieldRegion] = region // a number says nothing to people
	}
	return f.locate()
}

// isGone tells what was there once: a code that ends in Q is of something
// abandoned; in H, of a town that is history; in W, of one destroyed.
func isGone(class, code []byte) bool {
	return bytes.HasSuffix(code, []byte{'Q'}) ||
		string(class) == "P" && (bytes.HasSuffix(code, []byte{'H'}) || bytes.HasSuffix(code, []byte{'W'}))
}

// geoWhat says what a feature is, without types if it is not kept.
func geoWhat(class, code string) what {
	types, ok := category.GeoNames(class, code)
	w := what{types: types, weight: category.Weight(types)}
	switch class {
	case "P":
		// Weighed by its inhabitants. Those of no number are few.
		w.weight, w.bonus = 0, capitals[code]
		return w
	case "S", "T":
		return w
	case "L":
		if ok && types[len(types)-1] != "political" { // not a region
			return w
		}
	}
	return what{}
}

// capitals are the codes of towns that count for more than their inhabitants.
var capitals = map[string]float64{"PPLC": 2, "PPLA": 1}
