package gossip

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// zone is a name server: records by name and type, in the form of a zone file.
type zone struct {
	mu      sync.Mutex // guards the fields below
	records map[string][]string
	asked   []string // names, without the last dot
	hangs   bool
}

// set replaces the records of a name.
func (z *zone) set(name string, records ...string) {
	z.mu.Lock()
	defer z.mu.Unlock()
	if z.records == nil {
		z.records = make(map[string][]string)
	}
	z.records[name] = records
}

// resolver asks z and nobody else, over a pipe.
func (z *zone) resolver(t *testing.T) *net.Resolver {
	var serving sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	var mu sync.Mutex // held while one is begun, and not after cancel
	t.Cleanup(func() {
		mu.Lock()
		cancel()
		mu.Unlock()
		serving.Wait()
	})
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		mu.Lock()
		defer mu.Unlock()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		client, server := net.Pipe()
		serving.Go(func() {
			defer context.AfterFunc(ctx, func() { server.Close() })()
			z.serve(server)
		})
		return client, nil
	}}
}

// serve answers as over TCP: RFC 1035, section 4.2.2.
func (z *zone) serve(conn net.Conn) {
	defer conn.Close()
	for {
		var size [2]byte
		if _, err := io.ReadFull(conn, size[:]); err != nil {
			return
		}
		b := make([]byte, binary.BigEndian.Uint16(size[:]))
		if _, err := io.ReadFull(conn, b); err != nil {
			return
		}
		var question dns.Msg
		if question.Unpack(b) != nil {
			return
		}
		b, err := z.answer(&question).Pack()
		if err != nil {
			return
		}
		z.mu.Lock()
		hangs := z.hangs
		z.mu.Unlock()
		if hangs {
			continue
		}
		if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...)); err != nil {
			return
		}
	}
}

func (z *zone) answer(question *dns.Msg) *dns.Msg {
	z.mu.Lock()
	defer z.mu.Unlock()
	m := new(dns.Msg).SetReply(question)
	q := question.Question[0]
	name := strings.TrimSuffix(q.Name, ".")
	z.asked = append(z.asked, name)
	records, known := z.records[name]
	if !known {
		m.Rcode = dns.RcodeNameError
	}
	for _, text := range records {
		rr, err := dns.NewRR(q.Name + " 0 IN " + text)
		if err != nil {
			panic(err)
		}
		if rr.Header().Rrtype == q.Qtype {
			m.Answer = append(m.Answer, rr)
		}
	}
	return m
}

// TestResolve: every record of a name is an address, and SRV records have ports.
func TestResolve(t *testing.T) {
	z := &zone{}
	z.set("herd.test", "A 10.0.0.1", "A 10.0.0.2", "A 10.0.0.1", "AAAA fd00::1")
	z.set("b.test", "A 10.0.1.1")
	z.set("c.test", "A 10.0.2.1", "A 10.0.2.2")
	z.set("_herd._tcp.test", "SRV 20 0 4142 c.test.", "SRV 10 5 4132 b.test.", "SRV 15 0 4132 gone.test.", "SRV 15 1 0 b.test.")
	z.set("_gone._tcp.test", "SRV 10 0 4132 gone.test.")
	z.set("_lost._tcp.test", "SRV 10 0 4132 target.test.")
	z.set("_none._tcp.test", "SRV 0 0 0 .")
	z.set("_empty._tcp.test")
	var many []string
	for i := range 3 * maxResolved {
		many = append(many, fmt.Sprintf("A 10.1.%d.%d", i/200, i%200))
	}
	z.set("many.test", many...)
	z.set("_many._tcp.test", "SRV 10 0 1 many.test.", "SRV 20 0 2 many.test.")
	var beyond atomic.Uint64
	r := resolver{z.resolver(t), &beyond}
	for _, tt := range []struct {
		seed string
		want []string // sorted, unless they have an order
		n    int      // of many
		err  string
	}{
		{seed: "herd.test:4132", want: []string{"10.0.0.1:4132", "10.0.0.2:4132", "[fd00::1]:4132"}},
		{seed: "10.0.0.9:1", want: []string{"10.0.0.9:1"}},
		{seed: "[::ffff:10.0.0.9]:1", want: []string{"10.0.0.9:1"}},
		{seed: "srv+_herd._tcp.test", want: []string{"10.0.1.1:4132", "10.0.2.1:4142", "10.0.2.2:4142"}},
		{seed: "many.test:4132", n: maxResolved},
		{seed: "srv+_many._tcp.test", n: maxResolved},
		{seed: "gone.test:4132", err: "no such host"},
		{seed: "srv+_gone._tcp.test", err: "no such host"},
		{seed: "srv+_lost._tcp.test", err: "no such host"},
		{seed: "srv+_nobody._tcp.test", err: "look up the SRV records of _nobody._tcp.test: "},
		{seed: "srv+_empty._tcp.test", err: "look up the SRV records of _empty._tcp.test: "},
		{seed: "srv+_none._tcp.test", err: "say that there is no such service"},
		{seed: "10.0.0.9", err: "missing port"},
		{seed: "[fe80::1%eth0]:4132", err: "with a zone"},
	} {
		got, err := r.addresses(t.Context(), tt.seed)
		switch {
		case tt.err != "":
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%s: got %v, %v; want the error %q", tt.seed, got, err, tt.err)
			}
		case err != nil:
			t.Errorf("%s: %v", tt.seed, err)
		case tt.n > 0:
			if slices.Sort(got); len(slices.Compact(got)) != tt.n {
				t.Errorf("%s: got %d addresses, want %d", tt.seed, len(got), tt.n)
			}
		default:
			if !strings.HasPrefix(tt.seed, srvPrefix) {
				slices.Sort(got)
			}
			if !slices.Equal(got[:1], tt.want[:1]) || !slices.Equal(slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(tt.want))) {
				t.Errorf("%s: got %v, want %v", tt.seed, got, tt.want)
			}
		}
	}
	if n := beyond.Load(); n != 2*maxResolved+2*maxResolved {
		t.Errorf("%d addresses were too many, want %d", n, 4*maxResolved)
	}
	z.mu.Lock()
	z.hangs = true
	asked := z.asked
	z.mu.Unlock()
	for _, name := range asked { // fails where there is a search list
		if strings.HasPrefix(name, "target.") && name != "target.test" {
			t.Errorf("the target of a record is looked up as %s", name)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, cancel)
	if _, err := r.addresses(ctx, "herd.test:4132"); err == nil || !errors.Is(ctx.Err(), context.Canceled) {
		t.Errorf("of a server that hangs: %v", err)
	}
}

