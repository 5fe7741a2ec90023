package gossip

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"
	mrand "math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/memberlist"

	"herd/gossip/location"
	"herd/gossip/replica"
)

// ErrClosed is returned by calls that a closed cluster can't serve.
var ErrClosed = errors.New("the cluster is closed")

// Cluster is one node's part of the herd. It is safe for concurrent use.
type Cluster struct {
	// Static after New.
	config      Config
	profile     profile
	log         hclog.Logger
	self        Meta // but for Limits and Leaving: see meta
	table       *location.Table
	transport   *transport
	ring        *keyring // nil: keyless
	rotation    rotation
	members     *memberTable
	book        *book
	start       time.Time
	sleptBefore time.Duration // Config.Slept at start
	states      []*shared
	core        *replica.Core // see mu
	keeper      *keeper       // nil: there is no disk
	seed        maphash.Seed  // of states' hashes: nobody outside can aim at one

	newsc        chan struct{}      // one slot: there is something to be logged
	nudged       chan struct{}      // one slot: keepLinks should look around
	caughtUp     chan struct{}      // closed by checkCaughtUp
	clockChecked chan struct{}      // closed by watchClock
	owing        chan struct{}      // one slot: some peer is owed a state
	arriving     chan struct{}      // one slot: a state has come
	late         chan time.Duration // one slot: Flush is to be called at that time, by now
	auditJobs    chan auditJob      // questions of peers; few may wait
	auditEvery   time.Duration      // see there; tests are less patient

	reachedAt func(context.Context) ([]netip.AddrPort, error) // see there

	slept        atomic.Int64 // nanoseconds in which the machine was suspended since start
	ran          atomic.Int64 // nanoseconds in which this node ran: a pause counts little
	loaded       bool         // there was something on the disk; Run's
	joined       atomic.Bool  // some node of the herd has answered, or nobody is to be waited for
	awaited      atomic.Int64 // seeds that may have what this node lacks; see awaitSeeds
	in           atomic.Bool  // the name is ours
	inSince      atomic.Int64 // since then, by now
	released     atomic.Uint64
	lookupsFound atomic.Uint64
	joins        atomic.Uint64
	joinsFailed  atomic.Uint64
	refreshes    atomic.Uint64
	bookErrors   atomic.Uint64
	behind       atomic.Int64 // nanoseconds; see judgeByLocked
	herdClock    atomic.Int64 // likewise; see clamp. Zero: this node's will do
	sure         atomic.Bool
	parting      atomic.Bool // this node is about to leave
	propagation  spread      // ages of fixes when they came
	ackTook      spread      // waits for acks
	idle         sync.Pool   // of waiters

	ctx    context.Context // done: Close has begun
	cancel context.CancelFunc
	wg     sync.WaitGroup // all goroutines but Run's
	ended  chan struct{}  // closed when Close has ended

	// These are the keepLinks goroutine's: when it first looked with the node caught up, last
	// looked, and last said that the clock is astray, by now.
	clockFrom, clockLooked, clockTold time.Duration

	// leaving, one slot, is held while this node takes its leave, or tells the herd of itself
	// anew, so that Close does not pull memberlist from under it, and old news follow no newer.
	leaving chan struct{}

	_ [64]byte // a report reads what is above

	// mu guards what follows. Every call of core is made under it, but for those that need no
	// lock, and no call that waits. memberTable's lock is never taken under it, nor the other
	// way round.
	mu           sync.Mutex
	closed       bool
	list         *memberlist.Memberlist // nil before Run has made it
	links        map[location.Origin]*link
	halves       map[uint64]*half // by session ID
	expected     []expected       // as of keepLinks's last look
	own          Limits           // that this node is configured to
	limits       Limits           // as of keepLinks's last look, those of the herd
	limitsDiffer int              // likewise, members that are configured to others
	quarantines  map[location.Origin]time.Time
	waiters      waitQueue
	flights      map[string]*flight
	byNumber     map[uint64]*flight
	lookups      uint64
	news         []any     // to be logged
	arrived      []arrival // to be merged, the oldest first; each state of a link once
	arrivedSize  int       // see maxArrived
	stats        counts
}

