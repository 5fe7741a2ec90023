package geofile

import "errors"

var errDeep = errors.New("nested more than 64 deep")

// nested are the properties whose members and first elements are looked at.
var nested = map[string]bool{
	"names": true, "name": true, "categories": true, "category": true, "taxonomy": true,
	"addresses": true, "address": true, "type": true, "kind": true,
}

// jsonReader reads features of GeoJSON.
type jsonReader struct {
	lexer lexer
	key   []byte
}

// read reads a record into f, and says what is wrong with it.
func (r *jsonReader) read(record []byte, f *feature) *fault {
	f.reset()
	l := &r.lexer
	l.reset(record)
	bad := r.feature(l, f)
	l.end()
	switch {
	case l.err == nil:
		return bad
	case errors.Is(l.err, errDeep):
		return &fault{tooDeep, "", ""}
	}
	return &fault{broken, "", "not JSON: " + l.err.Error()}
}

// noGeometry is shared: it never changes.
var noGeometry = &fault{nowhere, "geometry", "there is no geometry"}

func (r *jsonReader) feature(l *lexer, f *feature) *fault {
	if l.peek() != '{' {
		l.skip()
		return &fault{notFeature, "", "no object"}
	}
	var kind []byte
	bad := noGeometry
	for l.open('{'); l.more('}'); {
		switch key := l.key(); string(key) {
		case "type":
			kind = l.scalar()
		case "id":
			// Weaker than any property: some writers only count.
			f.set(alias{field: fieldID, rank: 255}, l.scalar())
		case "geometry":
			f.lat, f.lng, bad = readGeometry(l)
		case "properties":
			if l.peek() == '{' {
				r.members(l, f, 0, 0)
			} else {
				l.skip()
			}
		default:
			l.skip()
		}
	}
	if string(kind) != "Feature" {
		return &fault{notFeature, "type", "the type is " + quote(kind)}
	}
	return bad
}

// members reads the members of an object. What they are called begins with the
// first n bytes of r.key.
func (r *jsonReader) members(l *lexer, f *feature, n, level int) {
	for l.open('{'); l.more('}'); {
		r.key = canonical(r.key[:n], l.key())
		r.value(l, f, level)
	}
}

// value reads the value of what is called r.key.
func (r *jsonReader) value(l *lexer, f *feature, level int) {
	switch l.peek() {
	case '{':
		if level > 0 || !nested[string(r.key)] {
			l.skip()
			return
		}
		r.key = append(r.key, '.')
		r.members(l, f, len(r.key), level+1)
	case '[': // the first counts
		if level > 0 || !nested[string(r.key)] {
			l.skip()
			return
		}
		first := true
		for l.open('['); l.more(']'); first = false {
			if first {
				r.value(l, f, level)
			} else {
				l.skip()
			}
		}
	case '"':
		text := l.text()
		if level == 0 && len(text) > 0 && (text[0] == '{' || text[0] == '[') && nested[string(r.key)] && isJSON(text) {
			r.value(&lexer{b: text}, f, level) // some writers have no nesting but this
			return
		}
		r.set(f, text)
	default:
		r.set(f, l.scalar())
	}
}

// isJSON tells whether text is a JSON value.
func isJSON(text []byte) bool {
	l := lexer{b: text}
	l.skip()
	l.end()
	return l.err == nil
}

func (r *jsonReader) set(f *feature, value []byte) {
	if a, ok := byName[string(r.key)]; ok {
		f.set(a, value)
	}
}
