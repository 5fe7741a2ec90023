package gossip

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/memberlist"
)

// transportConfig is what a [transport] needs. Zero numbers mean the defaults.
type transportConfig struct {
	Network       Network      // nil: [OS]
	BindAddr      string       // host:port, TCP and UDP; port 0 picks one that is free for both
	AdvertiseAddr string       // host or host:port that peers reach this node at; empty: the bound address
	Keyring       *keyring     // nil: a keyless herd, which any stranger may join
	Label         string       // at most 255 bytes; herds of another label are strangers
	Name          string       // node name, 1..255 bytes: what this node proves to be called
	Logger        hclog.Logger // nil: no log

	// HandshakeTimeout is what a dial has for TLS and proof, unless it is more patient; an
	// acceptor waits for as long as the most patient one may. Default 2 s.
	HandshakeTimeout time.Duration

	MaxUnproved       int // inbound streams that have not proved a key; default 128
	MaxUnprovedByHost int // the same, from one source address; default 16
}

// patience is the longest that a handshake may take: on a machine that is too busy for it in
// time, to give up and begin again makes it busier.
func (c transportConfig) patience() time.Duration { return 4 * c.HandshakeTimeout }

// errSlow is of a dial that a peer has taken, and not answered in time.
var errSlow = errors.New("no proof in time")

// Queues between the transport and those who take from it.
const (
	packetQueue = 256 // a packet is 1,400 bytes as a rule
	streamQueue = 64
	bindTries   = 10 // to find a port that is free for both TCP and UDP
)

// transport is one gossip port: memberlist's packets over UDP, and streams over
// TCP, memberlist's and the herd's own, all of them TLS 1.3 between two ends that have
// proved a key of the ring to each other. It is a memberlist.NodeAwareTransport.
// Nothing that takes from it sees a byte of a stranger. It is safe for
// concurrent use.
type transport struct {
	config    transportConfig // static
	log       hclog.Logger
	listener  net.Listener
	packets   net.PacketConn
	advertise netip.AddrPort
	prover    *prover

	packetc chan *memberlist.Packet // sent by readPackets, never closed
	memberc chan net.Conn           // sent by greet, never closed
	streamc chan *stream            // sent by greet, never closed

	lobby lobby
	lines lineLimit
	count counters

	ctx    context.Context // done: Shutdown has begun
	cancel context.CancelFunc
	wg     sync.WaitGroup // all goroutines
	once   sync.Once      // Shutdown

	mu      sync.Mutex           // guards streams
	streams map[*stream]struct{} // proved and open, either way; nil after Shutdown
}

var _ memberlist.NodeAwareTransport = (*transport)(nil)

// newTransport binds the port and starts to listen. The caller owes a Shutdown
// (memberlist's own Shutdown does it). An address that cannot be bound is named in the error.
func newTransport(config transportConfig) (*transport, error) {
	if config.Network == nil {
		config.Network = OS{}
	}
	if config.Logger == nil {
		config.Logger = hclog.NewNullLogger()
	}
	config.HandshakeTimeout = orDefault(config.HandshakeTimeout, 2*time.Second)
	config.MaxUnproved = orDefault(config.MaxUnproved, 128)
	config.MaxUnprovedByHost = orDefault(config.MaxUnprovedByHost, 16)
	if len(config.Label) > memberlist.LabelMaxSize {
		return nil, fmt.Errorf("gossip label is %d bytes long, at most %d are allowed", len(config.Label), memberlist.LabelMaxSize)
	}
	prover, err := newProver(config.Name, config.Label, config.Keyring, config.HandshakeTimeout)
	if err != nil {
		return nil, err
	}
	t := &transport{
		config:  config,
		log:     config.Logger,
		prover:  prover,
		packetc: make(chan *memberlist.Packet, packetQueue),
		memberc: make(chan net.Conn, streamQueue),
		streamc: make(chan *stream, streamQueue),
		lobby:   lobby{max: config.MaxUnproved, maxPerHost: config.MaxUnprovedByHost},
		streams: make(map[*stream]struct{}),
	}
	if err := t.bind(); err != nil {
		return nil, fmt.Errorf("gossip address %s: %w", config.BindAddr, err)
	}
	t.ctx, t.cancel = context.WithCancel(context.Background())
	if t.advertise, err = advertised(t.ctx, config.AdvertiseAddr, t.listener.Addr()); err != nil {
		t.Shutdown()
		return nil, err
	}
	t.wg.Go(t.acceptStreams)
	t.wg.Go(t.readPackets)
	return t, nil
}

func orDefault[T int | time.Duration](v, def T) T {
	if v <= 0 {
		return def
	}
	return v
}

