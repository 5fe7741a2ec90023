package main

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"io"
	"reflect"
	"strings"
	"testing"
)

// square is two countries side by side on one land, in a grid of a degree.
const square = `{
	"transform": {"scale": [1, 1], "translate": [10, 20]},
	"arcs": [
		[[5, 0], [0, 10]],
		[[5, 10], [-5, 0], [0, -10], [5, 0]],
		[[5, 0], [5, 0], [0, 10], [-5, 0]],
		[[90, 50], [0, 0], [0, 0], [0, 0]]
	],
	"objects": {
		"land": {"geometries": [{"type": "MultiPolygon", "arcs": [[[2, 1]], [[3]]]}]},
		"countries": {"geometries": [
			{"type": "Polygon", "arcs": [[0, 1]]},
			{"type": "MultiPolygon", "arcs": [[[2, -1]]]},
			{}
		]}
	}
}`

func TestOutlines(t *testing.T) {
	got, err := readOutlines([]byte(square))
	if err != nil {
		t.Fatal(err)
	}
	want := &outlines{
		arcs: [][]point{
			{{1500, 2000}, {2000, 2000}, {2000, 3000}, {1500, 3000}},
			{{1500, 3000}, {1000, 3000}, {1000, 2000}, {1500, 2000}},
			{{10000, 7000}}, // too small to be seen
			{{1500, 2000}, {1500, 3000}},
		},
		land:    [][]ref{{{arc: 0}, {arc: 1}}},
		borders: []int{3},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v, want\n%+v", got, want)
	}
}

func TestOutlinesRefused(t *testing.T) {
	for name, data := range map[string]string{
		"not JSON": "{",
		"empty":    "{}",
		"arc":      strings.Replace(square, "[3]", "[4]", 1),
		"back":     strings.Replace(square, "-1]", "-5]", 1),
		"type":     strings.Replace(square, `"Polygon"`, `"Point"`, 1),
		"rings":    strings.Replace(square, "[[0, 1]]", "[0, 1]", 1),
	} {
		if _, err := readOutlines([]byte(data)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// A line that is simplified keeps its ends, and is nowhere further off than it may be.
func TestSimplify(t *testing.T) {
	line := [][2]float64{{0, 0}, {1, 0.01}, {2, 0}, {3, 5}, {4, 0}, {5, 0.001}, {6, 0}}
	got := simplify(line, 0.02)
	if want := [][2]float64{{0, 0}, {2, 0}, {3, 5}, {4, 0}, {6, 0}}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	ring := [][2]float64{{0, 0}, {1, 0}, {1, 1}, {0, 0}}
	if got := simplify(ring, 0.02); !reflect.DeepEqual(got, ring) {
		t.Errorf("a ring became %v", got)
	}
}

func row(lat, lon, feature, people string) string {
	col := make([]string, 19)
	col[4], col[5], col[7], col[14] = lat, lon, feature, people
	return strings.Join(col, "\t") + "\n"
}

func TestLights(t *testing.T) {
	got, err := readLights(row("-90", "-180", "PPL", "0") + row("-90", "179.9999", "PPL", "500") +
		row("10.001", "20.001", "PPLC", "1000") + row("9.999", "19.999", "PPLX", "2000") + row("1", "1", "PPLH", "5"))
	want := map[int]uint64{0: 750, 100*cellsPerDegree*columns + 200*cellsPerDegree: 3000}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	for _, bad := range []string{"x\n", row("91", "0", "PPL", "1"), row("0", "NaN", "PPL", "1"), row("0", "0", "PPL", "-1")} {
		if _, err := readLights(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
	for people, want := range map[uint64]byte{250: 0, 499: 0, 500: 1, 1_000_000: 11} {
		if got := light(people); got != want {
			t.Errorf("%d people shine like %d, want %d", people, got, want)
		}
	}
}

// What the page reads: see page/world.js, and its test.
func TestEncode(t *testing.T) {
	packed, err := encode(&outlines{
		arcs: [][]point{{{0, 0}, {50, -1}}}, land: [][]ref{{{0, true}}}, borders: []int{0},
	}, map[int]uint64{300: 250, 3: 1000})
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	want := append([]byte(magic), 1, 2, 0, 0, 100, 1, 1, 1, 1, 1, 0, 2, 3)
	want = append(binary.AppendUvarint(want, 297), 2, 0)
	if !bytes.Equal(got, want) {
		t.Errorf("got % x, want % x", got, want)
	}
}
