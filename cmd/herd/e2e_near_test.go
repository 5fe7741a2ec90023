//go:build unix

package main

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
)

// near is who a node says is near, in order.
func (p *process) near(args ...string) []string {
	p.t.Helper()
	var out, errs strings.Builder
	args = append([]string{"near", "--http-addr", p.Ready.HTTP, "--json"}, args...)
	if code := run(p.t.Context(), args, &out, &errs, nil); code != exitDone {
		p.t.Fatalf("%q: exit code %d: %s", args, code, &errs)
	}
	var answer struct{ Clients []struct{ ID string } }
	if err := json.Unmarshal([]byte(out.String()), &answer); err != nil {
		p.t.Fatalf("%q: %v: %s", args, err, &out)
	}
	ids := []string{}
	for _, c := range answer.Clients {
		ids = append(ids, c.ID)
	}
	return ids
}

// Who is near is known to every node, also of clients of others, and follows them.
func TestE2ENear(t *testing.T) {
	herd := startHerd(t, 2)
	here, there := herd[0].session(), herd[1].session()
	report := func(s *session, id, position string) {
		t.Helper()
		f := fixNow(id)
		f.position = position
		if _, err := s.report(f); err != nil {
			t.Fatal(err)
		}
	}
	expect := func(want string, args ...string) {
		t.Helper()
		settle(t, herd) // who was put out of sync may lack something until it is in again
		for _, p := range herd {
			if got := strings.Join(p.near(args...), " "); got != want {
				t.Errorf("%s says %q of %q, want %q", p.spec.name, got, args, want)
			}
		}
	}
	report(here, "kiwi", "+34.068930-118.445127")
	report(there, "emu", "+34.069-118.446")
	report(here, "fiji", "-17+179.5")
	report(there, "taveuni", "-17-179.5")
	expect("emu", "kiwi")
	expect("kiwi emu", "34.06893", "-118.445127")
	expect("fiji taveuni", "-17", "-180", "--radius", "1e5")
	report(there, "kiwi", "-17+180")
	expect("emu", "34.06893", "-118.445127")
	expect("fiji taveuni", "kiwi", "--radius", "1e5")
	expect("kiwi fiji taveuni", "-17,180", "--radius", "1e5")

	var out strings.Builder
	if code := run(context.Background(), []string{"near", "--http-addr", herd[0].Ready.HTTP, "kiwi", "--radius", "1e5", "--geojson"}, &out, &out, nil); code != exitDone ||
		!strings.Contains(out.String(), `"FeatureCollection"`) || !strings.Contains(out.String(), `"taveuni"`) {
		t.Errorf("exit code %d: %s", code, &out)
	}
}
