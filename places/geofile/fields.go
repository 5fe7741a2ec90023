package geofile

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math"
	"strconv"
	"unicode"
	"unicode/utf8"

	"herd/places/category"
	"herd/places/dataset"
)

// field is something that files say of a place, whatever they call it.
type field uint8

const (
	fieldID field = iota
	fieldOSMType
	fieldName
	fieldLat
	fieldLng
	fieldCategory
	fieldAddress // all of it, or the street and number
	fieldStreet
	fieldHouse // number
	fieldLocality
	fieldRegion
	fieldCountry
	fieldPopulation
	fieldImportance
	fieldConfidence
	fields
)

// aliases are the names of fields, in lower case, with underscores for spaces and
// dots for levels of nesting. Where a record has several, the first counts that
// is not empty.
var aliases = [fields][]string{
	fieldID:         {"@id", "id", "place_id", "fsq_place_id", "osm_id", "geonameid", "gers_id", "fid", "uuid"},
	fieldOSMType:    {"@type", "osm_type"},
	fieldName:       {"name", "names.primary", "title", "label"},
	fieldLat:        {"lat", "latitude", "y"},
	fieldLng:        {"lon", "lng", "long", "longitude", "x"},
	fieldCategory:   {"categories.primary", "taxonomy.primary", "category", "fsq_category_labels", "type", "kind", "class", "basic_category", "categories"},
	fieldAddress:    {"address", "vicinity", "addresses.freeform", "addr:full", "street_address", "full_address"},
	fieldStreet:     {"addr:street", "street", "road"},
	fieldHouse:      {"addr:housenumber", "housenumber", "house_number"},
	fieldLocality:   {"locality", "addresses.locality", "city", "addr:city", "town"},
	fieldRegion:     {"region", "addresses.region", "state", "addr:state", "province"},
	fieldCountry:    {"country", "addresses.country", "addr:country", "country_code"},
	fieldPopulation: {"population"},
	fieldImportance: {"importance", "rank"},
	fieldConfidence: {"confidence"},
}

// tagKeys are the tags of OpenStreetMap that may say what a place is.
var tagKeys = [...]string{
	"amenity", "shop", "tourism", "aeroway", "railway", "leisure", "historic", "healthcare", "office", "craft",
	"public_transport", "highway", "natural", "landuse", "boundary", "place", "religion", "station", "subway",
}

// An alias is what a name stands for: a field, of which it is the rank-th name,
// or a tag.
type alias struct {
	field field
	rank  uint8
	tag   string // "" for a field
}

// isNumber tells whether its values are numbers.
func (a alias) isNumber() bool {
	switch a.field {
	case fieldLat, fieldLng, fieldPopulation, fieldImportance, fieldConfidence:
		return a.tag == ""
	}
	return false
}

var byName = func() map[string]alias {
	all := make(map[string]alias)
	for f, names := range aliases {
		for rank, name := range names {
			all[name] = alias{field: field(f), rank: uint8(rank)}
		}
	}
	for _, key := range tagKeys {
		all[key] = alias{tag: key}
	}
	return all
}()

// canonical appends a name as aliases have it.
func canonical(b, name []byte) []byte {
	for _, c := range bytes.TrimSpace(name) {
		switch {
		case 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
		case c == ' ' || c == '-':
			c = '_'
		}
		b = append(b, c)
	}
	return b
}

// feature is what a record says of a place, before anybody has checked it. It
// lasts until the next record.
type feature struct {
	lat, lng float64
	values   [fields][]byte
	ranks    [fields]uint8
	tags     []tag
	origin   origin
	is       what   // if the format says it, else without types
	room     []byte // for values that have no other
}

type tag struct {
	key   string
	value []byte
}

func (f *feature) reset() {
	*f = feature{tags: f.tags[:0], room: f.room[:0]}
}

// set takes a value by the name that it has in the file. An empty value says
// nothing.
func (f *feature) set(a alias, value []byte) {
	switch {
	case len(value) == 0:
	case a.tag != "":
		f.tags = append(f.tags, tag{a.tag, value})
	case f.values[a.field] == nil || a.rank < f.ranks[a.field]:
		f.values[a.field], f.ranks[a.field] = value, a.rank
	}
}

