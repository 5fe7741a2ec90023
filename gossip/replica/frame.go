package replica

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"slices"
)

// MaxMessage is the greatest length of a message in bytes, without the four that
// carry its length. The largest that a correct peer sends holds one fix whose two
// texts are as long as they may be.
const MaxMessage = 4 << 20

// Split returns the first message in b, as it came, and what follows it; nil if not
// all of it is there.
func Split(b []byte) (message, rest []byte) {
	if len(b) < prefixLen {
		return nil, b
	}
	length := int64(binary.BigEndian.Uint32(b))
	if length == 0 || length > int64(len(b)-prefixLen) {
		return nil, b
	}
	return b[prefixLen : prefixLen+length], b[prefixLen+length:]
}

// ReadMessage reads one message for [Core.Receive], into buf if it fits there: give it
// what the last call returned. At the end of the stream it returns io.EOF, inside a message
// io.ErrUnexpectedEOF; a length that no message has is an ErrMessage. It allocates
// in proportion to what arrived, not to what was announced.
func ReadMessage(r *bufio.Reader, buf []byte) (message []byte, err error) {
	prefix, err := r.Peek(prefixLen)
	if err != nil {
		if errors.Is(err, io.EOF) && len(prefix) > 0 {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	length := binary.BigEndian.Uint32(prefix)
	if length == 0 || length > MaxMessage {
		return nil, bad("length of %d", length)
	}
	if _, err := r.Discard(prefixLen); err != nil {
		return nil, err
	}
	n := int(length)
	for buf = buf[:0]; len(buf) < n; {
		const step = 64 << 10
		have := len(buf)
		next := min(n, max(cap(buf), 2*have, step))
		buf = slices.Grow(buf, next-have)[:next]
		if _, err := io.ReadFull(r, buf[have:]); err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
	}
	return buf, nil
}
