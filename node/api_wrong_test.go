package node

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// wrong is a request that is refused, and what is said of it.
type wrong struct {
	method, target, body string
	status               int
	detail               string
}

// What is refused says what is wrong and what would be right, in the form of RFC 9457.
func TestWrongRequests(t *testing.T) {
	n := newTestNode(t)
	n.phase.Store(int32(serving))
	n.put(t, "kiwi", "+34.068930-118.445127")
	long := strings.Repeat("k", 256)
	const needs = "The body must hold lat and lon, or position."
	for _, c := range []wrong{
		{"GET", "/v1/clients?limit=0", "", 400, `limit is "0": it must be a whole number from 1 to 1000.`},
		{"GET", "/v1/clients?limit=1001", "", 400, `limit is "1001": it must be a whole number from 1 to 1000.`},
		{"GET", "/v1/clients?limit=ten", "", 400, `limit is "ten": it must be a whole number from 1 to 1000.`},
		{"GET", "/v1/clients?cursor=kiwi", "", 400, "cursor is not one that this node gave."},
		{"GET", "/v1/clients?cursor=" + cursor{1, "a"}.text(0xc2), "", 410, "cursor is of another node, or of this one before it started again: begin anew."},
		{"GET", "/v1/clients?cursor=" + long + long, "", 400, `cursor is "` + long + long + `": it must be no longer than 358 bytes.`},
		{"GET", "/v1/clients?prefix=" + long, "", 400, `prefix is "` + long + `": it must be no longer than 255 bytes.`},
		{"GET", "/v1/clients?bbox=1,2,3", "", 400, `bbox is "1,2,3": it must be west,south,east,north in degrees: longitudes from -180 to 180, latitudes from -90 to 90, south no greater than north.`},
		{"GET", "/v1/clients?format=xml", "", 400, `format is "xml": it must be one of json, geojson.`},
		{"GET", "/v1/clients?page=2", "", 400, `There is no parameter "page" here: /v1/clients takes prefix, bbox, limit, cursor, format.`},
		{"POST", "/v1/clients", "", 405, "/v1/clients takes GET, HEAD."},
		{"GET", "/v1/clients/emu", "", 404, "The herd knows of no such client."},
		{"GET", "/v1/clients/", "", 404, "There is nothing at this path. GET / lists what there is."},
		{"GET", "/v1/clients/a%20b", "", 400, "Neither the client's ID nor what is said of it may be empty or hold white space."},
		{"GET", "/v1/clients/" + long, "", 400, "The client's ID is 256 bytes: it may be 255."},
		{"GET", "/v1/clients/" + strings.Repeat(long, 17), "", 400, "As a line of the client protocol this would be 4364 bytes: it may be 4096."},
		{"DELETE", "/v1/clients/kiwi", "", 405, "/v1/clients/kiwi takes GET, PUT, HEAD."},
		{"GET", "/v1/clients/emu/places", "", 404, "The herd knows of no such client."},
		{"GET", "/v1/clients/kiwi/places?radius=51", "", 400, `radius is "51": it must be kilometres from 0 to 50, digits with or without a point.`},
		{"GET", "/v1/clients/kiwi/places?radius=1e1", "", 400, `radius is "1e1": it must be kilometres from 0 to 50, digits with or without a point.`},
		{"GET", "/v1/clients/kiwi/places?radius=", "", 400, "Neither the client's ID nor what is said of it may be empty or hold white space."},
		{"GET", "/v1/clients/kiwi/places?limit=21", "", 400, `limit is "21": it must be a whole number from 0 to 20.`},
		{"GET", "/v1/clients/kiwi/places?limit=-1", "", 400, `limit is "-1": it must be a whole number from 0 to 20.`},
		{"GET", "/v1/clients/kiwi/places?limit=1%205", "", 400, "Neither the client's ID nor what is said of it may be empty or hold white space."},
		{"PUT", "/v1/clients/kiwi", "", 400, needs},
		{"PUT", "/v1/clients/kiwi", `{}`, 400, needs},
		{"PUT", "/v1/clients/kiwi", `{"lat":1}`, 400, needs},
		{"PUT", "/v1/clients/kiwi", `{"lat":1,"position":"+1-1"}`, 400, needs},
		{"PUT", "/v1/clients/kiwi", `{"lat":1,"lon":1,"position":"+1-1"}`, 400, needs},
		{"PUT", "/v1/clients/kiwi", `{"lat":91,"lon":0}`, 400, `The position "+91+0" is not ISO 6709 decimal degrees: signed latitude within 90, signed longitude within 180.`},
		{"PUT", "/v1/clients/kiwi", `{"lat":0,"lon":1e3}`, 400, `The position "+0+1000" is not ISO 6709 decimal degrees: signed latitude within 90, signed longitude within 180.`},
		{"PUT", "/v1/clients/kiwi", `{"position":"34,-118"}`, 400, `The position "34,-118" is not ISO 6709 decimal degrees: signed latitude within 90, signed longitude within 180.`},
		{"PUT", "/v1/clients/kiwi", `{"position":"+1 -1"}`, 400, "Neither the client's ID nor what is said of it may be empty or hold white space."},
		{"PUT", "/v1/clients/kiwi", `{"lat":1,"lon":1,"time":"-5"}`, 400, `The time "-5" is not POSIX seconds: unsigned decimal, at most 9223372036.854775807.`},
		{"PUT", "/v1/clients/kiwi", `{"lat":1,"lon":1,"time":"9223372036.854775808"}`, 400, `The time "9223372036.854775808" is not POSIX seconds: unsigned decimal, at most 9223372036.854775807.`},
		{"PUT", "/v1/clients/kiwi", `{"lat":1,"lon":1,"time":5}`, 400, "The body is not what is asked for: time must be a text, in quotes."},
		{"PUT", "/v1/clients/kiwi", `{"lat":true,"lon":1}`, 400, "The body is not what is asked for: lat must be a number."},
		{"PUT", "/v1/clients/kiwi", `{"lat":"x","lon":1}`, 400, "The body is not what is asked for: a number is asked for where it has a text."},
		{"PUT", "/v1/clients/kiwi", `[1,2]`, 400, "The body is not what is asked for: it must be an object."},
		{"PUT", "/v1/clients/kiwi", `lat=1`, 400, "The body is not what is asked for: it is no JSON: invalid character 'l' looking for beginning of value."},
		{"PUT", "/v1/clients/kiwi", `{"lat":1,`, 400, "The body is not what is asked for: it is cut short."},
		{"PUT", "/v1/clients/kiwi", `{"latitude":1}`, 400, `The body is not what is asked for: it has "latitude", and may have lat, lon, position, time.`},
		{"PUT", "/v1/clients/kiwi", `{"lat":1,"lon":1} {}`, 400, "The body holds more than one value."},
		{"PUT", "/v1/clients/kiwi", `{"lat":1,"lon":1,"time":"` + strings.Repeat("1", 4096) + `"}`, 400, "As a line of the client protocol this would be 4112 bytes: it may be 4096."},
		{"PUT", "/v1/clients/kiwi", `{"time":"` + strings.Repeat("1", maxReport) + `"}`, 413, "The body is longer than 16384 bytes."},
		{"PUT", "/v1/clients/a%0Ab", `{"lat":1,"lon":1}`, 400, "Neither the client's ID nor what is said of it may be empty or hold white space."},
		{"PUT", "/v1/clients/" + long, `{"lat":1,"lon":1}`, 400, "The client's ID is 256 bytes: it may be 255."},
		{"GET", "/v1/stats?verbose", "", 400, `There is no parameter "verbose" here: /v1/stats takes none.`},
	} {
		n.refuses(t, c)
	}
	if n.table.Len() != 1 {
		t.Errorf("there are %d clients", n.table.Len())
	}
	n.phase.Store(int32(starting))
	n.refuses(t, wrong{"PUT", "/v1/clients/kiwi", `{"lat":1,"lon":1}`, 503, "This node is not ready yet. Ask another one."})
	n.phase.Store(int32(leaving))
	n.refuses(t, wrong{"PUT", "/v1/clients/kiwi", `{"lat":1,"lon":1}`, 503, "This node leaves. Ask another one."})
}

// refuses checks the answer to a request that is wrong.
func (n testNode) refuses(t *testing.T, c wrong) {
	t.Helper()
	r := httptest.NewRequest(c.method, "http://10.0.0.1:4133"+c.target, strings.NewReader(c.body))
	w := httptest.NewRecorder()
	n.api.Handler.ServeHTTP(w, r)
	var got struct {
		Title, Detail string
		Status        int
	}
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Errorf("%s %s: %v: %s", c.method, c.target, err, w.Body)
		return
	}
	if w.Code != c.status || got.Status != c.status || got.Title != http.StatusText(c.status) || got.Detail != c.detail ||
		w.Header().Get("Content-Type") != "application/problem+json" {
		t.Errorf("%s %s %s: got %d %q, want %d %q", c.method, c.target, c.body, w.Code, got.Detail, c.status, c.detail)
	}
	if retry := w.Header().Get("Retry-After"); (retry != "") != (c.status == 503) {
		t.Errorf("%s %s: got Retry-After %q with %d", c.method, c.target, retry, c.status)
	}
}
