package access

import (
	"net/netip"
	"sync"
	"time"
)

const (
	// perMinute is how many wrong tokens an address may show in a minute, before whatever
	// it shows is refused unseen until the minute is over.
	perMinute = 10

	// maxAddrs bounds the memory: some 400 kB. When so many guess at once the one that
	// is forgotten has a few guesses more.
	maxAddrs = 4096
)

// Guesses counts wrong tokens by address. The zero value is ready. It is safe for
// concurrent use.
type Guesses struct {
	mu    sync.Mutex // guards the fields below; held for no wait
	addrs map[netip.Addr]*guesser
}

type guesser struct {
	since time.Time // of the first wrong one of this minute
	wrong int
}

// Allowed tells whether a token from addr may be looked at. If not, it may after wait.
func (g *Guesses) Allowed(addr netip.Addr, now time.Time) (wait time.Duration, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	a := g.addrs[Host(addr)]
	if a == nil || a.wrong < perMinute {
		return 0, true
	}
	if wait = time.Minute - now.Sub(a.since); wait > 0 {
		return wait, false
	}
	return 0, true
}

// Wrong takes down that addr has shown a wrong token. first tells whether it is its
// first of this minute.
func (g *Guesses) Wrong(addr netip.Addr, now time.Time) (first bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	addr = Host(addr)
	a := g.addrs[addr]
	if a == nil {
		a = &guesser{}
		g.makeRoom(now)
		g.addrs[addr] = a
	}
	if a.wrong == 0 || now.Sub(a.since) >= time.Minute {
		*a = guesser{since: now}
	}
	a.wrong++
	return a.wrong == 1
}

// makeRoom leaves room for one more.
func (g *Guesses) makeRoom(now time.Time) {
	if g.addrs == nil {
		g.addrs = make(map[netip.Addr]*guesser)
	}
	if len(g.addrs) < maxAddrs {
		return
	}
	for addr, a := range g.addrs {
		if now.Sub(a.since) >= time.Minute {
			delete(g.addrs, addr)
		}
	}
	for addr := range g.addrs { // any
		if len(g.addrs) < maxAddrs {
			return
		}
		delete(g.addrs, addr)
	}
}

// Host is an address that stands for whoever is at addr: who has one of IPv6 has 2^64 of
// them.
func Host(addr netip.Addr) netip.Addr {
	addr = addr.Unmap().WithZone("")
	if addr.Is6() {
		if p, err := addr.Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return addr
}
