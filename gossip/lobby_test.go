package gossip

import (
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"
)

// caller is a stream of which only the address is asked, and whether it was closed.
type caller struct {
	net.Conn
	addr   net.Addr
	closed atomic.Int32
}

func (c *caller) RemoteAddr() net.Addr { return c.addr }
func (c *caller) Close() error         { c.closed.Add(1); return nil }

func newCaller(host, port int) *caller {
	return &caller{addr: &net.TCPAddr{IP: net.IPv4(10, 0, 0, byte(host)), Port: port}}
}

func TestLobby(t *testing.T) {
	l := &lobby{max: 128, maxPerHost: 16}
	var all []*guest
	enter := func(host int) *guest {
		g := l.enter(newCaller(host, len(all)+1))
		all = append(all, g)
		return g
	}
	for host := range 8 {
		for range 16 {
			enter(host)
		}
	}
	if l.count() != 128 || l.dropped.Load() != 0 {
		t.Fatalf("%d in, %d dropped; want 128, 0", l.count(), l.dropped.Load())
	}
	closed := func(i int) bool { return all[i].conn.(*caller).closed.Load() > 0 }
	enter(3)
	if closed(0) || !closed(3*16) {
		t.Error("the oldest of the host did not make room")
	}
	enter(9)
	if !closed(0) || closed(1) {
		t.Error("the oldest of all did not make room")
	}
	if l.count() != 128 || l.dropped.Load() != 2 {
		t.Errorf("%d in, %d dropped; want 128, 2", l.count(), l.dropped.Load())
	}
	if l.leave(all[0]) {
		t.Error("one that was dropped left of its own accord")
	}
	if !l.leave(all[1]) || closed(1) || l.count() != 127 {
		t.Error("one that left was closed, or is still counted")
	}
	enter(9) // the first of that host to find room
	if l.dropped.Load() != 2 {
		t.Error("there was room, and one had to go")
	}
	l.close()
	for i := range all {
		if open := i == 1; closed(i) == open {
			t.Errorf("after close, guest %d: closed %v", i, closed(i))
		}
	}
	late := newCaller(1, 1)
	if l.enter(late) != nil || late.closed.Load() != 1 {
		t.Error("one came in after close")
	}
	if l.leave(all[2]) || l.count() != 0 {
		t.Error("one is in after close")
	}
}

// The nodes of a herd on one machine share an address.
func TestLobbyLoopback(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "127.1.2.3", "::1"} {
		l := &lobby{max: 8, maxPerHost: 2}
		for port := range 9 {
			l.enter(&caller{addr: &net.TCPAddr{IP: net.ParseIP(host), Port: port}})
		}
		if l.count() != 8 || l.dropped.Load() != 1 {
			t.Errorf("%s: %d in, %d dropped; want 8, 1", host, l.count(), l.dropped.Load())
		}
	}
}

// The lobby does as a list does that is searched from the front.
func TestLobbyChurn(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		l := &lobby{max: rapid.IntRange(1, 8).Draw(rt, "max"), maxPerHost: rapid.IntRange(1, 4).Draw(rt, "per host")}
		type known struct {
			*guest
			host int
		}
		var in []known // oldest first
		var gone []known
		dropped := uint64(0)
		drop := func(i int) {
			gone = append(gone, in[i])
			in = slices.Delete(in, i, i+1)
			dropped++
		}
		rt.Repeat(map[string]func(*rapid.T){
			"enter": func(rt *rapid.T) {
				host := rapid.IntRange(1, 4).Draw(rt, "host")
				same := func(k known) bool { return k.host == host }
				n := 0
				for _, k := range in {
					if same(k) {
						n++
					}
				}
				switch {
				case n >= l.maxPerHost:
					drop(slices.IndexFunc(in, same))
				case len(in) >= l.max:
					drop(0)
				}
				in = append(in, known{l.enter(newCaller(host, 1)), host})
			},
			"leave": func(rt *rapid.T) {
				if len(in) == 0 {
					return
				}
				i := rapid.IntRange(0, len(in)-1).Draw(rt, "who")
				if !l.leave(in[i].guest) {
					rt.Fatal("a guest had gone already")
				}
				in = slices.Delete(in, i, i+1)
			},
			"leave late": func(rt *rapid.T) {
				for _, k := range gone {
					if l.leave(k.guest) {
						rt.Fatal("a guest that was dropped left")
					}
				}
			},
			"": func(rt *rapid.T) {
				if l.count() != len(in) || l.dropped.Load() != dropped {
					rt.Fatalf("%d in, %d dropped; want %d, %d", l.count(), l.dropped.Load(), len(in), dropped)
				}
				for _, k := range in {
					if k.conn.(*caller).closed.Load() != 0 {
						rt.Fatal("a guest that is in was closed")
					}
				}
				for _, k := range gone {
					if k.conn.(*caller).closed.Load() != 1 {
						rt.Fatal("a guest that was dropped was not closed once")
					}
				}
			},
		})
	})
}

