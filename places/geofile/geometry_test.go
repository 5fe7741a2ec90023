package geofile

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"
)

func middle(t testing.TB, text string) (lat, lng float64) {
	t.Helper()
	l := lexer{b: []byte(text)}
	lat, lng, bad := readGeometry(&l)
	l.end()
	if l.err != nil || bad != nil {
		t.Fatalf("%s: %v, %v", text, l.err, bad)
	}
	return lat, lng
}

// near tells whether two places are less than about a hundred metres apart.
func near(lat, lng, wantLat, wantLng float64) bool {
	return vectorOf(lat, lng).add(vectorOf(wantLat, wantLng), -1).length() < 1.6e-5
}

func TestMiddle(t *testing.T) {
	for _, tt := range []struct {
		text     string
		lat, lng float64
	}{
		{`{"type":"Point","coordinates":[2.3488,48.85341,35]}`, 48.85341, 2.3488},
		{`{"coordinates":[2.3488,48.85341],"bbox":[1,2,3,4],"type":"Point"}`, 48.85341, 2.3488},
		{`{"type":"MultiPoint","coordinates":[[10,0],[20,0]]}`, 0, 15},
		{`{"type":"MultiPoint","coordinates":[[179,0],[-177,0]]}`, 0, -179},
		{`{"type":"LineString","coordinates":[[0,0],[1,0],[1.001,0],[1.002,0]]}`, 0, 0.501},
		{`{"type":"MultiLineString","coordinates":[[[0,0],[2,0]],[[3,0],[4,0]]]}`, 0, 1.8333},
		{`{"type":"Polygon","coordinates":[[[0,0],[1,0],[1,0.5],[1,1],[0,1],[0,0]]]}`, 0.5, 0.5},
		{`{"type":"Polygon","coordinates":[[[0,0],[0,1],[1,1],[1,0],[0,0]]]}`, 0.5, 0.5},                                     // the other way around
		{`{"type":"Polygon","coordinates":[[[0,0],[1,0],[1,1],[0,1],[0,0]],[[0.5,0.5],[1,0.5],[1,1],[0.5,0.5]]]}`, 0.5, 0.5}, // a hole
		{`{"type":"Polygon","coordinates":[[[0,0],[1,0],[1,1],[0,1]]]}`, 0.5, 0.5},                                           // not closed
		{`{"type":"Polygon","coordinates":[[[179.5,-1],[-179.5,-1],[-179.5,1],[179.5,1],[179.5,-1]]]}`, 0, 180},
		{`{"type":"Polygon","coordinates":[[[0,89],[90,89],[180,89],[-90,89],[0,89]]]}`, 90, 0},
		{`{"type":"Polygon","coordinates":[[[5,5],[5,5],[5,5],[5,5]]]}`, 5, 5}, // of no area
		{`{"type":"Polygon","coordinates":[[[5,5],[6,5],[5,5]]]}`, 5, 5.5},
		{`{"type":"Polygon","coordinates":[[[2.35000,48.85000],[2.35010,48.85000],[2.35010,48.85010],[2.35000,48.85010],[2.35000,48.85000]]]}`, 48.85005, 2.35005},
		// One of three times the area of the other.
		{`{"type":"MultiPolygon","coordinates":[[[[0,0],[0.3,0],[0.3,0.1],[0,0.1],[0,0]]],[[[0.4,0],[0.4,0.1],[0.5,0.1],[0.5,0],[0.4,0]]]]}`, 0.05, 0.225},
		{`{"type":"GeometryCollection","geometries":[{"type":"Point","coordinates":[50,50]},{"type":"Polygon","coordinates":[[[0,0],[1,0],[1,1],[0,1],[0,0]]]}]}`, 0.5, 0.5},
	} {
		if lat, lng := middle(t, tt.text); !near(lat, lng, tt.lat, tt.lng) {
			t.Errorf("%s: %.5f %.5f, want %.5f %.5f", tt.text, lat, lng, tt.lat, tt.lng)
		}
	}
}

// TestMiddleTurns: the middle of a shape turns with the shape, seams or not. A
// regular polygon has it in its center, wherever it begins and however it winds.
func TestMiddleTurns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lat := rapid.Float64Range(-89, 89).Draw(t, "lat")
		lng := rapid.Float64Range(-180, 180).Draw(t, "lng")
		n := rapid.IntRange(3, 40).Draw(t, "corners")
		begin := rapid.Float64Range(0, 2*math.Pi).Draw(t, "begin")
		radius := rapid.SampledFrom([]float64{1e-6, 1e-4, 0.01}).Draw(t, "radius")
		step := 2 * math.Pi / float64(n) * float64(rapid.SampledFrom([]int{1, -1}).Draw(t, "turn"))
		center := vectorOf(lat, lng)
		east := vector{-math.Sin(lng * degree), math.Cos(lng * degree), 0}
		north := center.cross(east)
		var ring [][2]float64
		for i := range n + 1 {
			sin, cos := math.Sincos(begin + float64(i%n)*step)
			v := center.add(east, radius*sin).add(north, radius*cos)
			vLat, vLng := v.degrees()
			ring = append(ring, [2]float64{vLng, vLat})
		}
		text, err := json.Marshal(map[string]any{"type": "Polygon", "coordinates": [][][2]float64{ring}})
		if err != nil {
			t.Fatal(err)
		}
		l := lexer{b: text}
		gotLat, gotLng, bad := readGeometry(&l)
		if bad != nil || l.err != nil {
			t.Fatal(bad, l.err)
		}
		if d := vectorOf(gotLat, gotLng).add(center, -1).length(); d > radius*1e-2 {
			t.Fatalf("the middle of %s is %v %v, %v off %v %v", text, gotLat, gotLng, d, lat, lng)
		}
	})
}

func FuzzGeometry(f *testing.F) {
	for _, kind := range []string{"Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon", "GeometryCollection", "x"} {
		for _, c := range []string{"[1,2]", "[[1,2],[3,4]]", "[[[1,2],[3,4],[5,1]]]", "[[[[1,2],[3,4],[5,1]]]]", "[]", "[[]]", "null", "[1e999,2]", "[1,[2]]"} {
			f.Add(fmt.Appendf(nil, `{"type":%q,"coordinates":%s,"geometries":[]}`, kind, c))
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		l := lexer{b: text}
		lat, lng, bad := readGeometry(&l)
		if l.err == nil && bad == nil && onGlobe(lat, lng) != nil {
			t.Errorf("%q lies at %v, %v", text, lat, lng)
		}
	})
}
