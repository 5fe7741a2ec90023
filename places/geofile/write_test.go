package geofile

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/csv"
	"encoding/json"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"herd/places/category"
	"herd/places/dataset"
)

// row is a place as somebody's file has it.
type row struct {
	id, name, category, address string
	lat, lng                    float64
	population                  int
}

func drawRows(t *rapid.T) []row {
	word := rapid.StringMatching(`[A-Za-z0-9éßŁ東"',;<&\\{\[]{1,8}`)
	words := rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(word, 1, 3).Draw(t, "words"), " ")
	})
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) row {
		return row{
			id:         rapid.StringMatching(`([a-z0-9/:_-]{0,11}_)?`).Draw(t, "id"),
			name:       words.Draw(t, "name"),
			category:   rapid.SampledFrom([]string{"", "cafe", "museum", "Schools", "anything"}).Draw(t, "category"),
			address:    rapid.OneOf(rapid.Just(""), words).Draw(t, "address"),
			lat:        float64(rapid.IntRange(-9000000, 9000000).Draw(t, "lat")) / 1e5,
			lng:        float64(rapid.IntRange(-18000000, 18000000).Draw(t, "lng")) / 1e5,
			population: rapid.IntRange(0, 1<<20).Draw(t, "population"),
		}
	}), 1, 20).Draw(t, "rows")
}

func number(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

func (r row) columns() []string {
	return []string{r.id, r.name, number(r.lat), number(r.lng), r.category, r.address, strconv.Itoa(r.population)}
}

var columnNames = []string{"ID", "Name", "Latitude", "Longitude", "Type", "Address", "Population"}

func (r row) feature() []byte {
	text, _ := json.Marshal(map[string]any{ // texts and finite numbers always marshal
		"type":     "Feature",
		"geometry": map[string]any{"type": "Point", "coordinates": []float64{r.lng, r.lat}},
		"properties": map[string]any{
			"id": r.id, "name": r.name, "type": r.category, "address": r.address, "population": r.population, "more": []any{nil, 1},
		},
	})
	return text
}

func writeCSV(rows []row, comma rune) []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.Comma = comma
	_ = w.Write(columnNames)
	for _, r := range rows {
		_ = w.Write(r.columns())
	}
	w.Flush()
	return b.Bytes()
}

func writeSeq(rows []row, before, after string) []byte {
	var b bytes.Buffer
	for _, r := range rows {
		b.WriteString(before)
		b.Write(r.feature())
		b.WriteString(after)
	}
	return b.Bytes()
}

func writeCollection(rows []row) []byte {
	var list []json.RawMessage
	for _, r := range rows {
		list = append(list, r.feature())
	}
	text, _ := json.MarshalIndent(map[string]any{"name": "x", "type": "FeatureCollection", "features": list}, "", " ")
	return text
}

func zipped(text []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write(text)
	_ = z.Close()
	return b.Bytes()
}

// expected is what rows should be read as.
func expected(rows []row) string {
	table := &dataset.Table{Sources: []dataset.Source{{Name: "rows"}}}
	for _, r := range rows {
		types, weight := category.Unknown(), 0.0
		if r.category != "" {
			types, _ = category.Label(r.category)
			weight = category.Weight(types)
		}
		p := dataset.Place{
			Lat: int32(math.Round(r.lat * 1e5)), Lng: int32(math.Round(r.lng * 1e5)), Name: r.name,
			Kind: len(table.Kinds), Area: len(table.Areas), Importance: dataset.Importance(0, weight), ID: r.id,
		}
		if r.population > 0 {
			p.Importance = dataset.Importance(uint64(r.population), 0)
		}
		if r.id == "" {
			_, p.Number, _ = new(feature).id([]byte(r.name), p.Lat, p.Lng)
		}
		table.Kinds = append(table.Kinds, dataset.Kind{Types: types})
		table.Areas = append(table.Areas, r.address)
		table.Places = append(table.Places, p)
	}
	return printed(table)
}

// ways are how a file may come.
var ways = map[string]func([]byte) io.Reader{
	"whole":             func(text []byte) io.Reader { return bytes.NewReader(text) },
	"marked":            func(text []byte) io.Reader { return strings.NewReader(bom + string(text)) },
	"zipped":            func(text []byte) io.Reader { return bytes.NewReader(zipped(text)) },
	"zipped and marked": func(text []byte) io.Reader { return bytes.NewReader(zipped(append([]byte(bom), text...))) },
	"two zips": func(text []byte) io.Reader {
		return io.MultiReader(bytes.NewReader(zipped(text[:1])), bytes.NewReader(zipped(text[1:])))
	},
	"bytes":         func(text []byte) io.Reader { return iotest.OneByteReader(bytes.NewReader(text)) },
	"zipped bytes":  func(text []byte) io.Reader { return iotest.OneByteReader(bytes.NewReader(zipped(text))) },
	"halves":        func(text []byte) io.Reader { return iotest.HalfReader(bytes.NewReader(text)) },
	"data with EOF": func(text []byte) io.Reader { return iotest.DataErrReader(bytes.NewReader(text)) },
}

// TestFormatsAgree: the same places are read from each format, gzipped or not,
// with a byte order mark or not, in whatever pieces they come.
func TestFormatsAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := drawRows(t)
		comma := writeCSV(rows, ',')
		files := map[string][]byte{
			"csv":               comma,
			"csv, CRLF":         bytes.ReplaceAll(comma, []byte("\n"), []byte("\r\n")),
			"csv, semicolons":   writeCSV(rows, ';'),
			"tsv":               writeCSV(rows, '\t'),
			"geojson":           writeCollection(rows),
			"geojsonseq":        writeSeq(rows, "", "\n"),
			"geojsonseq, CRLF":  writeSeq(rows, "", "\r\n"),
			"geojsonseq, RS":    writeSeq(rows, "\x1e", "\n"),
			"geojsonseq, blank": writeSeq(rows, "\n \n", "\n"),
		}
		want := expected(rows)
		for _, name := range slices.Sorted(maps.Keys(files)) {
			text := files[name]
			how := rapid.SampledFrom(slices.Sorted(maps.Keys(ways))).Draw(t, name)
			in := ways[how](text)
			table, report, err := readTable(context.Background(), "rows", in, Options{})
			if err != nil {
				t.Fatalf("%s, %s: %v\n%s", name, how, err, text)
			}
			if len(report.Dropped) > 0 || report.Kept != len(rows) || report.Records != int64(len(rows)) {
				t.Fatalf("%s, %s: %s\n%s", name, how, report, text)
			}
			if got := printed(table); got != want {
				t.Fatalf("%s, %s: got\n%s\nwant\n%s", name, how, got, want)
			}
		}
	})
}
