package places

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// FuzzText: any text comes out as encoding/json writes it: valid, of the same value,
// with nothing in it that a browser could take for markup, and no line end.
func FuzzText(f *testing.F) {
	for _, s := range []string{
		"", "Westwood", "Île-de-France", `a"b\c`, "<", ">", "&", "a\nb", "\b\f\r\t", "\x00\x1f\x7f", "\xff", "a\xe2\x80", "\u2027\u2028\u2029\u202a", "\ufffd", "𝄞",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		quoted := appendString(nil, s)
		if want, err := json.Marshal(s); err != nil || string(quoted) != string(want) {
			t.Fatalf("%q is %s, want %s, %v", s, quoted, want, err)
		}
		if strings.ContainsAny(string(quoted), "<>&\n\u2028\u2029") {
			t.Fatalf("%q holds what must be escaped", quoted)
		}
	})
}

// TestNumbers: the short way to write a number is as the long one.
func TestNumbers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.OneOf(
			rapid.Float64(),
			rapid.Float64Range(-1001, 1001),
			rapid.SampledFrom([]float64{0, math.Copysign(0, -1), math.Inf(1), math.Inf(-1), math.NaN(), 1000, -1000, 1e-5, -1e-5, 1e-6, 0.3, 0.1 + 0.2}),
			rapid.Map(rapid.Int32Range(-180e5, 180e5), func(n int32) float64 { return float64(n) / 1e5 }),
			rapid.Map(rapid.Int32Range(-180e5, 180e5), func(n int32) float64 { return math.Nextafter(float64(n)/1e5, 1000) }),
		).Draw(t, "v")
		if got, want := string(appendNumber(nil, v)), strconv.FormatFloat(v, 'f', -1, 64); got != want {
			t.Fatalf("%g is %s, want %s", v, got, want)
		}
	})
}

// TestRows: a reply written of rows is that of their places, byte for byte.
func TestRows(t *testing.T) {
	text := rapid.String()
	texts := rapid.SliceOfN(text, 0, 4)
	degrees := rapid.Map(rapid.Int32Range(-180e5, 180e5), func(n int32) float64 { return float64(n) / 1e5 })
	point := rapid.Custom(func(t *rapid.T) Point { return Point{degrees.Draw(t, "lat"), degrees.Draw(t, "lng")} })
	row := rapid.Custom(func(t *rapid.T) Row {
		return Row{
			Style: NewStyle(text.Draw(t, "source"), text.Draw(t, "scope"), texts.Draw(t, "types")),
			Name:  text.Draw(t, "name"), ID: text.Draw(t, "id"), Number: rapid.Uint64().Draw(t, "number"),
			Town: text.Draw(t, "town"), Area: text.Draw(t, "area"), Location: point.Draw(t, "location"),
			Viewport: rapid.OneOf(
				rapid.Just(Viewport{}),
				rapid.Custom(func(t *rapid.T) Viewport { return Viewport{point.Draw(t, "northeast"), point.Draw(t, "southwest")} }),
			).Draw(t, "viewport"),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.SliceOfN(row, 0, 3).Draw(t, "rows")
		a := Answer{Attributions: texts.Draw(t, "attributions"), Messages: texts.Draw(t, "messages")}
		for i := range rows {
			a.Places = append(a.Places, rows[i].Place())
		}
		status := "OK"
		if len(rows) == 0 {
			status = "ZERO_RESULTS"
		}
		want := render([]byte("before "), a, status, "")
		if got := AppendRows([]byte("before "), a.Attributions, a.Messages, rows); string(got) != string(want) {
			t.Fatalf("got\n%s\nwant\n%s", got, want)
		}
	})
}
