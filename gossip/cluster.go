package gossip

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log"
	mrand "math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/memberlist"

	"herd/gossip/location"
	"herd/gossip/replica"
)

// Config is what a [Cluster] is made from. Zero values mean the defaults.
type Config struct {
	Name          string   // of this node: printable, no white space, 1..128 bytes
	Network       Network  // nil: [OS]
	BindAddr      string   // host:port of the gossip port, TCP and UDP; port 0 picks one
	AdvertiseAddr string   // what other members dial, host or host:port; empty: the bound address
	Join          []string // host:port of any nodes of the herd, names or addresses
	Label         string   // herds of another label are strangers
	Profile       string   // times of failure detection: local, lan (default), wan
	Keys          [][]byte // gossip keys of 16, 24 or 32 bytes, the one to send with first; none: a keyless herd

	Client  string // address for clients that other members are told
	HTTP    string // address of the HTTP API, likewise
	Version string // release, for people

	Table      *location.Table // nil: a new one. Only this cluster may merge into it
	NoAcks     bool            // reports wait for nobody
	AckTimeout time.Duration   // see [replica.Config]; default 250 ms
	Logger     hclog.Logger    // nil: no log
}

// ErrClosed is returned by calls that a closed cluster can't serve.
var ErrClosed = errors.New("the cluster is closed")

// Cluster is one node's part of the herd. It is safe for concurrent use.
type Cluster struct {
	// Static after New.
	config    Config
	profile   profile
	log       hclog.Logger
	self      Meta
	table     *location.Table
	transport *Transport
	ring      *memberlist.Keyring
	members   *memberTable
	book      *book
	start     time.Time
	trace     bool // log acknowledgements

	nudged   chan struct{} // one slot: keepLinks should look around
	caughtUp chan struct{} // closed by checkCaughtUp

	ran          atomic.Int64 // nanoseconds in which this node ran: a pause counts little
	joined       atomic.Bool  // some node of the herd has answered, or nobody is to be waited for
	released     atomic.Uint64
	lookupsFound atomic.Uint64
	joins        atomic.Uint64
	joinsFailed  atomic.Uint64

	ctx    context.Context // done: Close has begun
	cancel context.CancelFunc
	wg     sync.WaitGroup // all goroutines but Run's
	once   sync.Once      // Close

	// leaving is held while this node takes its leave, so that Close does not pull
	// memberlist from under it.
	leaving sync.Mutex

	// mu guards what follows. Every call of core is made under it, and no call that
	// waits. memberTable's lock is never taken under it, nor the other way round.
	mu          sync.Mutex
	closed      bool
	core        *replica.Core
	list        *memberlist.Memberlist // nil before Run has made it
	links       map[location.Origin]*link
	halves      map[uint64]*half // by session ID
	expected    []expected       // as of keepLinks's last look
	quarantines map[location.Origin]time.Time
	waiters     waitQueue
	ticket      uint64 // the greatest given out
	flights     map[string]*flight
	byNumber    map[uint64]*flight
	lookups     uint64
	news        []any // to be logged
	stats       counts
}

// counts are the cluster's own; see [Stats].
type counts struct {
	sessions, sessionsLost, sessionsRefused, quarantined uint64
	lookupsSent, lookupsTimedOut, lookupsRefused         uint64
	ackWaits                                             uint64
	memberTime, outOfSyncTime                            time.Duration
}

