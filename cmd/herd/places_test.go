package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"herd/places"
	"herd/places/dataset"
)

func TestPoint(t *testing.T) {
	for _, c := range []struct {
		args     []string
		lat, lng float64
	}{
		{[]string{"-33.8688", "151.2093"}, -33.8688, 151.2093},
		{[]string{"34.07", " -118.44"}, 34.07, -118.44},
		{[]string{"34.07,-118.44"}, 34.07, -118.44},
		{[]string{" -33.8688,151.2093"}, -33.8688, 151.2093},
		{[]string{"34.0689, -118.4452"}, 34.0689, -118.4452},
		{[]string{"34.0689,", " -118.4452"}, 34.0689, -118.4452},
		{[]string{"+34.068930-118.445127"}, 34.06893, -118.445127},
		{[]string{"-34-118/"}, -34, -118},
		{[]string{"90", "-180"}, 90, -180},
		{[]string{"+1", "+2"}, 1, 2},
	} {
		lat, lng, err := point(c.args...)
		if err != nil || lat != c.lat || lng != c.lng {
			t.Errorf("%q: got %v %v %v", c.args, lat, lng, err)
		}
	}
	for _, c := range []struct{ arg, want string }{
		{"", "is no position"},
		{"34", "is no position"},
		{"34,07 -118,44", "is no position"},
		{"1 2 3", "is no position"},
		{"91 0", `"91" is no latitude`},
		{"0 181", `"181" is no longitude`},
		{"north 0", `"north" is no latitude`},
		{"0 NaN", `"NaN" is no longitude`},
		{"1e1 0", `"1e1" is no latitude`},
		{"151.2 -33.8", `like 34.0689; the latitude comes first`},
		{"34-118 0", `"34-118" is no latitude`},
		{"0 34-118", `"34-118" is no longitude`},
	} {
		_, _, err := point(c.arg)
		var e *exit
		if !errors.As(err, &e) || e.code != exitUsage || !strings.Contains(e.Error(), c.want) {
			t.Errorf("%q: got %v, want %q", c.arg, err, c.want)
		}
	}
}

// Numbers below zero are arguments wherever flags stand.
func TestBelowZero(t *testing.T) {
	file := filepath.Join(t.TempDir(), "sydney.csv")
	write(t, file, "name,lat,lon\nSydney,-33.8688,151.2093\n")
	const want = "Sydney"
	for _, line := range []string{
		"-33.8688 151.2093 --radius 3 --limit 1",
		"--radius 3 --limit 1 -33.8688 151.2093",
		"--radius=3 -33.8688 --limit 1 151.2093",
		"--limit 1 -33.8688,151.2093 --radius 3",
		"--limit 1 -33.8688+151.2093",
		"--limit 1 -- -33.8688 151.2093",
	} {
		if got := do(t, append([]string{"places", "near", "--file", file}, strings.Fields(line)...)...); !strings.Contains(got, want) {
			t.Errorf("%s: got\n%s", line, got)
		}
	}
	if got := do(t, "places", "near", "--file", file, "--json", "-33.8688", "151.2093"); !strings.Contains(got, `"name" : "Sydney"`) {
		t.Errorf("got\n%s", got)
	}
	for _, line := range []string{"--radius -5 1 2", "1 2 --limit -5"} { // values, and bad ones
		f := realApp()
		code := f.run(t.Context(), append([]string{"places", "near"}, strings.Fields(line)...))
		if code != exitUsage || !strings.Contains(f.err.String(), " must be ") {
			t.Errorf("%s: exit code %d: %s", line, code, &f.err)
		}
	}
	// Other verbs' arguments are theirs, and so is the caller's slice.
	root := realApp().root()
	for _, args := range [][]string{nil, {}, {"places"}, {"members", "-1"}, {"send", "places", "near", "-1"}, {"places", "near", "--", "-1"}, {"places", "info", "-1"}} {
		if got := belowZero(root, args); !slices.Equal(got, args) || got == nil {
			t.Errorf("%q became %q", args, got)
		}
	}
	if got := belowZero(root, []string{"near", "-1"}); got[1] != " -1" {
		t.Errorf("of near: got %q", got)
	}
	args := []string{"places", "near", "-1", "-2"}
	if belowZero(root, args); args[2] != "-1" {
		t.Errorf("it wrote into its argument: %q", args)
	}
}

