package google

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"herd/places"
	"herd/places/google/fakegoogle"
)

// soon is a deadline for what must not end by itself.
const soon = 50 * time.Millisecond

// fault is a way to go wrong and what must come of it.
type fault struct {
	fakegoogle.Fault
	kind  places.Kind
	again bool
	hangs bool // only the deadline ends it
}

func faults(other *fakegoogle.Server) []fault {
	return []fault{
		{fakegoogle.Slow(time.Hour), places.TimedOut, false, true},
		{fakegoogle.Hung(), places.TimedOut, false, true},
		{fakegoogle.Trickle(), places.TimedOut, false, true},
		{fakegoogle.NeverClosing(), places.TimedOut, false, true},
		{fakegoogle.Huge(), places.Unavailable, false, false},
		{fakegoogle.Cut(), places.Unavailable, true, false},
		{fakegoogle.Reset(), places.Unavailable, true, false},
		{fakegoogle.Malformed(), places.Unavailable, false, false},
		{fakegoogle.HTML(), places.Unavailable, false, false},
		{fakegoogle.Echo(), places.Unavailable, false, false},
		{fakegoogle.Redirect(other.URL), places.Unavailable, false, false},
		{fakegoogle.Status(500, ""), places.Unavailable, true, false},
		{fakegoogle.Status(503, "9"), places.Unavailable, true, false},
		{fakegoogle.Status(504, ""), places.TimedOut, true, false},
		{fakegoogle.Status(429, "9"), places.Limited, false, false},
		{fakegoogle.Status(403, ""), places.Denied, false, false},
		{fakegoogle.Status(400, ""), places.Invalid, false, false},
		{fakegoogle.Status(404, ""), places.Unavailable, false, false},
	}
}

// check looks at the error of a faulty call.
func (f fault) check(err error) error {
	var e *places.Error
	switch {
	case !errors.As(err, &e):
		return fmt.Errorf("%v: got %v, want a *places.Error", f, err)
	case e.Kind != f.kind || e.Again != f.again:
		return fmt.Errorf("%v: got %w (again %t), want %v (again %t)", f, err, e.Again, f.kind, f.again)
	}
	return discreet(err)
}

// discreet sees that neither the error nor anything in it tells the key or a URL.
func discreet(err error) error {
	if text := Explain(err); strings.Contains(text, canary) || strings.Contains(text, "://") || text == "" {
		return fmt.Errorf("explained as %q", text)
	}
	for e := err; e != nil; e = errors.Unwrap(e) {
		if text := fmt.Sprintf("%v %+v %#v", e, e, e); strings.Contains(text, "canary") || strings.Contains(text, "://") {
			return fmt.Errorf("the error tells too much: %s", text)
		}
	}
	return nil
}

// near asks with so long a deadline as the fault needs.
func (f fault) near(ctx context.Context, p *Provider) error {
	deadline := time.Minute
	if f.hangs {
		deadline = soon
	}
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	_, err := p.Near(ctx, campus)
	return err
}

func TestFaults(t *testing.T) {
	other := start(t, fakegoogle.Options{})
	for _, secure := range []bool{false, true} {
		for _, api := range []string{"new", "legacy"} {
			s := start(t, fakegoogle.Options{TLS: secure})
			p := provider(t, s, Config{API: api})
			for _, f := range faults(other) {
				t.Run(fmt.Sprintf("TLS %t/%s/%v", secure, api, f), func(t *testing.T) {
					s.SetFault(f.Fault)
					before := s.Calls("")
					if err := f.check(f.near(t.Context(), p)); err != nil {
						t.Error(err)
					}
					if n := s.Calls("") - before; n > 1 || n == 0 && !f.hangs { // it may not get there in time
						t.Errorf("%d calls", n)
					}
					s.SetFault()
					if _, err := p.Near(t.Context(), campus); err != nil {
						t.Errorf("and then: %v", err)
					}
				})
			}
		}
	}
	if n := other.Calls(""); n != 0 {
		t.Errorf("redirects took %d calls elsewhere", n)
	}
}

func TestBadTLS(t *testing.T) {
	s := start(t, fakegoogle.Options{TLS: true})
	p := provider(t, s, Config{})
	for range 2 {
		if _, err := p.Near(t.Context(), campus); err != nil {
			t.Fatal(err)
		}
		p.CloseIdle()
		s.SetFault(fakegoogle.BadTLS())
		_, err := p.Near(t.Context(), campus)
		if err := (fault{fakegoogle.BadTLS(), places.Unavailable, false, false}).check(err); err != nil {
			t.Error(err)
		}
		if text := Explain(err); !strings.Contains(text, "certificate authorities") {
			t.Errorf("explained as %q", text)
		}
		s.SetFault()
	}
}

// TestUnreached explains what is no refusal.
func TestUnreached(t *testing.T) {
	s := start(t, fakegoogle.Options{})
	p := provider(t, s, Config{})
	s.Close()
	_, err := p.Near(t.Context(), campus)
	if err := (fault{fakegoogle.Fault{}, places.Unavailable, true, false}).check(err); err != nil {
		t.Error(err)
	}
	if text := Explain(err); !strings.Contains(text, "No connection came about") || !strings.Contains(text, "refused") {
		t.Errorf("explained as %q", text)
	}
	if text := Explain(nil); text != "" {
		t.Errorf("no error explained as %q", text)
	}
}

// TestRefusals: every way to say no is understood and explained.
func TestRefusals(t *testing.T) {
	s := start(t, fakegoogle.Options{})
	byAPI := map[string]*Provider{"new": provider(t, s, Config{API: "new"}), "legacy": provider(t, s, Config{API: "legacy"})}
	for _, f := range fakegoogle.Refusals() {
		refused := 0
		for _, p := range byAPI {
			s.SetFault(f)
			_, err := p.Near(t.Context(), campus)
			if err == nil {
				continue
			}
			refused++
			var r *refusal
			if !errors.As(err, &r) {
				t.Errorf("%v: %v", f, err)
			}
			if err := discreet(err); err != nil {
				t.Errorf("%v: %v", f, err)
			}
		}
		if refused != 1 {
			t.Errorf("%v: %d APIs refused", f, refused)
		}
	}
}

// TestNothingGrows: a thousand faults and more leave no goroutine behind.
func TestNothingGrows(t *testing.T) {
	before := goleak.IgnoreCurrent()
	other := start(t, fakegoogle.Options{})
	s := start(t, fakegoogle.Options{Tick: time.Millisecond})
	p := provider(t, s, Config{})
	list := faults(other)
	for i := range 60 * len(list) {
		f := list[i%len(list)]
		if f.String() == "huge" && i > len(list) { // it is heavy
			continue
		}
		s.SetFault(f.Fault)
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond) // may be too short for any answer
		_, err := p.Near(ctx, campus)
		cancel()
		if err == nil {
			t.Fatalf("%v: no error", f)
		}
		if err := discreet(err); err != nil {
			t.Fatal(err)
		}
	}
	s.SetFault()
	if _, err := p.Near(t.Context(), campus); err != nil {
		t.Fatal(err)
	}
	p.CloseIdle()
	s.Close()
	other.Close()
	goleak.VerifyNone(t, before)
}
