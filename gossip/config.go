package gossip

import (
	"cmp"
	"errors"
	"net"
	"time"

	"github.com/hashicorp/go-hclog"

	"herd/gossip/location"
)

// Config is what a [Cluster] is made from. Zero values mean the defaults.
type Config struct {
	Name          string   // of this node: printable, no white space, 1..128 bytes
	Network       Network  // nil: [OS]
	BindAddr      string   // host:port of the gossip port, TCP and UDP; port 0 picks one
	AdvertiseAddr string   // what other members dial, host or host:port; empty: the bound address
	Join          []string // of any nodes of the herd: host:port, or "srv+" and the name of SRV records; SetJoin gives others
	AddressBook   string   // file in which the addresses of members are kept for the next start; empty: none
	Label         string   // herds of another label are strangers
	Profile       string   // times of failure detection: local, lan (default), wan
	Keys          [][]byte // gossip keys of 16, 24 or 32 bytes, the one to send with first; none: a keyless herd

	Resolver *net.Resolver // of the names in Join; nil: the system's

	// SaveKeys is to have a restart bring these keys in place of Keys: the ring has been
	// changed at the herd's command. An error is told to who gave it. One call at a
	// time; it must not keep the slice. Nil: it can't be done.
	SaveKeys func(keys [][]byte) error

	Client  string // bound address for clients. Members are told it, with the advertised host for 0.0.0.0 or ::
	HTTP    string // bound address of the HTTP API, likewise
	Version string // release, for people

	Table      *location.Table // nil: a new one. Only this cluster may merge into it
	NoAcks     bool            // reports wait for nobody
	Acks       int             // of how many members, at most; 0: of all in sync. See [replica.Config]
	AckTimeout time.Duration   // see [replica.Config]; default 250 ms
	States     []State         // what the herd shares besides fixes: 16 at the most

	// OnChange is told of every change of another member's state, in order, by one
	// goroutine that holds no lock. What it delays is the log. Nil: nobody is told.
	OnChange func(MemberChange)

	Limits Limits // of what the herd keeps; SetLimits sets others

	Disk Disk // where the table is kept; default nowhere

	Clock          func() time.Time // the wall clock; nil: time.Now
	MaxClientAhead time.Duration    // how far clients' clocks may be ahead; half of it, this node's; default 5 min

	// Slept is for how long the machine has been suspended since some instant, in which Go's
	// clock stands still: [Slept]. Leases end meanwhile. Nil: it never is.
	Slept func() time.Duration

	Logger hclog.Logger // nil: no log
}

func (c Config) withDefaults() Config {
	if c.Logger == nil {
		c.Logger = hclog.NewNullLogger()
	}
	if c.OnChange == nil {
		c.OnChange = func(MemberChange) {}
	}
	if c.Table == nil {
		c.Table = location.NewTable(1, 0)
	}
	if c.Resolver == nil {
		c.Resolver = net.DefaultResolver
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.SaveKeys == nil {
		c.SaveKeys = func([][]byte) error { return errors.New("nothing saves its keys") }
	}
	c.AckTimeout = cmp.Or(c.AckTimeout, 250*time.Millisecond)
	c.MaxClientAhead = cmp.Or(c.MaxClientAhead, 5*time.Minute)
	return c
}
