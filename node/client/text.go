package client

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"herd/gossip/location"
)

// Position is a point on the earth as clients write it: ISO 6709 decimal degrees, signed
// latitude and signed longitude, "+34.068930-118.445127". The herd gives it back byte for byte.
type Position string

// PositionOf writes a latitude within ±90 degrees and a longitude within ±180, with as many
// digits as it takes to tell the numbers from others. A node refuses what is out of range.
func PositionOf(lat, lon float64) Position {
	b := appendDegrees(nil, lat)
	return Position(appendDegrees(b, lon))
}

func appendDegrees(b []byte, n float64) []byte {
	if !math.Signbit(n) {
		b = append(b, '+')
	}
	return strconv.AppendFloat(b, n, 'f', -1, 64)
}

// Degrees is the point as numbers, near enough for a map. It fails for what is no position.
func (p Position) Degrees() (lat, lon float64, err error) {
	at, err := location.ParsePosition([]byte(p))
	if err != nil {
		return 0, 0, fmt.Errorf("position %q: %w", string(p), err)
	}
	lat, lon = at.Degrees()
	return lat, lon, nil
}

// Seconds is a time as clients write it: POSIX seconds, with or without a fraction,
// "1621464827.959498503". The herd gives it back byte for byte, and orders by the nanosecond.
type Seconds string

// SecondsOf writes a time of 1970 or after, to the nanosecond. A node refuses what is before.
func SecondsOf(t time.Time) Seconds {
	return Seconds(fmt.Sprintf("%d.%09d", t.Unix(), t.Nanosecond()))
}

// Time is the same, to the nanosecond, in UTC. It fails for what is no time.
func (s Seconds) Time() (time.Time, error) {
	t, err := location.ParseTime([]byte(s))
	if err != nil {
		return time.Time{}, fmt.Errorf("time %q: %w", string(s), err)
	}
	return time.Unix(0, t.Nanos()).UTC(), nil
}

// parseDifference reads signed seconds with nine decimals, as a node writes them.
func parseDifference(text string) (time.Duration, bool) {
	const decimals = 9
	point := len(text) - decimals - 1
	if point < 2 || text[point] != '.' || text[0] != '+' && text[0] != '-' {
		return 0, false
	}
	// With its sign, so that the least duration fits.
	digits := text[:point] + text[point+1:]
	for _, c := range []byte(digits[1:]) {
		if c < '0' || c > '9' {
			return 0, false
		}
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	return time.Duration(n), err == nil
}
