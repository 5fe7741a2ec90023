package simnet

import (
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// The hosts of these tests.
const (
	ipA = "10.0.0.1"
	ipB = "10.0.0.2"
	ipC = "10.0.0.3"
)

// lan is a link that is neither instant nor perfect in time, and loses nothing.
var lan = Link{Latency: 10 * time.Millisecond}

func listen(t testing.TB, h *Host, addr string) net.Listener {
	t.Helper()
	l, err := h.Listen(t.Context(), addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func listenPacket(t testing.TB, h *Host, addr string) net.PacketConn {
	t.Helper()
	p, err := h.ListenPacket(t.Context(), addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// connect is a stream from a to b: both its ends.
func connect(t testing.TB, a, b *Host) (near, far net.Conn) {
	t.Helper()
	l := listen(t, b, ":0")
	near, err := a.Dial(t.Context(), l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { near.Close() })
	far, err = l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { far.Close() })
	return near, far
}

func write(t testing.TB, w io.Writer, text string) {
	t.Helper()
	if n, err := io.WriteString(w, text); n != len(text) || err != nil {
		t.Fatalf("write %q: %d, %v", text, n, err)
	}
}

func send(t testing.TB, p net.PacketConn, to net.Addr, text string) {
	t.Helper()
	if n, err := p.WriteTo([]byte(text), to); n != len(text) || err != nil {
		t.Fatalf("send %q: %d, %v", text, n, err)
	}
}

// received is what p has when all that is on its way has come.
func received(t testing.TB, p net.PacketConn) (texts []string) {
	t.Helper()
	p.SetReadDeadline(time.Now().Add(time.Hour))
	defer p.SetReadDeadline(time.Time{})
	b := make([]byte, 64<<10)
	for {
		n, _, err := p.ReadFrom(b)
		if err != nil {
			return texts
		}
		texts = append(texts, string(b[:n]))
	}
}

// arrivals sends n numbered packets from a to b, gap apart, and returns which
// came in what order. between is called before each.
func arrivals(t *testing.T, seed uint64, l Link, n int, gap time.Duration, between func(*testing.T, *Net, int)) (came []string) {
	synctest.Test(t, func(t *testing.T) {
		sim := New(seed)
		sim.SetLinks(l)
		a, b := listenPacket(t, sim.Host(ipA), ":1"), listenPacket(t, sim.Host(ipB), ":1")
		all := make(chan []string)
		go func() { all <- received(t, b) }()
		for i := range n {
			if between != nil {
				between(t, sim, i)
			}
			send(t, a, b.LocalAddr(), fmt.Sprint(i))
			if gap > 0 {
				time.Sleep(gap)
			} else if i%packetQueue == packetQueue-1 {
				synctest.Wait()
			}
		}
		came = <-all
	})
	return came
}

func TestPacketsMeetTheirFate(t *testing.T) {
	const n = 1000
	l := Link{Latency: 5 * time.Millisecond, Jitter: 3 * time.Millisecond, Loss: 0.2, Duplicate: 0.1, Reorder: 0.1}
	first := arrivals(t, 7, l, n, time.Millisecond, nil)
	if again := arrivals(t, 7, l, n, time.Millisecond, nil); !slices.Equal(first, again) {
		t.Error("the same seed gave another fate")
	}
	if other := arrivals(t, 8, l, n, time.Millisecond, nil); slices.Equal(first, other) {
		t.Error("another seed gave the same fate")
	}

	// What streams carry, and packets that run into a cut, don't shift it.
	busy := arrivals(t, 7, l, n, time.Millisecond, func(t *testing.T, sim *Net, i int) {
		if i != 0 {
			return
		}
		near, far := connect(t, sim.Host(ipA), sim.Host(ipB))
		for range 10 {
			write(t, near, "news")
			write(t, far, "news")
		}
	})
	if !slices.Equal(first, busy) {
		t.Error("streams changed the fate of packets")
	}
	cut := arrivals(t, 7, l, n, time.Millisecond, func(t *testing.T, sim *Net, i int) {
		switch i {
		case 400:
			sim.Cut(ipA, ipB)
		case 500:
			sim.Heal()
		}
	})
	tail := func(came []string) []string { // of packets sent long after the cut
		return slices.DeleteFunc(slices.Clone(came), func(s string) bool { return len(s) < 3 || s < "600" })
	}
	if !slices.Equal(tail(first), tail(cut)) {
		t.Error("a cut changed the fate of later packets")
	}
}

// A change of one chance leaves the others as they were.
func TestChancesAreIndependent(t *testing.T) {
	const n = 500
	lossy := Link{Latency: time.Millisecond, Loss: 0.3}
	kept := arrivals(t, 3, lossy, n, 10*time.Millisecond, nil)
	lossy.Duplicate, lossy.Jitter = 0.5, 2*time.Millisecond
	doubled := arrivals(t, 3, lossy, n, 10*time.Millisecond, nil)
	if got := slices.Compact(doubled); !slices.Equal(got, kept) {
		t.Errorf("%d packets came with duplicates on, %d without", len(got), len(kept))
	}
}

func TestPacketChances(t *testing.T) {
	const n = 4000
	about := func(what string, got int, p float64) {
		t.Helper()
		if want := p * n; float64(got) < want*0.9 || float64(got) > want*1.1 {
			t.Errorf("%d of %d packets %s, want about %.0f", got, n, what, want)
		}
	}
	came := arrivals(t, 1, Link{Loss: 0.25}, n, 0, nil)
	about("came at 25 % loss", len(came), 0.75)
	about("came at 40 % duplicates", len(arrivals(t, 1, Link{Duplicate: 0.4}, n/2, time.Microsecond, nil)), 0.7)
	swaps := 0
	came = arrivals(t, 1, Link{Latency: 2 * time.Millisecond, Reorder: 0.1}, n, time.Millisecond, nil)
	if len(came) != n {
		t.Fatalf("%d of %d packets came", len(came), n)
	}
	for i := range came[1:] {
		if len(came[i]) > len(came[i+1]) || len(came[i]) == len(came[i+1]) && came[i] > came[i+1] {
			swaps++
		}
	}
	about("were overtaken", swaps, 0.09)
	if all := arrivals(t, 1, Link{Loss: 1}, 100, 0, nil); len(all) > 0 {
		t.Errorf("%d packets came at loss 1", len(all))
	}
}

// Without jitter and reordering packets come in the order in which they were
// sent, even those of one instant.
func TestPacketsKeepTheirOrder(t *testing.T) {
	for _, l := range []Link{{}, lan} {
		for _, gap := range []time.Duration{0, time.Millisecond} {
			came := arrivals(t, 1, l, packetQueue, gap, nil)
			if !slices.IsSortedFunc(came, func(a, b string) int {
				if len(a) != len(b) {
					return len(a) - len(b)
				}
				return strings.Compare(a, b)
			}) || len(came) != packetQueue {
				t.Errorf("link %+v, gap %v: %d packets came, out of order", l, gap, len(came))
			}
		}
	}
}

func TestPacketDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := New(1)
		sim.SetLinks(lan)
		a, b := listenPacket(t, sim.Host(ipA), ":1"), listenPacket(t, sim.Host(ipB), ":1")
		take := func(p net.PacketConn) (time.Time, string) {
			t.Helper()
			buf := make([]byte, 100)
			n, _, err := p.ReadFrom(buf)
			if err != nil {
				t.Fatal(err)
			}
			return time.Now(), string(buf[:n])
		}
		trip := func() time.Duration {
			t.Helper()
			begin := time.Now()
			send(t, a, b.LocalAddr(), "x")
			end, _ := take(b)
			return end.Sub(begin)
		}
		if got := trip(); got != lan.Latency {
			t.Errorf("a packet took %v, want %v", got, lan.Latency)
		}
		sim.SetLink(ipA, ipB, Link{Latency: time.Second, Jitter: time.Second})
		seen := map[time.Duration]bool{}
		for range 100 {
			got := trip()
			if got < time.Second || got > 2*time.Second {
				t.Fatalf("a packet took %v, want 1 to 2 s", got)
			}
			seen[got] = true
		}
		if len(seen) < 50 {
			t.Errorf("%d delays in 100 packets: no jitter", len(seen))
		}
		begin := time.Now() // the other direction has the common link
		send(t, b, a.LocalAddr(), "x")
		if end, _ := take(a); end.Sub(begin) != lan.Latency {
			t.Errorf("the way back took %v, want %v", end.Sub(begin), lan.Latency)
		}
		sim.SetLinks(Link{}) // for all, those set before too
		if got := trip(); got != 0 {
			t.Errorf("a packet took %v on a link reset to instant", got)
		}
	})
}

func TestPartition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := New(1)
		hosts := []string{ipA, ipB, ipC, "10.0.0.4"}
		socks := make([]net.PacketConn, len(hosts))
		for i, ip := range hosts {
			socks[i] = listenPacket(t, sim.Host(ip), ":1")
		}
		// heard is who hears whom, as "12 13": host 1 is heard by 2 and by 3.
		heard := func() string {
			for i, from := range socks {
				for j, to := range socks {
					if i != j {
						send(t, from, to.LocalAddr(), fmt.Sprintf("%d%d", i+1, j+1))
					}
				}
			}
			var all []string
			for _, s := range socks {
				all = append(all, received(t, s)...)
			}
			slices.Sort(all)
			return strings.Join(all, " ")
		}
		const everybody = "12 13 14 21 23 24 31 32 34 41 42 43"
		steps := []struct {
			what string
			do   func()
			want string
		}{
			{"nothing", func() {}, everybody},
			{"one group and the rest", func() { sim.Partition([]string{ipA, ipB}) }, "12 21 34 43"},
			{"three groups", func() { sim.Partition([]string{ipA}, []string{ipB}) }, "34 43"},
			{"another partition replaces it", func() { sim.Partition([]string{ipA, ipC}, []string{ipB}) }, "13 31"},
			{"heal", sim.Heal, everybody},
			{"cut one way", func() { sim.Cut(ipA, ipB) }, "13 14 21 23 24 31 32 34 41 42 43"},
			{"a cut outlives a partition", func() { sim.Partition([]string{ipA, ipB, ipC}); sim.Partition() }, "13 14 21 23 24 31 32 34 41 42 43"},
			{"heal both", func() { sim.Partition([]string{ipA}); sim.Heal() }, everybody},
		}
		for _, s := range steps {
			s.do()
			if got := heard(); got != s.want {
				t.Errorf("%s: heard %s, want %s", s.what, got, s.want)
			}
		}
	})
}

