package main

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"herd/places/dataset"
	"herd/places/dataset/gen/npm"
)

// The sources and kinds of the table, by index.
const (
	geonames = iota
	ourairports
)

const (
	locality = iota
	neighborhood
	airport
)

// build makes the table of what read gives.
func build(read func(p npm.Pin, file string) ([]byte, error)) (*dataset.Table, error) {
	var b builder
	for _, step := range []struct {
		pin  npm.Pin
		file string
		take func([]byte) error
	}{
		{airportsPin, "data/countries.json", b.takeCountries},
		{regionsPin, "admin1.json", b.takeRegions},
		{npm.Cities(), "dist/cities500.txt", b.takeTowns},
		{airportsPin, "data/airports.json", b.takeAirports},
	} {
		data, err := read(step.pin, step.file)
		if err != nil {
			return nil, err
		}
		if err := step.take(data); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", step.pin.Name, step.file, err)
		}
	}
	return b.table(), nil
}

// builder gathers places, and the text of each one's area beside it.
type builder struct {
	countries map[string]string // by ISO code
	regions   map[string]string // by country code, a point, GeoNames' code
	townsDate string            // the newest change of a town

	places []dataset.Place // Area not set yet
	areas  []string        // for each of places
}

func (b *builder) takeCountries(data []byte) error {
	var list []struct{ Code, Name string }
	if err := json.Unmarshal(data, &list); err != nil {
		return err
	}
	// Two that OurAirports counts to Finland and Norway.
	b.countries = map[string]string{"AX": "Åland Islands", "SJ": "Svalbard and Jan Mayen"}
	for _, c := range list {
		b.countries[c.Code] = c.Name
	}
	return nil
}

func (b *builder) takeRegions(data []byte) error {
	var list []struct{ Code, Name string }
	if err := json.Unmarshal(data, &list); err != nil {
		return err
	}
	b.regions = make(map[string]string)
	for _, r := range list {
		b.regions[r.Code] = r.Name
	}
	return nil
}

// Columns of a GeoNames dump.
const (
	colNumber     = 0
	colName       = 1
	colLat        = 4
	colLng        = 5
	colFeature    = 7
	colCountry    = 8
	colRegion     = 10
	colPopulation = 14
	colChanged    = 18
	columns       = 19
)

// unknown is how many people a place without a number of them is taken to have.
// Nearly all are the seats of some authority: not large, but nowhere empty.
const unknown = 1000

func (b *builder) takeTowns(data []byte) error {
	for line := range strings.Lines(string(data)) {
		col := strings.Split(strings.TrimRight(line, "\n"), "\t")
		if len(col) != columns {
			return fmt.Errorf("%d columns and not %d: %q", len(col), columns, line)
		}
		kind, bonus := locality, 0.0
		switch col[colFeature] {
		case "PPLH", "PPLQ", "PPLW", "PPLCH": // was, or was something, once
			continue
		case "PPLX": // a section of a town
			kind = neighborhood
		case "PPLC": // the capital of a country
			bonus = 2
		case "PPLA": // of a first-level division
			bonus = 1
		}
		people, err := strconv.ParseUint(col[colPopulation], 10, 64)
		if err != nil {
			return fmt.Errorf("population: %w: %q", err, line)
		}
		if people == 0 {
			people = unknown
		}
		b.townsDate = max(b.townsDate, col[colChanged])
		err = b.add(kind, col[colNumber], col[colName], col[colLat], col[colLng],
			dataset.Importance(people, bonus), b.area(col[colCountry], col[colRegion]))
		if err != nil {
			return fmt.Errorf("%w: %q", err, line)
		}
	}
	return nil
}

func (b *builder) takeAirports(data []byte) error {
	var list []struct {
		ID, Type, Name string
		Lat            string `json:"latitude_deg"`
		Lng            string `json:"longitude_deg"`
		Country        string `json:"iso_country"`
		Scheduled      string `json:"scheduled_service"`
	}
	if err := json.Unmarshal(data, &list); err != nil {
		return err
	}
	for _, a := range list {
		if nowhere(a.Lat) && nowhere(a.Lng) {
			continue // it is where the equator meets the prime meridian: not known, or made up
		}
		// There is no number of passengers. A large airport stands out like a
		// town of 65,000, a medium one like a village of 2,000, double with
		// flights that anyone can book.
		bonus := 11.0
		if a.Type == "large_airport" {
			bonus = 16
		}
		if a.Scheduled == "yes" {
			bonus++
		}
		err := b.add(airport, a.ID, strings.TrimSpace(a.Name), a.Lat, a.Lng,
			dataset.Importance(0, bonus), b.area(a.Country, ""))
		if err != nil {
			return fmt.Errorf("airport %s: %w", a.ID, err)
		}
	}
	return nil
}

// nowhere tells a coordinate that is zero to a hundredth of a degree.
func nowhere(s string) bool {
	v, err := strconv.ParseFloat(s, 64)
	return err == nil && math.Abs(v) < 0.01
}

// area says where a place is. GeoNames' region codes of the dump are not all
// among the newer names: then the country is all there is to say.
func (b *builder) area(country, region string) string {
	name := b.countries[country]
	if r := b.regions[country+"."+region]; r != "" && r != name {
		return r + ", " + name
	}
	return name
}

func (b *builder) add(kind int, number, name, lat, lng string, importance uint8, area string) error {
	p := dataset.Place{Name: name, Kind: kind, Importance: importance}
	var err error
	if p.Number, err = strconv.ParseUint(number, 10, 64); err != nil {
		return err
	}
	if p.Lat, err = coordinate(lat); err != nil {
		return err
	}
	if p.Lng, err = coordinate(lng); err != nil {
		return err
	}
	if area == "" {
		return fmt.Errorf("%s is in no country", name)
	}
	b.places, b.areas = append(b.places, p), append(b.areas, area)
	return nil
}

func coordinate(s string) (int32, error) {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || !(math.Abs(v) <= 180) {
		return 0, fmt.Errorf("not a coordinate: %q", s)
	}
	return int32(math.Round(v * 1e5)), nil
}

func (b *builder) table() *dataset.Table {
	t := &dataset.Table{
		Sources: []dataset.Source{
			geonames: {
				Name: "geonames", URL: "https://www.geonames.org/", License: "CC BY 4.0", Date: b.townsDate,
				Attribution: `Places by <a href="https://www.geonames.org/">GeoNames</a>, CC BY 4.0`,
			},
			ourairports: {
				Name: "ourairports", URL: "https://ourairports.com/", License: "public domain", Date: airportsDate,
				Attribution: `Airports by <a href="https://ourairports.com/">OurAirports</a>`,
			},
		},
		Kinds: []dataset.Kind{
			locality:     {Source: geonames, Types: []string{"locality", "political"}},
			neighborhood: {Source: geonames, Types: []string{"neighborhood", "political"}},
			airport:      {Source: ourairports, Types: []string{"airport", "point_of_interest", "establishment"}, ByTown: true},
		},
		Areas:  slices.Compact(slices.Sorted(slices.Values(b.areas))),
		Places: b.places,
	}
	for i := range t.Places {
		t.Places[i].Area, _ = slices.BinarySearch(t.Areas, b.areas[i])
	}
	return t
}
