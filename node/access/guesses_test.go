package access

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func TestGuesses(t *testing.T) {
	var g Guesses
	addr := netip.MustParseAddr("192.0.2.1")
	for i := range perMinute {
		if _, ok := g.Allowed(addr, start); !ok {
			t.Fatalf("refused after %d wrong ones", i)
		}
		if first := g.Wrong(addr, start.Add(time.Duration(i)*time.Second)); first != (i == 0) {
			t.Errorf("wrong one %d: first is %v", i, first)
		}
	}
	if wait, ok := g.Allowed(addr, start.Add(20*time.Second)); ok || wait != 40*time.Second {
		t.Errorf("allowed %v, wait %v; want to be refused for 40 s", ok, wait)
	}
	for _, same := range []string{"::ffff:192.0.2.1"} {
		if _, ok := g.Allowed(netip.MustParseAddr(same), start); ok {
			t.Errorf("%s is somebody else", same)
		}
	}
	if _, ok := g.Allowed(netip.MustParseAddr("192.0.2.2"), start); !ok {
		t.Error("another address pays for it")
	}
	if _, ok := g.Allowed(addr, start.Add(time.Minute)); !ok {
		t.Error("refused after a minute")
	}
	if !g.Wrong(addr, start.Add(time.Minute)) {
		t.Error("the first of another minute is not called so")
	}
	if _, ok := g.Allowed(addr, start.Add(time.Minute)); !ok {
		t.Error("one wrong one of another minute is enough")
	}
}

func TestGuessesOfANetwork(t *testing.T) {
	var g Guesses
	for i := range perMinute {
		a := netip.MustParseAddr("2001:db8:1:2::").As16()
		binary.BigEndian.PutUint64(a[8:], uint64(i)*0x9e3779b97f4a7c15)
		g.Wrong(netip.AddrFrom16(a), start)
	}
	if _, ok := g.Allowed(netip.MustParseAddr("2001:db8:1:2:ffff::1"), start); ok {
		t.Error("whoever has a network has as many guesses as addresses")
	}
	if _, ok := g.Allowed(netip.MustParseAddr("2001:db8:1:3::1"), start); !ok {
		t.Error("the next network pays for it")
	}
}

func TestGuessesAreBounded(t *testing.T) {
	var g Guesses
	guess := func(n int, now time.Time) {
		for i := range n {
			var a [4]byte
			binary.BigEndian.PutUint32(a[:], uint32(i))
			g.Wrong(netip.AddrFrom4(a), now)
		}
	}
	guess(3*maxAddrs, start)
	if n := len(g.addrs); n != maxAddrs {
		t.Errorf("%d addresses are kept, want %d", n, maxAddrs)
	}
	later := start.Add(time.Hour)
	g.Wrong(netip.MustParseAddr("192.0.2.1"), later)
	if n := len(g.addrs); n != 1 {
		t.Errorf("%d addresses are kept an hour later, want the last", n)
	}
}
