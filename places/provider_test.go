package places

import (
	"math"
	"testing"
)

func TestDistance(t *testing.T) {
	const quarter = math.Pi / 2 * 6_371_008.8
	for _, tt := range []struct{ lat, lng, lat2, lng2, want float64 }{
		{0, 0, 0, 90, quarter},
		{0, 0, 0, 180, 2 * quarter},
		{0, 179.5, 0, -179.5, quarter / 90},
		{90, 0, 90, 123, 0},
		{89.5, 0, 89.5, 180, quarter / 90},
		{34.06893, -118.445127, 34.01949, -118.49138, 6956},
	} {
		q := Query{Latitude: tt.lat, Longitude: tt.lng}
		if got := q.Distance(tt.lat2, tt.lng2); math.Abs(got-tt.want) > 1 {
			t.Errorf("from %v,%v to %v,%v: %.1f m, want %.1f", tt.lat, tt.lng, tt.lat2, tt.lng2, got, tt.want)
		}
	}
}
