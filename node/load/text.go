package load

// The parts of a command have a fixed width, so that every server is sent as many
// bytes.
const (
	idWidth    = 20 // bench-00000000000042
	latWidth   = 10 // +34.068930
	lonWidth   = 11 // -118.445127
	timeWidth  = 20 // 1621464827.959498503
	idPrefix   = "bench-"
	nanosInSec = 1_000_000_000
)

func appendID(b []byte, key uint32) []byte {
	b = append(b, idPrefix...)
	return appendDigits(b, uint64(key), idWidth-len(idPrefix))
}

func appendLat(b []byte, lat int32) []byte { return appendDegrees(b, lat, 2) }
func appendLon(b []byte, lon int32) []byte { return appendDegrees(b, lon, 3) }

// appendDegrees writes microdegrees.
func appendDegrees(b []byte, micro int32, whole int) []byte {
	sign := byte('+')
	if micro < 0 {
		sign, micro = '-', -micro
	}
	b = appendDigits(append(b, sign), uint64(micro/1_000_000), whole)
	return appendDigits(append(b, '.'), uint64(micro%1_000_000), 6)
}

func appendTime(b []byte, nanos int64) []byte {
	b = appendDigits(b, uint64(nanos/nanosInSec), 10)
	return appendDigits(append(b, '.'), uint64(nanos%nanosInSec), 9)
}

const zeros = "00000000000000000000"

// appendDigits writes the last width decimal digits of v.
func appendDigits(b []byte, v uint64, width int) []byte {
	n := len(b) + width
	b = append(b, zeros[:width]...)
	for i := n - 1; v > 0 && i >= n-width; i-- {
		b[i] = byte('0' + v%10)
		v /= 10
	}
	return b
}
