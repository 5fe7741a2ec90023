package node

import (
	"encoding/json"
	"math"
	"strconv"
	"time"

	"herd/gossip/location"
	"herd/node/protocol"
)

// appendClient appends describeClient's JSON, byte for byte as encoding/json writes it:
// where thousands a second are written, for a sixth of the cost.
func appendClient(dst []byte, id string, f *location.Fix) []byte {
	var room [256]byte
	line := protocol.AppendAt(room[:0], []byte(id), f)
	line = line[:len(line)-1]
	if !plain7(line) { // it holds the ID, the node and both texts
		body, err := json.Marshal(describeClient(id, f))
		if err != nil {
			panic("node: a client can't be written: " + err.Error()) // it holds nothing that JSON lacks
		}
		return append(dst, body...)
	}
	lat, lon := f.Position.Degrees()
	dst = append(append(dst, `{"id":"`...), id...)
	dst = appendNumber(append(dst, `","lat":`...), lat)
	dst = appendNumber(append(dst, `,"lon":`...), lon)
	dst = f.Position.Append(append(dst, `,"position":"`...))
	dst = f.Time.Append(append(dst, `","time":"`...))
	dst = appendDate(append(dst, `","at":"`...), f.Time.Nanos())
	dst = appendDate(append(dst, `","received":"`...), f.Received)
	dst = protocol.AppendDifference(append(dst, `","skew_seconds":"`...), f.Difference())
	dst = append(append(dst, `","node":"`...), f.Node...)
	dst = append(append(dst, `","at_line":"`...), line...)
	return append(dst, `"}`...)
}

// usualClientText is about how many bytes appendClient appends for IDs of a usual length.
const usualClientText = 480

// appendText appends a text as encoding/json writes it.
func appendText(dst []byte, text string) []byte {
	if plain7([]byte(text)) {
		return append(append(append(dst, '"'), text...), '"')
	}
	body, err := json.Marshal(text)
	if err != nil {
		panic("node: a text can't be written: " + err.Error()) // it can't fail
	}
	return append(dst, body...)
}

// plain7 tells whether JSON writes text as it is.
func plain7(text []byte) bool {
	for _, c := range text {
		if c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			return false
		}
	}
	return true
}

// appendNumber appends a number as encoding/json writes it, of a coordinate's size.
func appendNumber(dst []byte, v float64) []byte {
	form := byte('f')
	if a := math.Abs(v); a != 0 && a < 1e-6 {
		form = 'e'
	}
	dst = strconv.AppendFloat(dst, v, form, -1, 64)
	if n := len(dst); form == 'e' && dst[n-4] == 'e' && dst[n-3] == '-' && dst[n-2] == '0' {
		dst[n-2] = dst[n-1] // e-07 is e-7
		dst = dst[:n-1]
	}
	return dst
}

func appendDate(dst []byte, nanos int64) []byte {
	return time.Unix(0, nanos).UTC().AppendFormat(dst, time.RFC3339Nano)
}
