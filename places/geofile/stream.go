package geofile

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// stream reads a FeatureCollection, of which it holds one feature at a time.
type stream struct {
	r      *bufio.Reader
	at     position // of what comes next
	record []byte
	within string // what is being read, for errors
}

// collection calls take with each feature, or with what is wrong with it.
func (s *stream) collection(take func(at position, record []byte, bad *fault) error) error {
	found := false
	s.within = "the collection"
	err := s.list('{', '}', func() error {
		key, _, err := s.value()
		if err != nil {
			return err
		}
		if err := s.expect(':'); err != nil {
			return err
		}
		if string(key) != `"features"` {
			_, _, err := s.value()
			return err
		}
		found, s.within = true, "the features"
		return s.list('[', ']', func() error {
			at := s.at
			record, bad, err := s.value()
			if err != nil {
				return err
			}
			return take(at, record, bad)
		})
	})
	if err != nil {
		return err
	}
	if _, err := s.space(); err == nil {
		return s.errorf("more after the end of the collection")
	} else if !errors.Is(err, io.EOF) {
		return err
	}
	if !found {
		return errors.New(`no "features" in it`)
	}
	return nil
}

func (s *stream) errorf(format string, args ...any) error {
	return fmt.Errorf("line %d, byte %d: %w", s.at.line, s.at.byte, fmt.Errorf(format, args...))
}

// list reads from open to end and calls item where an item begins.
func (s *stream) list(open, end byte, item func() error) error {
	if err := s.expect(open); err != nil {
		return err
	}
	for first := true; ; first = false {
		c, err := s.space()
		switch {
		case err != nil:
			return s.cut(err)
		case c == end:
			s.pass(1)
			return nil
		case first:
		case c != ',':
			return s.errorf("',' or %q expected, not %q", end, c)
		default:
			s.pass(1)
			if _, err := s.space(); err != nil {
				return s.cut(err)
			}
		}
		if err := item(); err != nil {
			return err
		}
	}
}

// cut says where a file ended that should not have.
func (s *stream) cut(err error) error {
	if errors.Is(err, io.EOF) {
		return s.errorf("the file ends in the middle of %s", s.within)
	}
	return err
}

func (s *stream) expect(c byte) error {
	got, err := s.space()
	switch {
	case err != nil:
		return s.cut(err)
	case got != c:
		return s.errorf("%q expected, not %q", c, got)
	}
	s.pass(1)
	return nil
}

// pass goes over n bytes that are in the buffer.
func (s *stream) pass(n int) []byte {
	b, _ := s.r.Peek(n) // they are there
	s.at.byte += int64(n)
	s.at.line += bytes.Count(b, []byte{'\n'})
	_, _ = s.r.Discard(n)
	return b
}

// ahead gives what is in the buffer, at least a byte.
func (s *stream) ahead() ([]byte, error) {
	if _, err := s.r.Peek(1); err != nil {
		return nil, err
	}
	return s.r.Peek(s.r.Buffered())
}

// space skips white space and gives the byte after it.
func (s *stream) space() (byte, error) {
	for {
		b, err := s.ahead()
		if err != nil {
			return 0, err
		}
		for i, c := range b {
			if c != ' ' && c != '\t' && c != '\r' && c != '\n' {
				s.pass(i)
				return c, nil
			}
		}
		s.pass(len(b))
	}
}

// value reads a value as it stands. It looks only for where it ends; of one that
// is too long it keeps nothing. The record is good until the next call.
func (s *stream) value() (record []byte, bad *fault, err error) {
	if _, err := s.space(); err != nil {
		return nil, nil, s.cut(err)
	}
	start := s.at
	s.record = s.record[:0]
	var e ender
	for {
		b, err := s.ahead()
		if err != nil {
			if errors.Is(err, io.EOF) {
				s.at = start
				return nil, nil, s.errorf("the file ends in the middle of what begins here")
			}
			return nil, nil, err
		}
		n, done := e.find(b)
		if n == 0 {
			return nil, nil, s.errorf("a value expected, not %q", b[0])
		}
		b = s.pass(n)
		if len(s.record)+len(b) > maxRecord {
			bad = &fault{tooLong, "", ""}
		}
		if bad == nil {
			s.record = append(s.record, b...)
		}
		if done {
			return s.record, bad, nil
		}
	}
}

// ender finds the end of a JSON value that comes in pieces.
type ender struct {
	depth    int
	inString bool
	escaped  bool
	inScalar bool
}

// find gives how much of b belongs to the value, and whether it ends there.
func (e *ender) find(b []byte) (n int, done bool) {
	for i := 0; i < len(b); i++ {
		c := b[i]
		switch {
		case e.escaped:
			e.escaped = false
		case e.inString:
			switch c {
			case '\\':
				e.escaped = true
			case '"':
				if e.inString = false; e.depth == 0 {
					return i + 1, true
				}
			}
		case e.inScalar:
			switch c {
			case ',', '}', ']', ':', ' ', '\t', '\r', '\n':
				return i, true
			}
		case c == '"':
			e.inString = true
		case c == '{' || c == '[':
			e.depth++
		case c == '}' || c == ']':
			if e.depth == 0 {
				return i, true
			}
			if e.depth--; e.depth == 0 {
				return i + 1, true
			}
		case e.depth == 0:
			e.inScalar = true
			i-- // it may be none
		}
	}
	return len(b), false
}
