package geofile

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// recordSeparator begins each record of an RFC 8142 text sequence.
const recordSeparator = 0x1e

// lines reads records, one a line, or one between two record separators. Its
// reader's buffer holds maxRecord bytes, and no record is longer.
type lines struct {
	r     *bufio.Reader
	delim byte // that ends a record
	at    position
}

// next gives the next record, without what ends it, and where it begins. It is
// good until the next call; bad tells that it was too long. The last error is io.EOF.
func (l *lines) next() (record []byte, at position, bad *fault, err error) {
	at = l.at
	for {
		record, err = l.r.ReadSlice(l.delim)
		l.at.byte += int64(len(record))
		if l.delim == '\n' {
			l.at.line++
		} else {
			l.at.line += bytes.Count(record, []byte{'\n'})
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			bad = &fault{tooLong, "", ""}
			if l.delim == '\n' {
				l.at.line--
			}
			continue
		case err != nil && (!errors.Is(err, io.EOF) || len(record) == 0 && bad == nil):
			return nil, at, nil, err
		}
		record = bytes.TrimSuffix(record, []byte{l.delim})
		return bytes.TrimSuffix(record, []byte{'\r'}), at, bad, nil
	}
}

// eachRecord calls take with each record that is not empty, or with what is
// wrong with it.
func (r *reader) eachRecord(delim byte, take func(at position, record []byte, bad *fault) error) error {
	in := lines{r: r.in, delim: delim, at: r.start}
	for {
		record, at, bad, err := in.next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case bad == nil && len(bytes.TrimSpace(record)) == 0:
			continue
		}
		if err := take(at, record, bad); err != nil {
			return err
		}
	}
}
