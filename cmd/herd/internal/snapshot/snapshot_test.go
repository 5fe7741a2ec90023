package snapshot

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"
)

var at = time.Date(2026, 11, 26, 12, 0, 0, 5, time.UTC)

// some are clients of every kind.
func some() []Record {
	return []Record{
		{ID: "kiwi.cs.ucla.edu", Position: "+34.068930-118.445127", Time: "1621464827.959498503", Received: at, Node: "Clark"},
		{ID: "\xff\xfe", IDBytes: []byte("\xff\xfe"), Position: "+1-2", Time: "0", Received: at, Node: "<Bona & Sons>"},
		{ID: `"quoted",]}`, Position: "-00.50+179.99999", Time: "1621464827", Received: at, Node: "Clark"},
		{ID: strings.Repeat("x", 255), Position: "+0-0", Time: "9223372036.854775807", Received: at, Node: "Jaquez"},
	}
}

func write(t *testing.T, f Format, all []Record) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := NewWriter(&b, f, Header{Saved: at, Node: "Clark"})
	if err != nil {
		t.Fatal(err)
	}
	for i := range all {
		if err := w.Write(&all[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.End(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// read returns the clients, and what is wrong.
func read(text []byte) (all []Record, sum Summary, err error) {
	r, err := NewReader(bytes.NewReader(text))
	if err != nil {
		return nil, sum, err
	}
	sum.Header = r.Header
	for {
		c, err := r.Next()
		if err == nil {
			all = append(all, c)
		}
		if !sum.Add(&c, err) {
			return all, sum, nil
		}
	}
}

func TestRoundTrip(t *testing.T) {
	for _, f := range []Format{NDJSON, GeoJSON} {
		for _, want := range [][]Record{some(), nil} {
			got, sum, err := read(write(t, f, want))
			for i := range got {
				if got[i].IDBytes == nil && want[i].IDBytes != nil {
					t.Errorf("%s: %q has lost its bytes", f, want[i].ID)
				}
			}
			if err != nil || !reflect.DeepEqual(got, want) || !sum.Whole || sum.Damaged != 0 {
				t.Errorf("%s: got %+v, %+v, error %v", f, got, sum, err)
			}
			if sum.Header.Node != "Clark" || !sum.Header.Saved.Equal(at) || sum.Clients != len(want) {
				t.Errorf("%s: header is %+v, %d clients", f, sum.Header, sum.Clients)
			}
		}
	}
}

func TestSummary(t *testing.T) {
	_, sum, err := read(write(t, NDJSON, some()))
	if err != nil {
		t.Fatal(err)
	}
	if *sum.Area != (Area{-118.445127, -0.5, 179.99999, 34.06893}) || sum.Nodes["Clark"] != 2 || len(sum.Nodes) != 3 ||
		sum.Oldest.Unix() != 0 || sum.Newest.Year() != 2262 {
		t.Errorf("got %+v, area %+v", sum, *sum.Area)
	}
}

// A file that was cut anywhere is not whole, and has no client that was not there.
func TestCut(t *testing.T) {
	for _, f := range []Format{NDJSON, GeoJSON} {
		text := write(t, f, some())
		for n := range len(text) - 1 { // the last line feed is nothing
			got, sum, err := read(text[:n])
			if err == nil && sum.Whole {
				t.Errorf("%s: whole when cut at %d", f, n)
			}
			for i := range got {
				if !reflect.DeepEqual(got[i], some()[i]) {
					t.Fatalf("%s: cut at %d there is %+v", f, n, got[i])
				}
			}
		}
	}
}

// A line that is damaged is named, and those around it are read.
func TestDamaged(t *testing.T) {
	const good = `{"id":"a","position":"+1-2","time":"1"}`
	for bad, want := range map[string]string{
		`{"id":"b","position":"+1-2"`:                         "line 3: unexpected end",
		`{"position":"+1-2","time":"1"}`:                      "line 3: it has no id",
		`{"id":"b","time":"1"}`:                               "line 3: it has no position",
		`{"id":"b","position":"+1-2"}`:                        "line 3: it has no time",
		`{"id":"b c","position":"+1-2","time":"1"}`:           "line 3: its id \"b c\" has white space",
		`{"id":"b","position":"+91-2","time":"1"}`:            `line 3: position "+91-2"`,
		`{"id":"b","position":"+1-2","time":"noon"}`:          `line 3: time "noon"`,
		`{"id":7,"position":"+1-2","time":"1"}`:               "line 3: json",
		strings.Repeat("x", MaxLine+1):                        "line 3: it is longer than",
		`{"id":"` + strings.Repeat("x", 256) + `"}`:           "line 3: its id has 256 bytes",
		`{"id":"b","position":"+1-2","time":"1"},`:            "line 3: invalid character",
		`{"herd_snapshot_end":1,"clients":1}` + "\n" + `{}`:   "line 4: something comes after the end",
		`{"herd_snapshot_end":1,"clients":9}` + "\n" + `null`: "line 3: 9 clients were saved, 1 are here",
	} {
		text := `{"herd_snapshot":1}` + "\n" + good + "\n" + bad + "\n" + good + "\n" + `{"herd_snapshot_end":1,"clients":3}` + "\n"
		got, sum, err := read([]byte(text))
		if err != nil || sum.Damaged == 0 || !strings.HasPrefix(sum.First[0], want) || sum.Whole {
			t.Errorf("%.60s: %+v, error %v, want %q", bad, sum, err, want)
		}
		if !strings.Contains(bad, "_end") && (len(got) != 2 || sum.Damaged != 1) {
			t.Errorf("%.60s: %d clients are read, %d lines damaged", bad, len(got), sum.Damaged)
		}
	}
}

// What is no snapshot is refused at its first line.
func TestNoSnapshot(t *testing.T) {
	for text, want := range map[string]string{
		"":                              "it is empty",
		"\n":                            "it is empty",
		"My diary.\n":                   "line 1: neither a snapshot nor a client",
		`{"herd_snapshot":2}`:           "line 1: it is of version 2",
		`{"type":"FeatureCollection"}`:  "line 1: GeoJSON must have a feature a line",
		`{"type":"Topology","arcs":[`:   `line 1: it is of type "Topology"`,
		strings.Repeat("{", MaxLine+10): "line 1: neither",
	} {
		if _, _, err := read([]byte(text)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%.40q: error %v, want %q", text, err, want)
		}
	}
}

// Lists as herd clients prints them are read too; nothing tells whether they are whole.
func TestLists(t *testing.T) {
	line := `{"id":"a","lat":1,"lon":-2,"position":"+1-2","time":"5","at":"1970-01-01T00:00:05Z","node":"Clark","at_line":"AT Clark +0.0 a +1-2 5"}`
	feature := `{"type":"Feature","id":"a","geometry":{"type":"Point","coordinates":[-2,1]},"properties":{"position":"+1-2","time":"5","node":"Clark"}}`
	for _, text := range []string{
		line + "\n" + line,
		`{"type":"FeatureCollection","features":[` + "\n" + feature + ",\n" + feature + "]}\n",
		`{"type":"FeatureCollection","features":[` + "\n" + feature + ",\n" + feature + "\n]}\n",
	} {
		got, sum, err := read([]byte(text))
		if err != nil || len(got) != 2 || !sum.Whole || got[0].ID != "a" || got[0].Time != "5" {
			t.Errorf("%s: got %+v, %+v, error %v", text, got, sum, err)
		}
	}
}

// A disk that fails is an error, not an end.
func TestReadError(t *testing.T) {
	broken := errors.New("broken")
	if _, err := NewReader(errReader{broken}); !errors.Is(err, broken) {
		t.Errorf("at its beginning: error %v", err)
	}
	text := write(t, NDJSON, some())
	r, err := NewReader(io.MultiReader(bytes.NewReader(text[:len(text)/2]), errReader{broken}))
	for err == nil {
		_, err = r.Next()
	}
	if !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }

// However many names of nodes there are, as many are held.
func TestManyNodes(t *testing.T) {
	var sum Summary
	for i := range maxNodes + 5 {
		sum.Add(&Record{ID: "a", Position: "+1-2", Time: "1", Node: fmt.Sprint(i)}, nil)
	}
	if len(sum.Nodes) != maxNodes+1 || sum.Nodes[others] != 5 {
		t.Errorf("%d names, %d others", len(sum.Nodes), sum.Nodes[others])
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"herd_snapshot":1}` + "\n" + `{"id":"a","position":"+1-2","time":"1"}` + "\n" + `{"herd_snapshot_end":1,"clients":1}`))
	f.Add([]byte(`{"type":"FeatureCollection","features":[` + "\n" + `{"id":"a","properties":{"position":"+1-2","time":"1"}}` + "\n]}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		all, _, _ := read(text)
		for i := range all {
			if err := all[i].check(); err != nil {
				t.Errorf("%+v: %v", all[i], err)
			}
		}
	})
}
