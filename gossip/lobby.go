package gossip

import (
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
)

// guest is an inbound stream whose peer has not proved a key yet.
type guest struct {
	conn    net.Conn
	host    string       // source address without the port
	network netip.Prefix // that of IPv6 which host is of; zero: none
	evicted bool         // guarded by lobby.mu
}

// lobby holds the guests and bounds their number. When it is full, the one that
// has waited longest goes: an honest peer needs a few milliseconds, a stranger who
// sits there has had them. The bound for each host keeps one host from
// pushing the others out; the loopback address is no host in that sense, since
// all nodes of a herd on one machine share it. Who has one address of IPv6 has 2^64 of
// them: such a network has half of the room, for all nodes of a herd may be in one.
type lobby struct {
	max, maxPerHost int
	dropped         atomic.Uint64

	mu     sync.Mutex // guards the fields below
	guests []*guest   // oldest first
	closed bool
}

// enter admits a stream, at the cost of an older one if need be. It returns nil,
// and closes the stream, after close.
func (l *lobby) enter(conn net.Conn) *guest {
	g := &guest{conn: conn, host: hostOf(conn.RemoteAddr())}
	g.network = networkOf(g.host)
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		conn.Close()
		return nil
	}
	victim := l.victimLocked(g)
	if victim != nil {
		victim.evicted = true
		l.removeLocked(victim)
	}
	l.guests = append(l.guests, g)
	l.mu.Unlock()
	if victim != nil {
		l.dropped.Add(1)
		victim.conn.Close()
	}
	return g
}

// leave takes a guest out, whatever became of it, and tells whether it was
// still in: if not, its stream is closed.
func (l *lobby) leave(g *guest) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if g.evicted {
		return false
	}
	l.removeLocked(g)
	return true
}

// close evicts all guests and lets nobody in any more.
func (l *lobby) close() {
	l.mu.Lock()
	guests := l.guests
	l.guests, l.closed = nil, true
	for _, g := range guests {
		g.evicted = true
	}
	l.mu.Unlock()
	for _, g := range guests {
		g.conn.Close()
	}
}

// count is how many guests there are.
func (l *lobby) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.guests)
}

// victimLocked is who must go for a new guest: the oldest of its host, or of its network,
// if that has its share, else the oldest of all if the lobby is full, else nobody.
func (l *lobby) victimLocked(newcomer *guest) *guest {
	var oldest, near *guest
	same, around := 0, 0
	for _, g := range l.guests {
		if g.host == newcomer.host {
			if same++; oldest == nil {
				oldest = g
			}
		}
		if newcomer.network.IsValid() && g.network == newcomer.network {
			if around++; near == nil {
				near = g
			}
		}
	}
	switch {
	case same >= l.maxPerHost && !isLoopback(newcomer.host):
		return oldest
	case around > 0 && around >= l.max/2:
		return near
	case len(l.guests) >= l.max:
		return l.guests[0]
	}
	return nil
}

func (l *lobby) removeLocked(g *guest) {
	for i, have := range l.guests {
		if have == g {
			l.guests = append(l.guests[:i], l.guests[i+1:]...)
			return
		}
	}
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// networkOf is the network of 2^64 addresses that a host is of; zero if it has no address of IPv6,
// or the loopback one.
func networkOf(host string) netip.Prefix {
	ip, err := netip.ParseAddr(host)
	if err != nil || ip.Unmap().Is4() || ip.IsLoopback() {
		return netip.Prefix{}
	}
	p, err := ip.WithZone("").Prefix(64)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}

// hostOf is an address without its port.
func hostOf(a net.Addr) string {
	host, _, err := net.SplitHostPort(a.String())
	if err != nil {
		return a.String()
	}
	return host
}
