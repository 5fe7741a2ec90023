package places

import (
	"bytes"
	"slices"
	"strconv"
)

// render appends a reply to dst, in the text form of Google's own: keys in
// alphabetical order, three spaces a level, a space before each colon, no newline at
// the end.
func render(dst []byte, a Answer, status, message string) []byte {
	w := writer{b: slices.Grow(dst, 256+896*len(a.Places))}
	w.open('{')
	if message != "" {
		w.text("error_message", message)
	}
	w.head(a.Attributions, a.Messages)
	if len(a.Places) == 0 {
		w.b = append(w.b, "[]"...)
	} else {
		w.open('[')
		for i := range a.Places {
			w.item()
			w.place(&a.Places[i])
		}
		w.close(']')
	}
	w.text("status", status)
	w.close('}')
	return w.b
}

// head writes what stands before the results.
func (w *writer) head(attributions, messages []string) {
	w.texts("html_attributions", attributions)
	if len(messages) > 0 {
		w.texts("info_messages", messages)
	}
	w.key("results")
}

// squeeze makes one newline of every run of them and removes those at the end, and all
// white space at the beginning: an empty line would end the reply. A newline can't stand
// inside a JSON string, so it changes no value. The result shares b's memory.
func squeeze(b []byte) []byte {
	b = bytes.TrimRight(bytes.TrimLeft(b, " \t\r\n"), "\n")
	if !bytes.Contains(b, []byte("\n\n")) {
		return b
	}
	out := b[:0]
	for i, c := range b {
		if c != '\n' || b[i-1] != '\n' {
			out = append(out, c)
		}
	}
	return out
}

// writer writes JSON as jsoncpp's styled writer does, which is what Google's
// legacy replies look like.
type writer struct {
	b     []byte
	depth int
	more  bool // something stands before at this level: a comma is due
}

func (w *writer) open(c byte) { w.b, w.depth, w.more = append(w.b, c), w.depth+1, false }

func (w *writer) close(c byte) {
	w.depth--
	w.line()
	w.b, w.more = append(w.b, c), true
}

// newline is one with as much indent as the deepest level of a reply has.
const newline = "\n                  "

func (w *writer) line() { w.b = append(w.b, newline[:1+3*w.depth]...) }

func (w *writer) item() {
	if w.more {
		w.b = append(w.b, ',')
	}
	w.line()
	w.more = true
}

// key takes a name that needs no escape.
func (w *writer) key(name string) {
	w.item()
	w.b = append(w.b, '"')
	w.b = append(w.b, name...)
	w.b = append(w.b, `" : `...)
}

func (w *writer) text(key, s string) {
	w.key(key)
	w.b = appendString(w.b, s)
}

func (w *writer) textIfAny(key, s string) {
	if s != "" {
		w.text(key, s)
	}
}

func (w *writer) boolean(key string, v bool) {
	w.key(key)
	w.b = strconv.AppendBool(w.b, v)
}

func (w *writer) integer(key string, v int) {
	w.key(key)
	w.b = strconv.AppendInt(w.b, int64(v), 10)
}

func (w *writer) number(key string, v float64) {
	w.key(key)
	w.b = appendNumber(w.b, v)
}

// breakAt is the length from which jsoncpp gives each text of a list a line.
const breakAt = 74

func (w *writer) texts(key string, list []string) {
	w.key(key)
	if len(list) == 0 {
		w.b = append(w.b, "[]"...)
		return
	}
	start, length := len(w.b), 0
	for _, s := range list {
		length += len(`, ""`) + len(s) // and more if something in it is escaped
	}
	if length < breakAt {
		w.b = append(w.b, "[ "...)
		for i, s := range list {
			if i > 0 {
				w.b = append(w.b, ", "...)
			}
			w.b = appendString(w.b, s)
		}
		w.b = append(w.b, " ]"...)
		if len(w.b)-start < breakAt {
			return
		}
		w.b = w.b[:start]
	}
	w.open('[')
	for _, s := range list {
		w.item()
		w.b = appendString(w.b, s)
	}
	w.close(']')
}

func (w *writer) place(p *Place) {
	d := p.Details
	if d == nil {
		d = &Details{}
	}
	w.open('{')
	w.textIfAny("business_status", d.BusinessStatus)
	w.geometry(p.Location, p.Viewport)
	w.textIfAny("icon", d.Icon)
	w.textIfAny("icon_background_color", d.IconBackgroundColor)
	w.textIfAny("icon_mask_base_uri", d.IconMaskBaseURI)
	w.text("name", p.Name)
	if d.OpenNow != nil {
		w.key("opening_hours")
		w.open('{')
		w.boolean("open_now", *d.OpenNow)
		w.close('}')
	}
	if d.PermanentlyClosed {
		w.boolean("permanently_closed", true)
	}
	if len(d.Photos) > 0 {
		w.photos(d.Photos)
	}
	w.text("place_id", p.ID)
	if d.PlusCode != (PlusCode{}) {
		w.key("plus_code")
		w.open('{')
		w.textIfAny("compound_code", d.PlusCode.Compound)
		w.textIfAny("global_code", d.PlusCode.Global)
		w.close('}')
	}
	if d.PriceLevel != nil {
		w.integer("price_level", *d.PriceLevel)
	}
	if d.Rating != nil {
		w.number("rating", *d.Rating)
	}
	w.text("reference", p.ID)
	w.kind(p.Scope, p.Types)
	if d.UserRatingsTotal != nil {
		w.integer("user_ratings_total", *d.UserRatingsTotal)
	}
	w.textIfAny("vicinity", p.Vicinity)
	w.close('}')
}

func (w *writer) kind(scope string, types []string) {
	w.text("scope", scope)
	w.texts("types", types)
}

// inPlace is the depth of the keys of a place.
const inPlace = 3

// geometry writes what keys and brackets would: there are more numbers in a reply than
// all else, and their surroundings are always the same.
func (w *writer) geometry(p Point, v Viewport) {
	const (
		line = "\n         " // at the depth of the key
		in   = "   "         // a level deeper

		location  = "{" + line + in + `"location" : {` + line + in + in + `"lat" : `
		lng       = "," + line + in + in + `"lng" : `
		located   = line + in + "}"
		viewport  = "," + line + in + `"viewport" : {` + line + in + in + `"northeast" : {` + line + in + in + in + `"lat" : `
		cornerLng = "," + line + in + in + in + `"lng" : `
		southwest = line + in + in + "}," + line + in + in + `"southwest" : {` + line + in + in + in + `"lat" : `
		viewed    = line + in + in + "}" + line + in + "}"
		end       = line + "}"
	)
	w.key("geometry")
	b := appendNumber(append(w.b, location...), p.Lat)
	b = appendNumber(append(b, lng...), p.Lng)
	b = append(b, located...)
	if v != (Viewport{}) {
		b = appendNumber(append(b, viewport...), v.Northeast.Lat)
		b = appendNumber(append(b, cornerLng...), v.Northeast.Lng)
		b = appendNumber(append(b, southwest...), v.Southwest.Lat)
		b = appendNumber(append(b, cornerLng...), v.Southwest.Lng)
		b = append(b, viewed...)
	}
	w.b = append(b, end...)
}

func (w *writer) photos(photos []Photo) {
	w.key("photos")
	w.open('[')
	for i := range photos {
		w.item()
		w.open('{')
		w.integer("height", photos[i].Height)
		w.texts("html_attributions", photos[i].Attributions)
		w.text("photo_reference", photos[i].Reference)
		w.integer("width", photos[i].Width)
		w.close('}')
	}
	w.close(']')
}
