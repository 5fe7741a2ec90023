package client

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"herd/gossip/location"
)

// Bounds of what a node may answer, in bytes.
const (
	maxAtLine = 16 << 10
	maxPlaces = 4 << 20
)

// Fix is one reported position of a client: what an AT line says.
type Fix struct {
	Node       string        // the name of the node that took the report
	Difference time.Duration // its clock at receipt minus the client's time, exactly
	ID         string        // of the client
	Position   Position      // as the client sent it
	Time       Seconds       // as the client sent it
}

// String is the AT line, without its line feed.
func (f Fix) String() string {
	sign, d := byte('+'), uint64(f.Difference)
	if f.Difference < 0 {
		sign, d = '-', -d // right for the least duration too
	}
	return fmt.Sprintf("AT %s %c%d.%09d %s %s %s", f.Node, sign, d/1e9, d%1e9, f.ID, f.Position, f.Time)
}

// parseAt reads an AT line.
func parseAt(line string) (Fix, error) {
	fields := strings.Split(line, " ")
	if len(fields) != 6 || fields[0] != "AT" || fields[1] == "" || !isID(fields[3]) {
		return Fix{}, fmt.Errorf("an answer that is none: %q", shorten(line))
	}
	f := Fix{Node: fields[1], ID: fields[3], Position: Position(fields[4]), Time: Seconds(fields[5])}
	var ok bool
	if f.Difference, ok = parseDifference(fields[2]); !ok {
		return Fix{}, fmt.Errorf("an answer without a difference: %q", shorten(line))
	}
	if _, err := location.ParsePosition([]byte(fields[4])); err != nil {
		return Fix{}, fmt.Errorf("an answer without a position: %q", shorten(line))
	}
	if _, err := location.ParseTime([]byte(fields[5])); err != nil {
		return Fix{}, fmt.Errorf("an answer without a time: %q", shorten(line))
	}
	return f, nil
}

// isID tells what may stand for a client in a line.
func isID(text string) bool { return isField(text) && len(text) <= location.MaxID }

// isField tells what a line takes for one operand.
func isField(text string) bool { return text != "" && !strings.ContainsAny(text, " \t\r\n\f\v") }

// Places are what is near a client.
type Places struct {
	Fix          Fix    // where the client is; of [Client.Places] alone
	Status       string // OK, ZERO_RESULTS, or why there are none: OVER_QUERY_LIMIT, REQUEST_DENIED, INVALID_REQUEST, UNKNOWN_ERROR
	ErrorMessage string
	InfoMessages []string
	Attributions []string // HTML that has to be shown with the results
	Results      []Place
	Raw          []byte // all of it, as the node sent it: the format of Google's Nearby Search (legacy)
}

// Place is one of them. Fields that its provider does not know are empty.
type Place struct {
	ID       string // of the provider
	Name     string
	Vicinity string // where it is, for people
	Types    []string
	Lat, Lon float64         // degrees
	Raw      json.RawMessage // all of it
}

func parsePlaces(body []byte) (Places, error) {
	var v struct {
		Attributions []string          `json:"html_attributions"`
		InfoMessages []string          `json:"info_messages"`
		Results      []json.RawMessage `json:"results"`
		Status       string            `json:"status"`
		ErrorMessage string            `json:"error_message"`
	}
	if err := json.Unmarshal(body, &v); err != nil {
		return Places{}, fmt.Errorf("read places: %w", err)
	}
	if v.Status == "" {
		return Places{}, fmt.Errorf("read places: no status in %q", shorten(string(body)))
	}
	p := Places{
		Status: v.Status, ErrorMessage: v.ErrorMessage, InfoMessages: v.InfoMessages, Attributions: v.Attributions,
		Results: make([]Place, len(v.Results)), Raw: body,
	}
	for i, raw := range v.Results {
		var r struct {
			ID       string `json:"place_id"`
			Name     string
			Vicinity string
			Types    []string
			Geometry struct{ Location struct{ Lat, Lng float64 } }
		}
		if err := json.Unmarshal(raw, &r); err != nil {
			return Places{}, fmt.Errorf("read a place: %w", err)
		}
		p.Results[i] = Place{r.ID, r.Name, r.Vicinity, r.Types, r.Geometry.Location.Lat, r.Geometry.Location.Lng, raw}
	}
	return p, nil
}

// command is a line and what its answer must be.
type command struct {
	line   string // with its line feed
	about  string // the client
	report string // of an IAMAT: how its AT line ends
	limit  int    // of a WHATSAT
}

// answer is what came of it.
type answer struct {
	fix    Fix
	places Places
	err    error // a final one
}

// read takes the answer from a stream. It believes nothing: what is not an answer to this
// command is an error, and the stream is of no use after it.
func (c *command) read(in *bufio.Reader) (answer, error) {
	text, err := readLine(in, maxAtLine)
	if err != nil {
		return answer{}, err
	}
	if echo, refused := bytes.CutPrefix(text, []byte("? ")); refused {
		line := strings.TrimSuffix(c.line, "\n")
		if string(echo) != line && (len(echo) == 0 || !strings.HasPrefix(line, string(echo))) {
			return answer{}, fmt.Errorf("an answer to another command: %q", shorten(string(text)))
		}
		return answer{err: &InvalidError{line}}, nil // if cut short the node hangs up now
	}
	var a answer
	if a.fix, err = parseAt(string(text)); err != nil {
		return answer{}, err
	}
	if a.fix.ID != c.about || !strings.HasSuffix(string(text), c.report) {
		return answer{}, fmt.Errorf("an answer to another command: %q", shorten(string(text)))
	}
	if c.report != "" {
		return a, nil
	}
	body, err := readBody(in)
	if err != nil {
		return answer{}, err
	}
	if a.places, err = parsePlaces(body); err != nil {
		return answer{}, err
	}
	if len(a.places.Results) > c.limit {
		return answer{}, fmt.Errorf("%d places, where %d were asked for", len(a.places.Results), c.limit)
	}
	a.places.Fix = a.fix
	return a, nil
}

// readLine reads a line of at most so many bytes, without its terminator. It is valid until the
// next read.
func readLine(in *bufio.Reader, most int) ([]byte, error) {
	line, err := in.ReadSlice('\n')
	if err == bufio.ErrBufferFull || len(line) > most {
		return nil, fmt.Errorf("a line of more than %d bytes", min(most, in.Size()))
	}
	if err != nil {
		return nil, err
	}
	return line[:len(line)-1], nil
}

// readBody reads up to an empty line, and that.
func readBody(in *bufio.Reader) ([]byte, error) {
	var body []byte
	for {
		part, err := in.ReadSlice('\n')
		if err != nil && err != bufio.ErrBufferFull {
			return nil, err
		}
		if len(part) == 1 && (len(body) == 0 || body[len(body)-1] == '\n') {
			return bytes.TrimSuffix(body, []byte{'\n'}), nil
		}
		if body = append(body, part...); len(body) > maxPlaces {
			return nil, fmt.Errorf("places of more than %d bytes", maxPlaces)
		}
	}
}
