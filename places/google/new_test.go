package google

import (
	"context"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"herd/places"
)

var update = flag.Bool("update", false, "write the golden files")

const testdata = "../../testdata/places/google/"

func read(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(testdata + name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// constant gives an answer that there is already.
type constant places.Answer

func (constant) Name() string { return "constant" }
func (constant) Prompt()      {}

func (c constant) Near(context.Context, places.Query) (places.Answer, error) {
	return places.Answer(c), nil
}

var campus = places.Query{Latitude: 34.06893, Longitude: -118.445127, Radius: 10_000, Limit: places.MaxLimit}

// written is the answer as a client gets it.
func written(t testing.TB, a places.Answer) string {
	t.Helper()
	chain := places.New(places.Config{Links: places.Links(constant(a))})
	return string(chain.Near(t.Context(), campus)) + "\n"
}

func parsed(t testing.TB, body []byte) string {
	t.Helper()
	a, err := parseNew(body, places.MaxLimit)
	if err != nil {
		t.Fatal(err)
	}
	return written(t, a)
}

// TestNewGolden: each row of the field list, byte for byte.
func TestNewGolden(t *testing.T) {
	files, err := filepath.Glob(testdata + "new/*.txt")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := parsed(t, a.Files[0].Data)
			if *update {
				a.Files[1].Data = []byte(got)
				if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if want := string(a.Files[1].Data); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// TestNewSamples: whole replies, by their bytes and by their meaning.
func TestNewSamples(t *testing.T) {
	got := parsed(t, read(t, "new_ok.json"))
	if *update {
		if err := os.WriteFile(testdata+"new_ok.golden.json", []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want := string(read(t, "new_ok.golden.json")); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	var a, b any
	if err := json.Unmarshal([]byte(got), &a); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(read(t, "new_ok.expected_legacy.json"), &b); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(a, b) {
		t.Errorf("got\n%v\nwant\n%v", a, b)
	}
	if got, want := parsed(t, read(t, "new_zero_results.json")), string(read(t, "legacy_zero_results.json")); got != want {
		t.Errorf("nothing: got\n%s\nwant\n%s", got, want)
	}
}

func TestNewNonsense(t *testing.T) {
	for _, body := range []string{
		``, ` `, `null`, `[]`, `7`, `"OK"`, `{`, `{}}`, `{"places":{}}`, `{"places":[7]}`, `{"places":[{"rating":"good"}]}`,
		`{"places":[{"location":{"latitude":1e999}}]}`, `{"error":{"code":403}}`, `<html>`,
		`{"places":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + `}`,
	} {
		if _, err := parseNew([]byte(body), 20); places.KindOf(err) != places.Unavailable || err == nil {
			t.Errorf("%.60s: %v, want an error", body, err)
		}
	}
}

// FuzzNew: whatever comes is an error or makes a reply.
func FuzzNew(f *testing.F) {
	f.Add(read(f, "new_ok.json"), 5)
	f.Add(read(f, "new_zero_results.json"), 1)
	f.Add(read(f, "new_error_429.json"), 1)
	files, _ := filepath.Glob(testdata + "new/*.txt")
	for _, file := range files {
		a, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(a.Files[0].Data, 20)
	}
	f.Fuzz(func(t *testing.T, body []byte, limit int) {
		if limit < 1 || limit > places.MaxLimit {
			return
		}
		a, err := parseNew(body, limit)
		if err != nil {
			if strings.Contains(err.Error(), "://") {
				t.Errorf("a URL in %v", err)
			}
			return
		}
		var reply struct{ Results []struct{} }
		if err := json.Unmarshal([]byte(written(t, a)), &reply); err != nil || len(reply.Results) > limit {
			t.Errorf("%d results, %v", len(reply.Results), err)
		}
	})
}
