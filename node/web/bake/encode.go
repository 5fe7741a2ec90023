package main

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
)

const magic = "herd.world\x01"

// encode packs the map in the form of the package comment.
func encode(o *outlines, people map[int]uint64) ([]byte, error) {
	b := []byte(magic)
	b = binary.AppendUvarint(b, uint64(len(o.arcs)))
	for _, arc := range o.arcs {
		b = binary.AppendUvarint(b, uint64(len(arc)))
		var last point
		for _, p := range arc {
			b = binary.AppendVarint(b, int64(p.x-last.x))
			b = binary.AppendVarint(b, int64(p.y-last.y))
			last = p
		}
	}
	b = binary.AppendUvarint(b, uint64(len(o.land)))
	for _, ring := range o.land {
		b = binary.AppendUvarint(b, uint64(len(ring)))
		for _, r := range ring {
			n := 2 * uint64(r.arc)
			if r.backward {
				n++
			}
			b = binary.AppendUvarint(b, n)
		}
	}
	b = binary.AppendUvarint(b, uint64(len(o.borders)))
	for _, i := range o.borders {
		b = binary.AppendUvarint(b, uint64(i))
	}
	cells := slices.Sorted(maps.Keys(people))
	b = binary.AppendUvarint(b, uint64(len(cells)))
	last := 0
	for _, c := range cells {
		b = binary.AppendUvarint(b, uint64(c-last))
		last = c
	}
	for _, c := range cells {
		b = append(b, light(people[c]))
	}
	return compress(b)
}

func compress(b []byte) ([]byte, error) {
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	_, err = z.Write(b)
	if err := errors.Join(err, z.Close()); err != nil {
		return nil, fmt.Errorf("compress: %w", err)
	}
	return out.Bytes(), nil
}
