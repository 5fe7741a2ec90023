package overpass

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"herd/places"
	"herd/places/upstream"
)

var (
	errTooMany = errors.New("more elements than were asked for")
	errNoList  = errors.New("the reply has no elements")
)

// element is a node, a way or a relation. Only what a place is made of is read.
type element struct {
	Type   string            `json:"type"`
	ID     int64             `json:"id"`
	Lat    *float64          `json:"lat"` // of a node
	Lon    *float64          `json:"lon"`
	Center *center           `json:"center"` // of the others
	Tags   map[string]string `json:"tags"`
}

type center struct {
	Lat *float64 `json:"lat"`
	Lon *float64 `json:"lon"`
}

// elements reads no more of a list than query asks for: small ones take many
// times the memory of their text.
type elements []element

func (list *elements) UnmarshalJSON(b []byte) error {
	d := json.NewDecoder(bytes.NewReader(b))
	if t, err := d.Token(); err != nil || t != json.Delim('[') {
		return errNoList
	}
	*list = elements{}
	for d.More() {
		if len(*list) == maxNear+maxRels+2*maxKind {
			return errTooMany
		}
		var e element
		if err := d.Decode(&e); err != nil {
			return err
		}
		*list = append(*list, e)
	}
	return nil
}

// parse reads a reply of status 200. A server that gives up in the middle says so
// in a remark at the end of what looks like an answer, mostly an empty one.
func parse(body []byte) (elements, error) {
	var r struct {
		Elements elements `json:"elements"`
		Remark   string   `json:"remark"`
	}
	err := json.Unmarshal(body, &r)
	remark := upstream.Clean(r.Remark, "")
	switch {
	case err != nil && !json.Valid(body):
		err = fmt.Errorf("the reply is no JSON: %s", page(body))
	case err != nil:
	case strings.Contains(remark, "timed out"):
		return nil, &places.Error{Kind: places.TimedOut, Err: errors.New(remark)}
	case strings.Contains(remark, "error"):
		err = errors.New(remark)
	case r.Elements == nil:
		err = errNoList
	default:
		return r.Elements, nil
	}
	return nil, &places.Error{Kind: places.Unavailable, Err: err}
}

// refusal is what a reply's status means; nil for success. A busy server says 429
// if it is the asker who keeps it so, else 504.
func refusal(r *upstream.Reply) error {
	err := r.Err()
	var known *places.Error
	if !errors.As(err, &known) {
		return err
	}
	if r.Status == http.StatusGatewayTimeout {
		known.Kind, known.Again = places.Limited, false
	}
	if said := page(r.Body); said != "" {
		known.Err = fmt.Errorf("%w: %s", known.Err, said)
	}
	return known
}

var markup = regexp.MustCompile(`<[^>]*>`)

// page is what a page of HTML says, as it may stand in an error. Overpass's begin
// with a licence.
func page(body []byte) string {
	const most = 8 << 10
	text := string(markup.ReplaceAll(body[:min(len(body), most)], []byte(" ")))
	if i := strings.Index(text, "Error"); i >= 0 {
		text = text[i:]
	}
	return upstream.Clean(text, "")
}
