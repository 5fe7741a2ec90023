package dataset

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"hash/crc32"
	"math"
	"math/rand/v2"
	"reflect"
	"runtime"
	"strings"
	"testing"
)

// small is a table with something of everything.
func small() *Table {
	return &Table{
		Sources: []Source{
			{"towns", "https://towns.example/", "CC BY 4.0", `<a href="https://towns.example/">Towns</a>`, "2023-03-05"},
			{"fields", "https://fields.example/", "public domain", "Fields", "2026-05-15"},
		},
		Kinds: []Kind{
			{0, []string{"locality", "political"}},
			{0, []string{"neighborhood", "political"}},
			{1, []string{"airport"}},
		},
		Areas: []string{"", "Île-de-France, France"},
		Places: []Place{
			{4885341, 234880, "Paris", 0, 1, 190, 2988507},
			{4885341, 234880, "Paris", 0, 1, 190, math.MaxUint64},
			{-9000000, -18000000, "South Pole", 2, 0, 0, 5054},
			{9000000, 18000000, "North Pole", 1, 0, 255, 0},
			{0, 0, "O", 2, 1, 1, 1},
		},
	}
}

// random is a table of n places, of which many stand at seams, at poles or in
// one spot.
func random(seed uint64, n int) *Table {
	r := rand.New(rand.NewPCG(seed, 0))
	t := small()
	t.Places = nil
	for i := range n {
		p := Place{
			Lat: r.Int32N(2*maxLat+1) - maxLat, Lng: r.Int32N(2*maxLng+1) - maxLng,
			Name: "place", Kind: r.IntN(3), Area: r.IntN(2), Importance: uint8(r.UintN(256)), Number: uint64(i),
		}
		switch r.IntN(6) {
		case 0: // around the 180th meridian
			p.Lng = int32(maxLng - r.Int32N(30_000))
			if r.IntN(2) == 0 {
				p.Lng = -p.Lng
			}
		case 1: // around a pole
			p.Lat = int32(maxLat - r.Int32N(30_000))
			if r.IntN(2) == 0 {
				p.Lat = -p.Lat
			}
		case 2: // a city
			p.Lat, p.Lng = 3400000+r.Int32N(20_000), -11844000+r.Int32N(20_000)
		case 3: // one spot
			p.Lat, p.Lng = 3400000, -11844000
		}
		t.Places = append(t.Places, p)
	}
	return t
}

func mustDecode(t testing.TB, table *Table) *Set {
	t.Helper()
	file, err := Encode(table)
	if err != nil {
		t.Fatal(err)
	}
	set, err := Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// table gives back what a set was packed from.
func (s *Set) table() *Table {
	t := &Table{Sources: s.sources, Areas: s.areas}
	for _, k := range s.kinds {
		t.Kinds = append(t.Kinds, Kind{k.source, k.types})
	}
	for i := range s.Len() {
		t.Places = append(t.Places, Place{
			s.lat[i], s.lng[i], s.name(uint32(i)), int(s.kind[i]), int(s.area[i]), s.importance[i], s.number[i],
		})
	}
	return t
}

func TestRoundTrip(t *testing.T) {
	for _, table := range []*Table{small(), random(1, 5000), {}} {
		file, err := Encode(table)
		if err != nil {
			t.Fatal(err)
		}
		set, err := Decode(file)
		if err != nil {
			t.Fatal(err)
		}
		back := set.table()
		if len(back.Places) != len(table.Places) {
			t.Fatalf("%d places, want %d", len(back.Places), len(table.Places))
		}
		left := make(map[Place]int)
		for _, p := range table.Places {
			left[p]++
		}
		for _, p := range back.Places {
			if left[p]--; left[p] < 0 {
				t.Errorf("%+v was never packed", p)
			}
		}
		back.Places, table.Places = nil, nil
		if !reflect.DeepEqual(back, table) {
			t.Errorf("got %+v, want %+v", back, table)
		}
	}
}

func TestEncodeIsDeterministic(t *testing.T) {
	table := random(2, 1000)
	first, err := Encode(table)
	if err != nil {
		t.Fatal(err)
	}
	rand.New(rand.NewPCG(3, 0)).Shuffle(len(table.Places), func(i, j int) {
		table.Places[i], table.Places[j] = table.Places[j], table.Places[i]
	})
	second, err := Encode(table)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first, second) {
		t.Error("the order of the places shows in the file")
	}
}

func TestEncodeRefuses(t *testing.T) {
	tests := []struct {
		name  string
		spoil func(*Table)
	}{
		{"latitude", func(t *Table) { t.Places[0].Lat = maxLat + 1 }},
		{"longitude", func(t *Table) { t.Places[0].Lng = -maxLng - 1 }},
		{"no name", func(t *Table) { t.Places[0].Name = "" }},
		{"newline", func(t *Table) { t.Places[0].Name = "a\nb" }},
		{"not UTF-8", func(t *Table) { t.Places[0].Name = "\xff" }},
		{"kind", func(t *Table) { t.Places[0].Kind = 3 }},
		{"area", func(t *Table) { t.Places[0].Area = -1 }},
		{"source", func(t *Table) { t.Kinds[0].Source = 2 }},
	}
	for _, tt := range tests {
		table := small()
		tt.spoil(table)
		if _, err := Encode(table); err == nil {
			t.Errorf("%s: no error", tt.name)
		}
	}
}

// TestDecodeRefuses cuts a file at every byte, changes every byte and adds one.
func TestDecodeRefuses(t *testing.T) {
	file, err := Encode(small())
	if err != nil {
		t.Fatal(err)
	}
	for i := range file {
		if _, err := Decode(file[:i]); err == nil {
			t.Errorf("cut to %d of %d bytes: no error", i, len(file))
		}
		changed := bytes.Clone(file)
		changed[i] ^= 1
		if _, err := Decode(changed); err == nil {
			t.Errorf("byte %d changed: no error", i)
		}
	}
	if _, err := Decode(append(bytes.Clone(file), 0)); err == nil {
		t.Error("a byte more: no error")
	}
}

// seal packs a body as Encode does, with a length of one's own.
func seal(t testing.TB, body []byte, length uint64, after string) []byte {
	t.Helper()
	file := bytes.NewBuffer(binary.AppendUvarint([]byte(magic), length))
	z := gzip.NewWriter(file)
	if _, err := z.Write(body); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	file.WriteString(after)
	return binary.LittleEndian.AppendUint32(file.Bytes(), crc32.ChecksumIEEE(file.Bytes()))
}

// TestDecodeRefusesLies: files with the right checksum, made by someone who means
// harm.
func TestDecodeRefusesLies(t *testing.T) {
	body, err := appendBody(nil, small())
	if err != nil {
		t.Fatal(err)
	}
	n := uint64(len(body))
	if _, err := Decode(seal(t, body, n, "")); err != nil {
		t.Fatalf("the truth: %v", err)
	}
	second := seal(t, nil, 0, "")
	second = second[len(magic)+1 : len(second)-4]
	for name, file := range map[string][]byte{
		"longer than it says":   seal(t, body, n-1, ""),
		"shorter than it says":  seal(t, body, n+1, ""),
		"more after the gzip":   seal(t, body, n, "more"),
		"a second gzip":         seal(t, body, n, string(second)),
		"a length past 64 bits": append([]byte(magic), bytes.Repeat([]byte{0xff}, 20)...),
		"a length of 2^63":      seal(t, body, 1<<63, ""),
	} {
		if _, err := Decode(file); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := unpack(seal(t, make([]byte, 1<<20), 1<<20, "")); err == nil {
		t.Error("a megabyte in a kilobyte: no error")
	}
	for i := range body {
		if _, err := decodeBody(body[:i]); err == nil {
			t.Errorf("a body cut to %d of %d bytes: no error", i, len(body))
		}
	}
	if _, err := decodeBody(append(bytes.Clone(body), 0)); err == nil {
		t.Error("a body with a byte more: no error")
	}
}

// FuzzDecode: whatever the bytes say, it comes back, with memory in proportion,
// and what it takes for places can be packed again and searched.
func FuzzDecode(f *testing.F) {
	for _, table := range []*Table{small(), random(4, 20), {}} {
		body, err := appendBody(nil, table)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body)
	}
	f.Add(binary.AppendUvarint([]byte{0, 0, 0}, 1<<62)) // places without number
	f.Add(binary.AppendUvarint(nil, math.MaxUint64))    // sources without number
	f.Fuzz(func(t *testing.T, body []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		set, err := decodeBody(body)
		runtime.ReadMemStats(&after)
		if got, most := after.TotalAlloc-before.TotalAlloc, uint64(256*len(body)+64<<10); got > most {
			t.Fatalf("%d bytes took %d of memory, more than %d", len(body), got, most)
		}
		if err != nil {
			return
		}
		set.index = newIndex(set.lat, set.lng)
		set.answer(set.search(everywhere(0, 0), Prominence))
		again, err := appendBody(nil, set.table())
		if err != nil {
			t.Fatalf("decoded, but can't be packed: %v", err)
		}
		if _, err := decodeBody(again); err != nil {
			t.Fatalf("packed again: %v", err)
		}
	})
}

func FuzzMorton(f *testing.F) {
	f.Add(int32(0), int32(0))
	f.Fuzz(func(t *testing.T, lat, lng int32) {
		lat, lng = lat%(maxLat+1), lng%(maxLng+1)
		if gotLat, gotLng, ok := unmorton(morton(lat, lng)); gotLat != lat || gotLng != lng || !ok {
			t.Errorf("%d, %d comes back as %d, %d, %v", lat, lng, gotLat, gotLng, ok)
		}
	})
}

func TestImportance(t *testing.T) {
	for _, tt := range []struct {
		inhabitants uint64
		bonus       float64
		want        uint8
	}{{0, 0, 0}, {1, 0, 8}, {1023, 1, 88}, {0, 16, 128}, {math.MaxUint64, 0, 255}, {0, -1, 0}} {
		if got := Importance(tt.inhabitants, tt.bonus); got != tt.want {
			t.Errorf("Importance(%d, %v) = %d, want %d", tt.inhabitants, tt.bonus, got, tt.want)
		}
	}
}

func TestErrorsSayWhat(t *testing.T) {
	for input, want := range map[string]string{"hello": "not a file of places", magic + "\x01abcdefgh": "checksum"} {
		if _, err := Decode([]byte(input)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Decode(%q) = %v, want %q", input, err, want)
		}
	}
}
