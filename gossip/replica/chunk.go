package replica

import (
	"encoding/binary"

	"herd/gossip/location"
)

// Chunk collects fixes into one message of the delta lane, for [Core.Receive] of a
// peer. It is no answer to a vector, and no commit follows: what it brings is merged,
// and what its receiver claims to have does not change.
type Chunk struct{ w chunkWriter }

// Add appends a fix. It tells whether there was room for it: a chunk ends at 1 MiB.
func (c *Chunk) Add(id string, e *location.Entry) bool {
	if c.w.limit == 0 {
		c.w.limit = MaxMessage
	}
	if len(c.w.buf) >= MaxMessage/4 {
		return false
	}
	c.w.add(id, e)
	return true
}

// Message returns the message, its length before it; nil: there is no fix in it.
func (c *Chunk) Message() []byte {
	c.w.close()
	return c.w.buf
}

// ReadChunk calls f with each fix of a message that Chunk made, without the length before
// it. f must not keep id. What no correct peer sends is an ErrMessage.
func ReadChunk(message []byte, f func(id []byte, e *location.Entry)) error {
	k, body, err := splitKind(message)
	if err != nil {
		return err
	}
	if k != kindChunk {
		return bad("%s instead of a chunk", k)
	}
	d := decoder{b: body, names: map[string]string{}}
	for d.more() {
		id, e := d.fix()
		if d.err != nil {
			break
		}
		f(id, &e)
	}
	return d.end()
}

// chunkWriter appends fixes to buf in chunks of at most limit bytes, or of one fix.
type chunkWriter struct {
	buf     []byte
	limit   int
	open    bool
	start   int // of the open chunk
	sources sources
}

func (w *chunkWriter) add(id string, e *location.Entry) {
	const overhead = 1 + 8 + 1 + 2*binary.MaxVarintLen64 + 1 + 1 // beside id, name and fix
	if w.open && len(w.buf)-w.start+overhead+len(id)+len(e.Node)+e.WireLen() > w.limit {
		w.close()
	}
	if !w.open {
		w.open, w.start = true, len(w.buf)
		w.buf = begin(w.buf, kindChunk)
		w.sources.reset()
	}
	w.buf = appendFix(w.buf, &w.sources, id, e)
}

// close ends the open chunk, if there is one.
func (w *chunkWriter) close() {
	if w.open {
		w.buf = finish(append(w.buf, 0), w.start)
		w.open = false
	}
}
