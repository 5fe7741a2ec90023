package dataset

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"googlemaps.github.io/maps"
	"pgregory.net/rapid"

	"herd/places"
)

var update = flag.Bool("update", false, "write the golden files")

// spots are where the golden files are from: a large campus, a city of each of
// four kinds, a lonely town, and nowhere.
var spots = []struct {
	name  string
	query places.Query
}{
	{"ucla", campus},
	{"paris", places.Query{Latitude: 48.8566, Longitude: 2.3522, Radius: 10_000, Limit: 5}},
	{"tokyo", places.Query{Latitude: 35.6895, Longitude: 139.6917, Radius: 10_000, Limit: 5}},
	{"lagos", places.Query{Latitude: 6.4541, Longitude: 3.3947, Radius: 10_000, Limit: 5}},
	{"marfa", places.Query{Latitude: 30.3095, Longitude: -104.0206, Radius: 50_000, Limit: 5}},
	{"ocean", ocean},
}

// TestGolden is whole replies, byte for byte, in both orders.
func TestGolden(t *testing.T) {
	for _, p := range []*Provider{embedded(), byDistance()} {
		chain := places.New(places.Config{Links: places.Links(p)})
		for _, spot := range spots {
			file := "../../testdata/places/" + spot.name + "-" + rankName(p.rank) + ".json"
			got := append(chain.Near(t.Context(), spot.query), '\n')
			if *update {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != string(want) {
				t.Errorf("%s: got\n%s\nwant\n%s", file, got, want)
			}
		}
	}
}

// answered is a provider that only answers, and has the chain write the reply.
type answered struct{ *Set }

func (answered) Name() string { return "answered" }
func (answered) Prompt()      {}

func (a answered) Near(_ context.Context, q places.Query) (places.Answer, error) {
	return a.Set.Near(q, Distance), nil
}

// failing is a provider that fails, so that the next one's reply says so.
type failing struct{ answered }

func (failing) Near(context.Context, places.Query) (places.Answer, error) {
	return places.Answer{}, errors.New("out of order")
}

// TestReplies: what a set writes itself is what a chain writes of its answers.
func TestReplies(t *testing.T) {
	set, err := embedded().Set()
	if err != nil {
		t.Fatal(err)
	}
	quick, slow := byDistance(), answered{set}
	chains := [][2]*places.Chain{
		{places.New(places.Config{Links: places.Links(quick)}), places.New(places.Config{Links: places.Links(slow)})},
		{places.New(places.Config{Links: places.Links(failing{}, quick)}), places.New(places.Config{Links: places.Links(failing{}, slow)})},
	}
	rapid.Check(t, func(t *rapid.T) {
		lat, lng := set.degrees(rapid.Uint32Range(0, uint32(set.Len()-1)).Draw(t, "row"))
		q := places.Query{
			Latitude: lat, Longitude: lng, Radius: rapid.Float64Range(0, places.MaxRadius).Draw(t, "radius"),
			Limit: rapid.IntRange(0, places.MaxLimit).Draw(t, "limit"),
		}
		for _, c := range chains {
			got, ok := c[0].AppendPrompt(nil, q)
			want := strings.ReplaceAll(string(c[1].Near(t.Context(), q)), "is from answered", "is from embedded")
			if !ok || string(got) != want {
				t.Fatalf("%+v: got\n%s\nwant\n%s", q, got, want)
			}
		}
	})
}

// canned answers every request with one body.
type canned []byte

func (c canned) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(bytes.NewReader(c)), Request: r}, nil
}

// TestMapsClient: Google's own client for Go reads the replies and loses nothing
// that it has a field for. It has none for reference, scope and info_messages.
func TestMapsClient(t *testing.T) {
	for _, spot := range spots {
		a, err := embedded().Near(t.Context(), spot.query)
		if err != nil {
			t.Fatal(err)
		}
		chain := places.New(places.Config{Links: places.Links(embedded())})
		body := chain.Near(t.Context(), spot.query)
		client, err := maps.NewClient(maps.WithAPIKey("AIza"), maps.WithHTTPClient(&http.Client{Transport: canned(body)}))
		if err != nil {
			t.Fatal(err)
		}
		r, err := client.NearbySearch(t.Context(), &maps.NearbySearchRequest{
			Location: &maps.LatLng{Lat: spot.query.Latitude, Lng: spot.query.Longitude}, Radius: uint(spot.query.Radius),
		})
		if err != nil {
			t.Errorf("%s: %v", spot.name, err)
			continue
		}
		if !slices.Equal(r.HTMLAttributions, a.Attributions) || len(r.Results) != len(a.Places) || r.NextPageToken != "" {
			t.Errorf("%s: got %+v, want %+v", spot.name, r, a)
			continue
		}
		for i, got := range r.Results {
			p := a.Places[i]
			want := maps.PlacesSearchResult{PlaceID: p.ID, Name: p.Name, Types: p.Types, Vicinity: p.Vicinity}
			want.Geometry.Location = maps.LatLng(p.Location)
			want.Geometry.Viewport.NorthEast = maps.LatLng(p.Viewport.Northeast)
			want.Geometry.Viewport.SouthWest = maps.LatLng(p.Viewport.Southwest)
			if g, w := mustJSON(t, got), mustJSON(t, want); g != w {
				t.Errorf("%s: got %s, want %s", spot.name, g, w)
			}
		}

		// The struct alone has no tag for the attributions.
		var bare maps.PlacesSearchResponse
		if err := json.Unmarshal(body, &bare); err != nil || len(bare.Results) != len(a.Places) {
			t.Errorf("%s: the bare struct: %v, %d results of %d", spot.name, err, len(bare.Results), len(a.Places))
		}
	}
}

func mustJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestEmbeddedAnswers: what a person would expect, all over the world. Large
// places come first, and the quarters around are not drowned by those at the rim.
func TestEmbeddedAnswers(t *testing.T) {
	const california = " | California, United States"
	tests := []struct {
		where    string
		lat, lng float64
		km       float64
		rank     Rank
		want     []string // the first
	}{
		{"UCLA", 34.068930, -118.445127, 10, Prominence, []string{
			"Beverly Hills" + california, "Santa Monica" + california, "Culver City" + california, "Century City" + california,
		}},
		{"UCLA", 34.068930, -118.445127, 10, Distance, []string{
			"Westwood" + california, "Century City" + california, "Beverly Hills" + california,
			"Santa Monica Municipal Airport | Santa Monica, California, United States",
		}},
		{"UCLA", 34.068930, -118.445127, 50, Prominence, []string{"Los Angeles" + california, "Hollywood" + california, "Santa Monica" + california}},
		{"LAX", 33.94, -118.41, 5, Prominence, []string{"Los Angeles International Airport | El Segundo, California, United States"}},
		{"Paris", 48.8566, 2.3522, 10, Prominence, []string{"Paris | Île-de-France, France", "Ivry-sur-Seine | Île-de-France, France"}},
		{"Paris", 48.8566, 2.3522, 50, Prominence, []string{"Paris | Île-de-France, France"}},
		{"Lagos", 6.4541, 3.3947, 10, Prominence, []string{"Lagos | Lagos, Nigeria", "Makoko | Lagos, Nigeria", "Lagos Island | Lagos, Nigeria"}},
		{"Lagos", 6.4541, 3.3947, 10, Distance, []string{"Lagos | Lagos, Nigeria", "Lagos Island | Lagos, Nigeria"}},
		{"Tokyo", 35.6895, 139.6917, 10, Prominence, []string{"Tokyo | Tokyo, Japan", "Nakano | Tokyo, Japan"}},
		{"Tokyo", 35.6895, 139.6917, 50, Prominence, []string{"Tokyo | Tokyo, Japan", "Yokohama | Kanagawa, Japan"}},
		{"Times Square", 40.758, -73.9855, 10, Prominence, []string{
			"New York City | New York, United States", "Manhattan | New York, United States", "Hell's Kitchen | New York, United States",
		}},
		{"Marfa", 30.3095, -104.0206, 10, Prominence, []string{"Marfa | Texas, United States"}},
		{"Marfa", 30.3095, -104.0206, 50, Prominence, []string{"Marfa | Texas, United States", "Alpine | Texas, United States"}},
		{"Marfa", 30.3095, -104.0206, 50, Distance, []string{
			"Marfa | Texas, United States", "Fort Davis | Texas, United States", "Alpine | Texas, United States",
		}},
		{"the south pole", -90, 77, 50, Prominence, []string{"South Pole Station Airport | Antarctica"}},
		{"an ocean", -20, -140, 50, Prominence, nil},
	}
	set, err := embedded().Set()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range tests {
		q := places.Query{Latitude: tt.lat, Longitude: tt.lng, Radius: tt.km * 1000, Limit: places.MaxLimit}
		var got []string
		for _, p := range set.Near(q, tt.rank).Places {
			got = append(got, p.Name+" | "+p.Vicinity)
		}
		if len(got) < len(tt.want) || !slices.Equal(got[:len(tt.want)], tt.want) || tt.want == nil && got != nil {
			t.Errorf("%s, %v km: got\n%s\nwant first\n%s", tt.where, tt.km, strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
		}
	}
}
