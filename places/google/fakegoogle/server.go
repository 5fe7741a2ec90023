package fakegoogle

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"
)

// Options are how a [Server] is. Zero fields take the default.
type Options struct {
	// Listener is where to serve. It is the server's to close. Default: a port
	// of the loopback.
	Listener net.Listener

	// TLS serves https, by a certificate that [Server.Roots] vouches for.
	TLS bool

	// Key is the only one that is let in. Default: any but none.
	Key string

	// Places says how many there are within the radius, in metres, of a point.
	// Default: 60 everywhere.
	Places func(lat, lng, radius float64) int

	// Tick is the time between two bytes of [Trickle]. Default 1 s.
	Tick time.Duration
}

// Server is a fake Google. Its methods may be called by many goroutines.
type Server struct {
	// URL is the base of both APIs: set it as base_url.
	URL string

	options Options
	http    http.Server
	cert    *authority // nil without TLS
	closing context.Context
	stop    context.CancelFunc
	served  sync.WaitGroup // Serve, and every handler

	mu     sync.Mutex // guards the fields below
	faults []Fault    // for every call
	script [][]Fault  // for the next calls, one each
	calls  map[string]int
	flying int
	most   int
	closed bool
}

// Start serves until [Server.Close].
func Start(o Options) (*Server, error) {
	s := &Server{options: o, calls: make(map[string]int)}
	s.options.Tick = cmp.Or(o.Tick, time.Second)
	if s.options.Places == nil {
		s.options.Places = func(_, _, _ float64) int { return 60 }
	}
	l := o.Listener
	if l == nil {
		var err error
		if l, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			return nil, fmt.Errorf("fakegoogle: %w", err)
		}
	}
	s.URL = "http://" + l.Addr().String()
	if o.TLS {
		cert, err := newAuthority()
		if err != nil {
			return nil, errors.Join(fmt.Errorf("fakegoogle: %w", err), l.Close())
		}
		s.cert = cert
		s.URL = "https://" + l.Addr().String()
	}
	s.closing, s.stop = context.WithCancel(context.Background())
	s.http = http.Server{
		Handler: s, ErrorLog: log.New(io.Discard, "", 0), ReadHeaderTimeout: time.Minute,
	}
	s.served.Go(func() { // either always ends with an error: that it was closed
		if o.TLS {
			s.http.TLSConfig = &tls.Config{GetCertificate: s.certificate}
			_ = s.http.ServeTLS(l, "", "")
		} else {
			_ = s.http.Serve(l)
		}
	})
	return s, nil
}

// Close ends what is being served, breaks every connection and waits for the
// handlers. It may be called again.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.stop()
	_ = s.http.Close() // the listener's error is nothing to act on
	s.served.Wait()
}

// Roots is who vouches for the server; nil without TLS.
func (s *Server) Roots() *x509.CertPool {
	if s.cert == nil {
		return nil
	}
	return s.cert.roots
}

// Calls is how many requests have come for the API "new" or "legacy", or for both
// with "". Requests for anything else are not counted.
func (s *Server) Calls(api string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if api == "" {
		return s.calls["new"] + s.calls["legacy"]
	}
	return s.calls[api]
}

// MaxInFlight is how many requests there have been at once, at most.
func (s *Server) MaxInFlight() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.most
}

// SetFault makes every call from now on go wrong in the first way that concerns
// its API; with none, all is well again.
func (s *Server) SetFault(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = faults
}

// Script adds faults for one call each, in this order; then those of SetFault
// hold again. The zero Fault is none.
func (s *Server) Script(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range faults {
		s.script = append(s.script, []Fault{f})
	}
}

func (s *Server) certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.faults {
		if f.untrusted {
			return &s.cert.stranger, nil
		}
	}
	return &s.cert.own, nil
}

// begin counts a call and says what is to go wrong with it.
func (s *Server) begin(api string) ([]Fault, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, false
	}
	s.served.Add(1)
	s.calls[api]++
	s.flying++
	s.most = max(s.most, s.flying)
	if len(s.script) == 0 {
		return s.faults, true
	}
	next := s.script[0]
	s.script = s.script[1:]
	return next, true
}

func (s *Server) end() {
	s.mu.Lock()
	s.flying--
	s.mu.Unlock()
	s.served.Done()
}

// ServeHTTP is one call.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var a protocol
	switch r.URL.Path {
	case "/v1/places:searchNearby":
		a = newAPI{}
	case "/maps/api/place/nearbysearch/json":
		a = legacyAPI{}
	default:
		http.NotFound(w, r)
		return
	}
	faults, ok := s.begin(a.name())
	if !ok {
		panic(http.ErrAbortHandler)
	}
	defer s.end()
	q, denied := a.ask(s, r) // reads the body: else nobody would see that the client goes away
	p := a.reply(q)
	if denied != nil {
		p = *denied
	}
	for _, f := range faults {
		if f.untrusted { // the connection is from before
			panic(http.ErrAbortHandler)
		}
		if f.serve != nil && (f.api == "" || f.api == a.name()) {
			f.serve(s, w, r, p)
			return
		}
	}
	p.write(w)
}

// wait cuts the call off if nobody waits for it any more.
func (s *Server) wait(r *http.Request, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-r.Context().Done():
		panic(http.ErrAbortHandler)
	case <-s.closing.Done():
		panic(http.ErrAbortHandler)
	}
}

// hang waits until nobody does any more.
func (s *Server) hang(r *http.Request) {
	select {
	case <-r.Context().Done():
	case <-s.closing.Done():
	}
	panic(http.ErrAbortHandler)
}
