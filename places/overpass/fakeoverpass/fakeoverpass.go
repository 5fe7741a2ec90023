// Package fakeoverpass is an Overpass server for tests: it runs the few statements
// of Overpass QL that Herd's queries are made of on elements that it is given, and
// misbehaves on demand.
package fakeoverpass

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Element is a node, or a way or relation with its middle.
type Element struct {
	Type     string // "node", "way" or "relation"
	ID       int64
	Lat, Lon float64 // degrees
	Tags     map[string]string
}

// Fault is a way to fail.
type Fault string

// The ways to fail that real servers have.
const (
	None     Fault = ""
	Limited  Fault = "429"      // both slots of the address are taken; with Retry-After
	Busy     Fault = "504"      // too many others
	Slow     Fault = "slow"     // the query took too long: a remark in an empty answer
	Memory   Fault = "memory"   // it needs too much memory: the same
	Page     Fault = "page"     // a page of HTML, of status 200
	Cut      Fault = "cut"      // JSON that ends in the middle
	Hung     Fault = "hung"     // no reply, until the asker or the server goes away
	Stranger Fault = "stranger" // JSON of another kind
)

// RetryAfter is what the fault Limited asks for.
const RetryAfter = 7 * time.Second

// Server is a fake server. It listens on the loopback. Its methods may be called
// by many goroutines.
type Server struct {
	http http.Server
	addr string
	done chan struct{} // closed when Serve has returned

	mu       sync.Mutex // guards what follows
	elements []Element
	fault    Fault
	body     []byte
	calls    int
	came     chan struct{} // closed and made anew when a call comes
}

// Start makes a server that knows elements. Close ends it.
func Start(elements ...Element) (*Server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	s := &Server{elements: elements, addr: l.Addr().String(), done: make(chan struct{}), came: make(chan struct{})}
	s.http.Handler = s
	go func() {
		defer close(s.done)
		_ = s.http.Serve(l) // ends with Close
	}()
	return s, nil
}

// Close stops the server and all that it serves.
func (s *Server) Close() error {
	err := s.http.Close()
	<-s.done
	return err
}

// URL is the interpreter's address.
func (s *Server) URL() string { return "http://" + s.addr + "/api/interpreter" }

// Know makes the server know elements, and no others.
func (s *Server) Know(elements ...Element) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.elements = elements
}

// Fail makes all further calls fail so; None: answers again.
func (s *Server) Fail(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = f
}

// Say makes body the reply to all further queries; nil: it runs them again.
func (s *Server) Say(body []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.body = body
}

// Calls is how many calls came.
func (s *Server) Calls() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}

// Await waits until n calls have come in all, or for ctx.
func (s *Server) Await(ctx context.Context, n int) error {
	for {
		s.mu.Lock()
		calls, came := s.calls, s.came
		s.mu.Unlock()
		if calls >= n {
			return nil
		}
		select {
		case <-came:
		case <-ctx.Done():
			return fmt.Errorf("%d calls of %d came: %w", calls, n, ctx.Err())
		}
	}
}

// ServeHTTP answers as Overpass does. Who says nothing of himself is refused.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	agent := r.UserAgent()
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	query := r.PostFormValue("data")
	_, _ = io.Copy(io.Discard, r.Body) // or the asker's going away would not be seen

	s.mu.Lock()
	s.calls++
	close(s.came)
	s.came = make(chan struct{})
	fault, body, elements := s.fault, s.body, s.elements
	s.mu.Unlock()

	switch {
	case r.URL.Path != "/api/interpreter":
		http.NotFound(w, r)
	case r.Method != http.MethodPost:
		page(w, http.StatusMethodNotAllowed, "POST, please")
	case agent == "" || strings.HasPrefix(agent, "Go-http-client"):
		page(w, http.StatusNotAcceptable, "no User-Agent that says who asks")
	case fault != None:
		fail(w, r, fault)
	case body != nil:
		reply(w, body)
	default:
		found, err := run(query, elements)
		if err != nil {
			page(w, http.StatusBadRequest, "parse error: "+err.Error())
			return
		}
		reply(w, encode(found, ""))
	}
}

func fail(w http.ResponseWriter, r *http.Request, f Fault) {
	switch f {
	case Limited:
		w.Header().Set("Retry-After", fmt.Sprint(int(RetryAfter.Seconds())))
		page(w, http.StatusTooManyRequests, "runtime error: rate_limited. Please check /api/status for the quota of your IP address.")
	case Busy:
		page(w, http.StatusGatewayTimeout, "runtime error: Dispatcher_Client::request_read_and_idx::timeout. The server is probably too busy to handle your request.")
	case Slow:
		reply(w, encode(nil, `runtime error: Query timed out in "query" at line 2 after 2 seconds.`))
	case Memory:
		reply(w, encode(nil, `runtime error: Query run out of memory in "query" at line 2 using about 128 MB of RAM.`))
	case Page:
		page(w, http.StatusOK, "runtime error: open64: 2 No such file or directory")
	case Cut:
		reply(w, []byte(`{"version": 0.6, "elements": [{"type": "node", "id": 1`))
	case Stranger:
		reply(w, []byte(`{"places": []}`))
	case Hung:
		<-r.Context().Done()
	}
}

func reply(w http.ResponseWriter, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(body)
}

// page is what Overpass says of errors.
func page(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `<html><head><title>OSM3S Response</title></head><body>
<p>The data included in this document is from www.openstreetmap.org.</p>
<p><strong style="color:#FF0000">Error</strong>: %s </p>
</body></html>
`, html.EscapeString(text))
}

func encode(found []Element, remark string) []byte {
	type point struct {
		Lat float64 `json:"lat"`
		Lon float64 `json:"lon"`
	}
	type item struct {
		Type string `json:"type"`
		ID   int64  `json:"id"`
		*point
		Center *point            `json:"center,omitempty"`
		Tags   map[string]string `json:"tags"`
	}
	all := struct {
		Version   float64 `json:"version"`
		Generator string  `json:"generator"`
		Elements  []item  `json:"elements"`
		Remark    string  `json:"remark,omitempty"`
	}{0.6, "fake", []item{}, remark}
	for _, e := range found {
		at, i := &point{e.Lat, e.Lon}, item{Type: e.Type, ID: e.ID, Tags: e.Tags}
		if e.Type == "node" {
			i.point = at
		} else {
			i.Center = at
		}
		all.Elements = append(all.Elements, i)
	}
	body, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		panic(errors.Join(errors.New("an element is not for JSON"), err))
	}
	return body
}
