// Package sse reads server-sent events (the HTML standard, section 9.2) as a node sends them.
package sse

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// MaxEvent is how many bytes a line may have, and all the data of one event; a node's longest
// have a tenth of it. [Reader.Next] fails beyond it.
const MaxEvent = 64 << 10

// ErrTooLong is that a line or an event has more bytes than [MaxEvent].
var ErrTooLong = errors.New("more than 65536 bytes")

// Event is what stands between two empty lines of a stream.
type Event struct {
	// Name is its kind; empty if the stream gives it none. What has neither a name nor data is
	// a sign of life: a comment, or an ID alone.
	Name string
	// ID is the last one that the stream has given, with this event or before it: where to go
	// on after it.
	ID string
	// Data is its lines with a line feed between them; nil if there are none. It is valid until
	// the next call of Next.
	Data []byte
}

// Reader reads the events of one stream. It is not safe for concurrent use.
type Reader struct {
	in    *bufio.Reader
	id    string
	data  []byte
	alive func()
}

// NewReader reads from a body. alive, if it is not nil, is called for each line that comes.
func NewReader(body io.Reader, alive func()) *Reader {
	if alive == nil {
		alive = func() {}
	}
	return &Reader{in: bufio.NewReaderSize(body, MaxEvent), alive: alive}
}

// Buffered tells whether bytes of the next event have come already.
func (r *Reader) Buffered() bool { return r.in.Buffered() > 0 }

// Next returns the next event. The error is the body's, io.EOF at its end, or has [ErrTooLong]
// in its chain; what had come of an event by then is none. After an error there is nothing more.
func (r *Reader) Next() (Event, error) {
	var e Event
	r.data = r.data[:0]
	some := false
	for {
		line, err := r.in.ReadSlice('\n')
		switch {
		case err == bufio.ErrBufferFull:
			return Event{}, fmt.Errorf("a line of a stream of events: %w", ErrTooLong)
		case err != nil:
			return Event{}, err
		}
		r.alive()
		line = bytes.TrimSuffix(line[:len(line)-1], []byte{'\r'})
		if len(line) == 0 {
			e.ID = r.id
			if some {
				e.Data = r.data
			}
			return e, nil
		}
		field, value, _ := bytes.Cut(line, []byte{':'})
		value = bytes.TrimPrefix(value, []byte{' '})
		switch string(field) {
		case "event":
			e.Name = string(value)
		case "id":
			if bytes.IndexByte(value, 0) < 0 { // as the standard has it
				r.id = string(value)
			}
		case "data":
			if some {
				r.data = append(r.data, '\n')
			}
			some = true
			if r.data = append(r.data, value...); len(r.data) > MaxEvent {
				return Event{}, fmt.Errorf("the data of an event: %w", ErrTooLong)
			}
		}
	}
}
