package metrics

import (
	"herd/gossip"
	"herd/gossip/fault"
	"herd/node/events"
	"herd/places"
)

// Stats is what a node has counted since its start, and how things stand now.
// Its numbers need not be of one instant.
type Stats struct {
	Version  string // of the program
	Ready    bool   // clients are served
	Leaving  bool   // it was told to end, or ends because a part has failed
	CaughtUp bool   // the table has what the herd had
	Clients  int    // whose fixes the table holds

	TableBytes int      // of memory
	Members    []Member // live ones; no name twice

	Server           Server
	Gossip           gossip.Stats
	Places           places.Stats
	Events           events.Stats
	Reloads          Reloads
	HTTPConns        int        // open now
	HTTPHandshakes   uint64     // of TLS with the HTTP port that failed
	CertificateEnds  int64      // POSIX seconds, when the certificate expires; 0: there is none
	HTTPDenied       Denied     // requests refused for their token
	HTTPRefused      uint64     // connections to the HTTP port closed at once: too many
	HTTPAcceptErrors uint64     // failures of the system to accept a connection to the HTTP port
	HTTP             []Requests // by route
	Near             Near

	Faults fault.Stats // on command; all zero where chaos is not allowed
}

// Reloads are those of the configuration.
type Reloads struct {
	Good       uint64 // that took effect
	Failed     uint64 // that changed nothing
	LastFailed bool
	LastGood   int64 // POSIX seconds of the last good one, or of the start
}

// Near is about questions who is near a point or a client.
type Near struct {
	Took  gossip.Spread // looking into the table
	Bytes int           // that the table keeps for them
}
