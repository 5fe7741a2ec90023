package load

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
)

// RedisKey is the sorted set that the GEO commands are about.
const RedisKey = "herd-bench"

// redisDialect speaks RESP, as much of it as the commands need.
type redisDialect struct {
	protocol Protocol
	search   string // what follows the client, or point, of a GEOSEARCH
	limit    int
	near     bool // it is a point
	truth    *truth
	queries  uint64 // replies to GEOSEARCH that were right
	found    uint64 // results in them
}

func newRedisDialect(p Protocol, radius, limit int) *redisDialect {
	// COUNT 0 is an error to Redis.
	search := bulk("BYRADIUS", strconv.Itoa(radius), "km", "ASC", "COUNT", strconv.Itoa(max(limit, 1)))
	return &redisDialect{protocol: p, search: search, limit: max(limit, 1)}
}

// bulk writes words as RESP's bulk strings.
func bulk(words ...string) string {
	var text string
	for _, w := range words {
		text += fmt.Sprintf("$%d\r\n%s\r\n", len(w), w)
	}
	return text
}

// What comes before the parts of fixed width.
var (
	setHead    = "*3\r\n" + bulk("SET") + bulkHead(idWidth)
	setValue   = "\r\n" + bulkHead(latWidth+lonWidth+1+timeWidth)
	getHead    = "*2\r\n" + bulk("GET") + bulkHead(idWidth)
	geoPosHead = "*3\r\n" + bulk("GEOPOS", RedisKey) + bulkHead(idWidth)
	geoAddHead = "*5\r\n" + bulk("GEOADD", RedisKey) + bulkHead(lonWidth)
	geoAddLat  = "\r\n" + bulkHead(latWidth)
	geoAddID   = "\r\n" + bulkHead(idWidth)
	pointHead  = "*11\r\n" + bulk("GEOSEARCH", RedisKey, "FROMLONLAT") + bulkHead(lonWidth)
	searchHead = "*10\r\n" + bulk("GEOSEARCH", RedisKey, "FROMMEMBER") + bulkHead(idWidth)
)

func bulkHead(length int) string { return "$" + strconv.Itoa(length) + "\r\n" }

func (d *redisDialect) append(b []byte, c *command) []byte {
	switch {
	case c.query && d.protocol == RedisSet:
		b = appendID(append(b, getHead...), c.key)
	case c.query && d.protocol == RedisGeoAdd:
		b = appendID(append(b, geoPosHead...), c.key)
	case c.query && d.near:
		b = appendLon(append(b, pointHead...), c.lon)
		b = appendLat(append(b, geoAddLat...), c.lat)
		b = append(b, "\r\n"...)
		return append(b, d.search...)
	case c.query:
		b = appendID(append(b, searchHead...), c.key)
		b = append(b, "\r\n"...)
		return append(b, d.search...)
	case d.protocol == RedisSet:
		b = appendID(append(b, setHead...), c.key)
		b = appendValue(append(b, setValue...), c)
	default:
		b = appendLon(append(b, geoAddHead...), c.lon)
		b = appendLat(append(b, geoAddLat...), c.lat)
		b = appendID(append(b, geoAddID...), c.key)
	}
	return append(b, "\r\n"...)
}

// appendValue writes what SET stores of a client.
func appendValue(b []byte, c *command) []byte {
	b = appendLat(b, c.lat)
	b = appendLon(b, c.lon)
	return appendTime(append(b, ' '), c.nanos)
}

// frame knows simple strings, errors, integers, bulk strings and arrays of all these.
func (d *redisDialect) frame(_ *command, b []byte) int {
	length := 0
	for values := 1; values > 0; values-- {
		n, head := respHead(b[length:])
		if head == 0 {
			return 0
		}
		switch mark := b[length]; {
		case n < 0:
		case mark == '*':
			values += n
		case mark == '$':
			head += n + len("\r\n")
		}
		if length += head; length > len(b) {
			return 0
		}
	}
	return length
}

