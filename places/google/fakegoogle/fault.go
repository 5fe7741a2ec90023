package fakegoogle

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Fault is a way to go wrong. The zero Fault is none.
type Fault struct {
	name      string
	api       string // the only one that it concerns, if it is not empty
	untrusted bool
	serve     func(s *Server, w http.ResponseWriter, r *http.Request, p reply) // p is what it would be without
}

// String is the fault's name.
func (f Fault) String() string { return f.name }

// Slow answers after a time.
func Slow(d time.Duration) Fault {
	return Fault{name: "slow", serve: func(s *Server, w http.ResponseWriter, r *http.Request, p reply) {
		s.wait(r, d)
		p.write(w)
	}}
}

// Hung never answers.
func Hung() Fault {
	return Fault{name: "hung", serve: func(s *Server, _ http.ResponseWriter, r *http.Request, _ reply) { s.hang(r) }}
}

// Trickle answers with a byte a second ([Options].Tick).
func Trickle() Fault {
	return Fault{name: "trickle", serve: func(s *Server, w http.ResponseWriter, r *http.Request, p reply) {
		for _, c := range []byte(p.body) {
			if !send(w, []byte{c}) {
				return
			}
			s.wait(r, s.options.Tick)
		}
	}}
}

// NeverClosing answers well and then never ends the body.
func NeverClosing() Fault {
	return Fault{name: "never closing", serve: func(s *Server, w http.ResponseWriter, r *http.Request, p reply) {
		if send(w, []byte(p.body)) {
			s.hang(r)
		}
	}}
}

// Huge answers with a GiB of results.
func Huge() Fault {
	return Fault{name: "huge", serve: func(_ *Server, w http.ResponseWriter, _ *http.Request, _ reply) {
		const size = 1 << 30
		results := bytes.Repeat([]byte(`{"name":"again"},`), 4096)
		if _, err := io.WriteString(w, `{"status":"OK","results":[`); err != nil {
			return
		}
		for n := 0; n < size; n += len(results) {
			if _, err := w.Write(results); err != nil {
				return
			}
		}
	}}
}

// Cut closes the connection in the middle of the body.
func Cut() Fault {
	return Fault{name: "cut", serve: func(_ *Server, w http.ResponseWriter, _ *http.Request, p reply) {
		w.Header().Set("Content-Length", strconv.Itoa(len(p.body)))
		send(w, []byte(p.body[:len(p.body)/2]))
		panic(http.ErrAbortHandler)
	}}
}

// Reset closes the connection instead of answering.
func Reset() Fault {
	return Fault{name: "reset", serve: func(*Server, http.ResponseWriter, *http.Request, reply) { panic(http.ErrAbortHandler) }}
}

// Malformed answers with what is almost JSON.
func Malformed() Fault {
	return Fault{name: "malformed", serve: func(_ *Server, w http.ResponseWriter, _ *http.Request, p reply) {
		reply{status: p.status, body: p.body[:len(p.body)/2]}.write(w)
	}}
}

// HTML answers with a page, as a network's login does.
func HTML() Fault {
	return Fault{name: "HTML", serve: func(_ *Server, w http.ResponseWriter, _ *http.Request, _ reply) {
		w.Header().Set("Content-Type", "text/html")
		send(w, []byte("<!doctype html><title>Welcome</title>\n"))
	}}
}

// Echo answers with what it was asked, key and all.
func Echo() Fault {
	return Fault{name: "echo", serve: func(_ *Server, w http.ResponseWriter, r *http.Request, _ reply) {
		reply{status: 200, body: `{"status":"OK","results":[],"asked":"` + r.URL.Query().Get("key") + r.Header.Get("X-Goog-Api-Key") + `"}`}.write(w)
	}}
}

// Status answers with an HTTP status and the API's words for it, and a
// Retry-After if it is not empty.
func Status(code int, retryAfter string) Fault {
	return Fault{name: "HTTP " + strconv.Itoa(code), serve: func(_ *Server, w http.ResponseWriter, _ *http.Request, _ reply) {
		if retryAfter != "" {
			w.Header().Set("Retry-After", retryAfter)
		}
		name := map[int]string{
			400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND",
			429: "RESOURCE_EXHAUSTED", 500: "INTERNAL", 503: "UNAVAILABLE", 504: "DEADLINE_EXCEEDED",
		}[code]
		rpcError(code, name, "", "As was ordered.").write(w)
	}}
}

// Redirect sends the client to another base URL, with the path and the query.
func Redirect(base string) Fault {
	return Fault{name: "redirect", serve: func(_ *Server, w http.ResponseWriter, r *http.Request, _ reply) {
		w.Header().Set("Location", strings.TrimSuffix(base, "/")+(&url.URL{Path: r.URL.Path, RawQuery: r.URL.RawQuery}).String())
		w.WriteHeader(http.StatusTemporaryRedirect)
	}}
}

// BadTLS shows a certificate that nobody vouches for. It concerns connections,
// so it is only for SetFault; calls on connections from before are cut off.
func BadTLS() Fault { return Fault{name: "bad TLS", untrusted: true} }

// send is false if the client is gone.
func send(w http.ResponseWriter, b []byte) bool {
	_, err := w.Write(b)
	return err == nil && http.NewResponseController(w).Flush() == nil
}
