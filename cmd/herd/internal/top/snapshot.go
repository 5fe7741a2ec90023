package top

import (
	"slices"
	"time"
)

// Snapshot is a copy of what a model knows: what is drawn, and printed as JSON, whose names
// are a contract.
type Snapshot struct {
	Now         time.Time   `json:"now"`  // by the node's clock
	Node        string      `json:"node"` // that sees the herd so
	Addr        string      `json:"addr"` // its HTTP address
	Ready       bool        `json:"ready"`
	Behind      []string    `json:"behind"` // members that know what the node does not
	Version     string      `json:"version"`
	Uptime      float64     `json:"uptime_seconds"`
	Clients     int         `json:"clients"`
	TableBytes  int64       `json:"table_bytes"`
	Connections int         `json:"connections"`
	Rates       *Rates      `json:"per_second"`     // null: not known yet
	Propagation Propagation `json:"propagation_us"` // since the node's start
	Members     []Row       `json:"members"`
	Hottest     []Hot       `json:"hottest"`
	Sampled     bool        `json:"sampled"` // the hottest are of a part of all fixes
	Events      []Event     `json:"events"`  // the newest first
	Away        string      `json:"away,omitempty"`
	Trouble     string      `json:"trouble,omitempty"`
	Deaf        string      `json:"deaf,omitempty"`

	home   string
	course []Rates
}

// Propagation is how old fixes of other nodes were when they came, in microseconds.
type Propagation struct {
	P50   float64 `json:"p50"`
	P99   float64 `json:"p99"`
	Count uint64  `json:"count"`
}

// Row is a member and how far it is.
type Row struct {
	Member
	Self bool    `json:"self"`
	Lag  *uint64 `json:"lag"` // batches that it lacks; null: can't be seen from here
}

// Hot is a client that is often updated.
type Hot struct {
	Fix
	PerSecond float64 `json:"per_second"` // at least
}

// Event is something that happened.
type Event struct {
	Time time.Time `json:"time"`
	Kind string    `json:"kind"` // a state of a member, or note
	Text string    `json:"text"`
}

// Snapshot copies what is known at the time now.
func (m *Model) Snapshot(now time.Time) *Snapshot {
	m.hottest.advance(now)
	s := &Snapshot{
		home: m.home, Members: []Row{}, Behind: []string{}, Hottest: m.hottest.top(mostHot), Sampled: m.sampled,
		Away: m.away, Trouble: m.trouble, Deaf: m.deaf, course: slices.Clone(m.course),
		Events: slices.Clone(m.log),
	}
	if s.Events == nil {
		s.Events = []Event{}
	}
	slices.Reverse(s.Events)
	if m.known {
		rates := m.rates
		s.Rates = &rates
	}
	if m.at == nil {
		return s
	}
	self, stats := &m.at.Self, &m.at.Stats
	s.Now, s.Node, s.Addr, s.Ready, s.Version = stats.Now, self.Name, m.at.Addr, self.Ready, self.Version
	s.Behind = append(s.Behind, self.Behind...)
	s.Uptime, s.Clients, s.TableBytes, s.Connections = stats.Uptime, stats.Clients, stats.TableBytes, stats.Connections
	s.Propagation = Propagation(stats.Propagation)
	for _, other := range m.at.Members {
		row := Row{Member: other, Self: other.Origin == self.Origin}
		if lag, known := m.at.lag(other.Name); known {
			row.Lag = &lag
		}
		s.Members = append(s.Members, row)
	}
	return s
}