// New binds the gossip port. The node is no member before Run. The caller owes a
// Close. An address that can't be bound is named in the error.
func New(config Config) (*Cluster, error) {
	if config.Logger == nil {
		config.Logger = hclog.NewNullLogger()
	}
	if config.Table == nil {
		config.Table = location.NewTable(1, 0)
	}
	config.AckTimeout = cmp.Or(config.AckTimeout, 250*time.Millisecond)
	profile, err := profileNamed(config.Profile)
	if err != nil {
		return nil, err
	}
	var ring *memberlist.Keyring
	if len(config.Keys) > 0 {
		if ring, err = memberlist.NewKeyring(config.Keys, config.Keys[0]); err != nil {
			return nil, fmt.Errorf("gossip key: %w", err)
		}
	}
	self := Meta{
		Name: config.Name, Origin: newOrigin(), Started: time.Now(),
		Client: config.Client, HTTP: config.HTTP, Version: config.Version, Protocol: sessionVersion,
	}
	if err := self.check(); err != nil {
		return nil, err
	}
	transport, err := NewTransport(TransportConfig{
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
	c := &Cluster{
		config:      config,
		profile:     profile,
		log:         config.Logger,
		self:        self,
		table:       config.Table,
		transport:   transport,
		ring:        ring,
		members:     newMemberTable(self),
		book:        newBook(transport.Advertised().String(), config.Join),
		start:       time.Now(),
		trace:       config.Logger.IsTrace(),
		nudged:      make(chan struct{}, 1),
		caughtUp:    make(chan struct{}),
		links:       make(map[location.Origin]*link),
		halves:      make(map[uint64]*half),
		quarantines: make(map[location.Origin]time.Time),
		flights:     make(map[string]*flight),
		byNumber:    make(map[uint64]*flight),
	}
	c.core = replica.New(replica.Config{
		Self: self.Origin, Name: self.Name, Table: config.Table,
		AckTimeout: config.AckTimeout, NoAcks: config.NoAcks, Seed: mrand.Uint64(),
	})
	c.ctx, c.cancel = context.WithCancel(context.Background())
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

// now is the core's clock.
func (c *Cluster) now() time.Duration { return time.Since(c.start) }

// Addr is the bound gossip address.
func (c *Cluster) Addr() net.Addr { return c.transport.Addr() }

// Table is the fixes that this node holds, for reading.
func (c *Cluster) Table() *location.Table { return c.table }

// CaughtUp is closed when this node holds, for the first time, all that the live
// members it knows had acknowledged. If there is nobody to wait for, because no
// seed is configured or all of them refuse connections, that is at once; if no
// seed answers at all, it is when one does.
func (c *Cluster) CaughtUp() <-chan struct{} { return c.caughtUp }

// Run makes this node a member of the herd and keeps it one until ctx is done. Then it
// sends what is left, waits until that is acknowledged (for AckTimeout at the most),
// takes its leave and closes. It may be called once.
//
// It returns nil when it has left; a [*NameTakenError], in whatever it is wrapped, if
// another live member has this node's name; or what keeps memberlist from starting.
func (c *Cluster) Run(ctx context.Context) error {
	defer c.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(c.ctx, cancel)()

	c.wg.Go(c.acceptStreams)
	seeds, err := c.askSeeds(ctx)
	if err != nil {
		return err
	}
	list, err := c.createList()
	if err != nil {
		return err
	}
	c.wg.Go(c.beat)
	if err := c.enter(ctx, list, seeds); err != nil {
		c.depart(list)
		return err
	}
	c.wg.Go(func() { c.keepLinks(c.ctx) })
	taken := make(chan error, 1)
	c.wg.Go(func() {
		if err := c.rejoin(ctx, list); err != nil {
			taken <- err
		}
	})
	select {
	case <-ctx.Done():
	case err = <-taken:
	}
	if c.ctx.Err() != nil {
		return nil // killed: nothing is told to anybody
	}
	c.flushAll()
	c.depart(list)
	return err
}

// createList starts memberlist.
func (c *Cluster) createList() (*memberlist.Memberlist, error) {
	config := c.profile.config()
	config.Name = c.self.ID()
	config.Transport = c.transport
	config.Keyring = c.ring
	config.Label = c.config.Label
	config.Delegate = delegate{c.self.encode()}
	config.Events, config.Alive, config.Ping = events{c.members}, events{c.members}, events{c.members}
	bridge := newLogBridge(c.log.Named("memberlist"), &c.transport.lines)
	config.Logger = log.New(suspicions{bridge.Writer(), c.suspect}, "", 0)
	list, err := memberlist.Create(config)
	if err != nil {
		return nil, fmt.Errorf("start membership: %w", err)
	}
	c.mu.Lock()
	closed := c.closed
	c.list = list
	c.mu.Unlock()
	if closed {
		list.Shutdown()
		return nil, ErrClosed
	}
	return list, nil
}

// suspicions reads memberlist's log, the only place where it says whom it suspects.
type suspicions struct {
	log     io.Writer
	suspect func(id string)
}

func (s suspicions) Write(line []byte) (int, error) {
	if _, rest, ok := strings.Cut(string(line), "memberlist: Suspect "); ok {
		if id, _, ok := strings.Cut(rest, " has failed, no acks received"); ok {
			s.suspect(id)
		}
	}
	return s.log.Write(line)
}

// suspect takes note that memberlist got no answer from a member. One whose stream
// is lively is not shown as suspect for that: a packet was lost, or somebody is busy.
func (c *Cluster) suspect(id string) {
	c.mu.Lock()
	ran := time.Duration(c.ran.Load())
	for _, l := range c.links {
		if ran-time.Duration(l.heard.Load()) < 2*c.config.AckTimeout && l.id == id {
			c.mu.Unlock()
			return
		}
	}
	c.mu.Unlock()
	c.members.suspect(id)
}

// enter joins through the seeds that answered and makes sure of the name.
func (c *Cluster) enter(ctx context.Context, list *memberlist.Memberlist, seeds seeds) error {
	for _, addr := range seeds.answered {
		c.join(list, addr)
	}
	if err := c.claim(ctx, c.members.holders(c.self.Name)); err != nil {
		return err
	}
	if seeds.alone {
		c.joined.Store(true)
	}
	return nil
}

// join meets the node at addr.
func (c *Cluster) join(list *memberlist.Memberlist, addr string) bool {
	if _, err := list.Join([]string{addr}); err != nil {
		c.joinsFailed.Add(1)
		c.transport.say(hclog.Debug, "cannot join", "addr", addr, "error", err)
		return false
	}
	c.joins.Add(1)
	c.log.Debug("joined", "through", addr)
	c.joined.Store(true)
	c.nudge()
	return true
}

// seeds is what the seeds said when they were asked first.
type seeds struct {
	answered []string // addresses that can be joined
	alone    bool     // there is nobody to wait for
}

// patience is how long the other seeds are waited for when one has answered.
const patience = 100 * time.Millisecond

// askSeeds asks all seeds at once who has this node's name. A seed that hangs holds
// up nobody when another one answers.
func (c *Cluster) askSeeds(ctx context.Context) (seeds, error) {
	type reply struct {
		addr    string
		err     error
		holders []Holder
		self    bool
	}
	ctx, cancel := context.WithTimeout(ctx, c.profile.stream)
	defer cancel()
	replies := make(chan reply)
	var asking sync.WaitGroup
	for _, seed := range c.config.Join {
		asking.Go(func() {
			addrs, err := resolve(ctx, seed)
			if err != nil {
				replies <- reply{addr: seed, err: err}
			}
			for _, addr := range addrs {
				who, holders, err := c.askWho(ctx, addr, c.self.Name)
				replies <- reply{addr, err, holders, err == nil && who.origin == c.self.Origin}
			}
		})
	}
	go func() { // ends with the last of them, which askSeeds awaits
		asking.Wait()
		close(replies)
	}()
	found := seeds{alone: true}
	var holders []Holder
	for r := range replies {
		switch {
		case r.self:
		case r.err == nil:
			if len(found.answered) == 0 {
				time.AfterFunc(patience, cancel)
			}
			found.answered, found.alone = append(found.answered, r.addr), false
			holders = append(holders, r.holders...)
		case errors.Is(r.err, syscall.ECONNREFUSED):
			c.log.Info("seed refuses the connection", "addr", r.addr)
		case ctx.Err() == nil || len(found.answered) == 0:
			found.alone = false
			c.log.Warn("seed does not answer", "addr", r.addr, "error", r.err)
		default:
			found.alone = false
		}
	}
	return found, c.claim(context.WithoutCancel(ctx), holders)
}

// rejoin looks for members that are known but missing, one address a second, until
// ctx is done. It fails if a node that started at the same time has the better right
// to this node's name.
func (c *Cluster) rejoin(ctx context.Context, list *memberlist.Memberlist) error {
	const tries = 4 // at once: some hang
	slots := make(chan struct{}, tries)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
			timer.Reset(750*time.Millisecond + mrand.N(500*time.Millisecond))
		}
		members := c.members.list()
		c.book.note(members)
		alone := len(c.members.peers()) == 0
		if !alone {
			c.joined.Store(true)
		}
		if err := c.checkName(ctx); err != nil {
			return err
		}
		if !offer(slots, struct{}{}) {
			continue
		}
		c.wg.Go(func() {
			defer func() { <-slots }()
			addr := c.book.missing(ctx, members)
			if addr != "" && !c.join(list, addr) && alone && ctx.Err() == nil {
				c.warn("no other node answers: serving alone, and trying on", "seeds", strings.Join(c.config.Join, " "))
			}
		})
	}
}

// youth is the age up to which a node gives way to one of its name: it may have
// started together with that one, through another seed. Older ones have met after a
// cut, and both stay.
const youth = 5 * time.Second

// checkName looks whether others have this node's name.
func (c *Cluster) checkName(ctx context.Context) error {
	holders := c.members.holders(c.self.Name)
	if len(holders) == 0 {
		return nil
	}
	if c.now() < youth {
		return c.claim(ctx, holders)
	}
	for _, h := range holders {
		if time.Since(h.since) > c.profile.settle { // else it may be one that was killed
			c.warn("another live member has this node's name: clients can't tell the two apart", "name", c.self.Name, "addr", h.Gossip)
		}
	}
	return nil
}

// acceptStreams serves the streams of peers, each in its own goroutine, until Close.
func (c *Cluster) acceptStreams() {
	slots := make(chan struct{}, maxHalves) // handshakes at once
	for {
		select {
		case <-c.ctx.Done():
			return
		case s := <-c.transport.Streams():
			if !offer(slots, struct{}{}) {
				c.wg.Go(func() { s.Close() })
				continue
			}
			c.wg.Go(func() {
				defer func() { <-slots }()
				switch s.Purpose() {
				case PurposeWho:
					c.answerWho(s)
				case PurposeLive, PurposeDelta:
					c.acceptLane(s)
				default:
					s.Close()
				}
			})
		}
	}
}

// beat gives the core its time, gives up silent links and tells the story, until
// Close.
func (c *Cluster) beat() {
	every := c.config.AckTimeout / 10
	tick := time.NewTicker(every)
	defer tick.Stop()
	last := c.now()
	for {
		select {
		case <-c.ctx.Done():
			return
		case <-tick.C:
		}
		now := c.now()
		elapsed := now - last
		last = now
		ran := time.Duration(c.ran.Add(int64(min(elapsed, 4*every)))) // longer: we were stopped, not our peers
		c.mu.Lock()
		c.core.Tick(now)
		c.clockLocked(min(elapsed, 4*every))
		for _, l := range c.links {
			if ran-time.Duration(l.heard.Load()) > silence(c.config.AckTimeout) {
				c.endLocked(l, errSilent, true)
			}
		}
		c.afterLocked()
		news := c.news
		c.news = nil
		c.mu.Unlock()
		c.members.story(c.log)
		for _, n := range news {
			c.tellOne(n)
		}
		select {
		case <-c.caughtUp:
		default:
			c.nudge()
		}
	}
}

// clockLocked adds up for how long members were there and for how long they were
// out of sync.
func (c *Cluster) clockLocked(elapsed time.Duration) {
	for _, e := range c.expected {
		if e.superseded {
			continue
		}
		c.stats.memberTime += elapsed
		if l := c.links[e.origin]; l == nil || l.core.State() != replica.In {
			c.stats.outOfSyncTime += elapsed
		}
	}
}

// afterLocked passes on what calls of the core have left: lanes with something to
// send, batches acknowledged, events.
func (c *Cluster) afterLocked() {
	c.core.TakeDirty(func(r *replica.Link) {
		if l := c.links[r.Peer()]; l != nil && l.core == r {
			l.notify()
		}
	})
	if released := c.core.Released(); released > c.released.Load() {
		c.released.Store(released)
		c.waiters.release(released)
		if c.trace {
			c.tell(ackNews{released, c.inSyncLocked()})
		}
	}
	for _, e := range c.core.TakeEvents() {
		if e.Kind == replica.Found {
			c.foundLocked(e)
			continue
		}
		if e.Kind == replica.Alone {
			c.tell(syncNews{kind: e.Kind})
			continue
		}
		l := c.links[e.Origin]
		if l == nil {
			continue
		}
		c.tell(syncNews{e.Kind, l.name, e.Origin})
		if e.Kind == replica.CaughtUp {
			c.nudge()
		}
	}
}

// inSyncLocked is the names of the members that this node's AT lines wait for.
func (c *Cluster) inSyncLocked() []string {
	var names []string
	for _, l := range c.links {
		if l.core.State() == replica.In {
			names = append(names, l.name)
		}
	}
	slices.Sort(names)
	return names
}

// ackNews is an acknowledgement to be logged.
type ackNews struct {
	batch  uint64
	inSync []string
}

// syncNews is an event of the core to be logged.
type syncNews struct {
	kind   replica.EventKind
	name   string
	origin location.Origin
}

// linkMade is a new link to be logged.
type linkMade struct {
	name, addr string
	origin     location.Origin
}

// linkLost is the end of a link to be logged.
type linkLost struct {
	name, addr string
	origin     location.Origin
	err        error
}

// maxWaitingNews bounds what waits to be logged.
const maxWaitingNews = 4096

// tell notes what beat will log; the caller holds mu, under which nothing is written.
func (c *Cluster) tell(n any) {
	if len(c.news) < maxWaitingNews {
		c.news = append(c.news, n)
	}
}

func (c *Cluster) tellOne(n any) {
	switch n := n.(type) {
	case ackNews:
		c.log.Trace("acknowledged", "batch", n.batch, "in_sync", clean(strings.Join(n.inSync, " ")))
	case linkMade:
		c.log.Info("peer connected", "peer", clean(n.name), "addr", n.addr, "origin", originText(n.origin))
	case linkLost:
		args := []any{"peer", clean(n.name), "addr", n.addr, "origin", originText(n.origin), "reason", n.err}
		if errors.Is(n.err, replica.ErrMessage) {
			c.log.Error("peer in quarantine: it sends what no correct node sends", args...)
		} else {
			c.log.Info("peer disconnected", args...)
		}
	case syncNews:
		args := []any{"peer", clean(n.name), "origin", originText(n.origin)}
		switch n.kind {
		case replica.MemberIn:
			c.log.Info("peer is in sync", args...)
		case replica.MemberOut:
			c.log.Warn("peer is out of sync: it left a batch unacknowledged", append(args, "ack_timeout", c.config.AckTimeout)...)
		case replica.Overflow:
			c.log.Warn("peer is slow: its queue was dropped, it will catch up", args...)
		case replica.Alone:
			c.warn("nobody is in sync: reports are acknowledged by this node alone until somebody is")
		case replica.CaughtUp:
			c.log.Debug("caught up with peer", args...)
		}
	}
}

// nudge has keepLinks look around now.
func (c *Cluster) nudge() { offer(c.nudged, struct{}{}) }

// warn logs one line a minute of each message.
func (c *Cluster) warn(message string, args ...any) { c.transport.warn(message, args...) }

// levelOf is how loud a failed dial is: what memberlist or the transport tells
// better is not worth a warning.
func levelOf(err error) hclog.Level {
	if errors.Is(err, ErrWrongKey) || errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, net.ErrClosed) {
		return hclog.Debug
	}
	return hclog.Warn
}

