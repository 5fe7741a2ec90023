package gossip

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestAdvertised(t *testing.T) {
	const bound4, bound6, any4, any6 = "192.0.2.1:4132", "[2001:db8::1]:4132", "0.0.0.0:4132", "[::]:4132"
	for _, tt := range []struct{ want, bound, got, err string }{
		{"", bound4, bound4, ""},
		{"", bound6, bound6, ""},
		{"", "[::ffff:192.0.2.1]:4132", bound4, ""},
		{"198.51.100.7", any4, "198.51.100.7:4132", ""},
		{"198.51.100.7:1", any4, "198.51.100.7:1", ""},
		{"198.51.100.7:0", bound4, "198.51.100.7:4132", ""},
		{"::ffff:198.51.100.7", any6, "198.51.100.7:4132", ""},
		{"2001:db8::7", any6, "[2001:db8::7]:4132", ""},
		{"[2001:db8::7]", any6, "[2001:db8::7]:4132", ""},
		{"[2001:db8::7]:1", any6, "[2001:db8::7]:1", ""},
		{"localhost", "127.0.0.1:4132", "127.0.0.1:4132", ""},
		{"localhost:1", any4, "127.0.0.1:1", ""},
		{"0.0.0.0", any4, "", "unspecified"},
		{"[::]:1", any6, "", "unspecified"},
		{"198.51.100.7:65536", any4, "", `port "65536": want 0 to 65535`},
		{"198.51.100.7:http", any4, "", `port "http": want 0 to 65535`},
		{"198.51.100.7:", any4, "", `port "": want 0 to 65535`},
		{":1", any4, "", "no such host"},
		{"fe80::1%eth0", any6, "", "with a zone"},
		{"[fe80::1%eth0]:1", any6, "", "with a zone"},
		{"2001:db8::7", "[fe80::1%eth0]:4132", "[2001:db8::7]:4132", ""},
	} {
		at := netip.MustParseAddrPort(tt.bound)
		got, err := advertised(t.Context(), tt.want, net.TCPAddrFromAddrPort(at))
		switch {
		case tt.err != "":
			if err == nil || !strings.Contains(err.Error(), tt.err) || !strings.HasPrefix(err.Error(), `advertise address "`+tt.want+`": `) {
				t.Errorf("%q bound to %s: %v, %v; want an error: %s", tt.want, tt.bound, got, err, tt.err)
			}
		case err != nil || got.String() != tt.got:
			t.Errorf("%q bound to %s: %v, %v; want %s", tt.want, tt.bound, got, err, tt.got)
		}
	}
	if _, err := advertised(t.Context(), "", &net.UnixAddr{Name: "/x", Net: "unix"}); err == nil {
		t.Error("a bound address that is none was taken")
	}
	linkLocal := net.TCPAddrFromAddrPort(netip.MustParseAddrPort("[fe80::1%eth0]:4132"))
	if at, err := advertised(t.Context(), "", linkLocal); !errors.Is(err, errZone) || !strings.Contains(err.Error(), linkLocal.String()) {
		t.Errorf("bound to %v: %v, %v", linkLocal, at, err)
	}
}

func TestOfFamily(t *testing.T) {
	v4, v4in6, v6 := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("::ffff:192.0.2.1"), netip.MustParseAddr("2001:db8::1")
	for _, tt := range []struct {
		found      []netip.Addr
		like, want netip.Addr
	}{
		{[]netip.Addr{v4, v6}, v4, v4},
		{[]netip.Addr{v6, v4}, v4, v4},
		{[]netip.Addr{v6, v4in6}, v4, v4in6},
		{[]netip.Addr{v4, v6}, v6, v6},
		{[]netip.Addr{v4in6, v6}, v6, v6},
		{[]netip.Addr{v6}, v4, v6},
		{[]netip.Addr{v4}, v6, v4},
	} {
		if got := ofFamily(tt.found, tt.like); got != tt.want {
			t.Errorf("of %v, like %v: %v, want %v", tt.found, tt.like, got, tt.want)
		}
	}
}

// Bound to every interface, an address of this machine is told, or how to give one.
func TestAdvertisedOfEveryInterface(t *testing.T) {
	for _, bound := range []string{"0.0.0.0:4132", "[::]:4132"} {
		at := netip.MustParseAddrPort(bound)
		got, err := advertised(t.Context(), "", net.TCPAddrFromAddrPort(at))
		if err != nil {
			if !strings.Contains(err.Error(), "give an advertise address") {
				t.Errorf("%s: %v", bound, err)
			}
			continue
		}
		if ip := got.Addr(); got.Port() != 4132 || ip.IsUnspecified() || ip.IsLoopback() || ip.Is4In6() || at.Addr().Is4() && !ip.Is4() {
			t.Errorf("%s: %v", bound, got)
		}
	}
}

