package node

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"herd/gossip"
	"herd/gossip/fault"
	"herd/gossip/location"
	"herd/gossip/replica"
	"herd/node/events"
	"herd/node/web"
	"herd/places"
)

// Node is one node of a herd. Its methods may be called by many goroutines.
type Node struct {
	config  Config // static, as all up to places
	log     hclog.Logger
	started time.Time
	table   *location.Table
	cluster cluster
	ledger  *places.Ledger // what the whole herd has spent
	places  *nearbyChain
	offline *places.Chain // what the program itself knows, whatever places is
	faults  *fault.Net    // nil: chaos is not allowed

	clientListener net.Listener
	httpListener   net.Listener
	server         *clientServer
	api            *http.Server
	apiConns       connCount
	requests       *requests
	authority      authority
	certificates   certificates
	page           http.Handler // for browsers
	answers        slots        // one for each large answer that is being read
	drawers        slots        // one for each drawing that is being made
	near           nearness

	alive context.Context // done: [Node.Close] has been called
	kill  context.CancelFunc
	asked context.Context // done: the node is to leave
	leave context.CancelFunc

	events     *events.Log
	streams    context.Context // done: answers over HTTP without an end of their own end
	endStreams context.CancelFunc

	parting   parting // of clients
	reporting gate    // entered by reports over HTTP until they are answered

	reloads reloads

	phase  atomic.Int32  // a phase
	ready  chan struct{} // closed when the node is ready for the first time
	closed sync.Once

	mu  sync.Mutex    // guards ran
	ran chan struct{} // not nil: Run has been called; closed: it has returned
}

// cluster is what a node needs of [gossip.Cluster], besides the client server's needs.
type cluster interface {
	herd
	Run(ctx context.Context) error
	Changed(state string)
	SetJoin(seeds []string)
	SetLimits(l gossip.Limits)
	Parting()
	CaughtUp() <-chan struct{}
	ClockChecked() <-chan struct{}
	Close() error
	Addr() net.Addr
	Self() gossip.Member
	Members() []gossip.Member
	Progress() []gossip.Progress
	Sync() gossip.Sync
	Vector() replica.Vector
	Stats() gossip.Stats
	Keyring(ctx context.Context) ([]gossip.KeyReport, error)
	ChangeKeyring(ctx context.Context, change gossip.KeyChange) ([]gossip.KeyReport, error)
	HasKeys(keys [][]byte) bool
}

var _ cluster = (*gossip.Cluster)(nil)

// phase is where in its life a node is.
type phase int32

// A node goes through its phases in this order.
const (
	starting phase = iota
	serving
	leaving
)

// New binds the ports of a node. The caller owes a [Node.Close]. A port that
// can't be bound is a [*BindError]; nothing stays bound then.
func New(c Config) (*Node, error) {
	return build(c, func(g gossip.Config) (cluster, error) {
		c, err := gossip.New(g)
		if err != nil {
			return nil, err // and no typed nil
		}
		return c, nil
	})
}

func build(c Config, newCluster func(gossip.Config) (cluster, error)) (*Node, error) {
	c = c.withDefaults()
	n := &Node{
		config:  c,
		log:     c.Logger,
		started: time.Now(),
		table:   c.Table,
		ready:   make(chan struct{}),
		page:    web.Handler(http.HandlerFunc(notFound)),
		answers: make(slots, maxAnswers),
		drawers: make(slots, maxDrawers),
		near:    nearness{seekers: make(slots, maxSeekers)},
	}
	if err := n.preparePlaces(); err != nil {
		return nil, err
	}
	n.prepareChaos()
	n.prepareReloads()
	if err := n.bind(newCluster); err != nil {
		n.unbind()
		return nil, err
	}
	n.prepare()
	return n, nil
}

// preparePlaces makes the chain of providers.
func (n *Node) preparePlaces() error {
	links := n.config.Links
	if links == nil {
		var err error
		if links, err = n.config.Sources.Links(n.config.Settings.Places, n.config.PlacesKey); err != nil {
			return err
		}
	}
	n.offline = n.config.Sources.offline()
	n.ledger = places.NewLedger(rand.Uint64(), func() { n.cluster.Changed(n.ledger.Name()) })
	n.places = newNearbyChain(places.Config{Links: links, Ledger: n.ledger, Logger: n.log.Named("places")})
	return nil
}

