package top

import (
	"net"
	"time"
)

// Member is a node as another one sees it, in an answer of /v1/members.
type Member struct {
	Name    string    `json:"name"`
	Origin  string    `json:"origin"` // its incarnation
	State   string    `json:"state"`  // alive, suspect, failed, left
	Since   time.Time `json:"since"`
	Client  string    `json:"client"`
	Gossip  string    `json:"gossip"`
	HTTP    string    `json:"http"`
	Version string    `json:"version"`
	InSync  bool      `json:"in_sync"`
	Linked  bool      `json:"linked"`
	Lagging bool      `json:"lagging"`
	Unseen  bool      `json:"unseen"`
	Leaving bool      `json:"leaving"`        // it takes no new clients
	Queued  int       `json:"queued"`         // bytes
	Clock   *int64    `json:"clock_ahead_us"` // null: not measured
}

// shown is the state as people are shown it: a member that is alive may be about to leave.
func (m *Member) shown() string {
	if m.Leaving && m.State == "alive" {
		return "leaving"
	}
	return m.State
}

// Members is an answer of /v1/members.
type Members struct {
	Self    string   `json:"self"`
	Members []Member `json:"members"`
}

// Self is an answer of /v1/self.
type Self struct {
	Member
	Ready  bool     `json:"ready"`
	Behind []string `json:"behind"`
}

// Stats is an answer of /v1/stats. Its counters only grow while the node lives.
type Stats struct {
	Now         time.Time `json:"now"`
	Uptime      float64   `json:"uptime_seconds"`
	Clients     int       `json:"clients"`
	TableBytes  int64     `json:"table_bytes"`
	Connections int       `json:"connections"`
	Accepted    uint64    `json:"accepted"`
	Received    uint64    `json:"received"`
	IAmAt       uint64    `json:"iamat"`
	WhatsAt     uint64    `json:"whatsat"`
	Invalid     uint64    `json:"invalid"`
	BytesIn     uint64    `json:"bytes_in"`
	BytesOut    uint64    `json:"bytes_out"`
	Propagation struct {
		P50   float64 `json:"p50"`
		P99   float64 `json:"p99"`
		Count uint64  `json:"count"`
	} `json:"propagation_us"`
	Vector map[string]struct {
		Here uint64            `json:"here"`
		Lag  map[string]uint64 `json:"lag"`
	} `json:"vector"`
}

// Sample is a node and the herd as it sees it, at one time.
type Sample struct {
	Addr    string // that answered
	Self    Self
	Members []Member
	Stats   Stats
}

// lag is how many batches a member lacks: of the sampled node's, or of all others' if it is
// that node.
func (s *Sample) lag(name string) (batches uint64, known bool) {
	if name != s.Self.Name {
		batches, known = s.Stats.Vector[s.Self.Name].Lag[name]
		return batches, known
	}
	for origin, p := range s.Stats.Vector {
		if origin != name {
			batches += p.Lag[name]
		}
	}
	return batches, len(s.Stats.Vector) > 0
}

// Reach is where the HTTP address of m is reached from elsewhere; empty if it can't be. One
// that is bound to all addresses of a machine is reached at the one for gossip.
func (m *Member) Reach() string {
	host, port, err := net.SplitHostPort(m.HTTP)
	if err != nil || port == "" || port == "0" {
		return ""
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		if host, _, err = net.SplitHostPort(m.Gossip); err != nil || host == "" {
			return ""
		}
	}
	return net.JoinHostPort(host, port)
}