// A node whose address has changed is not seen any more. It ends when it has been found at the same
// other address twice, and not if it is to be reached nowhere, or where it was, too.
func TestMoved(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		own, other, third := netip.MustParseAddrPort("10.0.0.1:4132"), netip.MustParseAddrPort("10.0.0.9:4132"), netip.MustParseAddrPort("10.0.0.10:4132")
		var looks atomic.Int32
		var answer atomic.Pointer[func(look int) ([]netip.AddrPort, error)]
		is := func(all ...netip.AddrPort) func(int) ([]netip.AddrPort, error) {
			return func(int) ([]netip.AddrPort, error) { return all, nil }
		}
		now := func(f func(look int) ([]netip.AddrPort, error)) { answer.Store(&f) }
		now(is(own))
		h.reached = func(name string) ([]netip.AddrPort, error) {
			if name != "node0" {
				t.Errorf("%s looks for its address", name)
			}
			return (*answer.Load())(int(looks.Add(1)))
		}
		three := h.startFirst(3)
		n := three[0]
		time.Sleep(unseenGrace)
		unseen := func(d time.Duration, until func() bool) {
			for end := time.Now().Add(d); time.Now().Before(end) && !until(); time.Sleep(100 * time.Millisecond) {
				// In node1's place, for node0 knows no member that is called nobody.
				n.mu.Lock()
				l := n.links[three[1].self.Origin]
				n.mu.Unlock()
				if l != nil {
					l.receiveNote(appendNote(nil, note{})[frameHeader:])
				}
			}
		}
		ended := func() bool { return len(n.ended) > 0 }
		for what, f := range map[string]func(look int) ([]netip.AddrPort, error){
			"where it was":        is(own),
			"where it was, too":   is(other, own),
			"nowhere":             func(int) ([]netip.AddrPort, error) { return nil, errZone },
			"elsewhere, at times": func(look int) ([]netip.AddrPort, error) { return [][]netip.AddrPort{{other}, {own}}[look%2], nil },
			"here and there":      func(look int) ([]netip.AddrPort, error) { return [][]netip.AddrPort{{other}, {third}}[look%2], nil },
		} {
			now(is(own))
			unseen(10*time.Second, ended)
			now(f)
			before := looks.Load()
			if unseen(20*time.Second, ended); ended() || looks.Load() < before+5 {
				t.Fatalf("%s: ended: %v, after %d looks", what, ended(), looks.Load()-before)
			}
		}
		now(is(other, third))
		unseen(20*time.Second, ended)
		if !ended() {
			t.Fatal("it goes on at an address that it has no longer")
		}
		err := <-n.ended
		n.ended <- err
		if err == nil || !strings.Contains(err.Error(), own.String()) || !strings.Contains(err.Error(), other.String()) {
			t.Errorf("it ended with: %v", err)
		}
	})
}

// Bound to every interface, a node is where any address of its machine is.
func TestReachedAtAll(t *testing.T) {
	all, err := reachedAt(t.Context(), "", net.TCPAddrFromAddrPort(netip.MustParseAddrPort("0.0.0.0:4132")))
	if err != nil {
		t.Skip(err)
	}
	first, err := advertised(t.Context(), "", net.TCPAddrFromAddrPort(netip.MustParseAddrPort("0.0.0.0:4132")))
	if err != nil || !slices.Contains(all, first) {
		t.Errorf("%v is not in %v: %v", first, all, err)
	}
	own, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range own {
		p, err := netip.ParsePrefix(a.String())
		if err == nil && p.Addr().Is4() && p.Addr().IsGlobalUnicast() && !slices.Contains(all, netip.AddrPortFrom(p.Addr(), 4132)) {
			t.Errorf("%v is not in %v", p.Addr(), all)
		}
	}
}

// Members are told where other ports are reached, wherever those are bound.
func TestReachable(t *testing.T) {
	own := netip.MustParseAddr("192.0.2.1")
	for addr, want := range map[string]string{
		"0.0.0.0:4131":   "192.0.2.1:4131",
		"[::]:4131":      "192.0.2.1:4131",
		"127.0.0.1:4131": "127.0.0.1:4131",
		"10.1.2.3:4131":  "10.1.2.3:4131",
		"":               "",
	} {
		if got := reachable(addr, own); got != want {
			t.Errorf("%s: %s, want %s", addr, got, want)
		}
	}
}

// 0.0.0.0 is all addresses of IPv4 and none of IPv6.
func TestListenFamily(t *testing.T) {
	l, err := OS{}.Listen(t.Context(), "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if at := netip.MustParseAddrPort(l.Addr().String()); !at.Addr().Is4() {
		t.Errorf("bound to %s", at)
	}
}
