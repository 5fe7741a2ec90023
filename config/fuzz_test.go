package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Whatever a file holds, Load answers: with a configuration that is valid, or
// with problems that each have a place or a field; never with the environment.
func FuzzLoad(f *testing.F) {
	files, err := filepath.Glob("../testdata/config/*.hcl")
	if err != nil || len(files) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	jsons, _ := filepath.Glob("../testdata/config/*.json")
	for _, name := range append(files, jsons...) {
		src, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(src, filepath.Ext(name) == ".json")
	}
	const canary = "canary-in-a-coal-mine"
	f.Fuzz(func(t *testing.T, src []byte, json bool) {
		name := "fuzz.hcl"
		if json {
			name = "fuzz.json"
		}
		l := newLoader([]string{"CANARY=" + canary, "NODE=Clark"})
		l.decodeFile(src, name)
		l.deriveOrder()
		l.check()
		err := l.errs.orNil()
		if err == nil {
			for _, r := range l.rows {
				if !isTemplate(r) && !r.value.valid() {
					t.Errorf("%s is accepted as %v", r.name, r.value.get())
				}
			}
			return
		}
		var e *Error
		if !errors.As(err, &e) {
			t.Fatalf("got %T", err)
		}
		for _, p := range e.Problems() {
			if p.File != name && !strings.HasPrefix(p.Summary, "Invalid value for ") || p.File == name && p.Line == 0 {
				t.Errorf("a problem without a place: %+v", p)
			}
		}
		var b strings.Builder
		if err := e.Render(&b, 78, false); err != nil {
			t.Error(err)
		}
		if strings.Contains(b.String(), canary) && !strings.Contains(string(src), canary) {
			t.Errorf("the environment is shown:\n%s", b.String())
		}
	})
}
