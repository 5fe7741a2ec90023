package replica

import (
	"bytes"
	"encoding/binary"
	"math"
	"time"
	"unicode"
	"unicode/utf8"

	"herd/gossip/location"
)

// splitKind takes the kind off a message.
func splitKind(message []byte) (kind, []byte, error) {
	if len(message) == 0 {
		return 0, nil, bad("empty")
	}
	k := kind(message[0])
	if k < kindBatch || k > kindFloor {
		return 0, nil, bad("unknown kind %d", message[0])
	}
	return k, message[1:], nil
}

// decoder reads the body of a message. After the first fault it gives zero values
// and err stands. It allocates in proportion to b at the most.
type decoder struct {
	b       []byte
	names   map[string]string
	sources []source
	from    int // which of them the last fix read has
	err     error
}

func (d *decoder) fail(format string, args ...any) {
	if d.err == nil {
		d.err = bad(format, args...)
	}
	d.b = nil
}

func (d *decoder) byte() byte {
	if len(d.b) == 0 {
		d.fail("cut short")
		return 0
	}
	c := d.b[0]
	d.b = d.b[1:]
	return c
}

func (d *decoder) uvarint() uint64 {
	x, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.fail("cut short")
		return 0
	}
	if n != uvarintLen(x) {
		d.fail("an integer that is too long")
		return 0
	}
	d.b = d.b[n:]
	return x
}

// upTo reads an integer of at most limit.
func (d *decoder) upTo(limit uint64, what string) uint64 {
	x := d.uvarint()
	if x > limit {
		d.fail("%s of %d", what, x)
		return 0
	}
	return x
}

func (d *decoder) duration() time.Duration {
	return time.Duration(d.upTo(math.MaxInt64, "clock"))
}

func (d *decoder) flag() bool {
	c := d.byte()
	if c > 1 {
		d.fail("flag of %d", c)
	}
	return c == 1
}

// short reads what appendShort wrote. The result is a part of the message.
func (d *decoder) short(what string) []byte {
	n := int(d.byte())
	if n > len(d.b) {
		d.fail("cut short")
	}
	if d.err != nil {
		return nil
	}
	s := d.b[:n]
	d.b = d.b[n:]
	if !isWord(s) {
		d.fail("%s %q", what, s)
		return nil
	}
	return s
}

// id reads a client ID. It is a part of the message.
func (d *decoder) id() []byte { return d.short("id") }

// maxNames bounds the node names that are shared between fixes: far more than a
// herd has nodes, and no more than a peer may make us keep.
const maxNames = 1 << 12

// name reads a node's name. Equal names share their bytes.
func (d *decoder) name() string {
	s := d.short("name")
	if d.err != nil {
		return ""
	}
	if name, ok := d.names[string(s)]; ok {
		return name
	}
	if len(d.names) >= maxNames {
		clear(d.names)
	}
	if !isPrintable(s) {
		d.fail("name %q", s)
		return ""
	}
	name := string(s)
	d.names[name] = name
	return name
}

// isPrintable tells whether s can be shown to people: names are in AT lines, and those
// on terminals.
func isPrintable(s []byte) bool {
	return utf8.Valid(s) && bytes.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}

// isWord tells whether s is 1 to 255 bytes without white space.
func isWord(s []byte) bool {
	for _, c := range s {
		if c == ' ' || c-'\t' <= '\r'-'\t' {
			return false
		}
	}
	return 0 < len(s) && len(s) <= location.MaxID
}

func (d *decoder) origin() location.Origin {
	if len(d.b) < 8 {
		d.fail("cut short")
		return 0
	}
	o := location.Origin(binary.BigEndian.Uint64(d.b))
	d.b = d.b[8:]
	if o == 0 {
		d.fail("origin of zero")
	}
	return o
}

func (d *decoder) vector() Vector {
	const least = 8 + 1 // bytes of an entry
	n := d.upTo(maxOrigins, "vector")
	if n > uint64(len(d.b)/least) {
		d.fail("cut short")
		return nil
	}
	v := make(Vector, n)
	var last location.Origin
	for range n {
		o, seq := d.origin(), d.upTo(maxSeq, "batch number")
		if d.err == nil && (o <= last || seq == 0) {
			d.fail("vector out of order")
		}
		if d.err != nil {
			return nil
		}
		v[o], last = seq, o
	}
	return v
}

func (d *decoder) floor() location.Floor {
	order := int64(d.upTo(math.MaxInt64, "order time"))
	return location.Floor{Order: order, ID: string(d.id())}
}

// more tells whether another fix follows, and takes the zero that says that none does.
func (d *decoder) more() bool {
	if len(d.b) > 0 && d.b[0] != 0 {
		return true
	}
	d.byte()
	return false
}

// batchHead reads what stands before the fixes of a batch.
func (d *decoder) batchHead() (node string, prev, seq uint64) {
	node = d.name()
	prev, seq = d.uvarint(), d.uvarint()
	if d.err == nil && (prev >= seq || seq > maxSeq) {
		d.fail("batch %d after %d", seq, prev)
	}
	return node, prev, seq
}

// batchFix reads a fix that node took and sent under dot, unless the fix says otherwise.
func (d *decoder) batchFix(node string, dot location.Dot) (id []byte, e location.Entry) {
	id = d.id()
	if d.flag() {
		dot.Takeovers = uint32(d.upTo(maxTakeovers, "takeovers"))
		node = d.name()
	}
	return id, d.entry(node, dot)
}

// fix reads a fix that says whose it is.
func (d *decoder) fix() (id []byte, e location.Entry) {
	var from source
	switch n := d.uvarint(); {
	case n == 1:
		from.origin = d.origin()
		from.node = d.name()
		d.from, d.sources = len(d.sources), append(d.sources, from)
	case n >= 2 && n-2 < uint64(len(d.sources)):
		d.from = int(n - 2)
		from = d.sources[d.from]
	default:
		d.fail("source of %d", n)
	}
	dot := location.Dot{Origin: from.origin, Seq: d.upTo(maxSeq, "batch number")}
	if d.err == nil && dot.Seq == 0 {
		d.fail("batch number of 0")
	}
	dot.Takeovers = uint32(d.upTo(maxTakeovers, "takeovers"))
	id = d.id()
	return id, d.entry(from.node, dot)
}

func (d *decoder) entry(node string, dot location.Dot) location.Entry {
	if d.err != nil {
		return location.Entry{}
	}
	f, rest, err := location.ParseFix(d.b, node)
	if err != nil {
		d.fail("%v", err)
		return location.Entry{}
	}
	d.b = rest
	return location.Entry{Fix: f, Dot: dot}
}

// end reports the fault that was met, or that something follows what should be the end.
func (d *decoder) end() error {
	if d.err == nil && len(d.b) > 0 {
		d.fail("%d bytes too many", len(d.b))
	}
	return d.err
}
