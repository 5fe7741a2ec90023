package geofile

import (
	"context"
	"flag"
	"fmt"
	"io"
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
	t.Chdir(testdata) // messages name a file as it was given
	files, err := filepath.Glob("*")
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

// readTable is Open for what is no file.
func readTable(ctx context.Context, name string, in io.Reader, o Options) (*dataset.Table, *Report, error) {
	r, err := read(ctx, name, in, o)
	if err != nil {
		return nil, r.result(), err
	}
	return r.table(), r.report, nil
}

func mustRead(t *testing.T, text string, o Options) (*dataset.Table, *Report) {
	t.Helper()
	table, report, err := readTable(t.Context(), "file", strings.NewReader(text), o)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return table, report
}

// TestAliases: of several names for one thing the better one counts, wherever it
// stands, unless it is empty.
func TestAliases(t *testing.T) {
	for text, want := range map[string]string{
		"title,name,lat,y,lon,x,id,osm_id\nTitle,Name,1,2,3,4,5,6\n":                                                                                       "5 Name 1 3",
		"name,title,y,lat,x,lon,osm_id,id\nName,Title,2,1,4,3,6,5\n":                                                                                       "5 Name 1 3",
		"NAME,Title,Latitude,LONG,Place ID\n,Title,1,3,5\n":                                                                                                "5 Title 1 3",
		`{"type":"Feature","id":9,"geometry":{"type":"Point","coordinates":[3,1]},"properties":{"title":"Title","name":"Name","id":5}}`:                    "5 Name 1 3",
		`{"properties":{"id":"5","label":"Label","names":{"primary":"Name"}},"id":9,"type":"Feature","geometry":{"type":"Point","coordinates":[3,1]}}`:     "5 Name 1 3",
		`{"type":"Feature","id":9,"geometry":{"coordinates":[3,1],"type":"Point"},"properties":{"name":null,"Title":"Title","names":"{not JSON","id":""}}`: "9 Title 1 3",
		`{"type":"Feature","geometry":{"type":"Point","coordinates":[3,1]},"properties":{"name":"{Name}","id":5}}`:                                         "5 {Name} 1 3",
	} {
		table, _ := mustRead(t, text, Options{})
		p := table.Places[0]
		if got := fmt.Sprintf("%s%d %s %v %v", p.ID, p.Number, p.Name, float64(p.Lat)/1e5, float64(p.Lng)/1e5); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}

// TestWords: words of a stranger's own don't fill the table of kinds, and a
// region is kept once.
func TestWords(t *testing.T) {
	var text strings.Builder
	text.WriteString("id,name,lat,lon,type,region\n")
	const n = maxKinds + 100
	for i := range n {
		fmt.Fprintf(&text, "%d,Place,1,2,word_%d,Region\n", i, i)
	}
	table, _ := mustRead(t, text.String(), Options{})
	if len(table.Places) != n || len(table.Kinds) != maxKinds+1 || len(table.Areas) != 1 {
		t.Errorf("%d places, %d kinds, %d areas", len(table.Places), len(table.Kinds), len(table.Areas))
	}
	if _, err := dataset.NewSet(table); err != nil {
		t.Error(err)
	}
}

// TestWhere: a report tells the line and the byte of what it drops, whatever came
// before.
func TestWhere(t *testing.T) {
	const feature = `{"type":"Feature","geometry":{"type":"Point","coordinates":[1,2]},"properties":{"name":"A"}}`
	long := strings.Repeat(" ", 3*maxRecord+10) + "x"
	for _, text := range []string{
		feature + "\n" + long + "\n\nbad\n",
		"\x1e" + feature + "\n\x1e" + long + "\n\n\x1ebad\n",
		`{"type":"FeatureCollection","features":[` + "\n" + feature + ",\n[" + long[1:] + "],\n" + `{"type":"bad"}]}`,
		"name\tlat\tlon\nA\t1\t2\n\n" + long + "\nbad\n",
		bom + "name,lat,lon\n\"A\nB\",1,2\n\nbad\n",
	} {
		_, report := mustRead(t, text, Options{})
		at := report.Dropped[len(report.Dropped)-1].First
		for _, tally := range report.Dropped {
			if tally.First.Line > at.Line {
				at = tally.First
			}
		}
		want := strings.Index(text, "bad")
		if i := strings.Index(text, `{"type":"bad"`); i >= 0 {
			want = i
		}
		line := 1 + strings.Count(text[:want], "\n")
		// encoding/csv counts the lines that it skips to those that follow.
		if at.Line != line || at.Byte != int64(want) && at.Byte != int64(want-1) {
			t.Errorf("%.50q…: line %d, byte %d, want %d and %d", text, at.Line, at.Byte, line, want)
		}
	}
}
