package doctor

import (
	"crypto/x509"
	"io/fs"
	"net"
	"net/netip"
	"time"

	"herd/config"
	"herd/node"
)

// Facts are all that is judged.
type Facts struct {
	Now    time.Time
	Loaded *config.Loaded
	Config config.Config

	Folders []Folder // that hold secrets
	KeyKept bool     // the gossip key can't be written anew, as the node does when the herd changes it
	Root    *Root    // nil: root does not look
	Ports   []Port

	Advertised   netip.AddrPort // what members would be told
	AdvertiseErr error
	Own          []netip.Addr // of this machine's interfaces

	MaxFiles   uint64 // open files that the process may have
	SpareFiles uint64 // of them, for all but clients
	Memory     Memory
	Disk       Disk

	Seeds   []Seed
	Node    *Running // nil: none answers
	Members []node.Probe
}

// Folder is where a file with a secret lies.
type Folder struct {
	Setting string
	Name    string
	Mode    fs.FileMode
}

// Root is what root would overlook: it may do what the node's user may not.
type Root struct {
	User    string   // whose data_dir, or key file, it is; empty: all are root's
	Setting string   // of that
	Name    string   // of that
	Closed  []Folder // files of secrets that are root's, and that User can't read
}

// Port is one that a node binds.
type Port struct {
	Setting string // that names it
	Network string // "tcp" or "udp"
	Addr    string // the setting's value
	Err     error  // why it can't be bound; nil: it can
	Holder  string // who has it: `pid 12, "nginx"`; empty: not known
}

// Memory is in bytes; 0: not known, or no limit.
type Memory struct {
	Limit uint64 // what the machine, or a group of processes, has
	Goal  uint64 // GOMEMLIMIT
}

// Seed is an address to join by, and who answers there.
type Seed struct {
	Text   string // as it was given
	Err    error  // of resolving it
	Probes []node.Probe
}

// Running is the node that runs already, as its HTTP API describes it.
type Running struct {
	Addr        string            // of its API
	Refusal     string            // why it does not say more than that it runs; empty: it does
	Verdict     string            // of /readyz
	Journal     string            // what is wrong with its journal; empty: nothing, or it does not say
	Certificate *x509.Certificate // that it shows; nil: it speaks in the clear

	Self        Self
	Members     []Member
	OtherLimits int // members with another ttl, max_clients or memory_limit
}

// Self is the running node.
type Self struct {
	Name   string `json:"name"`
	Origin string `json:"origin"`
	Client string `json:"client"`
	Gossip string `json:"gossip"`
}

// Member is another node, as the running one sees it.
type Member struct {
	Name    string    `json:"name"`
	Origin  string    `json:"origin"`
	State   string    `json:"state"`
	Since   time.Time `json:"since"`
	Gossip  string    `json:"gossip"`
	InSync  bool      `json:"in_sync"`
	Lagging bool      `json:"lagging"`
	Unseen  bool      `json:"unseen"`
}

// live tells whether somebody should answer there.
func (m Member) live() bool { return m.State == "alive" || m.State == "suspect" }

// has tells whether the running node listens at an address of the configuration.
func (r *Running) has(p Port) bool {
	if r == nil {
		return false
	}
	bound := map[string]string{"client.addr": r.Self.Client, "gossip.addr": r.Self.Gossip, "http.addr": r.Addr}[p.Setting]
	_, a, err := net.SplitHostPort(bound)
	_, b, berr := net.SplitHostPort(p.Addr)
	// One that says nothing of itself is taken at the word of its HTTP port.
	return r.Refusal != "" || err == nil && berr == nil && a == b
}

// beyondLoopback tells whether other machines may reach a port that is bound to addr.
func beyondLoopback(addr string) bool {
	host, _, _ := net.SplitHostPort(addr)
	ip, err := netip.ParseAddr(host)
	return host != "localhost" && (err != nil || !ip.Unmap().IsLoopback())
}
