package geofile

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"

	"herd/places/dataset"
)

// aMillion is a million places: those of the embedded table, again and again,
// each time strewn by a kilometre.
var aMillion = sync.OnceValue(func() []dataset.Place {
	set, err := dataset.Embedded(dataset.Prominence).Set()
	if err != nil {
		panic(err)
	}
	list := set.Table().Places
	r := rand.New(rand.NewPCG(1, 0))
	for n := len(list); len(list) < 1_000_000; {
		p := list[len(list)%n]
		p.Lat = min(max(p.Lat+r.Int32N(2000)-1000, -90e5), 90e5)
		p.Lng = min(max(p.Lng+r.Int32N(2000)-1000, -180e5), 180e5)
		list = append(list, p)
	}
	return list
})

func degrees(v int32) string { return strconv.FormatFloat(float64(v)/1e5, 'f', 7, 64) }

// asOverture writes places as Overture does, with all that it says besides.
func asOverture(list []dataset.Place, begin, between, end string) []byte {
	var b bytes.Buffer
	b.Grow(800 * len(list))
	b.WriteString(begin)
	for i, p := range list {
		if i > 0 {
			b.WriteString(between)
		}
		name := strconv.Quote(p.Name)
		fmt.Fprintf(&b, `{"type":"Feature","geometry":{"type":"Point","coordinates":[%s,%s]},"properties":{"id":"%016x%016x","version":0,"sources":[{"property":"","dataset":"meta","record_id":"%d","update_time":"2026-10-13T00:00:00.000Z","confidence":0.77}],"names":{"primary":%s,"common":null,"rules":null},"categories":{"primary":"%s","alternate":["bakery","restaurant"]},"confidence":0.77,"websites":["https://www.example.com/%d"],"socials":["https://www.facebook.com/%d"],"emails":null,"phones":["+13105550100"],"brand":{"wikidata":null,"names":{"primary":null,"common":null,"rules":null}},"addresses":[{"freeform":"%d Example Road","locality":%s,"postcode":"90095","region":"CA","country":"US"}]}}`,
			degrees(p.Lng), degrees(p.Lat), i*0x9e3779b9, i, i, name, []string{"coffee_shop", "museum", "park", "hotel", "beauty_salon"}[i%5], i, i, i%3000, name)
	}
	b.WriteString(end)
	return b.Bytes()
}

func asCSV(list []dataset.Place) []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	_ = w.Write([]string{"id", "name", "latitude", "longitude", "category", "address", "locality", "region", "country"})
	for i, p := range list {
		_ = w.Write([]string{
			fmt.Sprintf("%016x%016x", i, i), p.Name, degrees(p.Lat), degrees(p.Lng),
			[]string{"coffee_shop", "museum", "park", "hotel", "beauty_salon"}[i%5],
			strconv.Itoa(i%3000) + " Example Road", p.Name, "CA", "US",
		})
	}
	w.Flush()
	return b.Bytes()
}

func benchmarkRead(b *testing.B, text []byte) {
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		// A reader of nothing else: no short cuts.
		table, _, err := readTable(b.Context(), "bench", io.MultiReader(bytes.NewReader(text)), Options{})
		if err != nil {
			b.Fatal(err)
		}
		if len(table.Places) != 1_000_000 {
			b.Fatalf("%d places", len(table.Places))
		}
	}
}

func BenchmarkReadMillionGeoJSONSeq(b *testing.B) {
	benchmarkRead(b, asOverture(aMillion(), "", "\n", "\n"))
}

func BenchmarkReadMillionGeoJSON(b *testing.B) {
	benchmarkRead(b, asOverture(aMillion(), `{"type":"FeatureCollection","features":[`, ",\n", "]}"))
}

func BenchmarkReadMillionCSV(b *testing.B) { benchmarkRead(b, asCSV(aMillion())) }
