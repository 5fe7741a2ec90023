package node

import (
	"bufio"
	"bytes"
	"net/http"
	"net/http/httptest"
	"testing"
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
