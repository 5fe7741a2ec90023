package load

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// herdDialect speaks the client protocol of a node.
type herdDialect struct {
	ask     string // what follows the client of a WHATSAT
	limit   int
	queries uint64 // replies to WHATSAT that were checked
	decoded uint64 // of them
	found   uint64 // results in those
}

func newHerdDialect(radius, limit int) *herdDialect {
	return &herdDialect{ask: " " + strconv.Itoa(radius) + " " + strconv.Itoa(limit) + "\n", limit: limit}
}

func (d *herdDialect) append(b []byte, c *command) []byte {
	if c.query {
		b = appendID(append(b, "WHATSAT "...), c.key)
		return append(b, d.ask...)
	}
	return appendReport(append(b, "IAMAT"...), c)
}

// appendReport writes what an IAMAT says and its AT line repeats.
func appendReport(b []byte, c *command) []byte {
	return appendWhere(appendID(append(b, ' '), c.key), c)
}

// appendWhere writes what follows the client.
func appendWhere(b []byte, c *command) []byte {
	b = appendLat(append(b, ' '), c.lat)
	b = appendLon(b, c.lon)
	b = appendTime(append(b, ' '), c.nanos)
	return append(b, '\n')
}

var atPrefix = []byte("AT ")

func (d *herdDialect) frame(c *command, b []byte) int {
	if c.query && (len(b) < len(atPrefix) || bytes.HasPrefix(b, atPrefix)) {
		if i := bytes.Index(b, []byte("\n\n")); i >= 0 {
			return i + 2
		}
		return 0
	}
	return bytes.IndexByte(b, '\n') + 1
}

func (d *herdDialect) check(c *command, reply, scratch []byte) string {
	if c.query {
		return d.checkQuery(c, reply, scratch)
	}
	return checkReport(appendReport(scratch[:0], c), reply)
}

// checkReport says what is wrong with the reply to an IAMAT that said that.
func checkReport(said, reply []byte) string {
	switch {
	case !bytes.HasPrefix(reply, atPrefix):
		return "no AT line"
	case len(reply) < len(atPrefix)+len(said) || !bytes.HasSuffix(reply, said):
		return "the AT line does not end with what was sent"
	case !nameAndDifference(reply[len(atPrefix) : len(reply)-len(said)]):
		return "the AT line does not begin with a name and a difference"
	}
	return ""
}

// nameAndDifference tells whether b is like "Clark +0.263873386".
func nameAndDifference(b []byte) bool {
	name, difference, _ := bytes.Cut(b, []byte{' '})
	const least = len("+0.000000000")
	point := len(difference) - 10
	if len(name) == 0 || len(difference) < least || difference[0] != '+' && difference[0] != '-' || difference[point] != '.' {
		return false
	}
	for i, digit := range difference[1:] {
		if i+1 != point && (digit < '0' || digit > '9') {
			return false
		}
	}
	return true
}

// statusWithin is how far from the end of a reply its status is.
const statusWithin = 64

// decodeEach is of how many replies to WHATSAT one is decoded, the first one
// included: that costs as much as hundreds of commands.
const decodeEach = 64

func (d *herdDialect) checkQuery(c *command, reply, scratch []byte) string {
	if reply[0] == '?' {
		return "the client is not known"
	}
	at, body, _ := bytes.Cut(reply, []byte{'\n'})
	fields := at
	for range 3 { // AT, name, difference
		_, fields, _ = bytes.Cut(fields, []byte{' '})
	}
	id := append(appendID(scratch[:0], c.key), ' ')
	switch {
	case !bytes.HasPrefix(at, atPrefix) || !bytes.HasPrefix(fields, id):
		return "no AT line of the client"
	case len(body) < 4 || body[0] != '{' || !bytes.HasSuffix(body, []byte("}\n\n")):
		return "no JSON object between AT line and blank line"
	}
	// In this format the status comes last.
	_, status, _ := bytes.Cut(body[max(0, len(body)-statusWithin):], []byte(`"status"`))
	if !bytes.Contains(status, []byte(`"OK"`)) && !bytes.Contains(status, []byte(`"ZERO_RESULTS"`)) {
		return "the status is neither OK nor ZERO_RESULTS"
	}
	if d.queries++; d.queries%decodeEach != 1 {
		return ""
	}
	var places struct{ Results []json.RawMessage }
	switch err := json.Unmarshal(body, &places); {
	case err != nil:
		return "the JSON can't be decoded"
	case len(places.Results) > d.limit:
		return "more results than were asked for"
	}
	d.decoded++
	d.found += uint64(len(places.Results))
	return ""
}

func (d *herdDialect) shows(c *command, reply, scratch []byte) bool {
	at, _, _ := bytes.Cut(reply, []byte{'\n'})
	said := appendReport(scratch[:0], c)
	return bytes.HasPrefix(reply, atPrefix) && bytes.HasSuffix(at, said[:len(said)-1])
}

func (d *herdDialect) results() (n, replies uint64) { return d.found, d.decoded }