// New binds the gossip port. The node is no member before Run. The caller owes a
// Close. An address that can't be bound is named in the error.
func New(config Config) (*Cluster, error) {
	config = config.withDefaults()
	profile, err := profileNamed(config.Profile)
	if err != nil {
		return nil, err
	}
	states, err := share(config.States)
	if err != nil {
		return nil, err
	}
	var ring *keyring
	if len(config.Keys) > 0 {
		if ring, err = newKeyring(config.Keys); err != nil {
			return nil, fmt.Errorf("gossip key: %w", err)
		}
	}
	self := Meta{
		Name: config.Name, Origin: newOrigin(), Started: config.Clock(),
		Client: config.Client, HTTP: config.HTTP, Version: config.Version, Protocol: sessionVersion,
		Limits: config.Limits,
	}
	if err := self.check(); err != nil {
		return nil, err
	}
	transport, err := newTransport(transportConfig{
		Network:       config.Network,
		BindAddr:      config.BindAddr,
		AdvertiseAddr: config.AdvertiseAddr,
		Keyring:       ring,
		Label:         config.Label,
		Name:          config.Name,
		Logger:        config.Logger.Named("transport"),
	})
	if err != nil {
		return nil, err
	}
	own := transport.Advertised().Addr()
	self.Client, self.HTTP = reachable(self.Client, own), reachable(self.HTTP, own)
	c := &Cluster{
		config:       config,
		profile:      profile,
		log:          config.Logger,
		self:         self,
		table:        config.Table,
		transport:    transport,
		ring:         ring,
		members:      newMemberTable(self, config.Clock),
		book:         newBook(transport.Advertised().String(), config.Join, config.Resolver),
		start:        time.Now(),
		newsc:        make(chan struct{}, 1),
		ended:        make(chan struct{}),
		leaving:      make(chan struct{}, 1),
		nudged:       make(chan struct{}, 1),
		states:       states,
		own:          config.Limits,
		seed:         maphash.MakeSeed(),
		caughtUp:     make(chan struct{}),
		clockChecked: make(chan struct{}),
		owing:        make(chan struct{}, 1),
		arriving:     make(chan struct{}, 1),
		auditJobs:    make(chan auditJob, 8),
		auditEvery:   auditEvery,
		links:        make(map[location.Origin]*link),
		halves:       make(map[uint64]*half),
		quarantines:  make(map[location.Origin]time.Time),
		flights:      make(map[string]*flight),
		byNumber:     make(map[uint64]*flight),
		late:         make(chan time.Duration, 1),
		idle:         sync.Pool{New: newWaiter},
	}
	c.reachedAt = func(ctx context.Context) ([]netip.AddrPort, error) {
		return reachedAt(ctx, config.AdvertiseAddr, transport.Addr())
	}
	if config.Slept != nil {
		c.sleptBefore = config.Slept()
	}
	c.core = replica.New(replica.Config{
		Self: self.Origin, Name: self.Name, Table: config.Table,
		AckTimeout: config.AckTimeout, NoAcks: config.NoAcks, Acks: config.Acks,
		Wall: config.Clock, Ahead: c.ahead, Grace: config.MaxClientAhead, Seed: mrand.Uint64(),
	})
	c.rotation.ordering, c.rotation.saved = make(chan struct{}, 1), ring.keys()
	c.ctx, c.cancel = context.WithCancel(context.Background())
	if err := c.openDisk(); err != nil {
		c.Close()
		return nil, err
	}
	c.openBook()
	return c, nil
}

// newOrigin draws a boot ID.
func newOrigin() location.Origin {
	var b [8]byte
	for {
		rand.Read(b[:]) // never fails
		if o := location.Origin(binary.BigEndian.Uint64(b[:])); o != 0 {
			return o
		}
	}
}

// spawn starts a goroutine that Close waits for, unless Close has begun.
func (c *Cluster) spawn(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.wg.Go(f)
	}
}

// pause waits, and tells whether the cluster is still open.
func (c *Cluster) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-c.ctx.Done():
		return false
	}
}

// now is the core's clock. It goes on while the machine is suspended: see wake.
func (c *Cluster) now() time.Duration { return time.Since(c.start) + time.Duration(c.slept.Load()) }

// wall is the wall clock.
func (c *Cluster) wall() time.Time { return c.config.Clock() }

// Addr is the bound gossip address.
func (c *Cluster) Addr() net.Addr { return c.transport.Addr() }

// Table is the fixes that this node holds, for reading.
func (c *Cluster) Table() *location.Table { return c.table }

// Close ends all and returns when nothing runs any more. If Run has not ended, it is a
// kill: nothing is told to anybody. It is idempotent and never fails.
func (c *Cluster) Close() error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		<-c.ended // not a lock: that would stop virtual time, for which some goroutines wait
		return nil
	}
	c.closed = true
	for _, l := range c.links {
		c.endLocked(l, errClosing, true)
	}
	for _, h := range c.halves {
		h.timer.Stop()
		c.wg.Go(func() { h.stream.Close() })
	}
	list := c.list
	c.waiters.release(^uint64(0))
	c.mu.Unlock()
	c.cancel()
	if list != nil {
		c.leaving <- struct{}{}
		list.Shutdown()
		<-c.leaving
	}
	c.transport.Shutdown()
	c.wg.Wait()
	if c.keeper != nil {
		c.keeper.log.Close() // what could fail has been synced
	}
	close(c.ended)
	return nil
}
