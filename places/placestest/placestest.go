// Package placestest checks that a places provider keeps its word.
package placestest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"herd/places"
)

// World says what the provider under test knows, for [Test] to ask about. The
// limits of its queries are not used.
type World struct {
	Crowded places.Query   // has at least two places, and the same ones for each ask
	Empty   places.Query   // has none
	More    []places.Query // may have any number: seams, poles, corners of the data
}

// patience is how long a provider may take to see that nobody waits for it.
const patience = 10 * time.Second

// Test asks p what w says and whatever else may go wrong, from many goroutines
// too (run it under the race detector), and returns all that it finds amiss.
func Test(p places.Provider, w World) error {
	s := &suite{provider: p, world: w}
	s.name()
	s.limits()
	s.empty()
	s.more()
	s.same()
	s.canceled()
	s.chained()
	return errors.Join(s.errs...)
}

type suite struct {
	provider places.Provider
	world    World

	mu   sync.Mutex // guards errs
	errs []error
}

func (s *suite) errorf(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.errs = append(s.errs, fmt.Errorf(format, args...))
}

func (s *suite) name() {
	if name := s.provider.Name(); name == "" || name != s.provider.Name() {
		s.errorf("Name: it is empty or changes: %q", name)
	}
}

func (s *suite) limits() {
	for _, limit := range []int{1, 2, 5, places.MaxLimit} {
		q := s.world.Crowded
		q.Limit = limit
		r, ok := s.ask(q)
		if !ok {
			continue
		}
		if got, want := len(r.Results), min(limit, 2); r.Status != "OK" || got < want {
			s.errorf("Near(%+v): status %s, %d results; want OK and at least %d", q, r.Status, got, want)
		}
	}
}

func (s *suite) empty() {
	q := s.world.Empty
	q.Limit = places.MaxLimit
	if r, ok := s.ask(q); ok && (r.Status != "ZERO_RESULTS" || len(r.Results) > 0) {
		s.errorf("Near(%+v), where nothing is: status %s, %d results", q, r.Status, len(r.Results))
	}
}

func (s *suite) more() {
	for _, q := range s.world.More {
		q.Limit = places.MaxLimit
		s.ask(q)
	}
}

// same asks the same at once from many goroutines: one answer for all.
func (s *suite) same() {
	q := s.world.Crowded
	q.Limit = places.MaxLimit
	first, ok := s.ask(q)
	if !ok {
		return
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if again, ok := s.ask(q); ok && !reflect.DeepEqual(first, again) {
				s.errorf("Near(%+v): two answers: %+v and %+v", q, first, again)
			}
		})
	}
	wg.Wait()
}

// canceled asks with a context that is done: an answer or an error, but soon.
func (s *suite) canceled() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		q := s.world.Crowded
		q.Limit = 1
		_, _ = s.provider.Near(ctx, q)
	}()
	select {
	case <-done:
	case <-time.After(patience):
		s.errorf("Near: not back %s after its context was done", patience)
	}
}