// JSON is what a chain answers.
func TestPlacesNearJSON(t *testing.T) {
	chain := places.New(places.Config{Links: places.Links(dataset.Embedded(dataset.Distance))})
	want := chain.Near(t.Context(), places.Query{Latitude: 48.8566, Longitude: 2.3522, Radius: 1500, Limit: 3})
	got := do(t, "places", "near", "--json", "--rank", "distance", "--radius", "1.5", "--limit", "3", "48.8566", "2.3522")
	if got != string(want)+"\n" || !json.Valid([]byte(got)) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// What a file says is for a terminal to show, not to obey.
func TestPlacesFromStrangers(t *testing.T) {
	file := filepath.Join(t.TempDir(), "evil.csv")
	write(t, file, "id,name,lat,lon,type,address\n1,\"Red \x1b[31m\u202eCafé\",1,1,\"ba\x1b]0;d\x07\",\"\u009b1mhere\"\n")
	for _, args := range [][]string{
		{"near", "--file", file, "1", "1"},
		{"info", file},
		{"pack", file, "--out", filepath.Join(t.TempDir(), "o")},
	} {
		got := do(t, append([]string{"places"}, args...)...)
		if strings.ContainsAny(got, "\x1b\x07\u202e\u009b") {
			t.Errorf("%s: %q", args[0], got)
		}
	}
}

func TestAreaOf(t *testing.T) {
	at := func(degrees ...float64) (list []dataset.Place) {
		for i := 0; i < len(degrees); i += 2 {
			list = append(list, dataset.Place{Lat: int32(degrees[i] * unit), Lng: int32(degrees[i+1] * unit)})
		}
		return list
	}
	for _, c := range []struct {
		list []dataset.Place
		want area
	}{
		{at(1, 2), area{1, 2, 1, 2}},
		{at(-1, -2, 3, 4), area{-1, -2, 3, 4}},
		{at(-17, 178, -16, -179), area{-17, 178, -16, -179}},
		{at(-17, -178, -16, -179), area{-17, -179, -16, -178}},
		{at(0, 180, 0, -180), area{0, 180, 0, 180}},
		{at(0, -180, 0, 170), area{0, 170, 0, 180}},
		{at(0, -170, 0, -1, 0, 1, 0, 170), area{0, -170, 0, 170}},
	} {
		if got := areaOf(c.list); got != c.want {
			t.Errorf("got %+v, want %+v", got, c.want)
		}
	}
}

// The box holds every place.
func TestAreaHoldsAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 6).Draw(t, "n")
		var list []dataset.Place
		for range n {
			list = append(list, dataset.Place{
				Lat: rapid.Int32Range(-90*unit, 90*unit).Draw(t, "lat"),
				Lng: rapid.Int32Range(-180*unit, 180*unit).Draw(t, "lng"),
			})
		}
		a := areaOf(list)
		within := func(lng float64) bool {
			if a.West <= a.East {
				return a.West <= lng && lng <= a.East
			}
			return lng >= a.West || lng <= a.East
		}
		for _, p := range list {
			lat, lng := float64(p.Lat)/unit, float64(p.Lng)/unit
			if lat < a.South || lat > a.North || !within(lng) && !(math.Abs(lng) == 180 && within(-lng)) {
				t.Fatalf("%v,%v is not in %+v", lat, lng, a)
			}
		}
	})
}

// Packing many files gives what is in each, once, wherever names and numbers meet.
func TestPack(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	write(t, path("a.csv"), "id,name,lat,lon,type,city\n1,One,10,10,library,Town\n2,Both,10,11,cafe,Town\n")
	if err := os.Mkdir(path("b"), 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, path("b/a.csv"), "id,name,lat,lon,type,city\n1,Another,10,12,library,Town\n2,Both,10,11,cafe,Town\n")
	write(t, path("c.geojsonl"), `{"type":"Feature","id":7,"geometry":{"type":"Point","coordinates":[13,10]},"properties":{"name":"Seven","amenity":"cafe","city":"Square"}}`+"\n")
	var done packed
	out := do(t, "places", "pack", path("a.csv"), path("b/a.csv"), path("c.geojsonl"), "--out", path("all.places"), "--json")
	if err := json.Unmarshal([]byte(out), &done); err != nil || done.Places != 4 || done.Twice != 1 || len(done.Files) != 3 {
		t.Fatalf("%v: %s", err, out)
	}
	info, err := os.Stat(path("all.places"))
	if err != nil || int(info.Size()) != done.Bytes || info.Mode().Perm() != 0o644 {
		t.Fatalf("%v %v, want %d bytes", info, err, done.Bytes)
	}
	for lng, want := range []string{
		"0 m One library, point_of_interest Town a:1", "0 m Both cafe, food Town a:2",
		"0 m Another library, point_of_interest Town a:1", "0 m Seven cafe, food Square c:7",
	} {
		got := do(t, "places", "near", "--radius", "1", "--file", path("all.places"), "10", fmt.Sprint(10+lng))
		if _, row, _ := strings.Cut(got, "\n"); !strings.HasPrefix(strings.Join(strings.Fields(row), " "), want) {
			t.Errorf("at %d: got\n%s", 10+lng, got)
		}
	}
	// What comes into being meanwhile is not replaced, and no trace is left.
	late := packVerb{out: path("all.places")}
	if err := late.write(nil); err == nil || !strings.Contains(err.Error(), "there already") {
		t.Errorf("got %v", err)
	}
	if names, err := filepath.Glob(path(".*")); err != nil || len(names) > 0 {
		t.Errorf("left behind: %v %v", names, err)
	}
	// Equal sources, kinds and areas are there once.
	var about tableInfo
	if err := json.Unmarshal([]byte(do(t, "places", "info", path("all.places"), "--json")), &about); err != nil {
		t.Fatal(err)
	}
	if len(about.Sources) != 2 || about.Sources[0].Places != 3 || about.Sources[1].Places != 1 {
		t.Errorf("sources: %+v", about.Sources)
	}
}