// checkCaughtUp closes caughtUp when its time has come. joined is as of before
// expected was made: whom a join brings must be in it.
func (c *Cluster) checkCaughtUp(joined bool) {
	if !joined {
		return
	}
	select {
	case <-c.caughtUp:
		return
	default:
	}
	c.mu.Lock()
	now, behind := c.now(), false
	for _, e := range c.expected {
		behind = behind || !e.unreachable && c.behindLocked(e, now)
	}
	c.afterLocked()
	c.mu.Unlock()
	if !behind {
		close(c.caughtUp) // keepLinks is the only caller
	}
}

// flushAll sends what was reported and waits until it is acknowledged.
func (c *Cluster) flushAll() {
	c.Flush()
	c.mu.Lock()
	last := c.ticket
	c.mu.Unlock()
	ctx, cancel := context.WithTimeout(c.ctx, c.config.AckTimeout)
	defer cancel()
	if err := c.Wait(ctx, last); err != nil {
		c.log.Warn("left before the last reports were acknowledged", "error", err)
	}
}

// depart says goodbye to peers, then to memberlist's herd.
func (c *Cluster) depart(list *memberlist.Memberlist) {
	c.leaving.Lock()
	defer c.leaving.Unlock()
	if c.ctx.Err() != nil {
		return // closed: memberlist would panic
	}
	ctx, cancel := context.WithTimeout(c.ctx, 100*time.Millisecond)
	c.sayGoodbye(ctx)
	cancel()
	if err := list.Leave(max(250*time.Millisecond, 4*c.profile.gossip)); err != nil {
		c.log.Warn("the herd may take this node for failed", "error", err)
	}
}

