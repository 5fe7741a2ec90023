package metrics

import "github.com/prometheus/client_golang/prometheus"

// Classes is how many classes of status answers are counted by: 2xx to 5xx.
const Classes = 4

// Requests is how a route of the HTTP port was answered.
type Requests struct {
	Route   string          // "GET /v1/self"; "other": no route took the request
	ByClass [Classes]uint64 // 2xx first
}

// Denied counts requests that were refused for the token they came with, or without.
type Denied struct {
	Missing uint64 // there was none
	Wrong   uint64 // it is not known
	Weak    uint64 // it is known, and not good for that
	Guessed uint64 // it was not looked at: too many wrong ones from this address
}

func requests() []metric {
	return []metric{
		gauge("http_connections", "Connections to the HTTP port that are open.", func(s *Stats) int { return s.HTTPConns }),
		counter("http_connections_refused_total", "Connections to the HTTP port closed at once: too many.", func(s *Stats) uint64 { return s.HTTPRefused }),
		counter("http_accept_errors_total", "Failures of the system to accept a connection to the HTTP port.", func(s *Stats) uint64 { return s.HTTPAcceptErrors }),
		counters("tls_handshakes_failed_total", "Connections that ended before TLS was agreed on, by port.", "port",
			part{"clients", func(s *Stats) uint64 { return s.Server.Handshakes }},
			part{"http", func(s *Stats) uint64 { return s.HTTPHandshakes }}),
		family(prometheus.GaugeValue, "certificate_expiry_timestamp_seconds", "When the certificate expires that the ports of clients and HTTP show; 0: there is none.", nil,
			func(s *Stats, to sink) { to(float64(s.CertificateEnds)) }),
		counters("http_denied_total", "Requests to the HTTP port refused for their token. Missing: there was none. Wrong: it is not known. Scope: it is not good for that. Guesses: it was not looked at, for too many wrong ones had come from its address.", "reason",
			part{"missing", func(s *Stats) uint64 { return s.HTTPDenied.Missing }},
			part{"wrong", func(s *Stats) uint64 { return s.HTTPDenied.Wrong }},
			part{"scope", func(s *Stats) uint64 { return s.HTTPDenied.Weak }},
			part{"guesses", func(s *Stats) uint64 { return s.HTTPDenied.Guessed }}),
		family(prometheus.CounterValue, "http_requests_total", "Requests to the HTTP port that were answered, by route and class of status. A stream counts when it begins.", []string{"route", "class"},
			func(s *Stats, to sink) {
				for _, r := range s.HTTP {
					for i, class := range [Classes]string{"2xx", "3xx", "4xx", "5xx"} {
						to(float64(r.ByClass[i]), r.Route, class)
					}
				}
			}),
	}
}