// onGlobe checks a position.
func onGlobe(lat, lng float64) *fault {
	switch {
	case math.Abs(lat) <= 90 && math.Abs(lng) <= 180:
		return nil
	case math.Abs(lat) <= 180 && math.Abs(lng) <= 90:
		return &fault{offGlobe, "latitude", fmt.Sprintf("the latitude is %v: are latitude and longitude in the wrong order?", lat)}
	case !(math.Abs(lat) <= 90):
		return &fault{offGlobe, "latitude", fmt.Sprintf("the latitude is %v, and not in degrees", lat)}
	}
	return &fault{offGlobe, "longitude", fmt.Sprintf("the longitude is %v, and not in degrees", lng)}
}

// locate takes the position from columns.
func (f *feature) locate() *fault {
	for _, c := range [...]struct {
		field field
		name  string
		to    *float64
	}{{fieldLat, "latitude", &f.lat}, {fieldLng, "longitude", &f.lng}} {
		text := bytes.TrimSpace(f.values[c.field])
		v, err := strconv.ParseFloat(string(text), 64)
		switch {
		case len(text) == 0:
			return &fault{nowhere, c.name, "the " + c.name + " is empty"}
		case err != nil:
			return &fault{nowhere, c.name, "the " + c.name + " is " + quote(text)}
		}
		*c.to = v
	}
	return onGlobe(f.lat, f.lng)
}

const (
	maxName = 1024 // bytes; OpenStreetMap allows 255 characters
	maxID   = 128  // bytes
	maxArea = 256  // bytes
)

// name gives the name, tidy.
func (f *feature) name() ([]byte, *fault) {
	name := f.values[fieldName]
	if !utf8.Valid(name) {
		return nil, &fault{badName, "name", "the name is not UTF-8: " + quote(name)}
	}
	if name = tidy(name); len(name) == 0 {
		return nil, &fault{nameless, "name", ""}
	}
	if len(name) > maxName {
		return nil, &fault{badName, "name", fmt.Sprintf("the name has %d bytes, more than %d", len(name), maxName)}
	}
	return name, nil
}

// tidy makes one space of every run of white space and control characters, and
// nothing of those at the ends.
func tidy(text []byte) []byte {
	if isTidy(text) {
		return text
	}
	return bytes.Join(bytes.FieldsFunc(text, func(r rune) bool { return r == ' ' || isGap(r) }), []byte{' '})
}

// isGap tells what may not stand in a tidy text, but for the space.
func isGap(r rune) bool { return r != ' ' && (unicode.IsSpace(r) || unicode.IsControl(r)) }

func isTidy(text []byte) bool {
	last := byte(' ')
	for _, c := range text {
		if c < ' ' || c == ' ' && last == ' ' {
			return false
		}
		if c >= 0x7f {
			return last != ' ' && !bytes.ContainsFunc(text, isGap) && !bytes.Contains(text, []byte("  ")) && text[len(text)-1] != ' '
		}
		last = c
	}
	return last != ' '
}

// isWord tells a text without white space and control characters.
func isWord(text []byte) bool {
	for _, c := range text {
		if c >= 0x7f {
			return utf8.Valid(text) && !bytes.ContainsFunc(text, func(r rune) bool { return r == ' ' || isGap(r) })
		}
		if c <= ' ' {
			return false
		}
	}
	return true
}