// Close ends all and returns when nothing runs any more. If Run has not ended, it is a
// kill: nothing is told to anybody. It is idempotent and never fails.
func (c *Cluster) Close() error {
	c.once.Do(func() {
		c.mu.Lock()
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
			c.leaving.Lock()
			list.Shutdown()
			c.leaving.Unlock()
		}
		c.transport.Shutdown()
		c.wg.Wait()
	})
	return nil
}

// Report takes the fix that a client reported to this node. It is visible here at
// once and travels with the next Flush. The ticket is for Wait; zero: nothing to
// wait for. It keeps no reference to id.
func (c *Cluster) Report(id []byte, f location.Fix) (ticket uint64) {
	c.mu.Lock()
	ticket = c.core.Accept(c.now(), id, f)
	c.ticket = max(c.ticket, ticket)
	c.mu.Unlock()
	return ticket
}

// Flush sends what was reported on its way, unless all peers' streams are busy:
// then it leaves with what gathers until one is not.
func (c *Cluster) Flush() {
	c.mu.Lock()
	c.core.Flush(c.now())
	c.afterLocked()
	c.mu.Unlock()
}

// Wait returns nil when the batch that a ticket names is acknowledged by every
// member in sync. The ack timeout bounds that; ctx may cut it short. It returns
// ErrClosed if the cluster closes first.
func (c *Cluster) Wait(ctx context.Context, ticket uint64) error {
	if ticket <= c.released.Load() {
		return nil
	}
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return ErrClosed
	}
	if ticket <= c.core.Released() {
		c.mu.Unlock()
		return nil
	}
	c.stats.ackWaits++
	w := c.waiters.add(ticket)
	c.mu.Unlock()
	select {
	case <-w.done:
		if ticket > c.released.Load() {
			return ErrClosed
		}
		return nil
	case <-ctx.Done():
		c.mu.Lock()
		c.waiters.remove(w)
		c.mu.Unlock()
		return ctx.Err()
	}
}