// bind opens the three ports. The gossip port is last: the herd is told of the
// two others.
func (n *Node) bind(newCluster func(gossip.Config) (cluster, error)) (err error) {
	ctx := context.Background() // binding does not wait
	s := n.config.Settings
	if n.clientListener, err = n.config.Listen(ctx, s.Client.Addr); err != nil {
		return bindError("client.addr", s.Client.Addr, err)
	}
	if n.httpListener, err = n.config.Listen(ctx, s.HTTP.Addr); err != nil {
		return bindError("http.addr", s.HTTP.Addr, err)
	}
	g := n.config.gossip(n.clientListener.Addr(), n.httpListener.Addr(), n.ledger)
	g.OnChange = n.memberChanged
	if n.cluster, err = newCluster(g); err != nil {
		if errors.As(err, new(*gossip.DiskError)) {
			return fmt.Errorf("storage.data_dir %s: %w", s.Storage.DataDir, err)
		}
		return bindError("gossip.addr", s.Gossip.Addr, err)
	}
	return nil
}

// unbind closes what bind has opened. It is idempotent.
func (n *Node) unbind() {
	if n.clientListener != nil {
		n.clientListener.Close()
	}
	if n.httpListener != nil {
		n.httpListener.Close()
	}
	if n.cluster != nil {
		n.cluster.Close()
	}
	if n.faults != nil {
		n.faults.Close()
	}
}

// prepare makes the parts that stand on the ports. It starts nothing.
func (n *Node) prepare() {
	s := n.config.Settings
	n.alive, n.kill = context.WithCancel(context.Background())
	n.asked, n.leave = context.WithCancel(n.alive)
	n.streams, n.endStreams = context.WithCancel(n.alive)
	n.certificates.now.Store(n.config.TLS)
	clients := n.clientListener
	if s.TLS.Clients {
		clients = n.certificates.listen(clients, tls.RequireAndVerifyClientCert)
	}
	n.httpListener = newPersistent(n.alive, n.httpListener, &n.apiConns.failed, n.log.Named("http"), "operators")
	if s.TLS.HTTP {
		n.httpListener = n.certificates.listen(n.httpListener, tls.VerifyClientCertIfGiven, "http/1.1")
	}
	n.server = newClientServer(clientConfig{
		Listener: clients,
		Herd:     n.cluster,
		Places:   n.places,
		Name:     s.Name,
		MaxAhead: s.Herd.MaxClientAhead,

		clientBounds: boundsOf(s.Client),

		Clock:  n.config.Clock,
		Hold:   n.hold(),
		Logger: n.log.Named("clients"),
	})
	n.prepareEvents(events.Config{})
	n.api = n.newAPI()
}

// Ready is closed when the node is ready for the first time.
func (n *Node) Ready() <-chan struct{} { return n.ready }

// Addrs are the addresses that a node is bound to, host:port.
type Addrs struct {
	Client, Gossip, HTTP string
}

// Addrs are the node's addresses, as they are bound.
func (n *Node) Addrs() Addrs {
	return Addrs{
		Client: n.clientListener.Addr().String(),
		Gossip: n.cluster.Addr().String(),
		HTTP:   n.httpListener.Addr().String(),
	}
}

// Members is the herd as this node sees it, by name, this node included.
func (n *Node) Members() []gossip.Member { return n.cluster.Members() }

// Close frees all that the node holds and returns when its goroutines have
// ended. A node whose Run has not ended dies as from kill -9: nothing is told to
// anybody, and Run returns an error. It is idempotent.
func (n *Node) Close() error {
	n.closed.Do(func() {
		n.kill()
		n.unbind()
		n.apiConns.cut()
		n.api.Close()
		n.events.Close()
		n.events.Wait()
	})
	n.mu.Lock()
	ran := n.ran
	n.mu.Unlock()
	if ran != nil {
		<-ran
	}
	return nil
}

// in tells whether the node is in phase p.
func (n *Node) in(p phase) bool { return phase(n.phase.Load()) == p }

// NameTakenError tells that a live node of the herd has this node's name.
type NameTakenError = gossip.NameTakenError
