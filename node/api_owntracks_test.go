package node

import (
	"net/http/httptest"
	"strings"
	"testing"
)

// A message of the app is the report of "user/device"; what else it sends is taken.
func TestOwnTracks(t *testing.T) {
	n := newTestNode(t)
	n.phase.Store(int32(serving))
	const here = `{"_type":"location","BSSID":"b0:f2","acc":18,"alt":154,"batt":99,"bs":1,"conn":"w","created_at":1700000003,"lat":48.856826,"lon":2.292713,` +
		`"m":1,"t":"u","tid":"NE","topic":"owntracks/jane/nexus","tst":1700000001,"vac":4,"vel":0,"inregions":["Home"],"_http":true}`
	const bare = `{"_type":"location","lat":-1.5,"lon":1e1,"tst":7,"tid":"NE"}`
	for _, c := range []struct {
		name, query, body, line string // empty: nothing is reported
		header                  map[string]string
	}{
		{"topic", "", here, "jane/nexus +48.856826+2.292713 1700000001", nil},
		{"headers", "", here, "joe/pixel +48.856826+2.292713 1700000001", map[string]string{"X-Limit-U": "joe", "X-Limit-D": "pixel"}},
		{"URL", "?u=ann&d=moto", here, "ann/moto +48.856826+2.292713 1700000001", map[string]string{"X-Limit-U": "joe", "X-Limit-D": "pixel"}},
		{"account", "", bare, "sam/NE -1.5+10 7", map[string]string{"Authorization": "Basic c2FtOnNlY3JldA=="}},
		{"account and device", "", bare, "tom/x -1.5+10 7", map[string]string{"Authorization": "Basic dG9tL3g6c2VjcmV0"}},
		{"white space", "?u=%20ann%09%20lee%20&d=Pixel%208%0a", bare, "ann-lee/Pixel-8 -1.5+10 7", nil},
		{"a line in a device", "", strings.Replace(here, "jane/nexus", `jane/Jane's\u0000\u00a0phone`, 1), "jane/Jane's-phone +48.856826+2.292713 1700000001", nil},
		{"no device", "?u=solo", strings.Replace(bare, `"tid"`, `"x"`, 1), "solo -1.5+10 7", nil},
		{"other messages", "", `{"_type":"transition","lat":1,"lon":2,"tst":3,"event":"enter"}`, "", nil},
		{"encrypted", "", `{"_type":"encrypted","data":"AAAA"}`, "", nil},
		{"no numbers in what is ignored", "", `{"_type":"lwt","tst":5}`, "", nil},
	} {
		before := n.table.Len()
		r := httptest.NewRequest("POST", "http://10.0.0.1:4133/pub"+c.query, strings.NewReader(c.body))
		for k, v := range c.header {
			r.Header.Set(k, v)
		}
		w := httptest.NewRecorder()
		n.api.Handler.ServeHTTP(w, r)
		if w.Code != 200 || w.Body.String() != "[]\n" || w.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%s: got %d %s %s", c.name, w.Code, w.Header().Get("Content-Type"), w.Body)
		}
		if c.line == "" {
			if n.table.Len() != before {
				t.Errorf("%s: is a report", c.name)
			}
			continue
		}
		id, _, _ := strings.Cut(c.line, " ")
		e, ok := n.table.Get([]byte(id))
		if got := describeClient(id, &e.Fix).AtLine; !ok || !strings.HasSuffix(got, " "+c.line) {
			t.Errorf("%s: got %q, want %q", c.name, got, c.line)
		}
	}
}

func TestWrongOwnTracks(t *testing.T) {
	n := newTestNode(t)
	n.phase.Store(int32(serving))
	const who, badPosition = "/pub?u=jane&d=nexus", " is not ISO 6709 decimal degrees: signed latitude within 90, signed longitude within 180."
	const badTime = " is not POSIX seconds: unsigned decimal, at most 9223372036.854775807."
	const gap = "Neither the client's ID nor what is said of it may be empty or hold white space."
	const nobody = "Nobody can tell whose phone this is: set a user and a device in the app, or add ?u=USER&d=DEVICE to the URL."
	for _, c := range []wrong{
		{"POST", who, "", 400, "The body is not a message of OwnTracks: it is no JSON: unexpected end of JSON input."},
		{"POST", who, "[]", 400, "The body is not a message of OwnTracks: it must be an object."},
		{"POST", who, "{}", 400, "The body is not a message of OwnTracks: it has no _type."},
		{"POST", who, `{"_type":"location"}`, 400, gap},
		{"POST", who, `{"_type":"location","lat":1,"tst":5}`, 400, `The position "+1+"` + badPosition},
		{"POST", who, `{"_type":"location","lat":91,"lon":2,"tst":5}`, 400, `The position "+91+2"` + badPosition},
		{"POST", who, `{"_type":"location","lat":1,"lon":2,"tst":-5}`, 400, `The time "-5"` + badTime},
		{"POST", who, `{"_type":"location","lat":1,"lon":2,"tst":1e9}`, 400, `The time "1e9"` + badTime},
		{"POST", who, `{"_type":"location","lat":1,"lon":2,"tst":99999999999}`, 400, `The time "99999999999"` + badTime},
		{"POST", who, `{"_type":"location","lat":"x","lon":2,"tst":5}`, 400, `The body is not a message of OwnTracks: a number is asked for where it has a text.`},
		{"POST", "/pub", `{"_type":"location","lat":1,"lon":2,"tst":5}`, 400, nobody},
		{"POST", "/pub?u=%20&d=%09", `{"_type":"location","lat":1,"lon":2,"tst":5}`, 400, nobody},
		{"POST", "/pub?user=jane", "", 400, `There is no parameter "user" here: /pub takes u, d.`},
		{"POST", who, strings.Repeat(" ", maxReport+1), 413, "The body is longer than 16384 bytes."},
		{"POST", "/pub?u=" + strings.Repeat("x", 256), `{"_type":"location","lat":1,"lon":2,"tst":5}`, 400, "The client's ID is 256 bytes: it may be 255."},
		{"GET", "/pub", "", 405, "/pub takes POST."},
	} {
		n.refuses(t, c)
	}
	n.phase.Store(int32(starting))
	n.refuses(t, wrong{"POST", who, `{"_type":"location","lat":1,"lon":2,"tst":5}`, 503, "This node is not ready yet. Ask another one."})
	if n.table.Len() != 0 {
		t.Errorf("there are %d clients", n.table.Len())
	}
}
