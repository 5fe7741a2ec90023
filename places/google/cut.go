package google

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

// scanned is what there is to know of a legacy reply, and where.
type scanned struct {
	status, message string

	hasResults bool
	begin      int   // behind the bracket that opens the results
	ends       []int // behind each of them
	end        int   // at the bracket that closes them
}

var (
	errSyntax = errors.New("not the JSON of a legacy reply")
	errTwice  = errors.New("two lists of results")
)

// scan walks through a legacy reply. An error means that it is none; it repeats
// nothing of it.
func scan(body []byte) (*scanned, error) {
	s := &scanned{}
	d := json.NewDecoder(bytes.NewReader(body))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return nil, errSyntax
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, errSyntax
		}
		switch key {
		case "status":
			err = d.Decode(&s.status)
		case "error_message":
			err = d.Decode(&s.message)
		case "results":
			if s.hasResults {
				return nil, errTwice
			}
			err = s.results(d)
		default:
			err = skip(d)
		}
		if err != nil {
			return nil, errSyntax
		}
	}
	if _, err := d.Token(); err != nil { // the closing brace
		return nil, errSyntax
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errSyntax
	}
	return s, nil
}

func skip(d *json.Decoder) error {
	var value json.RawMessage
	return d.Decode(&value)
}

func (s *scanned) results(d *json.Decoder) error {
	if open, err := d.Token(); err != nil || open != json.Delim('[') {
		return errSyntax
	}
	s.hasResults, s.begin = true, int(d.InputOffset())
	for d.More() {
		if err := skip(d); err != nil {
			return err
		}
		s.ends = append(s.ends, int(d.InputOffset()))
	}
	if _, err := d.Token(); err != nil {
		return err
	}
	s.end = int(d.InputOffset()) - 1
	return nil
}

// cut is the scanned body with at most n results. What stands between the last
// result and the bracket, a line end and its indent, stays there.
func (s *scanned) cut(body []byte, n int) []byte {
	if n >= len(s.ends) {
		return body
	}
	head, tail := s.begin, s.end
	if n > 0 {
		head, tail = s.ends[n-1], s.ends[len(s.ends)-1]
	}
	return append(body[:head:head], body[tail:]...)
}
