package client

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"herd/node/protocol"
)

func TestPosition(t *testing.T) {
	for _, c := range []struct {
		lat, lon float64
		want     Position
	}{
		{34.06893, -118.445127, "+34.06893-118.445127"},
		{0, 0, "+0+0"},
		{-90, 180, "-90+180"},
		{math.Copysign(0, -1), 1e-7, "-0+0.0000001"},
	} {
		if got := PositionOf(c.lat, c.lon); got != c.want {
			t.Errorf("%v %v: got %s, want %s", c.lat, c.lon, got, c.want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		lat, lon := rapid.Float64Range(-90, 90).Draw(t, "lat"), rapid.Float64Range(-180, 180).Draw(t, "lon")
		p := PositionOf(lat, lon)
		gotLat, gotLon, err := p.Degrees()
		if err != nil || math.Abs(gotLat-lat) > 1e-12 || math.Abs(gotLon-lon) > 1e-12 {
			t.Errorf("%v %v is %s, which is %v %v, %v", lat, lon, p, gotLat, gotLon, err)
		}
	})
	for _, p := range []Position{"", PositionOf(math.NaN(), 0), PositionOf(0, math.Inf(1)), PositionOf(90.1, 0)} {
		if _, _, err := p.Degrees(); err == nil {
			t.Errorf("%q is a position", p)
		}
	}
}

func TestSeconds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := time.Unix(0, rapid.Int64Range(0, math.MaxInt64).Draw(t, "at"))
		s := SecondsOf(at)
		if got, err := s.Time(); err != nil || !got.Equal(at) {
			t.Errorf("%v is %s, which is %v, %v", at, s, got, err)
		}
	})
	for _, s := range []Seconds{"", "-1", "1.", SecondsOf(time.Unix(-1, 0)), SecondsOf(time.Time{})} {
		if _, err := s.Time(); err == nil {
			t.Errorf("%q is a time", s)
		}
	}
}

// A difference is read as nodes write it, exactly.
func TestDifference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := rapid.OneOf(rapid.Int64(), rapid.SampledFrom([]int64{0, -1, math.MinInt64, math.MaxInt64})).Draw(t, "difference")
		text := string(protocol.AppendDifference(nil, d))
		got, ok := parseDifference(text)
		if !ok || int64(got) != d {
			t.Errorf("%s: got %d, %t, want %d", text, got, ok, d)
		}
		line := Fix{"Clark", got, "kiwi", "+1-1", "1"}.String()
		if line != "AT Clark "+text+" kiwi +1-1 1" {
			t.Errorf("got %s", line)
		}
	})
	for _, text := range []string{"", "+", "0.000000001", "+.000000001", "+0.00000001", "+0,000000001", "+0x0.000000001", "++1.000000001", "+1_0.000000001", "+9223372036.854775808"} {
		if _, ok := parseDifference(text); ok {
			t.Errorf("%q is a difference", text)
		}
	}
}
