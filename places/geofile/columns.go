package geofile

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
)

// header says what the columns of a table mean.
type header struct {
	columns  []alias
	known    []bool
	decimals bool // numbers may have a decimal comma
}

// newHeader reads the names of columns. There must be one for each part of the
// position and one for the name.
func newHeader(names []string) (header, error) {
	h := header{columns: make([]alias, len(names)), known: make([]bool, len(names))}
	var has [fields]bool
	for i, name := range names {
		h.columns[i], h.known[i] = byName[string(canonical(nil, []byte(name)))]
		if h.known[i] && h.columns[i].tag == "" {
			has[h.columns[i].field] = true
		}
	}
	for _, need := range [...]struct {
		field field
		name  string
	}{{fieldLat, "latitude"}, {fieldLng, "longitude"}, {fieldName, "name"}} {
		if !has[need.field] {
			return header{}, fmt.Errorf("line 1: no column for the %s: the header is %s, and one of %s is needed",
				need.name, quoteUpTo(strings.Join(names, ", "), 200), strings.Join(aliases[need.field], ", "))
		}
	}
	return h, nil
}

// row reads one row into f, and says what is wrong with it. It may change the
// values, which must last as long as f does.
func (h *header) row(values [][]byte, f *feature) *fault {
	f.reset()
	if len(values) != len(h.columns) {
		return &fault{wrongColumns, "", fmt.Sprintf("%d and not %d", len(values), len(h.columns))}
	}
	for i, value := range values {
		if !h.known[i] {
			continue
		}
		if h.decimals && h.columns[i].isNumber() && bytes.Count(value, []byte{','}) == 1 {
			value[bytes.IndexByte(value, ',')] = '.'
		}
		f.set(h.columns[i], bytes.TrimSpace(value))
	}
	return f.locate()
}

// readCSV reads comma-separated values, as RFC 4180 has them.
func (r *reader) readCSV(comma rune) error {
	guard := &guard{r: r.in, most: maxRecord}
	c := csv.NewReader(guard)
	c.Comma, c.FieldsPerRecord, c.ReuseRecord = comma, -1, true
	names, err := c.Read()
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err != nil {
		return csvError(err)
	}
	h, err := newHeader(names)
	if err != nil {
		return err
	}
	h.decimals = comma == ';'
	var f feature
	var text []byte
	values := make([][]byte, 0, len(names))
	for {
		at := position{byte: r.start.byte + c.InputOffset()}
		guard.most = c.InputOffset() + maxRecord
		record, err := c.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return csvError(err)
		}
		text, values = text[:0], values[:0]
		for _, s := range record {
			text = append(text, s...)
		}
		start := 0
		for _, s := range record {
			values = append(values, text[start:start+len(s)])
			start += len(s)
		}
		at.line, _ = c.FieldPos(0)
		guard.line = at.line
		if err := r.builder.add(at, &f, h.row(values, &f)); err != nil {
			return err
		}
	}
}

// csvError says where the text is none.
func csvError(err error) error {
	var bad *csv.ParseError
	if errors.As(err, &bad) {
		if bad.StartLine != bad.Line {
			return fmt.Errorf("line %d, column %d, in a record that began at line %d: %w", bad.Line, bad.Column, bad.StartLine, bad.Err)
		}
		return fmt.Errorf("line %d, column %d: %w", bad.Line, bad.Column, bad.Err)
	}
	return err
}

// guard bounds what is read for one record: encoding/csv takes a quoted field
// of any length.
type guard struct {
	r    io.Reader
	n    int64
	most int64 // that n may be
	line int   // where the record before this one began; 0 for the header
}

func (g *guard) Read(p []byte) (int, error) {
	switch {
	case g.n <= g.most:
	case g.line == 0:
		return 0, fmt.Errorf("line 1: longer than %d bytes", maxRecord)
	default:
		return 0, fmt.Errorf("the record after that of line %d is longer than %d bytes: is a quote missing?", g.line, maxRecord)
	}
	n, err := g.r.Read(p)
	g.n += int64(n)
	return n, err
}

// readTSV reads tab-separated values: a line for each row, a tab between two
// values. A value may stand in quotes, which are doubled in it.
func (r *reader) readTSV() error {
	var h header
	var f feature
	var values [][]byte
	return r.eachRecord('\n', func(at position, line []byte, bad *fault) error {
		values = values[:0]
		for value := range bytes.SplitSeq(line, []byte{'\t'}) {
			values = append(values, unquote(value))
		}
		if h.columns == nil {
			names := make([]string, len(values))
			for i := range values {
				names[i] = string(values[i])
			}
			var err error
			h, err = newHeader(names)
			return err
		}
		if bad == nil {
			bad = h.row(values, &f)
		}
		return r.builder.add(at, &f, bad)
	})
}

// unquote takes the quotes from a value that has them at both ends, and no
// single one within.
func unquote(value []byte) []byte {
	if len(value) < 2 || value[0] != '"' || value[len(value)-1] != '"' {
		return value
	}
	inner := value[1 : len(value)-1]
	if bytes.IndexByte(inner, '"') < 0 {
		return inner
	}
	single := bytes.ReplaceAll(inner, []byte(`""`), []byte{0})
	if bytes.IndexByte(single, '"') >= 0 || bytes.IndexByte(inner, 0) >= 0 {
		return value
	}
	return bytes.ReplaceAll(single, []byte{0}, []byte{'"'})
}
