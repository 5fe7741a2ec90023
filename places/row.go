package places

import "strconv"

// Row is a place of a table: a [Place] without details, in parts that need not be put
// together to be written. All its texts must be UTF-8.
type Row struct {
	Style    *Style
	Name     string
	ID       string // within the source; "": Number
	Number   uint64
	Town     string // what the vicinity begins with, if it is not empty
	Area     string // the rest of it
	Location Point
	Viewport Viewport
}

// Place is the row with its parts put together.
func (r *Row) Place() Place {
	id := r.ID
	if id == "" {
		id = strconv.FormatUint(r.Number, 10)
	}
	p := Place{
		ID: r.Style.source + ":" + id, Name: r.Name, Scope: r.Style.scope, Types: r.Style.types,
		Vicinity: r.Town + r.Area, Location: r.Location, Viewport: r.Viewport,
	}
	if r.Town != "" && r.Area != "" {
		p.Vicinity = r.Town + between + r.Area
	}
	return p
}

// between stands between a town and its area.
const between = ", "

// Style is what rows of one source and kind are alike in, written once for all of them.
// It never changes.
type Style struct {
	source, scope string
	types         []string

	id, reference string // up to where the ID within the source begins
	rest          string // scope and types
}

// NewStyle makes the style of places whose IDs begin with source and a colon. It keeps
// types.
func NewStyle(source, scope string, types []string) *Style {
	s := &Style{source: source, scope: scope, types: types}
	begin := func(key string) string {
		w := writer{depth: inPlace, more: true}
		w.key(key)
		w.b = append(w.b, '"')
		w.b = appendEscaped(w.b, source)
		return string(append(w.b, ':'))
	}
	s.id, s.reference = begin("place_id"), begin("reference")
	w := writer{depth: inPlace, more: true}
	w.kind(scope, types)
	s.rest = string(w.b)
	return s
}

// row is place for a row.
func (w *writer) row(r *Row) {
	w.open('{')
	w.geometry(r.Location, r.Viewport)
	w.text("name", r.Name)
	w.b = append(w.b, r.Style.id...)
	start := len(w.b)
	if r.ID != "" {
		w.b = appendEscaped(w.b, r.ID)
	} else {
		w.b = strconv.AppendUint(w.b, r.Number, 10)
	}
	end := len(w.b)
	w.b = append(w.b, '"')
	w.b = append(w.b, r.Style.reference...)
	w.b = append(w.b, w.b[start:end]...)
	w.b = append(w.b, '"')
	w.b = append(w.b, r.Style.rest...)
	if r.Town != "" || r.Area != "" {
		w.key("vicinity")
		w.b = append(w.b, '"')
		w.b = appendEscaped(w.b, r.Town)
		if r.Town != "" && r.Area != "" {
			w.b = append(w.b, between...)
		}
		w.b = appendEscaped(w.b, r.Area)
		w.b = append(w.b, '"')
	}
	w.close('}')
}

// AppendRows appends a reply of rows, best first, to dst: what a [Chain] replies with
// if its provider answers with their places and these attributions and messages.
func AppendRows(dst []byte, attributions, messages []string, rows []Row) []byte {
	w := writer{b: dst}
	w.open('{')
	w.head(attributions, messages)
	if len(rows) == 0 {
		w.b = append(w.b, "[]"...)
		w.text("status", "ZERO_RESULTS")
	} else {
		w.open('[')
		for i := range rows {
			w.item()
			w.row(&rows[i])
		}
		w.close(']')
		w.text("status", "OK")
	}
	w.close('}')
	return w.b
}
