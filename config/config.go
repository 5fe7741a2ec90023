package config

import (
	"strconv"
	"time"

	"herd/gossip/location"
)

// Config is everything that can be set about a node. [Default] makes a good
// one; [Load] makes one from files, environment and flags. Names in HCL, of
// flags and of variables are in fields.go.
type Config struct {
	// Name is what the herd and the clients call this node: in every AT line,
	// in the members list. 1 to 64 letters, digits, '.', '_' or '-'. No default
	// here; Load takes the host name. Two nodes of a herd must differ.
	Name string

	Client  Client
	Gossip  Gossip
	Herd    Herd
	Storage Storage
	Places  Places
	HTTP    HTTP
	TLS     TLS
	Log     Log

	// Chaos lets whoever reaches the HTTP port put faults into this node: cut it off,
	// pause it, kill it ("herd chaos"). For tests and lessons. Default false. With an
	// HTTP address beyond loopback it takes InsecureChaos too.
	Chaos         bool
	InsecureChaos bool

	// ReadyFile is written, atomically, when the node is ready, with its name,
	// bound addresses and process ID as JSON, and removed when it ends. Empty
	// (the default): none.
	ReadyFile string
}

// Client is the port that clients' devices talk to.
type Client struct {
	// Addr is host:port to listen on. Port 0: any free one. An empty host
	// is every interface. Default 127.0.0.1:4131.
	Addr string
	// MaxConns is how many connections may be open at once, 1 to 1,000,000,
	// default 10,000, or what the limit on open files leaves. The next one is closed at
	// once and counted.
	MaxConns int
	// MaxConnsPerAddr is how many of them one address may have, 0 to 1,000,000;
	// 0, the default: half of MaxConns. Loopback addresses may have all.
	MaxConnsPerAddr int
	// MaxLine is the longest command line, in bytes without its terminator, 64
	// to 1 MiB, default 4 KiB. A longer line closes its connection.
	MaxLine int
	// IdleTimeout is how long a client may take for its next whole line, whatever
	// comes of it meanwhile, default 5 min; then the connection is closed. Zero: for
	// ever, which leaves vanished devices holding connections.
	IdleTimeout time.Duration
	// Drain is over how long a node that leaves ends its clients' connections, when nobody
	// says otherwise, 0 to [MaxDrain], default 500 ms. Zero: all at once.
	Drain time.Duration
	// MaxID is the longest client ID, in bytes, 1 to 255, default 255. A longer
	// one makes a line invalid.
	MaxID int
}

// MaxDrain is the longest time over which a node that leaves may end its clients' connections.
const MaxDrain = time.Hour

// Gossip is how nodes reach each other.
type Gossip struct {
	// Addr is host:port to listen on, TCP and UDP. Port 0: any one free for
	// both. Default 127.0.0.1:4132.
	Addr string
	// AdvertiseAddr is what other nodes dial, host:port; port 0 means the one
	// bound. Empty (the default): the address bound. Behind NAT, or bound to
	// every interface of a machine with several, it has to be given.
	AdvertiseAddr string
	// Join holds host:port of any nodes of the herd, or "srv+" and the name of SRV
	// records, as in "srv+_herd._tcp.example.com". Names are looked up again and again,
	// and up to 64 addresses of each are tried. One that answers is enough, none
	// answering is no error: the node serves and keeps trying. Empty (the default): the
	// node begins a herd of its own.
	Join []string
	// Label tells herds on one network apart: nodes with another label are
	// refused. At most 64 letters, digits, '.', '_' or '-'; default empty.
	Label string
	// KeyFile is the path of the gossip key file: base64 of 16, 24 or 32 bytes,
	// one key a line, the first used to send and all to receive. Nobody but the
	// owner may have access to it. Empty (the default): HERD_GOSSIP_KEY or none.
	KeyFile string
	// Insecure allows a gossip address beyond loopback without a key: whoever
	// reaches the port can then join, read and write. Default false.
	Insecure bool
	// Profile sets the times of failure detection: "local", "lan" (the
	// default) or "wan".
	Profile string
}

