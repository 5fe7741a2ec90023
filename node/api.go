package node

import (
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
)

// Bounds of what the HTTP port takes from anybody.
const (
	headerTimeout  = 5 * time.Second
	requestTimeout = 10 * time.Second
	answerTimeout  = 30 * time.Second // a scrape of a busy node over a slow line
	quietTimeout   = time.Minute      // between two requests
	maxHeader      = 16 << 10         // bytes
	maxAPIConns    = 256              // open at once; operators are few
)

// route is one thing that the HTTP API does.
type route struct {
	method, path string
	what         string // for whoever asks at "/"
	handle       http.HandlerFunc
}

func (n *Node) routes() []route {
	return []route{
		{"GET", "/livez", "the process answers", n.getLivez},
		{"GET", "/readyz", "the node serves clients and has caught up; ?verbose says more", n.getReadyz},
		{"GET", "/metrics", "counters and gauges for Prometheus", n.getMetrics()},
		{"GET", "/v1/self", "this node", n.getSelf},
		{"GET", "/v1/members", "the herd as this node sees it", n.getMembers},
		{"POST", "/v1/leave", "leave the herd and end", n.postLeave},
		{"GET", "/v1/chaos", "faults on command: what acts now", n.chaos(n.getChaos)},
		{"POST", "/v1/chaos", "add faults", n.chaos(n.postChaos)},
		{"DELETE", "/v1/chaos", "heal all", n.chaos(n.deleteChaos)},
		{"POST", "/v1/chaos/kill", "end this node as kill -9 would", n.chaos(n.postKill)},
		{"POST", "/v1/chaos/restart", "start a killed node of this process again", n.chaos(n.postRestart)},
	}
}

// newAPI makes the HTTP server.
func (n *Node) newAPI() *http.Server {
	return &http.Server{
		Handler:           n.guard(mux(n.routes())),
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       requestTimeout,
		WriteTimeout:      answerTimeout,
		IdleTimeout:       quietTimeout,
		MaxHeaderBytes:    maxHeader,
		ConnState:         n.apiConns.watch,
		ErrorLog:          n.log.Named("http").StandardLogger(&hclog.StandardLoggerOptions{ForceLevel: hclog.Warn}),
	}
}

// mux finds the handler of a request. What there is no route for is a problem in
// the sense of RFC 9457.
func mux(routes []route) *http.ServeMux {
	m := http.NewServeMux()
	index := route{"GET", "/{$}", "this list", nil}
	index.handle = func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		for _, r := range routes {
			fmt.Fprintf(w, "%-6s %-17s %s\n", r.method, r.path, r.what)
		}
	}
	methods := make(map[string][]string)
	for _, r := range append(slices.Clip(routes), index) {
		m.HandleFunc(r.method+" "+r.path, r.handle)
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
	m.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		problem(w, http.StatusNotFound, "There is nothing at this path. GET / lists what there is.")
	})
	return m
}

// connCount bounds the connections of an HTTP server.
type connCount struct {
	open    atomic.Int64
	refused atomic.Uint64
}

// watch is an http.Server's ConnState. The one too many is closed at once.
func (c *connCount) watch(conn net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		if c.open.Add(1) > maxAPIConns {
			c.refused.Add(1)
			conn.Close()
		}
	case http.StateClosed, http.StateHijacked:
		c.open.Add(-1)
	}
}
