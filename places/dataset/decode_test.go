package dataset

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"math"
	"math/rand/v2"
	"reflect"
	"runtime"
	"slices"
	"strconv"
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
			{Source: 0, Types: []string{"locality", "political"}},
			{Source: 0, Types: []string{"neighborhood", "political"}},
			{Source: 1, Types: []string{"airport"}, ByTown: true},
			{Source: 1, Types: []string{"restaurant", "food"}},
		},
		Areas: []string{"", "Île-de-France, France", "1 Null Place"},
		Places: []Place{
			{4885341, 234880, "Paris", 0, 1, 190, 2988507, ""},
			{4885341, 234880, "Paris", 0, 1, 190, math.MaxUint64, ""},
			{-9000000, -18000000, "South Pole", 2, 0, 0, 5054, ""},
			{9000000, 18000000, "North Pole", 1, 0, 255, 0, ""},
			{0, 0, "O", 2, 1, 1, 1, ""},
			{0, 0, "O", 3, 2, 1, 0, "08f2aa-é"},
			{1, 0, "Ö", 3, 0, 1, 0, "5"},
			{1, 1, "after IDs", 3, 0, 1, 5, ""},
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
			Name: "place", Kind: r.IntN(4), Area: r.IntN(3), Importance: uint8(r.UintN(256)), Number: uint64(i),
		}
		if p.Kind == 3 && i%2 == 0 {
			p.Number, p.ID = 0, strconv.Itoa(i)
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

// table gives back what a set was made of.
func (s *Set) table() *Table {
	t := &Table{Sources: s.sources}
	for _, k := range s.kinds {
		t.Kinds = append(t.Kinds, Kind{k.source, k.types, k.byTown})
	}
	for i := range s.areas.end {
		t.Areas = append(t.Areas, s.areas.at(uint32(i)))
	}
	for i := range uint32(s.Len()) {
		p := Place{s.lat[i], s.lng[i], s.name(i), int(s.kind[i]), int(s.area[i]), s.importance[i], 0, s.id(i)}
		if p.ID == "" {
			p.Number = s.number[i]
		}
		t.Places = append(t.Places, p)
	}
	return t
}

// said is a place with the text of its area.
type said struct {
	Place
	area string
}

func (t *Table) said() map[said]int {
	all := make(map[said]int)
	for _, p := range t.Places {
		s := said{p, t.Areas[p.Area]}
		s.Area = 0
		all[s]++
	}
	return all
}

// TestRoundTrip: a table comes back from a file and from a set.
func TestRoundTrip(t *testing.T) {
	numbered := small()
	numbered.Places = numbered.Places[:5]
	named := small()
	named.Places = named.Places[5:7]
	for _, table := range []*Table{small(), numbered, named, random(1, 5000), {}} {
		made, err := NewSet(table)
		if err != nil {
			t.Fatal(err)
		}
		for _, set := range []*Set{mustDecode(t, table), made} {
			back := set.table()
			if !reflect.DeepEqual(back.said(), table.said()) {
				t.Errorf("%d places come back as %d others", len(table.Places), len(back.Places))
			}
			if !reflect.DeepEqual(back.Sources, table.Sources) || !reflect.DeepEqual(back.Kinds, table.Kinds) {
				t.Errorf("got %+v %+v, want %+v %+v", back.Sources, back.Kinds, table.Sources, table.Kinds)
			}
		}
		if decoded := mustDecode(t, table); !reflect.DeepEqual(decoded.table(), made.table()) {
			t.Errorf("packed and unpacked, a set of %d is another", made.Len())
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
	slices.Reverse(table.Areas)
	for i := range table.Places {
		table.Places[i].Area = len(table.Areas) - 1 - table.Places[i].Area
	}
	second, err := Encode(table)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first, second) {
		t.Error("the order of the places or areas shows in the file")
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
		{"kind", func(t *Table) { t.Places[0].Kind = 4 }},
		{"area", func(t *Table) { t.Places[0].Area = -1 }},
		{"source", func(t *Table) { t.Kinds[0].Source = 2 }},
		{"ID not UTF-8", func(t *Table) { t.Places[0].ID = "\xff" }},
		{"area not UTF-8", func(t *Table) { t.Areas[0] = "\xff" }},
		{"type not UTF-8", func(t *Table) { t.Kinds[0].Types[0] = "\xff" }},
		{"source not UTF-8", func(t *Table) { t.Sources[0].Date = "\xff" }},
		{"kinds", func(t *Table) { t.Kinds = make([]Kind, maxKinds+1) }},
	}
	for _, tt := range tests {
		table := small()
		tt.spoil(table)
		if _, err := Encode(table); err == nil {
			t.Errorf("%s: no error from Encode", tt.name)
		}
		if _, err := NewSet(table); err == nil {
			t.Errorf("%s: no error from NewSet", tt.name)
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
	file := bytes.NewBuffer(binary.AppendUvarint([]byte(magic+"\x02"), length))
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
	body := bodyOf(t, small())
	n := uint64(len(body))
	if _, err := Decode(seal(t, body, n, "")); err != nil {
		t.Fatalf("the truth: %v", err)
	}
	second := seal(t, nil, 0, "")
	second = second[len(magic)+2 : len(second)-4]
	for name, file := range map[string][]byte{
		"longer than it says":   seal(t, body, n-1, ""),
		"shorter than it says":  seal(t, body, n+1, ""),
		"more after the gzip":   seal(t, body, n, "more"),
		"a second gzip":         seal(t, body, n, string(second)),
		"a length past 64 bits": append([]byte(magic+"\x02"), bytes.Repeat([]byte{0xff}, 20)...),
		"a length of 2^63":      seal(t, body, 1<<63, ""),
	} {
		if _, err := Decode(file); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, _, err := unpack(seal(t, make([]byte, 1<<20), 1<<20, ""), nil); err == nil {
		t.Error("a megabyte in a kilobyte: no error")
	}
	for i := range body {
		if _, err := decodeBody(body[:i], version, nil); err == nil {
			t.Errorf("a body cut to %d of %d bytes: no error", i, len(body))
		}
	}
	if _, err := decodeBody(append(bytes.Clone(body), 0), version, nil); err == nil {
		t.Error("a body with a byte more: no error")
	}
}

func bodyOf(t testing.TB, table *Table) []byte {
	t.Helper()
	s, err := newColumns(table)
	if err != nil {
		t.Fatal(err)
	}
	return s.appendBody(nil)
}

// first is a file of version 1: a town and an airport.
const first = "aGVyZC5wbGFjZXMB6gEfiwgAAAAAAAL/YmItyS/PKxbLKCkpKLbS1wfz9FIrEnMLclL1OZ2dFZwiFUz0DFhDQBJcRgZGxroGxroGpmxpmak5KcXiMI0QLlwnb0FpUk5mskJK" +
	"fm5iZh6bG1gWpN1M18BU19CUiYGJIyc/OTEns6SSsyA/J7MkMzkxh5GRPTGzqCC/qIRJ7HBfTqpuSqquW1FiXnKqjgKEZoNQTItaf+1/9Tjj0LS5128yMTAyMO7r2Pb8DdMmR4mAxKLMYi7njMSinNRihZRUBffE0pycVC5AAAAA//+maFY06gAAAO0sVK8="

func firstFile(t testing.TB) []byte {
	t.Helper()
	file, err := base64.StdEncoding.DecodeString(first)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// TestFirstVersion: files of version 1 are read, and packed again in the newest.
func TestFirstVersion(t *testing.T) {
	set, err := Decode(firstFile(t))
	if err != nil {
		t.Fatal(err)
	}
	want := []said{
		{Place{Lat: 4885341, Lng: 234880, Name: "Paris", Kind: 0, Importance: 190, Number: 2988507}, "Île-de-France, France"},
		{Place{Lat: 4900972, Lng: 254778, Name: "Charles de Gaulle", Kind: 1, Importance: 136, Number: 4185}, "France"},
	}
	table := set.table()
	got := table.said()
	for _, p := range want {
		if got[p] != 1 {
			t.Errorf("got %+v, want %+v", got, p)
		}
	}
	if set.kinds[0].byTown || !set.kinds[1].byTown {
		t.Error("what is no part of its area is not told by its town")
	}
	if again := mustDecode(t, table); !reflect.DeepEqual(again.table(), table) {
		t.Error("it comes back from version 2 as another")
	}
}

// FuzzDecode: whatever the bytes say, it comes back, with memory in proportion,
// and what it takes for places can be packed again and searched.
func FuzzDecode(f *testing.F) {
	for _, table := range []*Table{small(), random(4, 20), {}} {
		f.Add(bodyOf(f, table), true)
	}
	body, _, err := unpack(firstFile(f), nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(body, false)
	f.Add(binary.AppendUvarint([]byte{0, 0, 0}, 1<<62), true) // places without number
	f.Add(binary.AppendUvarint(nil, math.MaxUint64), true)    // sources without number
	f.Add(binary.AppendUvarint([]byte{0, 0}, 1<<62), true)    // areas without number
	f.Fuzz(func(t *testing.T, body []byte, newest bool) {
		number := byte(1)
		if newest {
			number = version
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		set, err := decodeBody(body, number, nil)
		runtime.ReadMemStats(&after)
		if got, most := after.TotalAlloc-before.TotalAlloc, uint64(256*len(body)+64<<10); got > most {
			t.Fatalf("%d bytes took %d of memory, more than %d", len(body), got, most)
		}
		if err != nil {
			return
		}
		set.makeIndex(nil)
		set.Near(everywhere(0, 0), Prominence)
		set.Stats()
		again, err := newColumns(set.table())
		if err != nil {
			t.Fatalf("decoded, but makes no set: %v", err)
		}
		back, err := decodeBody(again.appendBody(nil), version, nil)
		if err != nil {
			t.Fatalf("packed again: %v", err)
		}
		if !reflect.DeepEqual(back.table(), again.table()) {
			t.Fatal("packed again, it comes back as another")
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
	for input, want := range map[string]string{"hello": "not a packed file of places", magic + "\x01abcdefgh": "checksum", magic + "\x03abcdefgh": "version 3", magic: "cut"} {
		if _, err := Decode([]byte(input)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Decode(%q) = %v, want %q", input, err, want)
		}
	}
}