// Herd is what the nodes of a herd promise each other. It should be the same on
// all of them. Of TTL and MaxClients what most nodes are configured to holds for all;
// a difference is warned of.
type Herd struct {
	// Acks says whom an AT line waits for: "in-sync" (the default), every member
	// in sync, so that a fix acknowledged survives this node, and all of them show it;
	// a number from 1 to 1023, so many other members, whichever are first, but no more than
	// are in sync, so that it survives this node and the others may show it later; "none",
	// nobody, and a kill can lose the last fixes.
	Acks string
	// AckTimeout is how long a member may leave a batch unacknowledged before
	// it is out of sync, 10 ms to 1 min. Default 250 ms, 1 s with the profile
	// wan. It is also the longest that an AT line waits.
	AckTimeout time.Duration
	// MaxClientAhead is how far a client's clock may be ahead of the node's and
	// still order its fixes, 1 s to 24 h, default 5 min. A device further ahead
	// can silence its client for that long at most.
	MaxClientAhead time.Duration
	// TTL is how long after its order time (the client's time, but no more than
	// MaxClientAhead past the node's clock) a fix is shown, 0 to 87,600 h. Then its client is
	// unknown until it reports again. Default 0: for ever.
	TTL time.Duration
	// MaxClients is how many clients are kept, 0 to 500,000,000, default 10,000,000:
	// beyond it those go whose fixes are oldest by order time. There may be a few percent
	// more for a moment. 0: all are kept that a table holds, 300,000,000 with IDs of 20
	// bytes, 63,000,000 with the longest, or until memory ends.
	MaxClients int
	// MemoryLimit is how many bytes of memory the process should take, 0 or 64 MiB and more,
	// default 0: no limit. As many clients are kept as fit into three quarters of it, at some
	// hundred bytes each, beyond that those go that MaxClients would have go. It is the limit
	// of Go's collector, too, unless GOMEMLIMIT is in the environment.
	MemoryLimit int
	// ReadyTimeout is how long a starting node tries to catch up before it is
	// ready regardless, and says so; 100 ms to 1 h, default 30 s.
	ReadyTimeout time.Duration
}

// AckCount is the number that Acks is; 0 if it is none.
func (h Herd) AckCount() int {
	n, err := strconv.Atoi(h.Acks)
	if err != nil {
		return 0
	}
	return n
}

// Storage is what a node keeps on disk.
type Storage struct {
	// DataDir is a folder for this node alone, made with mode 0700 if it is not there:
	// from it the node begins with what it knew when it ended. Empty (the default): it begins
	// with nothing, and has all from the herd.
	DataDir string
	// Sync is when what is written is made safe from a crash of the machine: "interval"
	// (the default), once in SyncInterval; "always", before a report is acknowledged, to its
	// client or to another node; "none", when the system likes.
	Sync string
	// SyncInterval is how often that is, 10 ms to 1 min, default 1 s: with "interval" a
	// crash of the machine loses what was reported since. A crash of the node alone loses less than
	// a tenth of a second.
	SyncInterval time.Duration
}

// HTTP is the port for operators: health, metrics, the page and the API of herd's verbs.
type HTTP struct {
	// Addr is host:port to listen on; port 0: any free one. Default
	// 127.0.0.1:4133. Who reaches it, and has a token if there are any, can make the
	// node leave.
	Addr string
	// ReadTokenFile and WriteTokenFile are the paths of files with bearer tokens, one a
	// line, to which only their owner has access. If there is one, nobody is answered
	// without a token, but for /livez and /readyz: one of either file for GET, one of
	// WriteTokenFile for all else and for profiles. Empty (the default): none.
	ReadTokenFile, WriteTokenFile string
	// Insecure allows an HTTP address beyond loopback without a token. Default false.
	Insecure bool
}

// TLS is how the ports of clients and of HTTP are ciphered (RFC 8446). Gossip is always,
// with a key of its own.
type TLS struct {
	// CertFile is the path of the node's certificate, PEM, followed by those between it
	// and a root that clients know. Empty (the default): both ports speak in the clear.
	CertFile string
	// KeyFile is the path of its private key, PEM. Nobody but the owner may have access.
	KeyFile string
	// ClientCAFile is the path of the certificates, PEM, of those who sign for clients:
	// who has no certificate of theirs is refused, but for /livez and /readyz. Empty (the
	// default): clients need none.
	ClientCAFile string
	// MinVersion is the least that a client may speak: "1.3" (the default) or "1.2".
	MinVersion string
	// Clients and HTTP tell which ports it is for. Default: both.
	Clients, HTTP bool
}

// Log is where the node tells its story.
type Log struct {
	// Level is the least that is told: "trace", "debug", "info" (the default),
	// "warn", "error" or "off".
	Level string
	// Format is "text" (the default) or "json".
	Format string
	// File is written besides standard error, opened anew on SIGHUP. Empty (the
	// default): none.
	File string
}

// Default is a node on loopback with the well-known ports and no name.
func Default() Config {
	return Config{
		Client: Client{
			Addr:        "127.0.0.1:4131",
			MaxConns:    10_000,
			MaxLine:     4 << 10,
			IdleTimeout: 5 * time.Minute,
			Drain:       500 * time.Millisecond,
			MaxID:       location.MaxID,
		},
		Gossip: Gossip{Addr: "127.0.0.1:4132", Profile: "lan"},
		Herd: Herd{
			Acks:           "in-sync",
			AckTimeout:     250 * time.Millisecond,
			MaxClientAhead: 5 * time.Minute,
			MaxClients:     10_000_000,
			ReadyTimeout:   30 * time.Second,
		},
		Storage: Storage{Sync: "interval", SyncInterval: time.Second},
		Places:  defaultPlaces(),
		HTTP:    HTTP{Addr: "127.0.0.1:4133"},
		TLS:     TLS{MinVersion: "1.3", Clients: true, HTTP: true},
		Log:     Log{Level: "info", Format: "text"},
	}
}
