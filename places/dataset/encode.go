package dataset

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"
	"strings"
	"unicode/utf8"
)

const magic = "herd.places\x01"

// maxRatio is how much smaller than its content a packed file may be. Real places pack
// to a third or a quarter.
const maxRatio = 64

// Encode packs t. Equal tables give equal bytes, whatever the order of their
// places. It keeps nothing of t and leaves it as it is.
func Encode(t *Table) ([]byte, error) {
	body, err := appendBody(nil, t)
	if err != nil {
		return nil, err
	}
	file := bytes.NewBuffer(binary.AppendUvarint([]byte(magic), uint64(len(body))))
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

func appendBody(b []byte, t *Table) ([]byte, error) {
	for i := range t.Places {
		if err := t.check(&t.Places[i]); err != nil {
			return nil, fmt.Errorf("place %d: %w", i, err)
		}
	}
	places := slices.Clone(t.Places)
	slices.SortFunc(places, func(p, q Place) int {
		return cmp.Or(
			cmp.Compare(morton(p.Lat, p.Lng), morton(q.Lat, q.Lng)),
			cmp.Compare(p.Kind, q.Kind), cmp.Compare(p.Number, q.Number), cmp.Compare(p.Name, q.Name),
			cmp.Compare(p.Area, q.Area), cmp.Compare(p.Importance, q.Importance))
	})

	b = binary.AppendUvarint(b, uint64(len(t.Sources)))
	for _, s := range t.Sources {
		for _, text := range []string{s.Name, s.URL, s.License, s.Attribution, s.Date} {
			b = appendText(b, text)
		}
	}
	b = binary.AppendUvarint(b, uint64(len(t.Kinds)))
	for i, k := range t.Kinds {
		if k.Source < 0 || k.Source >= len(t.Sources) {
			return nil, fmt.Errorf("kind %d: no source %d", i, k.Source)
		}
		b = binary.AppendUvarint(b, uint64(k.Source))
		b = binary.AppendUvarint(b, uint64(len(k.Types)))
		for _, text := range k.Types {
			b = appendText(b, text)
		}
	}
	b = binary.AppendUvarint(b, uint64(len(t.Areas)))
	for _, text := range t.Areas {
		b = appendText(b, text)
	}

	b = binary.AppendUvarint(b, uint64(len(places)))
	var key uint64
	for i := range places {
		last := key
		key = morton(places[i].Lat, places[i].Lng)
		b = binary.AppendUvarint(b, key-last)
	}
	for i := range places {
		b = binary.AppendUvarint(b, uint64(places[i].Kind))
	}
	for i := range places {
		b = binary.AppendUvarint(b, uint64(places[i].Area))
	}
	for i := range places {
		b = append(b, places[i].Importance)
	}
	last := make([]uint64, len(t.Sources))
	for i := range places {
		source := t.Kinds[places[i].Kind].Source
		b = binary.AppendVarint(b, int64(places[i].Number-last[source])) // wraps, and back again
		last[source] = places[i].Number
	}
	var names strings.Builder
	for i := range places {
		names.WriteString(places[i].Name)
		names.WriteByte('\n')
	}
	return appendText(b, names.String()), nil
}

func (t *Table) check(p *Place) error {
	switch {
	case p.Lat < -maxLat || p.Lat > maxLat || p.Lng < -maxLng || p.Lng > maxLng:
		return fmt.Errorf("no such position: %d, %d", p.Lat, p.Lng)
	case p.Name == "" || strings.Contains(p.Name, "\n") || !utf8.ValidString(p.Name):
		return fmt.Errorf("no name for a place: %q", p.Name)
	case p.Kind < 0 || p.Kind >= len(t.Kinds):
		return fmt.Errorf("no kind %d", p.Kind)
	case p.Area < 0 || p.Area >= len(t.Areas):
		return fmt.Errorf("no area %d", p.Area)
	}
	return nil
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}
