package snapshot

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// MaxLine is how long a line may be, in bytes: more than the longest client takes.
const MaxLine = 64 << 10

// LineError is that a line is damaged. Those after it can be read.
type LineError struct {
	Line int // from 1 on
	Err  error
}

func (e *LineError) Error() string { return fmt.Sprintf("line %d: %v", e.Line, e.Err) }
func (e *LineError) Unwrap() error { return e.Err }

// ErrCut is that the end of a snapshot is missing.
var ErrCut = errors.New("the end is missing: it was cut short")

// Reader reads a snapshot of either format. It holds a line at a time.
type Reader struct {
	Header Header // zero for a list of clients that is no snapshot: as the API gives it, say

	r     *bufio.Reader
	geo   bool
	line  int
	count int // lines with clients, damaged or not
	ended bool
}

// NewReader reads the beginning of a snapshot.
func NewReader(r io.Reader) (*Reader, error) {
	s := &Reader{r: bufio.NewReaderSize(r, MaxLine)}
	text, err := s.r.Peek(MaxLine) // a line is there or will be missed
	if len(text) == 0 && err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if n := bytes.IndexByte(text, '\n'); n >= 0 {
		text = text[:n]
	}
	if len(bytes.TrimSpace(text)) == 0 {
		return nil, errors.New("it is empty")
	}
	var head struct {
		Header
		Type string
	}
	geo := bytes.TrimSuffix(bytes.TrimRight(text, " \r"), []byte("["))
	if s.geo = len(geo) < len(bytes.TrimRight(text, " \r")); s.geo {
		text = append(bytes.Clone(geo), "[]}"...)
	}
	if err := json.Unmarshal(text, &head); err != nil {
		return nil, &LineError{1, fmt.Errorf("neither a snapshot nor a client: %w", err)}
	}
	switch {
	case s.geo && head.Type != "FeatureCollection":
		return nil, &LineError{1, fmt.Errorf("it is of type %q, not a FeatureCollection", head.Type)}
	case !s.geo && head.Type != "":
		return nil, &LineError{1, fmt.Errorf("GeoJSON must have a feature a line, as it was saved")}
	case head.Version > version:
		return nil, &LineError{1, fmt.Errorf("it is of version %d, of which this program knows up to %d", head.Version, version)}
	case s.geo || head.Version > 0:
		s.Header, s.line = head.Header, 1
		_, err := s.r.ReadSlice('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
	}
	return s, nil
}

// Next returns the next client. A [LineError] is that there is none on its line; go on. At the end
// it returns io.EOF, or ErrCut.
func (s *Reader) Next() (Record, error) {
	for {
		text, err := s.next()
		if err != nil {
			return Record{}, err
		}
		if text = bytes.TrimSpace(text); len(text) == 0 {
			continue
		}
		if s.ended {
			return Record{}, s.wrong(errors.New("something comes after the end"))
		}
		if s.isEnd(text) {
			if err := s.checkEnd(text); err != nil {
				return Record{}, s.wrong(err)
			}
			continue
		}
		s.count++
		r, err := s.parse(text)
		if err == nil {
			err = r.check()
		}
		if err != nil {
			return Record{}, s.wrong(err)
		}
		return r, nil
	}
}

func (s *Reader) wrong(err error) error { return &LineError{s.line, err} }

// next is the next line. It holds until the next call.
func (s *Reader) next() ([]byte, error) {
	text, err := s.r.ReadSlice('\n')
	s.line++
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = s.r.ReadSlice('\n')
		}
		s.count++
		return nil, s.wrong(fmt.Errorf("it is longer than %d bytes", MaxLine))
	case errors.Is(err, io.EOF) && len(text) == 0:
		if !s.ended && (s.geo || s.Header.Version > 0) {
			return nil, ErrCut
		}
		return nil, io.EOF
	case err != nil && !errors.Is(err, io.EOF):
		return nil, err
	}
	return text, nil
}

func (s *Reader) isEnd(text []byte) bool {
	if s.geo {
		return text[0] == ']'
	}
	return bytes.HasPrefix(text, []byte(`{"herd_snapshot_end"`))
}

func (s *Reader) checkEnd(text []byte) error {
	if s.geo {
		text = bytes.TrimPrefix(bytes.TrimPrefix(text, []byte("]")), []byte(","))
		if !bytes.HasPrefix(text, []byte("{")) {
			text = append([]byte("{"), text...)
		}
	}
	var e end
	if err := json.Unmarshal(text, &e); err != nil {
		return fmt.Errorf("the end is damaged: %w", err)
	}
	s.ended = true
	if e.Clients != nil && *e.Clients != s.count {
		return fmt.Errorf("%d clients were saved, %d are here", *e.Clients, s.count)
	}
	return nil
}

func (s *Reader) parse(text []byte) (r Record, err error) {
	if !s.geo {
		return r, json.Unmarshal(text, &r)
	}
	var f feature
	err = json.Unmarshal(bytes.TrimSuffix(text, []byte(",")), &f)
	if last, ok := bytes.CutSuffix(text, []byte("]}")); ok && err != nil { // as herd clients ends a list
		f = feature{}
		err = json.Unmarshal(last, &f)
		s.ended = err == nil
	}
	if err != nil {
		return r, err
	}
	if f.Properties.ID == "" {
		f.Properties.ID = f.ID
	}
	return f.Properties, nil
}