// id gives what the place is called in its file: a number, or a text without
// white space. If it has no such name it gets a number, the same whenever it is
// read: a hash of the name it has, or else of what it is called and where it is.
func (f *feature) id(name []byte, lat, lng int32) (id []byte, number uint64, note *fault) {
	id = bytes.TrimSpace(f.values[fieldID])
	if len(id) == 0 {
		h := fnv.New64a()
		_, _ = h.Write(name) // never fails
		_, _ = h.Write(binary.LittleEndian.AppendUint64(f.room[len(f.room):], uint64(uint32(lat))<<32|uint64(uint32(lng))))
		return nil, h.Sum64(), &fault{madeID, "id", ""}
	}
	if len(id) > maxID || !isWord(id) {
		h := fnv.New64a()
		_, _ = h.Write(id)
		return nil, h.Sum64(), &fault{madeID, "id", "the id is " + quote(id)}
	}
	if kind := f.values[fieldOSMType]; len(kind) > 0 && isNumber(id) {
		start := len(f.room)
		f.room = append(append(f.room, kind[0]), id...)
		return f.room[start:], 0, nil
	}
	if isNumber(id) && (id[0] != '0' || len(id) == 1) {
		if number, err := strconv.ParseUint(string(id), 10, 64); err == nil {
			return nil, number, nil
		}
	}
	return id, 0, nil
}

func isNumber(text []byte) bool {
	for _, c := range text {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(text) > 0
}

// precision is how well an area says where a place is.
type precision uint8

const (
	nothing precision = iota
	region            // and so the nearest town says it better
	locality
	address // hardly another place has the same
)

// area says where the place is: its address, or if it has none its region. It
// lasts until the next record.
func (f *feature) area() (area []byte, is precision) {
	start := len(f.room)
	if street := f.values[fieldAddress]; len(street) > 0 {
		f.part(start, street)
	} else if street := f.values[fieldStreet]; len(street) > 0 {
		f.part(start, f.values[fieldHouse])
		if len(f.room) > start {
			f.room = append(f.room, ' ')
		}
		f.room = append(f.room, street...)
	}
	is = address
	if len(f.room) == start {
		is = locality
	}
	f.part(start, f.values[fieldLocality])
	if is == locality {
		if len(f.room) == start {
			is = region
		}
		f.part(start, f.values[fieldRegion])
		f.part(start, f.values[fieldCountry])
	}
	area = f.room[start:]
	if len(area) == 0 || len(area) > maxArea || !utf8.Valid(area) {
		return nil, nothing
	}
	return tidy(area), is
}

// part adds a part to the area that begins at start of room, unless it is in it.
func (f *feature) part(start int, text []byte) {
	if len(text) == 0 || bytes.Contains(f.room[start:], text) {
		return
	}
	if len(f.room) > start {
		f.room = append(f.room, ", "...)
	}
	f.room = append(f.room, text...)
}

// importance weighs the place: by what the file says of it, else by how many
// people live there, else by what it is and how sure the file is that it is there
// at all.
func (f *feature) importance() (uint8, *fault) {
	var note *fault
	number := func(of field, name string) (float64, bool) {
		text := bytes.TrimSpace(f.values[of])
		if len(text) == 0 {
			return 0, false
		}
		v, err := strconv.ParseFloat(string(text), 64)
		if err != nil || !(v >= 0) || math.IsInf(v, 0) {
			note = &fault{badWeight, name, "the " + name + " is " + quote(text)}
			return 0, false
		}
		return v, true
	}
	if v, ok := number(fieldImportance, "importance"); ok && v > 1 {
		return dataset.Importance(uint64(min(v, 1<<62)), 0), note
	} else if ok {
		return dataset.Importance(0, million*v), note
	}
	if v, ok := number(fieldPopulation, "population"); ok && v > 0 {
		return dataset.Importance(uint64(min(v, 1<<62)), f.is.bonus), note
	}
	weight := f.is.weight
	if v, ok := number(fieldConfidence, "confidence"); ok {
		weight -= doubt * (1 - min(v, 1))
	}
	return dataset.Importance(0, weight), note
}

const (
	// million is the weight of a town of a million: of an importance of 1.
	million = 20
	// doubt is what a place loses of which the file is not sure at all. Most of
	// those are gone, or never were.
	doubt = 4
)

// types says what the place is.
func (f *feature) types() []string {
	if len(f.tags) > 0 {
		tags := make(map[string]string, len(f.tags))
		for _, t := range f.tags {
			tags[t.key] = string(t.value)
		}
		if types, ok := category.OSM(tags); ok {
			return types
		}
	}
	if label := f.values[fieldCategory]; len(label) > 0 && utf8.Valid(label) {
		types, _ := category.Label(string(label))
		return types
	}
	return category.Unknown()
}