// Get returns the fix of client id that this node holds.
func (c *Cluster) Get(id []byte) (location.Entry, bool) { return c.table.Get(id) }

// Self is this node as a member.
func (c *Cluster) Self() Member {
	for _, m := range c.Members() {
		if m.Self {
			return m
		}
	}
	return Member{Meta: c.self, Gossip: c.transport.Advertised().String(), Since: c.self.Started, Self: true}
}

// Members is the herd as this node sees it, by name. A name stands twice only if two
// live members have it.
func (c *Cluster) Members() []Member {
	all := c.members.list()
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	for i := range all {
		m := &all[i]
		l := c.links[m.Origin]
		if l == nil {
			continue
		}
		m.Linked = true
		m.InSync = l.core.State() == replica.In
		m.Leased = l.core.Leased(now)
		m.Acked, m.Queued, m.Lagging = l.core.Acked(), l.core.Queued(), l.core.Lagging()
	}
	return all
}

// Sync is how this node stands to the others.
type Sync struct {
	CaughtUp bool     // it has been, once
	Behind   []string // names of the live members that may have acknowledged what it lacks, now
}

// Sync tells whether reads here may miss something.
func (c *Cluster) Sync() Sync {
	var s Sync
	select {
	case <-c.caughtUp:
		s.CaughtUp = true
	default:
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	for _, e := range c.expected {
		if c.behindLocked(e, now) {
			s.Behind = append(s.Behind, e.name)
		}
	}
	return s
}

// Stats counts since New.
type Stats struct {
	Replica   replica.Stats
	Transport TransportStats

	Sessions        uint64 // links opened
	SessionsLost    uint64 // links ended
	SessionsRefused uint64
	Quarantined     uint64 // links ended because the peer sent what no correct node sends
	Links           int    // now

	Joins          uint64 // successful, the first and those after
	JoinsFailed    uint64
	MembersRefused uint64 // announcements of members that make no sense
	MembersByState map[string]int

	LookupsSent     uint64 // client IDs that peers were asked for
	LookupsFound    uint64 // callers that got a fix so
	LookupsTimedOut uint64
	LookupsRefused  uint64 // not asked: too many at once
	AckWaits        uint64 // callers of Wait that had to wait

	MemberTime    time.Duration // added up over the live members but this node
	OutOfSyncTime time.Duration // of that, the time in which the member was not in sync with this node

	LinesKeptBack uint64 // log lines over their limit
}

// Stats is a snapshot; its numbers need not be of one instant.
func (c *Cluster) Stats() Stats {
	s := Stats{
		Transport:      c.transport.Stats(),
		Joins:          c.joins.Load(),
		JoinsFailed:    c.joinsFailed.Load(),
		MembersRefused: c.members.refusals(),
		MembersByState: c.members.byState(),
		LookupsFound:   c.lookupsFound.Load(),
		LinesKeptBack:  c.transport.lines.total(),
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	s.Replica = c.core.Stats()
	s.Sessions, s.SessionsLost, s.SessionsRefused = c.stats.sessions, c.stats.sessionsLost, c.stats.sessionsRefused
	s.Quarantined, s.Links = c.stats.quarantined, len(c.links)
	s.LookupsSent, s.LookupsTimedOut, s.LookupsRefused = c.stats.lookupsSent, c.stats.lookupsTimedOut, c.stats.lookupsRefused
	s.AckWaits = c.stats.ackWaits
	s.MemberTime, s.OutOfSyncTime = c.stats.memberTime, c.stats.outOfSyncTime
	return s
}
