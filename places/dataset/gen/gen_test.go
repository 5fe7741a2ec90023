package main

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"herd/places/dataset"
	"herd/places/dataset/gen/npm"
)

// row is a line of a GeoNames dump.
func row(number, name, lat, lng, feature, country, region, population, changed string) string {
	col := make([]string, columns)
	col[colNumber], col[colName], col[colLat], col[colLng] = number, name, lat, lng
	col[colFeature], col[colCountry], col[colRegion] = feature, country, region
	col[colPopulation], col[colChanged] = population, changed
	return strings.Join(col, "\t") + "\n"
}

func files() map[string]string {
	return map[string]string{
		"data/countries.json": `[{"code":"FR","name":"France"},{"code":"SG","name":"Singapore"}]`,
		"admin1.json":         `[{"code":"FR.11","name":"Île-de-France"},{"code":"SG.01","name":"Singapore"}]`,
		"dist/cities500.txt": row("2988507", "Paris", "48.85341", "2.3488", "PPLC", "FR", "11", "2138551", "2023-02-27") +
			row("1", "Quarter", "48.9", "2.4", "PPLX", "FR", "11", "0", "2020-01-01") +
			row("2", "Gone", "48", "2", "PPLH", "FR", "11", "0", "2024-01-01") +
			row("3", "Destroyed", "48", "2", "PPLW", "FR", "11", "0", "2024-01-01") +
			row("4", "Abandoned", "48", "2", "PPLQ", "FR", "11", "0", "2024-01-01") +
			row("5", "Capital once", "48", "2", "PPLCH", "FR", "11", "0", "2024-01-01") +
			row("6", "Renumbered", "-0.000004", "-179.99999", "PPL", "FR", "99", "7", "2020-01-01") +
			row("7", "Singapore", "1.28967", "103.85007", "PPLA", "SG", "01", "1", "2020-01-01") +
			row("8", "Mariehamn", "60.1", "19.9", "PPL", "AX", "", "1", "2020-01-01"),
		"data/airports.json": `[
			{"id":"4185","type":"large_airport","name":" Charles de Gaulle ","latitude_deg":"49.012798","longitude_deg":"2.55","iso_country":"FR","scheduled_service":"yes"},
			{"id":"10","type":"medium_airport","name":"Nowhere","latitude_deg":"-0.000005","longitude_deg":"-0.000017","iso_country":"FR","scheduled_service":"no"},
			{"id":"9","type":"medium_airport","name":"Field","latitude_deg":"49","longitude_deg":"2","iso_country":"FR","scheduled_service":"no"}]`,
	}
}

func reader(files map[string]string) func(npm.Pin, string) ([]byte, error) {
	return func(_ npm.Pin, file string) ([]byte, error) { return []byte(files[file]), nil }
}

func TestBuild(t *testing.T) {
	table, err := build(reader(files()))
	if err != nil {
		t.Fatal(err)
	}
	areas := []string{"France", "Singapore", "Åland Islands", "Île-de-France, France"}
	if !slices.Equal(table.Areas, areas) {
		t.Errorf("areas %q, want %q", table.Areas, areas)
	}
	want := []dataset.Place{
		{Lat: 4885341, Lng: 234880, Name: "Paris", Kind: locality, Area: 3, Importance: dataset.Importance(2138551, 2), Number: 2988507},
		{Lat: 4890000, Lng: 240000, Name: "Quarter", Kind: neighborhood, Area: 3, Importance: dataset.Importance(unknown, 0), Number: 1},
		{Lat: 0, Lng: -17999999, Name: "Renumbered", Kind: locality, Area: 0, Importance: dataset.Importance(7, 0), Number: 6},
		{Lat: 128967, Lng: 10385007, Name: "Singapore", Kind: locality, Area: 1, Importance: dataset.Importance(1, 1), Number: 7},
		{Lat: 6010000, Lng: 1990000, Name: "Mariehamn", Kind: locality, Area: 2, Importance: dataset.Importance(1, 0), Number: 8},
		{Lat: 4901280, Lng: 255000, Name: "Charles de Gaulle", Kind: airport, Area: 0, Importance: dataset.Importance(0, 17), Number: 4185},
		{Lat: 4900000, Lng: 200000, Name: "Field", Kind: airport, Area: 0, Importance: dataset.Importance(0, 11), Number: 9},
	}
	if !reflect.DeepEqual(table.Places, want) {
		t.Errorf("got\n%+v, want\n%+v", table.Places, want)
	}
	if got := table.Sources[geonames].Date; got != "2023-02-27" {
		t.Errorf("date %s, want the newest change of a place that is kept", got)
	}
	if _, err := dataset.Encode(table); err != nil {
		t.Errorf("Encode: %v", err)
	}
}

// TestBuildRefuses: data that has changed its form is an error, not a gap.
func TestBuildRefuses(t *testing.T) {
	for name, spoil := range map[string]func(map[string]string){
		"countries": func(f map[string]string) { f["data/countries.json"] = "{" },
		"regions":   func(f map[string]string) { f["admin1.json"] = "{" },
		"airports":  func(f map[string]string) { f["data/airports.json"] = "{" },
		"columns":   func(f map[string]string) { f["dist/cities500.txt"] = "1\tParis\n" },
		"number":    func(f map[string]string) { f["dist/cities500.txt"] = row("x", "A", "1", "1", "PPL", "FR", "", "1", "") },
		"latitude":  func(f map[string]string) { f["dist/cities500.txt"] = row("1", "A", "", "1", "PPL", "FR", "", "1", "") },
		"longitude": func(f map[string]string) {
			f["dist/cities500.txt"] = row("1", "A", "1", "181", "PPL", "FR", "", "1", "")
		},
		"NaN": func(f map[string]string) {
			f["dist/cities500.txt"] = row("1", "A", "NaN", "1", "PPL", "FR", "", "1", "")
		},
		"population": func(f map[string]string) {
			f["dist/cities500.txt"] = row("1", "A", "1", "1", "PPL", "FR", "", "-1", "")
		},
		"country": func(f map[string]string) { f["dist/cities500.txt"] = row("1", "A", "1", "1", "PPL", "ZZ", "", "1", "") },
	} {
		f := files()
		spoil(f)
		if _, err := build(reader(f)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	missing := errors.New("missing")
	if _, err := build(func(npm.Pin, string) ([]byte, error) { return nil, missing }); !errors.Is(err, missing) {
		t.Errorf("err = %v, want %v", err, missing)
	}
}
