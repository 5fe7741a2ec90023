package upstream

import (
	"io"
	"net/http"
	"sync/atomic"
)

// once is a transport that sends a request once, since each may be billed.
//
// http.Transport by itself sends a GET again if a kept connection breaks after
// it. It does not if there is a body that it can't rewind; and of an empty body
// nothing goes over HTTP/1, the only protocol that it does so with. Connections
// are kept after a reply only, so it is known by then which protocol it is.
type once struct {
	*http.Transport
	http1 atomic.Bool
}

func (t *once) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil && t.http1.Load() {
		r = r.WithContext(r.Context()) // a copy: the caller's stays as it is
		r.Body = empty{}
	}
	resp, err := t.Transport.RoundTrip(r)
	if err == nil {
		t.http1.Store(resp.ProtoMajor == 1)
	}
	return resp, err
}

type empty struct{}

func (empty) Read([]byte) (int, error) { return 0, io.EOF }
func (empty) Close() error             { return nil }
