package node

import (
	"errors"
	"log"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Bounds of what the HTTP port takes from anybody.
const (
	headerTimeout  = 5 * time.Second
	requestTimeout = 10 * time.Second
	answerTimeout  = 30 * time.Second // a scrape of a busy node over a slow line
	quietTimeout   = time.Minute      // between two requests
	maxHeader      = 16 << 10         // bytes
	maxAPIConns    = 256              // open at once; operators are few

	// maxAPIConnsPerHost is how many of those one host may have, beyond loopback: probes find
	// room besides it.
	maxAPIConnsPerHost = maxAPIConns / 4
)

// routes is all that the HTTP API does. What belongs together has a file, and a line
// here.
func (n *Node) routes() []route {
	return slices.Concat(
		[]route{
			{"GET", "/livez", anyQuery, "the process answers", n.getLivez},
			{"GET", "/readyz", anyQuery, "the node serves clients and has caught up; ?verbose says more", n.getReadyz},
			{"GET", "/metrics", anyQuery, "counters and gauges for Prometheus", n.getMetrics()},
			{"GET", "/v1/self", "", "this node", n.getSelf},
			{"GET", "/v1/members", "", "the herd as this node sees it", n.getMembers},
			{"POST", "/v1/reload", "", "read the configuration again and take over what can be", n.postReload},
			{"POST", "/v1/leave", "drain", "leave the herd and end; ?drain=30s ends clients over that time", n.postLeave},
		},
		n.clientRoutes(),
		n.ownTracksRoutes(),
		n.nearRoutes(),
		n.keyringRoutes(),
		n.statsRoutes(),
		n.eventRoutes(),
		n.mapRoutes(),
		n.openAPIRoutes(),
		n.chaosRoutes(),
		n.profileRoutes(),
	)
}

// newAPI makes the HTTP server.
func (n *Node) newAPI() *http.Server {
	n.authority.clock = n.config.Clock
	n.authority.set(n.config.ReadTokens, n.config.WriteTokens)
	routes := n.routes()
	n.requests = newRequests(routes)
	s := &http.Server{
		Handler:           n.requests.watch(n.guard(n.certified(n.authorize(mux(routes, n.page))))),
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       requestTimeout,
		WriteTimeout:      answerTimeout,
		IdleTimeout:       quietTimeout,
		MaxHeaderBytes:    maxHeader,
		ConnState:         n.apiConns.watch,
		ErrorLog:          log.New(handshakeLog{&n.certificates.failed, n.log.Named("http")}, "", 0),
	}
	s.RegisterOnShutdown(n.endStreams)
	s.RegisterOnShutdown(n.events.Close)
	return s
}

// unhurried lifts the bounds in time of one request: its answer takes its time, and has
// bounds of its own.
func unhurried(w http.ResponseWriter) error {
	c := http.NewResponseController(w)
	return errors.Join(c.SetReadDeadline(time.Time{}), c.SetWriteDeadline(time.Time{}))
}

// connCount bounds the connections of an HTTP server.
type connCount struct {
	refused atomic.Uint64
	failed  atomic.Uint64 // failures of the system to accept one

	mu    sync.Mutex            // guards the fields below
	all   map[net.Conn]struct{} // those too that were refused and are about to end
	hosts map[netip.Addr]int    // of those, by who is bounded
}

// watch is an http.Server's ConnState. The one too many is closed at once.
func (c *connCount) watch(conn net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		if !c.add(conn) {
			c.refused.Add(1)
			conn.Close()
		}
	case http.StateClosed, http.StateHijacked:
		c.remove(conn)
	}
}

// add counts a connection that comes, and tells whether there is room for it.
func (c *connCount) add(conn net.Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all == nil {
		c.all, c.hosts = map[net.Conn]struct{}{}, map[netip.Addr]int{}
	}
	c.all[conn] = struct{}{}
	host := bounded(conn)
	if host.IsValid() {
		c.hosts[host]++
	}
	return len(c.all) <= maxAPIConns && c.hosts[host] <= maxAPIConnsPerHost
}

// remove counts one that goes.
func (c *connCount) remove(conn net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.all, conn)
	host := bounded(conn)
	if !host.IsValid() {
		return
	}
	if c.hosts[host]--; c.hosts[host] == 0 {
		delete(c.hosts, host)
	}
}

// cut ends all of them at once, before the server's own end: that waits for each in turn.
func (c *connCount) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for conn := range c.all {
		cut(conn)
	}
}

// open is how many there are.
func (c *connCount) open() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.all)
}
