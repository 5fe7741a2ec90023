package node

import (
	"net/http"
	"time"

	"herd/gossip"
)

// statsInfo is how the node does, for people and for pages that draw it; /metrics has it
// all. Names are a contract: add, never change.
type statsInfo struct {
	Now         time.Time               `json:"now"` // by the node's clock
	Uptime      float64                 `json:"uptime_seconds"`
	Clients     int                     `json:"clients"`     // whose fixes it holds
	TableBytes  int                     `json:"table_bytes"` // of memory
	Connections int                     `json:"connections"` // of clients, open
	Accepted    uint64                  `json:"accepted"`    // reports taken from clients
	Received    uint64                  `json:"received"`    // fixes that came from other nodes
	IAmAt       uint64                  `json:"iamat"`       // commands answered
	WhatsAt     uint64                  `json:"whatsat"`
	Invalid     uint64                  `json:"invalid"`   // lines answered with a question mark
	BytesIn     uint64                  `json:"bytes_in"`  // from clients
	BytesOut    uint64                  `json:"bytes_out"` // to clients
	Propagation propagation             `json:"propagation_us"`
	Journal     *journalInfo            `json:"journal,omitempty"` // without a data folder there is none
	Vector      map[string]progressInfo `json:"vector"`            // by the name of a live node, its batches
}

// propagation is how old fixes of other nodes were when they came, since the start.
type propagation struct {
	P50   float64 `json:"p50"` // microseconds
	P99   float64 `json:"p99"`
	Count uint64  `json:"count"` // of fixes
}

// journalInfo is how the node's disk does.
type journalInfo struct {
	Degraded  bool   `json:"degraded"`         // it fails, or is behind
	Trouble   string `json:"trouble"`          // what is wrong now, degraded or too slow; empty: nothing
	Why       string `json:"why,omitempty"`    // the last failure, perhaps of long ago
	InSync    bool   `json:"in_sync"`          // reports are acknowledged only when they are there
	Bytes     int64  `json:"bytes"`            // that it takes
	Queue     int    `json:"queue_bytes"`      // that wait to be written
	Lag       uint64 `json:"lag_batches"`      // of this node that are not known to be safe
	Failures  uint64 `json:"failures"`         // since the start
	Snapshots uint64 `json:"snapshots"`        // completed since then
	Loaded    uint64 `json:"loaded_fixes"`     // read at the start
	Damaged   bool   `json:"damaged_at_start"` // something was missing then
}

// progressInfo is how far a node's batches have come; see [gossip.Progress].
type progressInfo struct {
	Here uint64            `json:"here"`
	Lag  map[string]uint64 `json:"lag"`
}

func (n *Node) statsRoutes() []route {
	return []route{{"GET", "/v1/stats", "", "figures of this node: clients, traffic, propagation, how far everyone is", n.getStats}}
}

func (n *Node) getStats(w http.ResponseWriter, _ *http.Request) {
	server, herd := n.serverStats(), n.cluster.Stats()
	s := statsInfo{
		Now:         n.config.Clock().UTC(),
		Uptime:      time.Since(n.started).Seconds(),
		Clients:     n.table.Len(),
		TableBytes:  n.table.Bytes(),
		Connections: server.Connections,
		Accepted:    herd.Replica.Accepted,
		Received:    herd.Replica.Applied + herd.Replica.Redundant,
		IAmAt:       server.IAmAt,
		WhatsAt:     server.WhatsAt,
		BytesIn:     server.In,
		BytesOut:    server.Out,
		Propagation: describeSpread(&herd.Propagation),
		Vector:      make(map[string]progressInfo),
	}
	for _, lines := range server.Invalid {
		s.Invalid += lines
	}
	for _, p := range n.cluster.Progress() {
		s.Vector[p.Name] = progressInfo{p.Here, p.Lag}
	}
	if d := herd.Disk; d.On {
		s.Journal = &journalInfo{
			d.Trouble, journalTrouble(d), d.Why, d.InSync, d.Bytes, d.Queue, d.Lacks, d.Failures, d.Snapshots, d.Loaded, d.Damaged,
		}
	}
	writeJSON(w, http.StatusOK, s)
}

func describeSpread(s *gossip.Spread) propagation {
	us := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 }
	return propagation{us(s.Quantile(0.5)), us(s.Quantile(0.99)), s.Total()}
}
