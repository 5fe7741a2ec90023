package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"herd/places/google/fakegoogle"
	"herd/places/overpass/fakeoverpass"
)

// placesCanary is a key that must be in no output.
const placesCanary = "canary-in-a-coal-mine"

func fakeGoogle(t *testing.T, o fakegoogle.Options) *fakegoogle.Server {
	t.Helper()
	s, err := fakegoogle.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// check runs herd places check with a key and returns what it prints.
func check(t *testing.T, want int, args ...string) (out, errs string) {
	t.Helper()
	f := newFakeApp(fine)
	f.environ = []string{"HERD_NAME=Clark", "HERD_PLACES_GOOGLE_KEY=" + placesCanary}
	code := f.run(t.Context(), append([]string{"places", "check"}, args...))
	out, errs = f.out.String(), f.err.String()
	if code != want {
		t.Errorf("exit code %d, want %d\n%s%s", code, want, out, errs)
	}
	if strings.Contains(out+errs, placesCanary) {
		t.Errorf("the key is in the output:\n%s%s", out, errs)
	}
	return out, errs
}

// line finds the line of an output that begins with a word.
func line(t *testing.T, out, word string) string {
	t.Helper()
	for l := range strings.Lines(out) {
		if strings.HasPrefix(l, word+" ") {
			return l
		}
	}
	t.Fatalf("no line about %s in:\n%s", word, out)
	return ""
}

func TestPlacesCheckGoogle(t *testing.T) {
	s := fakeGoogle(t, fakegoogle.Options{Key: placesCanary})
	file := filepath.Join(t.TempDir(), "next.csv")
	write(t, file, "name,lat,lon\nLibrary,34.0689,-118.4452\n")
	for _, c := range []struct {
		name   string
		faults []fakegoogle.Fault
		flags  []string
		code   int
		calls  int
		first  string   // in the line of the result
		below  []string // in what follows
	}{
		{"well", nil, nil, exitDone, 1, "ok     1 place in ", []string{"    The Places API (New) answers. Google bills such a call as Nearby Search Pro."}},
		{"enterprise", nil, []string{"--places-google-fields", "enterprise"}, exitDone, 1, "ok ", []string{"Nearby Search Enterprise."}},
		{"legacy", nil, []string{"--places-google-api", "legacy"}, exitDone, 1, "ok     1 place in ", []string{"The legacy Places API answers.", "Nearby Search (legacy)"}},
		{
			"over to legacy",
			[]fakegoogle.Fault{fakegoogle.ServiceDisabled()},
			nil, exitDone, 2,
			"ok     1 place in ",
			[]string{"so the legacy one was asked: two calls.", "The legacy Places API answers."},
		},
		{
			"no way over",
			[]fakegoogle.Fault{fakegoogle.ServiceDisabled()},
			[]string{"--places-google-api", "new"},
			exitFailed, 1,
			"fails  denied after ",
			[]string{"is not enabled", "project 123456789012"},
		},
		{
			"neither",
			[]fakegoogle.Fault{fakegoogle.ServiceDisabled(), fakegoogle.LegacyNotEnabled()},
			nil, exitFailed, 2,
			"fails  denied after ",
			[]string{"    The Places API (New) is not enabled", "    The legacy API was asked too."},
		},
		{"bad key", []fakegoogle.Fault{fakegoogle.BadKey()}, nil, exitFailed, 1, "fails  denied after ", []string{"    Google does not know this API key", "    Google's words: API key not valid."}},
		{"referrer", []fakegoogle.Fault{fakegoogle.ReferrerBlocked()}, nil, exitFailed, 1, "fails  denied after ", []string{"restricted to websites"}},
		{"billing", []fakegoogle.Fault{fakegoogle.BillingDisabled()}, nil, exitFailed, 1, "fails  denied after ", []string{"no billing account"}},
		{"quota", []fakegoogle.Fault{fakegoogle.RateLimited()}, nil, exitFailed, 1, "fails  limited after ", []string{"The quota is used up"}},
		{"trouble", []fakegoogle.Fault{fakegoogle.Status(503, "")}, nil, exitFailed, 1, "fails  unavailable after ", []string{"trouble of its own"}},
		{"hung", []fakegoogle.Fault{fakegoogle.Hung()}, []string{"--places-google-timeout", "1s"}, exitFailed, 1, "fails  timed_out after ", []string{"No answer came in time"}},
		{"echo", []fakegoogle.Fault{fakegoogle.Echo()}, nil, exitFailed, 1, "fails  unavailable after ", []string{"repeats the key"}},
		{"elsewhere", []fakegoogle.Fault{fakegoogle.Redirect("http://127.0.0.2:1")}, []string{"--places-google-api", "legacy"}, exitFailed, 1, "fails ", []string{"redirects elsewhere"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s.SetFault(c.faults...)
			before := s.Calls("")
			args := append([]string{"--places-order", "google," + file, "--places-google-base-url", s.URL}, c.flags...)
			out, errs := check(t, c.code, args...)
			if got := s.Calls("") - before; got != c.calls {
				t.Errorf("%d calls, want %d", got, c.calls)
			}
			if got := line(t, out, "google"); !strings.HasPrefix(got, "google     "+c.first) {
				t.Errorf("got %q, want %q in it", got, c.first)
			}
			for _, want := range c.below {
				if !strings.Contains(out, want) {
					t.Errorf("no %q in:\n%s", want, out)
				}
			}
			if got := line(t, out, "file.next"); !strings.HasPrefix(got, "file.next  ok     1 place in ") {
				t.Errorf("got %q, whatever became of the first", got)
			}
			if errs != "Google is asked: a call may be billed.\n" {
				t.Errorf("standard error has %q", errs)
			}
		})
	}
}

func TestPlacesCheckOverpass(t *testing.T) {
	s, err := fakeoverpass.Start(fakeoverpass.Element{
		Type: "node", ID: 1, Lat: 48.8567, Lon: 2.3523, Tags: map[string]string{"name": "Café", "amenity": "cafe"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	args := []string{"--places-order", "overpass", "--places-overpass-base-url", s.URL(), "--at"}
	out, errs := check(t, exitDone, append(args, "48.8566,2.3522")...)
	if !strings.HasPrefix(out, "overpass  ok     1 place in ") || errs != "" {
		t.Errorf("got %q and %q", out, errs)
	}
	out, _ = check(t, exitDone, append(args, "-48.8566,2.3522")...)
	if !strings.HasPrefix(out, "overpass  ok     nothing within 1 km, in ") {
		t.Errorf("got %q", out)
	}
	s.Fail(fakeoverpass.Limited)
	out, _ = check(t, exitFailed, append(args, "48.8566,2.3522")...)
	if !strings.HasPrefix(out, "overpass  fails  limited after ") || !strings.Contains(out, "\n    limited: ") || !strings.Contains(out, "rate_limited") {
		t.Errorf("got %q", out)
	}
}

func TestPlacesCheckFiles(t *testing.T) {
	dir := t.TempDir()
	config := filepath.Join(dir, "herd.hcl")
	good := filepath.Join(dir, "good.csv")
	write(t, good, "id,name,lat,lon\n1,Library,34.0689,-118.4452\n2,,1,1\n")
	write(t, config, `
places "google" { enabled = false }
places "file" "good" { path = "`+good+`" }
places "file" "gone" { path = "`+filepath.Join(dir, "gone.csv")+`" }
`)
	out, errs := check(t, exitFailed, "--config", config)
	for name, want := range map[string]string{
		"google":    "google     off    enabled = false\n",
		"file.good": "file.good  ok     1 place in ",
		"file.gone": "file.gone  fails  unavailable after ",
	} {
		if got := line(t, out, name); !strings.HasPrefix(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	for _, want := range []string{
		"    " + good + " (csv): 1 place\n      dropped 1 without a name, first at line 3\n",
		"gone.csv: no such file or directory\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
	if errs != "" {
		t.Errorf("standard error has %q", errs)
	}

	out, _ = check(t, exitFailed, "--config", config, "--json")
	var all []checked
	if err := json.Unmarshal([]byte(out), &all); err != nil || len(all) != 3 {
		t.Fatalf("%v: %s", err, out)
	}
	if r := all[1]; r.Result != "ok" || r.Places != 1 || r.Report == nil || r.Report.Kept != 1 || len(r.Report.Dropped) != 1 || r.Report.Dropped[0].Line != 3 {
		t.Errorf("got %+v", r)
	}
}

// A chain without a provider answers nobody.
func TestPlacesCheckAllOff(t *testing.T) {
	out, errs := check(t, exitFailed, "--places-order", "google", "--places-google-enabled=false")
	if out != "google  off    enabled = false\n" || !strings.Contains(errs, "every provider is off") {
		t.Errorf("got %q and %q", out, errs)
	}
}

// JSON says the same, and of Google what it says of a key.
func TestPlacesCheckJSON(t *testing.T) {
	s := fakeGoogle(t, fakegoogle.Options{Key: placesCanary})
	s.SetFault(fakegoogle.ServiceDisabled(), fakegoogle.LegacyReferrerBlocked())
	out, _ := check(t, exitFailed, "--places-order", "google", "--places-google-base-url", s.URL, "--json")
	var all []checked
	if err := json.Unmarshal([]byte(out), &all); err != nil || len(all) != 1 {
		t.Fatalf("%v: %s", err, out)
	}
	if r := all[0]; r.Result != "fails" || r.Failure != "denied" || r.Calls != 2 || !strings.Contains(r.Explanation, "restricted to websites") || !strings.Contains(r.Error, "SERVICE_DISABLED") {
		t.Errorf("got %+v", r)
	}
}

// Whoever gives up waits no longer, and is not told that the provider fails.
func TestPlacesCheckInterrupted(t *testing.T) {
	s := fakeGoogle(t, fakegoogle.Options{})
	s.SetFault(fakegoogle.Hung())
	ctx, stop := context.WithCancel(t.Context())
	f := newFakeApp(fine)
	f.environ = []string{"HERD_PLACES_GOOGLE_KEY=" + placesCanary}
	code := f.start(ctx, "places", "check", "--name", "Clark", "--places-order", "google", "--places-google-base-url", s.URL, "--places-google-timeout", "1m")
	for range ticks(t.Context(), 0) {
		if s.Calls("") > 0 {
			break
		}
	}
	stop()
	if c := <-code; c != exitInterrupted || f.out.String() != "" {
		t.Errorf("got exit code %d and %q", c, &f.out)
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
