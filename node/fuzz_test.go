package node

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// Whatever is asked over HTTP, the node has an answer that blames the one who asks, and
// nothing but POST changes anything.
func FuzzHTTP(f *testing.F) {
	n := newTestNode(f)
	for _, head := range []string{
		"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
		"GET /v1/../v1/members?x=%00 HTTP/1.1\r\nHost: 127.0.0.1:4133\r\n\r\n",
		"GET //v1//leave/ HTTP/1.1\r\nHost: [::1]\r\n\r\n",
		"HEAD /metrics HTTP/1.0\r\nAccept: text/plain\r\nAccept-Encoding: gzip, br\r\n\r\n",
		"GET http://evil.example/v1/self HTTP/1.1\r\nHost: evil.example\r\n\r\n",
		"GET /readyz?verbose=%zz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello",
		"PUT /v1/chaos HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
		"POST /%2e%2e/v1/leave HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
		"OPTIONS * HTTP/1.1\r\nHost: x\r\nOrigin: http://evil.example\r\nSec-Fetch-Site: cross-site\r\n\r\n",
		"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n",
	} {
		f.Add([]byte(head))
	}
	f.Fuzz(func(t *testing.T, request []byte) {
		r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(request)))
		if err != nil {
			return // net/http answers 400 itself
		}
		if r.Method == http.MethodPost {
			return // that is for who may change something
		}
		w := httptest.NewRecorder()
		n.api.Handler.ServeHTTP(w, r)
		ready := w.Code == http.StatusServiceUnavailable && r.URL.Path == "/readyz" // it is not
		if w.Code >= 500 && !ready {
			t.Errorf("%s %q: %d %s", r.Method, r.URL, w.Code, w.Body)
		}
		if n.asked.Err() != nil {
			t.Fatalf("%s %q has the node leave", r.Method, r.URL)
		}
	})
}

// Whatever faults are asked for: all of them act, as they were asked for, or none does.
func FuzzChaos(f *testing.F) {
	boss := &fakeSupervisor{}
	n := newTestNode(f, chaosAllowed, func(c *Config) { c.Supervisor = boss })
	for _, body := range []string{
		`{"seed": 7, "faults": [{"peers": ["Bona"], "way": "in", "cut": true, "for": "20s"}]}`,
		`{"faults": [{"loss": 0.3, "duplicate": 1e-9, "delay": "50ms", "jitter": "10ms", "rate": 65536}]}`,
		`{"faults": [{"pause": true, "for": "24h"}, {"reset": true, "peers": ["10.0.0.2:4132"]}]}`,
		`{"for": "-1s"}`,
		`{"node": "Bona"}`,
		`{"faults": [{"loss": 1e309, "for": "9223372036s", "rate": -1}]} {}`,
	} {
		for path := range 3 {
			f.Add(byte(path), []byte(body))
		}
	}
	ask := func(method, path string, body []byte) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, path, bytes.NewReader(body))
		r.Host = "localhost"
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		n.api.Handler.ServeHTTP(w, r)
		return w
	}
	f.Fuzz(func(t *testing.T, path byte, body []byte) {
		paths := []string{"/v1/chaos", "/v1/chaos/kill", "/v1/chaos/restart"}
		w := ask("POST", paths[int(path)%len(paths)], body)
		var answer struct{ Added []uint64 }
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code >= 500 {
			t.Fatalf("%d %s: %v", w.Code, w.Body, err)
		}
		var state struct{ Faults []faultInfo }
		if err := json.Unmarshal(ask("GET", "/v1/chaos", nil).Body.Bytes(), &state); err != nil || len(state.Faults) != len(answer.Added) {
			t.Fatalf("%d %s, and then %+v, %v", w.Code, w.Body, state, err)
		}
		for i, fault := range state.Faults {
			if err := fault.rule().Check(); err != nil || fault.ID != answer.Added[i] || fault.For < 0 || time.Duration(fault.For) > maxFaultTime {
				t.Errorf("%+v acts: %v", fault, err)
			}
		}
		ask("DELETE", "/v1/chaos", nil)
		if left := n.faults.Faults(); len(left) > 0 {
			t.Errorf("%+v is left", left)
		}
	})
}
