package geofile

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"herd/places/dataset"
)

var update = flag.Bool("update", false, "write the golden files anew")

const testdata = "../../testdata/places/files"

// TestGolden reads every file of testdata: what came out of it, or why nothing
// did, as a person reads it.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob(testdata + "/*")
	if err != nil || len(files) == 0 {
		t.Fatal("no files", err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, ".golden") {
			continue
		}
		t.Run(filepath.Base(file), func(t *testing.T) {
			table, report, err := Open(t.Context(), file, Options{Date: "2026-11-20"})
			var got strings.Builder
			if err != nil {
				fmt.Fprintln(&got, "error:", err)
			} else {
				fmt.Fprintf(&got, "%s: %s\n", report.Format, report)
				fmt.Fprint(&got, printed(table))
			}
			golden := file + ".golden"
			if *update {
				if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got.String() != string(want) {
				t.Errorf("got\n%s\nwant\n%s", got.String(), want)
			}
		})
	}
}

// printed is a table for people, and for comparison.
func printed(table *dataset.Table) string {
	var b strings.Builder
	for _, s := range table.Sources {
		fmt.Fprintf(&b, "source %s, %q, %s, %s\n", s.Name, s.License, s.Date, s.Attribution)
	}
	for _, p := range table.Places {
		id := p.ID
		if id == "" {
			id = fmt.Sprint(p.Number)
		}
		kind := table.Kinds[p.Kind]
		where := fmt.Sprintf("%q", table.Areas[p.Area])
		if kind.ByTown {
			where += " or by town"
		}
		fmt.Fprintf(&b, "%s:%s %q at %.5f %.5f, %d, in %s: %s\n", table.Sources[kind.Source].Name, id, p.Name,
			float64(p.Lat)/1e5, float64(p.Lng)/1e5, p.Importance, where, strings.Join(kind.Types, " "))
	}
	return b.String()
}
