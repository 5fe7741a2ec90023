package placestest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"herd/places"
)

var campus = places.Query{Latitude: 34.06893, Longitude: -118.445127, Radius: 1000}

// honest knows three places around campus, and is spoilt by the tests.
type honest struct{ spoil func(*places.Answer) error }

func (*honest) Name() string { return "honest" }

func (h *honest) Near(_ context.Context, q places.Query) (places.Answer, error) {
	var a places.Answer
	for i := range 3 {
		at := places.Point{Lat: campus.Latitude + float64(i)*0.001, Lng: campus.Longitude}
		if len(a.Places) < q.Limit && q.Distance(at.Lat, at.Lng) <= q.Radius {
			a.Places = append(a.Places, places.Place{
				ID: fmt.Sprint("test:", i), Name: "Place", Types: []string{"cafe"}, Location: at,
				Viewport: places.Viewport{Northeast: at, Southwest: at},
			})
		}
	}
	if h.spoil != nil {
		return a, h.spoil(&a)
	}
	return a, nil
}

// TestSuite sees that the suite passes an honest provider and finds out each way
// of breaking one.
func TestSuite(t *testing.T) {
	world := World{Crowded: campus, Empty: places.Query{Latitude: -20, Longitude: -140, Radius: 5000}, More: []places.Query{{Latitude: 90, Radius: 1}}}
	var calls atomic.Int64
	first := func(a *places.Answer) *places.Place {
		if len(a.Places) == 0 {
			a.Places = make([]places.Place, 1)
		}
		return &a.Places[0]
	}
	tests := []struct {
		name  string
		spoil func(a *places.Answer) error
		want  string
	}{
		{"honest", nil, ""},
		{"fails", func(*places.Answer) error { return errors.New("out of order") }, "out of order"},
		{"gives too many", func(a *places.Answer) error { *a = twice(*a); return nil }, "places"},
		{"repeats itself", func(a *places.Answer) error {
			if len(a.Places) > 1 {
				a.Places[1] = a.Places[0]
			}
			return nil
		}, "twice"},
		{"knows nothing", func(a *places.Answer) error { a.Places = nil; return nil }, "want OK"},
		{"invents", func(a *places.Answer) error { first(a).Name = "Atlantis"; return nil }, "where nothing is"},
		{"has no name", func(a *places.Answer) error { first(a).Name = " "; return nil }, "no name"},
		{"has no ID", func(a *places.Answer) error { first(a).ID = ""; return nil }, "no place_id"},
		{"has no types", func(a *places.Answer) error { first(a).Types = nil; return nil }, "no types"},
		{"is far off", func(a *places.Answer) error {
			first(a).Location.Lat, first(a).Viewport.Northeast.Lat = 35, 35
			return nil
		}, "m away"},
		{"is off the globe", func(a *places.Answer) error { first(a).Location.Lng = 181; return nil }, "off the globe"},
		{"shows another place", func(a *places.Answer) error { first(a).Viewport.Northeast.Lat = 1; return nil }, "not around"},
		{"changes its mind", func(a *places.Answer) error { first(a).Name = fmt.Sprint(calls.Add(1)); return nil }, "two answers"},
		{"has an empty attribution", func(a *places.Answer) error { a.Attributions = []string{""}; return nil }, "empty attribution"},
		{"speaks no JSON", func(a *places.Answer) error { a.Body = []byte("<html>"); return nil }, "not a legacy reply"},
		{"lacks results", func(a *places.Answer) error {
			a.Body = []byte(`{"html_attributions":[],"status":"OK"}`)
			return nil
		}, "no results"},
		{"answers with a failure", func(a *places.Answer) error {
			a.Body = []byte(`{"html_attributions":[],"results":[],"status":"REQUEST_DENIED"}`)
			return nil
		}, "REQUEST_DENIED"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := Test(&honest{tt.spoil}, world)
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("Test = %v, want nil", err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("Test = %v, want an error with %q", err, tt.want)
			}
		})
	}
}

func twice(a places.Answer) places.Answer {
	for _, p := range a.Places {
		p.ID += "'"
		a.Places = append(a.Places, p)
	}
	return a
}