// bind opens both sockets on one port. Of port 0 the system chooses a port for TCP
// that may be taken for UDP: then another is tried.
func (t *transport) bind() error {
	_, port, err := net.SplitHostPort(t.config.BindAddr)
	if err != nil {
		return err
	}
	tries := 1
	if port == "0" {
		tries = bindTries
	}
	ctx := context.Background() // binding does not wait
	for range tries {
		var l net.Listener
		if l, err = t.config.Network.Listen(ctx, t.config.BindAddr); err != nil {
			return err
		}
		var p net.PacketConn
		if p, err = t.config.Network.ListenPacket(ctx, l.Addr().String()); err == nil {
			t.listener, t.packets = l, p
			return nil
		}
		l.Close()
	}
	return err
}

// Addr is the bound address.
func (t *transport) Addr() net.Addr { return t.listener.Addr() }

// Advertised is the address that peers are told.
func (t *transport) Advertised() netip.AddrPort { return t.advertise }

// FinalAdvertiseAddr is for memberlist. What it was configured to is not looked
// at: [transportConfig] decides.
func (t *transport) FinalAdvertiseAddr(string, int) (net.IP, int, error) {
	return t.advertise.Addr().AsSlice(), int(t.advertise.Port()), nil
}

// PacketCh is where memberlist takes packets.
func (t *transport) PacketCh() <-chan *memberlist.Packet { return t.packetc }

// StreamCh is where memberlist takes inbound streams.
func (t *transport) StreamCh() <-chan net.Conn { return t.memberc }

// Streams is where all other inbound streams come out. One that finds 64 waiting
// is closed and counted. The channel is never closed.
func (t *transport) Streams() <-chan *stream { return t.streamc }

// WriteTo sends a packet for memberlist.
func (t *transport) WriteTo(b []byte, addr string) (time.Time, error) {
	to, err := netip.ParseAddrPort(addr)
	if err != nil {
		return time.Time{}, fmt.Errorf("send packet: %w", err)
	}
	_, err = t.packets.WriteTo(b, net.UDPAddrFromAddrPort(to))
	return time.Now(), err
}

// WriteToAddress sends a packet for memberlist.
func (t *transport) WriteToAddress(b []byte, a memberlist.Address) (time.Time, error) {
	return t.WriteTo(b, a.Addr)
}

// DialTimeout opens a stream for memberlist.
func (t *transport) DialTimeout(addr string, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(t.ctx, timeout)
	defer cancel()
	s, err := t.DialPeer(ctx, addr, purposeMembership)
	if err != nil {
		return nil, err
	}
	return t.forMemberlist(s), nil
}

// DialAddressTimeout opens a stream for memberlist.
func (t *transport) DialAddressTimeout(a memberlist.Address, timeout time.Duration) (net.Conn, error) {
	return t.DialTimeout(a.Addr, timeout)
}

// DialPeer opens a stream to the node at addr, host:port. It returns when both
// ends have proved a key, or with an error: a [KeyError] if the peer has none of ours.
// ctx bounds the dial only; Shutdown ends it too.
func (t *transport) DialPeer(ctx context.Context, addr string, purpose purpose) (*stream, error) {
	return t.dialWithin(ctx, addr, purpose, t.config.HandshakeTimeout)
}

// dialWithin is DialPeer, but TLS and proof may take so long.
func (t *transport) dialWithin(ctx context.Context, addr string, purpose purpose, within time.Duration) (*stream, error) {
	s, err := t.dialPeer(ctx, addr, purpose, within)
	if err != nil {
		t.count.dialsFailed.Add(1)
		var key *KeyError
		if errors.As(err, &key) {
			t.warn("gossip stream not opened: wrong key", "addr", addr, "peer", clean(key.Peer), "reason", key.Reason)
		}
		return nil, fmt.Errorf("dial %s for %v: %w", addr, purpose, err)
	}
	t.count.dialed.Add(1)
	return s, nil
}

func (t *transport) dialPeer(ctx context.Context, addr string, purpose purpose, within time.Duration) (*stream, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(t.ctx, func() { cancel(net.ErrClosed) })()
	dialed, err := t.config.Network.Dial(ctx, addr)
	if t.ctx.Err() != nil && err != nil {
		return nil, net.ErrClosed
	}
	if err != nil {
		return nil, err
	}
	raw := newOutlet(dialed)
	raw.SetDeadline(time.Now().Add(within))
	hurry := context.AfterFunc(ctx, func() { raw.Close() })
	conn := tls.Client(raw, t.prover.tls)
	peer, err := t.prover.dial(conn, purpose)
	if !hurry() {
		err = context.Cause(ctx)
	}
	if err != nil {
		raw.Close()
		return nil, slow(err)
	}
	raw.SetDeadline(time.Time{})
	introduce(dialed, peer)
	s := &stream{Conn: conn, raw: raw, peer: peer, purpose: purpose, transport: t}
	if !t.remember(s) {
		return nil, net.ErrClosed
	}
	return s, nil
}

// slow is err, or errSlow too if there was no time left.
func slow(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%w: %w", errSlow, err)
	}
	return err
}

