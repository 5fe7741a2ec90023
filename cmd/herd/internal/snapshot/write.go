package snapshot

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
)

// Format is how a snapshot is written.
type Format string

// The formats.
const (
	NDJSON  Format = "ndjson"  // a JSON object a line
	GeoJSON Format = "geojson" // a feature collection (RFC 7946), a feature a line
)

// Writer writes a snapshot. After an error it is of no use.
type Writer struct {
	w      *bufio.Writer
	format Format
	count  int
}

// NewWriter begins a snapshot.
func NewWriter(w io.Writer, f Format, h Header) (*Writer, error) {
	s := &Writer{w: bufio.NewWriterSize(w, 1<<18), format: f}
	h.Version = version
	text, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	if f == GeoJSON {
		text = fmt.Appendf(nil, `{"type":"FeatureCollection",%s,"features":[`, text[1:len(text)-1])
	}
	s.w.Write(text)
	return s, s.w.WriteByte('\n')
}

type feature struct {
	Type     string `json:"type"`
	ID       string `json:"id"`
	Geometry struct {
		Type        string     `json:"type"`
		Coordinates [2]float64 `json:"coordinates"` // longitude first
	} `json:"geometry"`
	Properties Record `json:"properties"`
}

// Write writes a client.
func (s *Writer) Write(r *Record) error {
	var v any = r
	if s.format == GeoJSON {
		f := feature{Type: "Feature", ID: r.ID, Properties: *r}
		lat, lon, err := r.Position.Degrees()
		if err != nil {
			return err
		}
		f.Geometry.Type, f.Geometry.Coordinates = "Point", [2]float64{lon, lat}
		v = &f
		if s.count > 0 {
			s.w.WriteString(",\n")
		}
	}
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	s.count++
	_, err = s.w.Write(text)
	if s.format == NDJSON {
		err = s.w.WriteByte('\n')
	}
	return err
}

// Count is how many clients were written.
func (s *Writer) Count() int { return s.count }

// End ends the snapshot.
func (s *Writer) End() error {
	text, err := json.Marshal(end{version, &s.count})
	if err != nil {
		return err
	}
	if s.format == GeoJSON {
		text = fmt.Appendf(nil, "\n],%s", text[1:])
	}
	s.w.Write(append(text, '\n'))
	return s.w.Flush()
}
