package node

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"
	"time"

	"herd/gossip/location"
	"herd/gossip/replica"
)

// maxDrawn is how many clients a drawing has at the most: more dots than anybody could
// tell apart.
const maxDrawn = 100_000

// drawing is what a map needs of clients, column by column. With more of them than
// limit it is a sample that depends on their IDs alone: those whose keys end in level
// zero bits. Each stands for 2^level then, the next drawing has the same ones, and what
// changed since can be told.
type drawing struct {
	limit int
	level int
	now   int64 // nanoseconds since the epoch

	keys     []uint64
	lon, lat []int32  // millionths of a degree
	age      []uint32 // milliseconds since the node took the fix
	node     []uint16 // which took it, in names

	left    []uint64 // keys of clients of the sample that have changed and are not in the area
	leftAll bool     // there were more than maxLeft: left says nothing

	names  []string
	number map[string]uint16 // of names
}

// maxLeft is how many clients a drawing tells of that are not in its area. When more have moved it
// takes less to draw the area anew.
const maxLeft = maxDrawn

func newDrawing(limit, level int, now int64) *drawing {
	return &drawing{limit: limit, level: level, now: now, number: make(map[string]uint16)}
}

// drawingKey is a number that stands for a client in a drawing: FNV-1a, mixed so that
// its low bits are as good as any. The page computes it too.
func drawingKey(id string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(id) {
		h = (h ^ uint64(id[i])) * 1099511628211
	}
	h ^= h >> 32
	h *= 0x9e3779b97f4a7c15
	return h ^ h>>32
}

// add draws a client, unless it is not of the sample.
func (d *drawing) add(id string, lat, lon float64, f *location.Fix) {
	key := drawingKey(id)
	if !d.has(key) {
		return
	}
	if len(d.keys) == d.limit {
		for len(d.keys) == d.limit && d.level < 63 {
			d.thin()
		}
		if !d.has(key) {
			return
		}
	}
	d.keys = append(d.keys, key)
	d.lon = append(d.lon, int32(math.Round(lon*1e6)))
	d.lat = append(d.lat, int32(math.Round(lat*1e6)))
	age := max(0, d.now-f.Received) / int64(time.Millisecond)
	d.age = append(d.age, uint32(min(age, math.MaxUint32)))
	d.node = append(d.node, d.name(f.Node))
}

// leave tells that a client which has changed is not in the area, unless it is not of the sample. Who
// keeps the drawing may have it, from when it was.
func (d *drawing) leave(id string) {
	switch key := drawingKey(id); {
	case d.leftAll || !d.has(key):
	case len(d.left) == maxLeft:
		d.left, d.leftAll = nil, true
	default:
		d.left = append(d.left, key)
	}
}

func (d *drawing) has(key uint64) bool { return key&(1<<d.level-1) == 0 }

// thin halves the sample.
func (d *drawing) thin() {
	d.level++
	n := 0
	for i, key := range d.keys {
		if d.has(key) {
			d.keys[n], d.lon[n], d.lat[n], d.age[n], d.node[n] = key, d.lon[i], d.lat[i], d.age[i], d.node[i]
			n++
		}
	}
	d.keys, d.lon, d.lat, d.age, d.node = d.keys[:n], d.lon[:n], d.lat[:n], d.age[:n], d.node[:n]
}

// name is the number of a node's name. Names beyond what a number holds, which no herd
// has, are one.
func (d *drawing) name(s string) uint16 {
	n, ok := d.number[s]
	if !ok && len(d.names) < math.MaxUint16 {
		n = uint16(len(d.names))
		d.names = append(d.names, s)
		d.number[s] = n
	}
	return n
}

// drawingHead is the JSON at the head of a drawing. Names are a contract.
type drawingHead struct {
	Self    string    `json:"self"`
	Now     time.Time `json:"now"`
	Nodes   []string  `json:"nodes"`   // the column node has numbers of these
	Level   int       `json:"level"`   // each client stands for 2^level
	Full    bool      `json:"full"`    // all there is, not what changed since
	Cursor  string    `json:"cursor"`  // the next since; empty: ask for all again
	Clients int       `json:"clients"` // in the whole table
	Left    int       `json:"left"`    // how many have changed and are not in the area
	Took    int64     `json:"took_us"` // how long it took to go through the table
}

const drawingMagic = "herd.map"

// encode gives the drawing: the magic, the length of the head and the number of clients
// as 32 bits each, the head, padded with spaces to 8 bytes, and the columns key (64
// bits), left (64, as many as the head says), lon, lat, age (32), node (16), all
// little-endian.
func (d *drawing) encode(head drawingHead) ([]byte, error) {
	head.Nodes, head.Level, head.Left = append([]string{}, d.names...), d.level, len(d.left)
	if d.leftAll {
		head.Cursor = ""
	}
	text, err := json.Marshal(head)
	if err != nil {
		return nil, err
	}
	for len(text)%8 != 0 {
		text = append(text, ' ')
	}
	b := make([]byte, 0, len(drawingMagic)+8+len(text)+22*len(d.keys)+8*len(d.left))
	b = append(b, drawingMagic...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(text)))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(d.keys)))
	b = append(b, text...)
	for _, column := range []any{d.keys, d.left, d.lon, d.lat, d.age, d.node} {
		if b, err = binary.Append(b, binary.LittleEndian, column); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// drawn is what a page has: its cursor, unpacked.
type drawn struct {
	by     location.Origin // the node that drew it: another one's numbers say nothing here
	level  int
	vector replica.Vector
}

// maxDrawnText bounds a cursor, in bytes: it is a part of a URL. A vector of more origins
// than fit has none, and the page gets all each time.
const maxDrawnText = 4 << 10

func (d drawn) String() string {
	b := binary.BigEndian.AppendUint64(nil, uint64(d.by))
	b = append(b, byte(d.level))
	for o, seq := range d.vector {
		b = binary.BigEndian.AppendUint64(b, uint64(o))
		b = binary.AppendUvarint(b, seq)
	}
	if len(b) > maxDrawnText*3/4 {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

var errCursor = errors.New("it is not a cursor of a map")

// parseDrawn reads a cursor. The empty one is of a page that has nothing.
func parseDrawn(s string) (drawn, error) {
	if s == "" {
		return drawn{}, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(s) > maxDrawnText || len(b) < 9 || b[8] > 63 {
		return drawn{}, errCursor
	}
	d := drawn{location.Origin(binary.BigEndian.Uint64(b)), int(b[8]), replica.Vector{}}
	for b = b[9:]; len(b) > 0; {
		if len(b) < 9 {
			return drawn{}, errCursor
		}
		seq, n := binary.Uvarint(b[8:])
		if n <= 0 {
			return drawn{}, errCursor
		}
		d.vector[location.Origin(binary.BigEndian.Uint64(b))] = seq
		b = b[8+n:]
	}
	return d, nil
}
