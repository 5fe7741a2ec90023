package protocol

import "bytes"

// Lines cuts the bytes of a connection into lines. However the bytes come, one by
// one or all at once, the lines are the same. Bytes go in by way of
// [Lines.Space] and [Lines.Fed], lines come out of [Lines.Next]:
//
//	for {
//		switch line, s := lines.Next(); s {
//		case protocol.Line:    // answer it
//		case protocol.TooLong: // answer it and hang up
//		case protocol.More:    // read into lines.Space(), tell lines.Fed or lines.End
//		case protocol.Done:    // hang up
//		}
//	}
//
// It holds little more than the longest line, and less while lines are short. It
// is not safe for concurrent use.
type Lines struct {
	longest    int      // bytes of a line
	buf        []byte   // no longer than bound
	start, end int      // buf[start:end] has been fed and not given out
	seen       int      // buf[start:seen] holds no LF
	fed        int      // bytes of the last read
	ended      bool     // no more comes
	over       bool     // a line was too long: nothing is given out any more
	ahead      [][]byte // what Ahead gave; of buf
}

// Status tells what [Lines.Next] found.
type Status uint8

// What Next may find.
const (
	More    Status = iota // no whole line: feed more, or end
	Line                  // a line, without its terminator
	TooLong               // the first bytes of a line, as many as one may have; no line comes after it
	Done                  // all lines are out
)

const (
	leastBuffer = 512      // what an idle connection holds
	mostBuffer  = 16 << 10 // what one read may bring, unless a line may be longer
)

// NewLines makes an empty Lines. A line may have longest bytes, at least 1, its
// terminator not counted.
func NewLines(longest int) *Lines { return &Lines{longest: longest} }

// Longest is the bytes that a line may have.
func (l *Lines) Longest() int { return l.longest }

// bound is what the buffer may grow to: the longest line and its CRLF fit.
func (l *Lines) bound() int { return max(l.longest+2, mostBuffer) }

// Space is room for the next bytes. It is not empty if Next has said More. It may
// overwrite the lines that Next has given.
func (l *Lines) Space() []byte {
	if l.start == l.end {
		l.start, l.end, l.seen = 0, 0, 0
		if len(l.buf) > mostBuffer { // one long line is no reason to hold so much for ever
			l.buf, l.ahead = nil, nil
		}
	}
	if l.end == len(l.buf) {
		l.makeRoom()
	}
	return l.buf[l.end:]
}

// makeRoom moves what is held to the front of the buffer: of a larger one if that
// or the last read took more than half of this one.
func (l *Lines) makeRoom() {
	held, to := l.buf[l.start:l.end], l.buf
	size := len(to)
	if size == 0 || l.fed > size/2 && size < mostBuffer || len(held) > size/2 && size < l.bound() {
		to, l.ahead = make([]byte, min(max(2*size, leastBuffer), l.bound())), nil
	}
	copy(to, held)
	l.buf = to
	l.seen -= l.start
	l.start, l.end = 0, len(held)
}

// Empty tells whether nothing has been fed but lines that were given out, so that
// another connection may go on with l. The last line that Next has given is good no
// longer then.
func (l *Lines) Empty() bool { return l.start == l.end && !l.ended && !l.over }

// Fed tells that the first n bytes of Space have been filled.
func (l *Lines) Fed(n int) {
	l.end += n
	l.fed = n
}

// End tells that the stream has ended, which ends its last line.
func (l *Lines) End() { l.ended = true }

// Next is the next line that has come. The line is good until the next call of
// Space.
func (l *Lines) Next() (line []byte, s Status) {
	if l.over {
		return nil, Done
	}
	if i := bytes.IndexByte(l.buf[l.seen:l.end], '\n'); i >= 0 {
		i += l.seen
		line = bytes.TrimSuffix(l.buf[l.start:i], []byte{'\r'})
		if len(line) > l.longest {
			return l.tooLong()
		}
		l.start, l.seen = i+1, i+1
		return line, Line
	}
	l.seen = l.end
	line = l.buf[l.start:l.end]
	switch n := len(line); {
	case n > l.longest+1, n > l.longest && (l.ended || line[l.longest] != '\r'):
		return l.tooLong() // else the one byte too many may be the CR of a terminator
	case !l.ended:
		return nil, More
	case n == 0:
		return nil, Done
	}
	l.start = l.end
	return line, Line
}

func (l *Lines) tooLong() ([]byte, Status) {
	l.over = true
	return l.buf[l.start : l.start+l.longest], TooLong
}