func TestStats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := New(1)
		sim.SetLinks(lan)
		a, b := sim.Host(ipA), sim.Host(ipB)
		from, to := listenPacket(t, a, ":1"), listenPacket(t, b, ":1")
		send(t, from, to.LocalAddr(), "heard")
		send(t, from, &net.UDPAddr{IP: net.IPv4(10, 0, 0, 2), Port: 9}, "no port")
		send(t, from, &net.UDPAddr{IP: net.IPv4(10, 0, 0, 9), Port: 1}, "no host")
		time.Sleep(time.Second)
		send(t, from, to.LocalAddr(), "cut under way")
		sim.Cut(ipA, ipB)
		time.Sleep(time.Second)
		send(t, from, to.LocalAddr(), "cut")
		sim.Heal()
		sim.SetLink(ipA, ipB, Link{Loss: 1})
		send(t, from, to.LocalAddr(), "lost")
		sim.SetLink(ipA, ipB, Link{Duplicate: 1})
		send(t, from, to.LocalAddr(), "twice")
		sim.SetLink(ipA, ipB, Link{})
		for range packetQueue {
			send(t, from, to.LocalAddr(), "")
		}
		near, far := connect(t, a, b)
		write(t, near, "12345")
		if _, err := io.ReadFull(far, make([]byte, 5)); err != nil {
			t.Fatal(err)
		}
		if _, err := a.Dial(t.Context(), "10.0.0.2:9"); err == nil {
			t.Fatal("a dial to nobody succeeded")
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := a.Dial(ctx, "10.0.0.9:1"); err == nil {
			t.Fatal("a dial to no host succeeded")
		}
		time.Sleep(time.Second)
		want := Stats{
			Packets: 7 + packetQueue, PacketBytes: 5 + 7 + 7 + 13 + 3 + 4 + 5,
			PacketsDelivered: packetQueue, PacketsLost: 1, PacketsCut: 2, PacketsUnheard: 2,
			PacketsOverflowed: 3, // one heard and two of the doubled one lay in the queue
			Dials:             3, DialsRefused: 1, StreamBytes: 5,
		}
		if got := sim.Stats(); got != want {
			t.Errorf("stats\n got %+v\nwant %+v", got, want)
		}
	})
}