// TestBookTurns: each address of a seed has its turn before any has another, those of the
// better priority first, by what its records are at the time.
func TestBookTurns(t *testing.T) {
	z := &zone{}
	for i := range 3 {
		z.set(fmt.Sprintf("n%d.test", i), fmt.Sprintf("A 10.0.0.%d", i))
	}
	z.set("_herd._tcp.test", "SRV 30 0 1 n2.test.", "SRV 10 0 1 n0.test.", "SRV 20 0 1 n1.test.")
	b := newBook("10.0.0.1:1", []string{"srv+_herd._tcp.test"}, z.resolver(t)) // n1 is this node
	var got []string
	for range 4 {
		got = append(got, b.missing(t.Context(), nil))
	}
	if want := []string{"10.0.0.0:1", "10.0.0.2:1", "10.0.0.0:1", "10.0.0.2:1"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	z.set("n0.test", "A 10.0.0.7")
	if got := b.missing(t.Context(), nil); got != "10.0.0.7:1" {
		t.Errorf("after a record has changed: %s", got)
	}
	b.give([]string{"10.0.0.9:1"})
	if got := b.missing(t.Context(), nil); got != "10.0.0.9:1" {
		t.Errorf("of other seeds: %s", got)
	}
	for i := range 5 * maxResolved {
		z.set("n0.test", fmt.Sprintf("A 10.2.%d.%d", i/200, i%200))
		b.turn("srv+_herd._tcp.test", []string{fmt.Sprint(i), "x"})
	}
	if n := len(b.tried["srv+_herd._tcp.test"]); n > maxResolved+1 {
		t.Errorf("%d turns are remembered", n)
	}
}

// onLoopback runs a node on the operating system's network.
func onLoopback(t *testing.T, name string, dns *net.Resolver, join ...string) *Cluster {
	t.Helper()
	c, err := New(Config{Name: name, BindAddr: "127.0.0.1:0", Join: join, Profile: "local", Resolver: dns})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }() // the cleanup waits for it
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return c
}

// haveMet waits until each of these has all the others.
func haveMet(t *testing.T, all ...*Cluster) {
	t.Helper()
	late := time.Now().Add(20 * time.Second)
	for _, c := range all {
		for len(c.members.peers()) != len(all)-1 {
			if time.Now().After(late) {
				t.Fatalf("%s has %d peers, want %d", c.self.Name, len(c.members.peers()), len(all)-1)
			}
			<-time.After(5 * time.Millisecond)
		}
	}
}

// TestJoinByRecords: nodes meet by SRV records that have this node among them and one where
// nobody is, and by names whose records come later, or that a call of SetJoin gives.
func TestJoinByRecords(t *testing.T) {
	port := func(c *Cluster) int { return c.Addr().(*net.TCPAddr).Port }
	z := &zone{}
	z.set("local.test", "A 127.0.0.1")
	a := onLoopback(t, "a", z.resolver(t), "srv+_herd._tcp.test") // which there is none of yet
	z.set("_herd._tcp.test", "SRV 10 0 1 local.test.", fmt.Sprintf("SRV 20 0 %d local.test.", port(a)))
	b := onLoopback(t, "b", z.resolver(t), "srv+_herd._tcp.test")
	haveMet(t, a, b)

	c := onLoopback(t, "c", z.resolver(t), fmt.Sprintf("late.test:%d", port(a)))
	z.set("late.test", "A 127.0.0.1")
	d := onLoopback(t, "d", z.resolver(t))
	d.SetJoin([]string{fmt.Sprintf("local.test:%d", port(a))})
	haveMet(t, a, b, c, d)
}