// respHead is the number in the first line of b and the line's length; 0 if it is not
// all there.
func respHead(b []byte) (n, length int) {
	end := bytes.IndexByte(b, '\n')
	if end < 0 {
		return 0, 0
	}
	if end < 3 || end > 12 { // no number, or none that a right reply has
		return -1, end + 1
	}
	digits, sign := b[1:end-1], 1
	if digits[0] == '-' {
		digits, sign = digits[1:], -1
	}
	for _, c := range digits {
		if c < '0' || c > '9' {
			return -1, end + 1
		}
		n = 10*n + int(c-'0')
	}
	return sign * n, end + 1
}

func (d *redisDialect) check(c *command, reply, _ []byte) string {
	switch {
	case reply[0] == '-':
		return "an error"
	case c.query && d.protocol == RedisGeoSearch:
		return d.checkSearch(c, reply)
	case c.query:
		return d.checkStored(reply)
	case d.protocol == RedisSet:
		if string(reply) != "+OK\r\n" {
			return "not +OK"
		}
	case string(reply) != ":0\r\n" && string(reply) != ":1\r\n":
		return "neither :0 nor :1"
	}
	return ""
}

func (d *redisDialect) checkSearch(c *command, reply []byte) string {
	n, head := respHead(reply)
	const member = len("$20\r\n") + idWidth + len("\r\n")
	switch {
	case reply[0] != '*' || n < 0:
		return "no array"
	case n > d.limit:
		return "more results than were asked for"
	case len(reply) != head+n*member:
		return "results that are not clients"
	}
	for b := reply[head:]; len(b) > 0; b = b[member:] {
		if !bytes.HasPrefix(b, []byte("$20\r\n"+idPrefix)) {
			return "results that are not clients"
		}
	}
	if d.queries%decodeEach == 0 && d.truth != nil {
		ids := make([]string, n)
		for i := range ids {
			ids[i] = string(reply[head+i*member+len("$20\r\n"):][:idWidth])
		}
		// A cell of the geohash is up to 0.6 m wide, and this earth 0.03 % larger than the mean.
		const metres, part = 1, 5e-4
		if why := d.truth.check(c, ids, metres, part); why != "" {
			return why
		}
	}
	d.queries++
	d.found += uint64(n)
	return ""
}

// checkStored checks the reply to a GET or GEOPOS about one client.
func (d *redisDialect) checkStored(reply []byte) string {
	if d.protocol == RedisSet {
		if !bytes.HasPrefix(reply, []byte(setValue[len("\r\n"):])) {
			return "the client is not known"
		}
		return ""
	}
	if _, _, ok := position(reply); !ok {
		return "the client is not known"
	}
	return ""
}

func (d *redisDialect) shows(c *command, reply, scratch []byte) bool {
	if d.protocol == RedisSet {
		return bytes.Contains(reply, appendValue(scratch[:0], c))
	}
	// A cell of the sorted set's geohash is some 5 microdegrees wide.
	const cell = 10
	lat, lon, ok := position(reply)
	return ok && math.Abs(lat*1e6-float64(c.lat)) <= cell && math.Abs(lon*1e6-float64(c.lon)) <= cell
}

// position reads the reply to a GEOPOS about one client, in degrees; false if it has no
// position.
func position(reply []byte) (lat, lon float64, ok bool) {
	lines := bytes.Split(reply, []byte("\r\n")) // *1 *2 $n lon $n lat and nothing
	if len(lines) != 7 || string(lines[1]) != "*2" {
		return 0, 0, false
	}
	lon, err1 := strconv.ParseFloat(string(lines[3]), 64)
	lat, err2 := strconv.ParseFloat(string(lines[5]), 64)
	return lat, lon, err1 == nil && err2 == nil
}

func (d *redisDialect) results() (n, replies uint64) { return d.found, d.queries }
