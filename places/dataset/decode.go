package dataset

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

var (
	errCut     = errors.New("places: cut short")
	errNotUTF8 = errors.New("places: a text is not UTF-8")
	errLeft    = errors.New("places: more than the last place")
)

// Decode unpacks a file that [Encode] has packed, and indexes it. It keeps
// nothing of file.
func Decode(file []byte) (*Set, error) { return decode(file, nil) }

// decode is Decode, at a pace.
func decode(file []byte, p pace) (*Set, error) {
	body, version, err := unpack(file, p)
	if err != nil {
		return nil, err
	}
	s, err := decodeBody(body, version, p)
	if err != nil {
		return nil, err
	}
	s.makeIndex(p)
	return s, nil
}

// pace is called after each few milliseconds of work, and may wait. Nil: all processors work at
// it, and do nothing else.
type pace func()

func (p pace) rest() {
	if p != nil {
		p()
	}
}

// unpack checks the frame of a file and gives its content.
func unpack(file []byte, p pace) (body []byte, version byte, err error) {
	rest, ok := bytes.CutPrefix(file, []byte(magic))
	if !ok {
		return nil, 0, errors.New("not a packed file of places")
	}
	if len(rest) == 0 {
		return nil, 0, errCut
	}
	version, rest = rest[0], rest[1:]
	if version != 1 && version != 2 {
		return nil, 0, fmt.Errorf("places: packed in version %d, which is not known here", version)
	}
	body, err = inflate(file, rest, p)
	return body, version, err
}

// inflate gives what is compressed in rest, the end of a file.
func inflate(file, rest []byte, p pace) ([]byte, error) {
	size, n := binary.Uvarint(rest)
	if n <= 0 || len(rest) < n+4 {
		return nil, errCut
	}
	end := len(file) - 4
	if crc32.ChecksumIEEE(file[:end]) != binary.LittleEndian.Uint32(file[end:]) {
		return nil, errors.New("places: the checksum is wrong: cut or changed on the way")
	}
	if size > min(maxRatio*uint64(len(file)), math.MaxUint32) { // ends of texts have 32 bits
		return nil, fmt.Errorf("places: a content of %d bytes in a file of %d", size, len(file))
	}
	packed := bytes.NewReader(rest[n : len(rest)-4])
	z, err := gzip.NewReader(packed)
	if err != nil {
		return nil, fmt.Errorf("unpack places: %w", err)
	}
	z.Multistream(false)
	body := make([]byte, size)
	for part := range slices.Chunk(body, 1<<18) {
		if _, err := io.ReadFull(z, part); err != nil {
			return nil, fmt.Errorf("unpack places: %w", err)
		}
		p.rest()
	}
	if n, err := z.Read(make([]byte, 1)); n > 0 || err != io.EOF || packed.Len() > 0 {
		return nil, errors.New("unpack places: more than the header says")
	}
	return body, nil
}

// minPlace is the fewest bytes that one place takes: five columns, a letter and
// a newline.
const minPlace = 7

// decodeBody reads the content of a file, part by part, in the order of the package's comment.
func decodeBody(body []byte, version byte, p pace) (*Set, error) {
	r := reader{b: body}
	s := &Set{}
	for range r.count(5) {
		s.sources = append(s.sources, Source{r.text(), r.text(), r.text(), r.text(), r.text()})
	}
	readKinds(&r, s, version)
	if areas := r.count(1); version == 1 {
		s.areas = r.eachText(areas)
	} else {
		s.areas = r.texts(areas)
	}
	n := r.count(minPlace)
	if r.err != nil {
		return nil, r.err
	}
	readPositions(&r, s, n)
	p.rest()
	s.kind = make([]uint16, n)
	for i := range n {
		s.kind[i] = uint16(r.index(len(s.kinds), "kind"))
	}
	p.rest()
	readAreas(&r, s, n, version)
	s.importance = bytes.Clone(r.bytes(n))
	if version > 1 {
		s.ids = r.texts(n)
		if s.ids.all == "" {
			s.ids = texts{} // nobody has one
		}
	}
	if r.err != nil {
		return nil, r.err // before kinds are looked up by index
	}
	p.rest()
	readNumbers(&r, s, n)
	p.rest()
	readNames(&r, s, n)
	if len(r.b) > 0 {
		r.fail(errLeft)
	}
	if r.err != nil {
		return nil, r.err
	}
	return s, nil
}

