package load

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
)

// nearDialect asks a node over HTTP who is near a point, connections kept alive. What is
// stored beforehand goes by the client protocol, not by this.
type nearDialect struct {
	herdDialect
	tail  string // of a request, after the point
	truth *truth
}

func newNearDialect(c *Config) *nearDialect {
	tail := fmt.Sprintf("&radius=%d&limit=%d HTTP/1.1\r\nHost: localhost\r\n", c.Radius*1000, c.Limit)
	if c.Authorization != "" {
		tail += "Authorization: " + c.Authorization + "\r\n"
	}
	return &nearDialect{herdDialect: herdDialect{limit: c.Limit}, tail: tail + "\r\n", truth: c.truth}
}

func (d *nearDialect) append(b []byte, c *command) []byte {
	b = appendUnsigned(append(b, "GET /v1/near?lat="...), c.lat, 2)
	b = appendUnsigned(append(b, "&lon="...), c.lon, 3)
	return append(b, d.tail...)
}

// appendUnsigned writes microdegrees without a plus sign, which is a space in a query.
func appendUnsigned(b []byte, micro int32, whole int) []byte {
	if micro < 0 {
		return appendDegrees(b, micro, whole)
	}
	at := len(b)
	b = appendDegrees(b, micro, whole)
	return append(b[:at], b[at+1:]...)
}

var (
	headEnd    = []byte("\r\n\r\n")
	lengthName = []byte("\r\nContent-Length: ")
)

// frame takes a head that does not say how long the body is for all there is; check refuses
// it.
func (d *nearDialect) frame(_ *command, b []byte) int {
	end := bytes.Index(b, headEnd)
	if end < 0 {
		return 0
	}
	_, rest, _ := bytes.Cut(b[:end], lengthName)
	text, _, _ := bytes.Cut(rest, headEnd[:2])
	n, err := strconv.Atoi(string(text))
	if err != nil || n < 0 {
		return end + len(headEnd)
	}
	if n += end + len(headEnd); n > len(b) {
		return 0
	}
	return n
}

func (d *nearDialect) check(c *command, reply, _ []byte) string {
	head, body, _ := bytes.Cut(reply, headEnd)
	switch {
	case !bytes.HasPrefix(head, []byte("HTTP/1.1 200 ")):
		return "the status is not 200"
	case !bytes.Contains(head, lengthName):
		return "no Content-Length"
	case !bytes.HasPrefix(body, []byte(`{"center":`)) || !bytes.HasSuffix(body, []byte("]}\n")):
		return "no list of clients"
	}
	n := bytes.Count(body, []byte(`,"distance_m":`))
	if n > d.limit {
		return "more results than were asked for"
	}
	if d.queries++; d.queries%decodeEach == 1 && d.truth != nil {
		var near struct{ Clients []struct{ ID string } }
		if err := json.Unmarshal(body, &near); err != nil {
			return "the JSON can't be decoded"
		}
		ids := make([]string, len(near.Clients))
		for i := range ids {
			ids[i] = near.Clients[i].ID
		}
		const rounding = 1e-3 // metres
		if why := d.truth.check(c, ids, rounding, 0); why != "" {
			return why
		}
	}
	d.found += uint64(n)
	d.decoded++
	return ""
}