// chained asks through a chain: the bytes that a client gets.
func (s *suite) chained() {
	chain := places.New(places.Config{Links: places.Links(s.provider)})
	for _, q := range append([]places.Query{s.world.Crowded, s.world.Empty}, s.world.More...) {
		q.Limit = places.MaxLimit
		body := chain.Near(context.Background(), q)
		if _, err := parse(body); err != nil {
			s.errorf("through a chain, %+v: %w", q, err)
		}
		if bytes.Contains(body, []byte("\n\n")) || bytes.HasSuffix(body, []byte("\n")) {
			s.errorf("through a chain, %+v: an empty line, or a newline at the end: %q", q, body)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := chain.Close(ctx); err != nil {
		s.errorf("close the chain: %w", err)
	}
}

// ask asks the provider and checks what holds for every answer.
func (s *suite) ask(q places.Query) (reply, bool) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	a, err := s.provider.Near(ctx, q)
	if err != nil {
		s.errorf("Near(%+v): %w", q, err)
		return reply{}, false
	}
	body := a.Body
	if body == nil {
		if slices.ContainsFunc(a.Attributions, func(s string) bool { return s == "" }) {
			s.errorf("Near(%+v): an empty attribution", q)
		}
		if len(a.Places) > q.Limit {
			s.errorf("Near(%+v): %d places", q, len(a.Places))
		}
		chain := places.New(places.Config{Links: places.Links(constant{a})})
		body = chain.Near(ctx, q)
	}
	r, err := parse(body)
	if err != nil {
		s.errorf("Near(%+v): %w", q, err)
		return reply{}, false
	}
	if len(r.Results) > q.Limit {
		s.errorf("Near(%+v): %d results", q, len(r.Results))
	}
	seen := make(map[string]bool)
	for _, place := range r.Results {
		if err := place.check(q); err != nil {
			s.errorf("Near(%+v): %w: %+v", q, err, place)
		}
		if seen[place.PlaceID] {
			s.errorf("Near(%+v): %s twice", q, place.PlaceID)
		}
		seen[place.PlaceID] = true
	}
	return r, true
}

// constant gives an answer that there is already.
type constant struct{ answer places.Answer }

func (constant) Name() string { return "constant" }
func (constant) Prompt()      {}

func (c constant) Near(context.Context, places.Query) (places.Answer, error) { return c.answer, nil }

// reply is what every legacy reply has; results is what every result has.
type reply struct {
	HTMLAttributions []string `json:"html_attributions"`
	Results          []result `json:"results"`
	Status           string   `json:"status"`
}

type result struct {
	Name      string   `json:"name"`
	PlaceID   string   `json:"place_id"`
	Reference string   `json:"reference"`
	Types     []string `json:"types"`
	Geometry  struct {
		Location *point `json:"location"`
		Viewport struct {
			Northeast, Southwest *point
		} `json:"viewport"`
	} `json:"geometry"`
}

type point struct{ Lat, Lng *float64 }

func (p *point) ok() bool {
	return p != nil && p.Lat != nil && p.Lng != nil && *p.Lat >= -90 && *p.Lat <= 90 && *p.Lng >= -180 && *p.Lng <= 180
}

// parse reads a successful reply.
func parse(body []byte) (reply, error) {
	var r reply
	if err := json.Unmarshal(body, &r); err != nil {
		return r, fmt.Errorf("not a legacy reply: %w: %q", err, body)
	}
	switch {
	case r.HTMLAttributions == nil:
		return r, errors.New("no html_attributions")
	case r.Results == nil:
		return r, errors.New("no results")
	case r.Status != "OK" && r.Status != "ZERO_RESULTS":
		return r, fmt.Errorf("status %q", r.Status)
	case (r.Status == "OK") != (len(r.Results) > 0):
		return r, fmt.Errorf("status %s with %d results", r.Status, len(r.Results))
	}
	return r, nil
}

func (p *result) check(q places.Query) error {
	g := p.Geometry
	switch {
	case strings.TrimSpace(p.Name) == "":
		return errors.New("no name")
	case p.PlaceID == "":
		return errors.New("no place_id")
	case p.Reference != "" && p.Reference != p.PlaceID:
		return errors.New("the reference is not the place_id")
	case len(p.Types) == 0:
		return errors.New("no types")
	case !g.Location.ok() || !g.Viewport.Northeast.ok() || !g.Viewport.Southwest.ok():
		return errors.New("geometry is missing or off the globe")
	case *g.Viewport.Southwest.Lat > *g.Location.Lat || *g.Location.Lat > *g.Viewport.Northeast.Lat:
		return errors.New("the viewport is not around the place")
	}
	// A hundredth more: an upstream may measure on another figure of the earth.
	if d := q.Distance(*g.Location.Lat, *g.Location.Lng); d > q.Radius*1.01+1 {
		return fmt.Errorf("%.0f m away", d)
	}
	return nil
}