// Shutdown closes the port and every stream that came from it, and returns when
// all goroutines have ended. It is idempotent and never fails.
func (t *transport) Shutdown() error {
	t.once.Do(func() {
		t.cancel()
		t.listener.Close()
		t.packets.Close()
		t.lobby.close()
		t.mu.Lock()
		streams := t.streams
		t.streams = nil
		t.mu.Unlock()
		for s := range streams {
			t.wg.Go(func() { s.Close() })
		}
		t.wg.Wait()
	})
	return nil
}

// remember notes an open stream, so that Shutdown can close it. After Shutdown it
// closes it at once and returns false.
func (t *transport) remember(s *stream) bool {
	t.mu.Lock()
	open := t.streams != nil
	if open {
		t.streams[s] = struct{}{}
	}
	t.mu.Unlock()
	if !open {
		s.Close()
	}
	return open
}

func (t *transport) forget(s *stream) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.streams, s)
}

// forMemberlist is s as memberlist may have it.
func (t *transport) forMemberlist(s *stream) net.Conn {
	if t.config.Keyring == nil {
		return s
	}
	return &membershipStream{s, messageGuard{Reader: s.Conn, refused: &t.count.messagesRefused}}
}

// offer sends v unless c is full.
func offer[T any](c chan<- T, v T) bool {
	select {
	case c <- v:
		return true
	default:
		return false
	}
}

func (t *transport) warn(message string, args ...any) { t.say(hclog.Warn, message, args...) }

// say logs one line a minute of each message: strangers decide how many there
// are. The next line tells how many were kept back.
func (t *transport) say(level hclog.Level, message string, args ...any) {
	suppressed, ok := t.lines.allow(message, warnLines)
	if !ok {
		return
	}
	for i, a := range args { // hclog writes text as text, but JSON as it is stored
		if s, ok := a.(fmt.Stringer); ok {
			args[i] = s.String()
		}
	}
	if suppressed > 0 {
		args = append(args, "suppressed", suppressed)
	}
	t.log.Log(level, message, args...)
}

// backoff is the pause after the last of some errors in a row.
type backoff time.Duration

// wait pauses for 5 ms, twice as long each time, 1 s at most, or until ctx is done.
func (b *backoff) wait(ctx context.Context) {
	*b = min(max(*b*2, backoff(5*time.Millisecond)), backoff(time.Second))
	timer := time.NewTimer(time.Duration(*b))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// counters are the transport's own; see [TransportStats].
type counters struct {
	packets, packetsJunk, packetsDropped, packetErrors atomic.Uint64
	accepted, streamsDropped, messagesRefused          atomic.Uint64
	wrongKey, junk, slow, abandoned, acceptErrors      atomic.Uint64
	dialed, dialsFailed                                atomic.Uint64
}

// TransportStats counts what came, what went and what was refused, since the start.
type TransportStats struct {
	Packets        uint64 // packets given to memberlist
	PacketsJunk    uint64 // dropped: wrong label, not of a key of the ring, malformed
	PacketsDropped uint64 // dropped: memberlist did not take them in time
	PacketErrors   uint64 // failures to read a packet

	Accepted        uint64 // inbound streams that proved a key
	StreamsDropped  uint64 // of those, closed because nobody took them in time
	MessagesRefused uint64 // memberlist messages of proved peers that would have harmed it
	Dialed          uint64 // outbound streams that proved a key
	DialsFailed     uint64 // outbound streams that did not come about

	WrongKey     uint64 // inbound streams refused: no key in common
	Junk         uint64 // inbound streams refused: not TLS 1.3, or not a proof
	Slow         uint64 // inbound streams refused: no proof in time
	Evicted      uint64 // inbound streams refused: the oldest, when too many had proved nothing
	Abandoned    uint64 // inbound streams that the peer closed before its proof
	AcceptErrors uint64 // failures to accept a stream

	Open     int // streams open now, either way
	Unproved int // inbound streams that have not proved a key yet
}

// Stats is a snapshot; its numbers need not be of one instant.
func (t *transport) Stats() TransportStats {
	t.mu.Lock()
	open := len(t.streams)
	t.mu.Unlock()
	c := &t.count
	return TransportStats{
		Packets:         c.packets.Load(),
		PacketsJunk:     c.packetsJunk.Load(),
		PacketsDropped:  c.packetsDropped.Load(),
		PacketErrors:    c.packetErrors.Load(),
		Accepted:        c.accepted.Load(),
		StreamsDropped:  c.streamsDropped.Load(),
		MessagesRefused: c.messagesRefused.Load(),
		Dialed:          c.dialed.Load(),
		DialsFailed:     c.dialsFailed.Load(),
		WrongKey:        c.wrongKey.Load(),
		Junk:            c.junk.Load(),
		Slow:            c.slow.Load(),
		Evicted:         t.lobby.dropped.Load(),
		Abandoned:       c.abandoned.Load(),
		AcceptErrors:    c.acceptErrors.Load(),
		Open:            open,
		Unproved:        t.lobby.count(),
	}
}