func readKinds(r *reader, s *Set, version byte) {
	kinds := r.count(2)
	if kinds > maxKinds {
		r.fail(fmt.Errorf("places: %d kinds, more than %d", kinds, maxKinds))
		return
	}
	for range kinds {
		k := Kind{Source: r.index(len(s.sources), "source")}
		if version > 1 {
			k.ByTown = r.index(2, "flag") == 1
		}
		for range r.count(1) {
			k.Types = append(k.Types, r.text())
		}
		if r.err != nil {
			return // there may be no source to name
		}
		if version == 1 {
			k.ByTown = !slices.Contains(k.Types, political)
		}
		s.kinds = append(s.kinds, newKind(k, s.sources[k.Source].Name))
	}
}

// readPositions reads the Morton keys of n places.
func readPositions(r *reader, s *Set, n int) {
	s.lat, s.lng = make([]int32, n), make([]int32, n)
	var key uint64
	for i := range n {
		var ok bool
		key += r.uvarint()
		if s.lat[i], s.lng[i], ok = unmorton(key); !ok {
			r.fail(fmt.Errorf("places: place %d lies nowhere", i))
		}
	}
}

// readAreas reads the indices of the areas of n places.
func readAreas(r *reader, s *Set, n int, version byte) {
	s.area = make([]uint32, n)
	var area uint64
	for i := range n {
		if version == 1 {
			area = r.uvarint()
		} else {
			area += uint64(r.varint())
		}
		if area >= uint64(s.areas.len()) {
			r.fail(errors.New("places: no such area"))
			return
		}
		s.area[i] = uint32(area)
	}
}

// readNumbers reads the numbers of those of n places that have no ID.
func readNumbers(r *reader, s *Set, n int) {
	last := make([]uint64, len(s.sources))
	for i := range uint32(n) {
		if s.id(i) != "" {
			continue
		}
		if s.number == nil {
			s.number = make([]uint64, n)
		}
		at := &last[s.kinds[s.kind[i]].source]
		*at += uint64(r.varint())
		s.number[i] = *at
	}
}

// readNames reads the names of n places, of which each has one.
func readNames(r *reader, s *Set, n int) {
	names := r.text()
	s.names = texts{names, make([]uint32, n)}
	start := 0
	for i := range n {
		length := strings.IndexByte(names[start:], '\n')
		if length <= 0 {
			r.fail(fmt.Errorf("places: place %d has no name", i))
			return
		}
		start += length + 1
		s.names.end[i] = uint32(start)
	}
	if start != len(names) {
		r.fail(errLeft)
	}
}

// reader reads a body from the front. After its first error it reads zeros.
type reader struct {
	b   []byte
	err error
}

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err, r.b = err, nil
	}
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.fail(errCut)
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.fail(errCut)
		return 0
	}
	r.b = r.b[n:]
	return v
}

// count reads how many things follow, each of size bytes or more: no more than
// there is room for.
func (r *reader) count(size int) int {
	n := r.uvarint()
	if n > uint64(len(r.b)/size) {
		r.fail(errCut)
		return 0
	}
	return int(n)
}

// index reads an index in a list of n.
func (r *reader) index(n int, of string) int {
	i := r.uvarint()
	if i >= uint64(n) {
		r.fail(fmt.Errorf("places: no such %s", of))
		return 0
	}
	return int(i)
}

func (r *reader) bytes(n int) []byte {
	if n > len(r.b) {
		r.fail(errCut)
		return nil
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

// text reads a text, as a copy.
func (r *reader) text() string {
	b := r.bytes(r.count(1))
	if !utf8.Valid(b) {
		r.fail(errNotUTF8)
		return ""
	}
	return string(b)
}

// texts reads the lengths of n texts, then the texts, as a copy. There must be a
// byte left for each.
func (r *reader) texts(n int) texts {
	if n > len(r.b) {
		r.fail(errCut)
		return texts{}
	}
	t := texts{end: make([]uint32, n)}
	end := uint64(0)
	for i := range n {
		if end += r.uvarint(); end > uint64(len(r.b)) {
			r.fail(errCut)
			return texts{}
		}
		t.end[i] = uint32(end)
	}
	b := r.bytes(int(end))
	if r.err != nil {
		return texts{}
	}
	t.all = string(b)
	for i := range t.end {
		if !utf8.ValidString(t.at(uint32(i))) {
			r.fail(errNotUTF8)
			return texts{}
		}
	}
	return t
}

// eachText reads n texts, each after its length.
func (r *reader) eachText(n int) texts {
	var j joiner
	for range n {
		j.add(r.text())
	}
	return j.texts()
}
