package dataset

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// A packed file begins with the magic and a byte for the version.
const (
	magic   = "herd.places"
	version = 2
)

// maxRatio is how much smaller than its content a packed file may be. Real places pack
// to a third or a quarter.
const maxRatio = 64

// Encode packs t. Equal tables give equal bytes, whatever the order of their
// places. It keeps nothing of t and leaves it as it is.
func Encode(t *Table) ([]byte, error) {
	s, err := newColumns(t)
	if err != nil {
		return nil, err
	}
	body := s.appendBody(nil)
	file := bytes.NewBuffer(binary.AppendUvarint([]byte(magic+string(rune(version))), uint64(len(body))))
	z, _ := gzip.NewWriterLevel(file, gzip.BestCompression) // the level is a known one
	if _, err := z.Write(body); err != nil {
		return nil, fmt.Errorf("compress places: %w", err)
	}
	if err := z.Close(); err != nil {
		return nil, fmt.Errorf("compress places: %w", err)
	}
	if len(body) > maxRatio*file.Len() {
		return nil, fmt.Errorf("pack places: they are more than %d times smaller packed; no reader would take them", maxRatio)
	}
	return binary.LittleEndian.AppendUint32(file.Bytes(), crc32.ChecksumIEEE(file.Bytes())), nil
}

// appendBody appends what is compressed in a file.
func (s *Set) appendBody(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(s.sources)))
	for _, s := range s.sources {
		for _, text := range []string{s.Name, s.URL, s.License, s.Attribution, s.Date} {
			b = appendText(b, text)
		}
	}
	b = binary.AppendUvarint(b, uint64(len(s.kinds)))
	for _, k := range s.kinds {
		b = binary.AppendUvarint(b, uint64(k.source))
		b = append(b, flags(k.byTown))
		b = binary.AppendUvarint(b, uint64(len(k.types)))
		for _, text := range k.types {
			b = appendText(b, text)
		}
	}
	b = binary.AppendUvarint(b, uint64(s.areas.len()))
	b = appendTexts(b, &s.areas)

	b = binary.AppendUvarint(b, uint64(s.Len()))
	var key uint64
	for i := range s.lat {
		last := key
		key = morton(s.lat[i], s.lng[i])
		b = binary.AppendUvarint(b, key-last)
	}
	for _, kind := range s.kind {
		b = binary.AppendUvarint(b, uint64(kind))
	}
	var area uint32
	for _, next := range s.area {
		b = binary.AppendVarint(b, int64(next)-int64(area))
		area = next
	}
	b = append(b, s.importance...)
	if s.ids.len() == 0 {
		b = append(b, make([]byte, s.Len())...) // their lengths
	}
	b = appendTexts(b, &s.ids)
	last := make([]uint64, len(s.sources))
	for i, number := range s.number {
		if s.id(uint32(i)) != "" {
			continue
		}
		at := &last[s.kinds[s.kind[i]].source]
		b = binary.AppendVarint(b, int64(number-*at)) // wraps, and back again
		*at = number
	}
	return appendText(b, s.names.all)
}

func flags(byTown bool) byte {
	if byTown {
		return 1
	}
	return 0
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// appendTexts appends the length of each text, and then the texts.
func appendTexts(b []byte, t *texts) []byte {
	for i := range t.end {
		b = binary.AppendUvarint(b, uint64(len(t.at(uint32(i)))))
	}
	return append(b, t.all...)
}
