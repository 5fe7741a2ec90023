package protocol

import (
	"bytes"

	"herd/gossip/location"
)

// mostAhead is how many lines Ahead looks at.
const mostAhead = 16

// Ahead gives the client IDs in line, which Next has just given, and in the whole lines
// that come next, a few at a time, so that what is known of the clients can be fetched
// before it is needed; and how many lines these are. If nothing is held behind line there
// is nothing to gain, and it gives no ID.
//
// It does not parse: in a line that is no command it may see an ID or none. The IDs are
// good until the next call of Space or Ahead.
func (l *Lines) Ahead(line []byte) (ids [][]byte, lines int) {
	held := l.buf[l.start:l.end]
	if len(held) < len(line) {
		return nil, 1
	}
	if l.ahead == nil {
		l.ahead = make([][]byte, 0, mostAhead)
	}
	ids = l.ahead[:0]
	for lines < mostAhead {
		lines++
		if id := idOf(line); 0 < len(id) && len(id) <= location.MaxID {
			ids = append(ids, id)
		}
		i := bytes.IndexByte(held, '\n')
		if i < 0 {
			break
		}
		line, held = held[:i], held[i+1:]
	}
	l.ahead = ids
	return ids, lines
}

// idOf is the second field of a line as most clients write it.
func idOf(line []byte) []byte {
	space := []byte{' '}
	_, operands, _ := bytes.Cut(line, space)
	id, _, _ := bytes.Cut(operands, space)
	return id
}
