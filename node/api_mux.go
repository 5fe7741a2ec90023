package node

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"

	"herd/node/metrics"
)

// route is one thing that the HTTP API does.
type route struct {
	method, path string
	query        string // names of the parameters it takes, each followed by a space but the last
	what         string // for whoever asks at "/"
	handle       http.HandlerFunc
}

// anyQuery is the query of a route that takes any parameter and may make nothing of it: probes
// and scrapes are not to fail for one.
const anyQuery = "*"

// name is the route in metrics.
func (r *route) name() string { return r.method + " " + r.path }

// mux finds the handler of a request. What there is no route for is a problem in
// the sense of RFC 9457. page is what browsers get at "/".
func mux(routes []route, page http.Handler) *http.ServeMux {
	m := http.NewServeMux()
	methods := make(map[string][]string)
	for i, r := range append(slices.Clip(routes), index(routes, page)) {
		m.HandleFunc(r.name(), func(w http.ResponseWriter, req *http.Request) {
			if a, ok := w.(*answer); ok {
				a.route = i
			}
			if wrong := r.misread(req.URL.RawQuery); wrong != "" {
				problem(w, http.StatusBadRequest, wrong)
				return
			}
			r.handle(w, req)
		})
		methods[r.path] = append(methods[r.path], r.method)
	}
	for path, may := range methods {
		if slices.Contains(may, "GET") {
			may = append(may, "HEAD")
		}
		allow := strings.Join(may, ", ")
		m.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Allow", allow)
			problem(w, http.StatusMethodNotAllowed, r.URL.Path+" takes "+allow+".")
		})
	}
	m.HandleFunc("/", notFound)
	return m
}

// notFound answers where there is nothing.
func notFound(w http.ResponseWriter, _ *http.Request) {
	problem(w, http.StatusNotFound, "There is nothing at this path. GET / lists what there is.")
}

// index is the route that lists the others, and the page for who would rather see that.
func index(routes []route, page http.Handler) route {
	width := 0
	for _, r := range routes {
		width = max(width, len(r.path))
	}
	return route{"GET", "/{$}", "", "this list; for browsers, the page", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("Vary", "Accept")
		if accepts(r, "text/plain", "text/html") == "text/html" {
			page.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		for _, r := range routes {
			fmt.Fprintf(w, "%-6s %-*s  %s\n", r.method, width, r.path, r.what)
		}
	}}
}

// requests counts what the HTTP port answers, by route and class of status.
type requests struct {
	names  []string                         // static, in the order of the routes; then those of mux's own
	counts [][metrics.Classes]atomic.Uint64 // by name
}

func newRequests(routes []route) *requests {
	q := &requests{}
	for _, r := range routes {
		q.names = append(q.names, r.name())
	}
	q.names = append(q.names, "GET /", "other")
	q.counts = make([][metrics.Classes]atomic.Uint64, len(q.names))
	return q
}

// watch counts the answers of next.
func (q *requests) watch(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a := &answer{ResponseWriter: w, requests: q, route: len(q.names) - 1}
		next.ServeHTTP(a, r)
		a.count(http.StatusOK) // of one that said nothing
	})
}

// stats is what has been counted.
func (q *requests) stats() []metrics.Requests {
	all := make([]metrics.Requests, len(q.names))
	for i, name := range q.names {
		all[i].Route = name
		for class := range q.counts[i] {
			all[i].ByClass[class] = q.counts[i][class].Load()
		}
	}
	return all
}

// answer is a ResponseWriter that counts what it answers: when its status is known, so
// that a stream counts from its beginning.
type answer struct {
	http.ResponseWriter
	requests *requests
	route    int // index of its name
	counted  bool
}

func (a *answer) count(status int) {
	if a.counted || status < 200 {
		return // a status below 200 is not the last
	}
	a.counted = true
	a.requests.counts[a.route][min(status/100, 5)-2].Add(1)
}

func (a *answer) WriteHeader(status int) {
	a.count(status)
	a.ResponseWriter.WriteHeader(status)
}

func (a *answer) Write(b []byte) (int, error) {
	a.count(http.StatusOK)
	return a.ResponseWriter.Write(b)
}

// Unwrap is for [http.ResponseController].
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }
