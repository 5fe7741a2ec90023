package client

import (
	"encoding/json"
	"fmt"
	"time"
)

// Located is a client and where it is, as the HTTP API tells of it.
type Located struct {
	ID         string // bytes that are not UTF-8 included
	Lat, Lon   float64
	Position   Position      // as the client sent it
	Time       Seconds       // as the client sent it
	At         time.Time     // the same as a date
	Received   time.Time     // when its node took the report, by that node's clock
	Difference time.Duration // Received less At, exactly
	Node       string        // the name of the node that took the report
	Line       string        // the AT line
	Distance   float64       // metres from what was asked about; of [API.Near] alone
	Stale      bool          // of a report just made: the herd knows this newer one
}

// UnmarshalJSON reads the client object of the API.
func (l *Located) UnmarshalJSON(text []byte) error {
	var v struct {
		ID       string    `json:"id"`
		Bytes    []byte    `json:"id_base64"`
		Lat      float64   `json:"lat"`
		Lon      float64   `json:"lon"`
		Position Position  `json:"position"`
		Time     Seconds   `json:"time"`
		At       time.Time `json:"at"`
		Received time.Time `json:"received"`
		Skew     string    `json:"skew_seconds"`
		Node     string    `json:"node"`
		Line     string    `json:"at_line"`
		Distance float64   `json:"distance_m"`
		Stale    bool      `json:"stale"`
	}
	if err := json.Unmarshal(text, &v); err != nil {
		return err
	}
	if v.Bytes != nil {
		v.ID = string(v.Bytes)
	}
	difference, ok := parseDifference(v.Skew)
	if !ok && v.Skew != "" {
		return fmt.Errorf("skew_seconds is %q: it is no difference", shorten(v.Skew))
	}
	*l = Located{v.ID, v.Lat, v.Lon, v.Position, v.Time, v.At, v.Received, difference, v.Node, v.Line, v.Distance, v.Stale}
	return nil
}

// Departure is a client that a node shows no more. It is back with its next report.
type Departure struct {
	ID     string // bytes that are not UTF-8 included
	Reason Reason
}

// Reason is why a client is gone.
type Reason string

// The reasons. A newer node may have others.
const (
	Expired Reason = "expired" // it was silent for the herd's ttl
	Evicted Reason = "evicted" // there was no room: its last report was among the oldest
)

// UnmarshalJSON reads the data of an event.
func (d *Departure) UnmarshalJSON(text []byte) error {
	var v struct {
		ID     string `json:"id"`
		Bytes  []byte `json:"id_base64"`
		Reason Reason `json:"reason"`
	}
	if err := json.Unmarshal(text, &v); err != nil {
		return err
	}
	if v.Bytes != nil {
		v.ID = string(v.Bytes)
	}
	*d = Departure{v.ID, v.Reason}
	return nil
}

// State is how a member of the herd stands, as one node sees it.
type State string

// The states.
const (
	Alive   State = "alive"
	Suspect State = "suspect" // it does not answer; it is alive or failed soon
	Failed  State = "failed"
	Left    State = "left" // it has said goodbye
)

// Member is a node as another one sees it.
type Member struct {
	Name    string    `json:"name"`
	Origin  string    `json:"origin"` // its incarnation: a node that starts again has another
	State   State     `json:"state"`
	Since   time.Time `json:"since"` // when the state began, by the clock of the node that was asked
	Started time.Time `json:"started"`
	Client  string    `json:"client"` // where clients reach it, host:port
	Gossip  string    `json:"gossip"`
	HTTP    string    `json:"http"`
	Version string    `json:"version"`
	InSync  bool      `json:"in_sync"`        // answers of the node that was asked wait for it
	Leased  bool      `json:"leased"`         // the node that was asked holds all that it has acknowledged
	Linked  bool      `json:"linked"`         // both streams to it stand
	Acked   uint64    `json:"acked"`          // the last batch of the node that was asked that it has
	Queued  int       `json:"queued"`         // bytes that wait for it
	Lagging bool      `json:"lagging"`        // its queue overflowed; it catches up
	Unseen  bool      `json:"unseen"`         // it does not see the node that was asked
	Leaving bool      `json:"leaving"`        // it is about to leave: it takes no new clients
	Clock   *int64    `json:"clock_ahead_us"` // how far its clock is ahead, in microseconds; nil: not measured
}

// Members is the herd as one node sees it.
type Members struct {
	Self    string   `json:"self"` // the name of the node that was asked
	Members []Member `json:"members"`
}

// Self is the node that was asked.
type Self struct {
	Member
	Ready    bool     `json:"ready"`     // it serves clients
	CaughtUp bool     `json:"caught_up"` // it has what the herd had, or had once
	Behind   []string `json:"behind"`    // the live members that know what it does not
	Clients  int      `json:"clients"`   // whose reports it holds
}

// MemberChange is a change of a member, as one node sees it.
type MemberChange struct {
	Name    string    `json:"name"`
	Origin  string    `json:"origin"`
	State   State     `json:"state"`
	Was     State     `json:"was"` // empty: it was not known
	Since   time.Time `json:"since"`
	Started time.Time `json:"started"`
	Client  string    `json:"client"`
	Gossip  string    `json:"gossip"`
	HTTP    string    `json:"http"`
	Version string    `json:"version"`
}

// Stats are figures of one node. What is counted is since its start.
type Stats struct {
	Now         time.Time   `json:"now"` // by its clock
	Uptime      float64     `json:"uptime_seconds"`
	Clients     int         `json:"clients"`     // whose reports it holds
	TableBytes  int         `json:"table_bytes"` // of memory
	Connections int         `json:"connections"` // of clients, open
	Accepted    uint64      `json:"accepted"`    // reports taken from clients
	Received    uint64      `json:"received"`    // reports that came from other nodes
	IAmAt       uint64      `json:"iamat"`       // commands answered
	WhatsAt     uint64      `json:"whatsat"`
	Invalid     uint64      `json:"invalid"`
	BytesIn     uint64      `json:"bytes_in"`
	BytesOut    uint64      `json:"bytes_out"`
	Propagation Propagation `json:"propagation_us"`
	Journal     *Journal    `json:"journal"` // nil: it has no data_dir
	// Vector is how far each live node's numbered batches of reports have come, by its name.
	Vector map[string]Progress `json:"vector"`
}

// Propagation is how old reports were when they came from other nodes.
type Propagation struct {
	P50   float64 `json:"p50"` // microseconds
	P99   float64 `json:"p99"` // microseconds
	Count uint64  `json:"count"`
}

// Journal is how the disk of one node does.
type Journal struct {
	Degraded  bool   `json:"degraded"`         // it fails, or is behind
	Trouble   string `json:"trouble"`          // what is wrong now, degraded or too slow; empty: nothing
	Why       string `json:"why"`              // the last failure, perhaps of long ago; may be empty
	InSync    bool   `json:"in_sync"`          // reports are acknowledged only when they are there
	Bytes     int64  `json:"bytes"`            // that it takes
	Queue     int    `json:"queue_bytes"`      // that wait to be written
	Lag       uint64 `json:"lag_batches"`      // of this node that are not known to be safe
	Failures  uint64 `json:"failures"`         // since the start
	Snapshots uint64 `json:"snapshots"`        // completed since then
	Loaded    uint64 `json:"loaded_fixes"`     // read at the start
	Damaged   bool   `json:"damaged_at_start"` // something was missing then
}

// Progress is how far the batches of one node have come.
type Progress struct {
	Here uint64            `json:"here"` // the last that the node that was asked has
	Lag  map[string]uint64 `json:"lag"`  // how many a node lacks, by its name
}
