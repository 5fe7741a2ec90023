package geofile

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"herd/places"
	"herd/places/dataset"
	"herd/places/placestest"
)

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// campus is a file of a grid of n by n places, a hundred metres apart, each called
// by name and its number.
func campus(name string, n int) string {
	var b strings.Builder
	b.WriteString("id,name,lat,lon,type\n")
	for i := range n * n {
		fmt.Fprintf(&b, "%s-%d,%s %d,%.5f,%.5f,cafe\n", name, i, name, i, 34+float64(i/n)*0.001, -118+float64(i%n)*0.001)
	}
	return b.String()
}

var atCampus = places.Query{Latitude: 34.005, Longitude: -117.995, Radius: 2000, Limit: 20}

func TestProviderConforms(t *testing.T) {
	path := filepath.Join(t.TempDir(), "campus.csv")
	write(t, path, campus("Hall", 10)+"pole,Pole,90,0,park\nseam,Seam,0,180,park\n")
	for _, rank := range []dataset.Rank{dataset.Prominence, dataset.Distance} {
		p := New(Config{Name: "campus", Path: path, Rank: rank})
		if err := p.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		err := placestest.Test(p, placestest.World{
			Crowded: atCampus,
			Empty:   places.Query{Latitude: -20, Longitude: -140, Radius: 50_000},
			More: []places.Query{
				{Latitude: 90, Longitude: 77, Radius: 50_000},
				{Latitude: 0, Longitude: -180, Radius: 1000},
				{Latitude: 34, Longitude: -118, Radius: 1},
				{Latitude: -90, Longitude: 0, Radius: 50_000},
			},
		})
		if err != nil {
			t.Error(err)
		}
	}
}

func TestProvider(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.csv")
	p := New(Config{Name: "campus", Path: path, Attribution: "<b>Campus</b>", License: "ours"})
	if p.Name() != "file.campus" {
		t.Errorf("name %q", p.Name())
	}
	if _, err := p.Near(t.Context(), atCampus); places.KindOf(err) != places.Unavailable {
		t.Errorf("before it is loaded: %v", err)
	}
	if p.set() != nil || p.Report() != nil {
		t.Error("there is a set before it is loaded")
	}
	if err := p.Load(t.Context()); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "file.campus") {
		t.Errorf("no file: %v", err)
	}

	write(t, path, "id,name,lat,lon\nb 7,Hall,34,-118\n")
	if err := p.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	write(t, path, "id,name,lat,lon\nnew,New Hall,34,-118\n")
	if err := p.Load(t.Context()); err != nil { // no more than once
		t.Fatal(err)
	}
	hall := func() places.Place {
		t.Helper()
		a, err := p.Near(t.Context(), places.Query{Latitude: 34, Longitude: -118, Radius: 10, Limit: 20})
		if err != nil || len(a.Places) != 1 || !slices.Equal(a.Attributions, []string{"<b>Campus</b>"}) {
			t.Fatalf("%+v, %v", a, err)
		}
		return a.Places[0]
	}
	before := hall()
	if before.Name != "Hall" || !strings.HasPrefix(before.ID, "campus:") || strings.Contains(before.ID, " ") || before.Scope != "CAMPUS" {
		t.Errorf("got %+v", before)
	}
	if s := p.set().Sources()[0]; s.License != "ours" || s.Name != "campus" || len(s.Date) != len("2026-11-20") {
		t.Errorf("source %+v", s)
	}

	again := New(Config{Name: "campus", Path: path})
	if err := again.Load(t.Context()); err != nil || again.Report().Kept != 1 {
		t.Fatalf("%v, %v", again.Report(), err)
	}
	if got := hall(); got.ID != before.ID {
		t.Errorf("what is loaded has changed with the file: %+v", got)
	}

	for _, spoilt := range []string{"", "id,name\n1,2\n", "id,name,lat,lon\n1,Hall,north,2\n", "id,name,lat,lon\n1,Hall,34,\"2\n"} {
		write(t, path, spoilt)
		if err := New(Config{Name: "campus", Path: path}).Load(t.Context()); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%q: %v", spoilt, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	write(t, path, "id,name,lat,lon\nb 7,Hall,34,-118\n")
	if err := New(Config{Name: "campus", Path: path}).Load(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("nobody waits for it: %v", err)
	}
	third := New(Config{Name: "campus", Path: path})
	if err := third.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	a, err := third.Near(t.Context(), atCampus)
	if err != nil || len(a.Places) != 1 || a.Places[0].ID != before.ID {
		t.Errorf("the same place read anew: %+v, %v; it was %s", a.Places, err, before.ID)
	}
}

// meddler is a context that does something when it is first asked whether it is
// done: in the middle of reading.
type meddler struct {
	context.Context
	meddle func()
}

func (m meddler) Err() error { m.meddle(); return m.Context.Err() }

// TestOpenSeesChange: half of an old file and half of a new one are no file.
func TestOpenSeesChange(t *testing.T) {
	path := filepath.Join(t.TempDir(), "campus.csv")
	write(t, path, campus("Hall", 3))
	ctx := meddler{t.Context(), sync.OnceFunc(func() { write(t, path, campus("Hall", 4)) })}
	if _, _, err := Open(ctx, path, Options{}); err == nil || !strings.Contains(err.Error(), "it changed while it was read") {
		t.Errorf("err = %v", err)
	}
}

// TestOpenRefuses: what is no file, and options that can't be.
func TestOpenRefuses(t *testing.T) {
	folder := t.TempDir()
	if _, _, err := Open(t.Context(), folder, Options{}); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("a folder: %v", err)
	}
	for _, o := range []Options{{Format: "xml"}, {Source: "a:b"}, {Source: "a b"}, {Source: strings.Repeat("x", 200)}} {
		if _, _, err := readTable(t.Context(), "file", strings.NewReader(feature1), o); err == nil {
			t.Errorf("%+v: no error", o)
		}
	}
}

// TestPacked: a table comes back from a packed file, its sources as they were.
func TestPacked(t *testing.T) {
	table, _, err := Open(t.Context(), filepath.Join(testdata, "overture.geojson"), Options{Source: "overture", Date: "2026-11-20"})
	if err != nil {
		t.Fatal(err)
	}
	file, err := dataset.Encode(table)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{string(file), string(zipped(file))} {
		back, report, err := readTable(t.Context(), "x.bin", strings.NewReader(text), Options{Attribution: "not of a packed file"})
		if err != nil {
			t.Fatal(err)
		}
		again, err := dataset.Encode(back)
		if err != nil || string(again) != string(file) {
			t.Errorf("packed again it is another file: %v", err)
		}
		if report.Kept != len(table.Places) || report.Format != Packed {
			t.Errorf("report %+v", report)
		}
	}
	if _, _, err := readTable(t.Context(), "x.bin", strings.NewReader(string(file)), Options{MaxPlaces: 1}); err == nil {
		t.Error("more places than may be: no error")
	}
	if _, _, err := readTable(t.Context(), "x.bin", strings.NewReader(string(file[:len(file)-1])), Options{}); err == nil {
		t.Error("cut: no error")
	}
}