func TestLobbyConcurrency(t *testing.T) {
	l := &lobby{max: 16, maxPerHost: 4}
	var left, evicted atomic.Uint64
	var wg sync.WaitGroup
	for host := range 8 {
		for range 8 {
			wg.Go(func() {
				for port := range 50 {
					g := l.enter(newCaller(host, port))
					if l.count() > l.max {
						t.Error("too many are in")
					}
					if l.leave(g) {
						left.Add(1)
					} else {
						evicted.Add(1)
					}
				}
			})
		}
	}
	wg.Wait()
	if left.Load()+evicted.Load() != 8*8*50 || evicted.Load() != l.dropped.Load() || l.count() != 0 {
		t.Errorf("%d left, %d were evicted, %d dropped, %d are in", left.Load(), evicted.Load(), l.dropped.Load(), l.count())
	}
}

// Who has a network of IPv6 has half of the room, and keeps nobody else out.
func TestLobbyOfOneNetwork(t *testing.T) {
	l := &lobby{max: 8, maxPerHost: 2}
	other := newCaller(1, 1)
	l.enter(other)
	for i := range 20 {
		l.enter(&caller{addr: &net.TCPAddr{IP: net.ParseIP(fmt.Sprintf("2001:db8:1:2::%d", i+1)), Port: 1}})
	}
	if l.count() != 5 || other.closed.Load() != 0 {
		t.Errorf("%d are in; another host was put out: %v", l.count(), other.closed.Load() > 0)
	}
	for i := range 3 { // and those of another one have room beside it
		l.enter(&caller{addr: &net.TCPAddr{IP: net.ParseIP(fmt.Sprintf("2001:db8:1:3::%d", i+1)), Port: 1}})
	}
	if l.count() != 8 || other.closed.Load() != 0 {
		t.Errorf("%d are in; another host was put out: %v", l.count(), other.closed.Load() > 0)
	}
}

func TestNetworkOf(t *testing.T) {
	for host, want := range map[string]string{
		"2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64", "fe80::1%eth0": "fe80::/64",
		"10.0.0.1": "invalid Prefix", "::ffff:10.0.0.1": "invalid Prefix", "::1": "invalid Prefix", "/run/x": "invalid Prefix",
	} {
		if got := networkOf(host).String(); got != want {
			t.Errorf("%s: %s, want %s", host, got, want)
		}
	}
}

func TestHostOf(t *testing.T) {
	for addr, want := range map[string]string{
		"10.0.0.1:4132": "10.0.0.1", "[2001:db8::1]:4132": "2001:db8::1", "[fe80::1%eth0]:1": "fe80::1%eth0",
	} {
		tcp, err := net.ResolveTCPAddr("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		if got := hostOf(tcp); got != want {
			t.Errorf("%s: %s, want %s", addr, got, want)
		}
	}
	if got := hostOf(&net.UnixAddr{Name: "/run/x", Net: "unix"}); got != "/run/x" {
		t.Errorf("an address without a port: %s", got)
	}
}
