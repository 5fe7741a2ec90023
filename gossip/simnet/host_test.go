package simnet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestBind(t *testing.T) {
	sim := New(1)
	a := sim.Host(ipA)
	if sim.Host(ipA) != a {
		t.Error("a live host has two handles")
	}
	l := listen(t, a, ":80")
	for _, tt := range []struct {
		addr string
		want error
	}{
		{":80", syscall.EADDRINUSE},
		{ipA + ":80", syscall.EADDRINUSE},
		{ipB + ":81", syscall.EADDRNOTAVAIL},
		{"clark:81", syscall.EADDRNOTAVAIL},
		{":81", nil},
		{"0.0.0.0:82", nil},
		{"[::]:83", nil},
		{ipA + ":0", nil},
	} {
		l, err := a.Listen(t.Context(), tt.addr)
		if !errors.Is(err, tt.want) {
			t.Errorf("Listen %s: %v, want %v", tt.addr, err, tt.want)
		}
		if err == nil {
			l.Close()
		}
	}
	for _, addr := range []string{"", "80", ":http", ":65536"} {
		if _, err := a.Listen(t.Context(), addr); err == nil {
			t.Errorf("Listen %q succeeded", addr)
		}
		if _, err := a.ListenPacket(t.Context(), addr); err == nil {
			t.Errorf("ListenPacket %q succeeded", addr)
		}
	}
	p := listenPacket(t, a, ":80") // packets have ports of their own
	if _, err := a.ListenPacket(t.Context(), ":80"); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("a second socket: %v", err)
	}
	if p.LocalAddr().String() != "10.0.0.1:80" || l.Addr().String() != "10.0.0.1:80" {
		t.Errorf("bound to %v and %v", p.LocalAddr(), l.Addr())
	}
	l.Close()
	listen(t, a, ":80")
	listen(t, sim.Host(ipB), ":80")
}

// A port given out for port 0 is free for the other kind as well.
func TestPortZero(t *testing.T) {
	a := New(1).Host(ipA)
	seen := map[string]bool{}
	for range 100 {
		l := listen(t, a, ":0")
		p := listenPacket(t, a, l.Addr().String())
		q := listenPacket(t, a, ":0")
		for _, addr := range []string{p.LocalAddr().String(), q.LocalAddr().String()} {
			if seen[addr] {
				t.Fatalf("%s was given out twice", addr)
			}
			seen[addr] = true
		}
	}
	a.port = 65534 // the ports go round
	for _, want := range []string{"10.0.0.1:65535", "10.0.0.1:49352"} {
		if got := listen(t, a, ":0").Addr().String(); got != want {
			t.Errorf("port 0 gave %s, want %s", got, want)
		}
	}
}

func TestAccept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := New(1)
		a, b := sim.Host(ipA), sim.Host(ipB)
		l := listen(t, b, ":80")
		var waiting []net.Conn
		for range backlog {
			c, err := a.Dial(t.Context(), "10.0.0.2:80")
			if err != nil {
				t.Fatal(err)
			}
			waiting = append(waiting, c)
		}
		_, err := a.Dial(t.Context(), "10.0.0.2:80")
		want(t, "one too many", err, syscall.ECONNREFUSED)
		c, err := l.Accept()
		if err != nil || c.RemoteAddr().String() != waiting[0].LocalAddr().String() {
			t.Fatalf("accepted %v, %v", c.RemoteAddr(), err)
		}
		write(t, waiting[1], "into the queue")
		want(t, "Close", l.Close(), nil)
		want(t, "a second Close", l.Close(), nil)
		_, err = l.Accept()
		want(t, "Accept after Close", err, net.ErrClosed)
		want(t, "a stream that nobody accepted", readError(waiting[1]), syscall.ECONNRESET)
		write(t, waiting[0], "the accepted one lives")
		read(t, c, 10)
		_, err = a.Dial(t.Context(), "10.0.0.2:80")
		want(t, "a dial after Close", err, syscall.ECONNREFUSED)

		l = listen(t, b, ":80")
		ended := make(chan error)
		go func() {
			_, err := l.Accept()
			ended <- err
		}()
		synctest.Wait()
		l.Close()
		want(t, "Accept during Close", <-ended, net.ErrClosed)
	})
}

func TestDial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := New(1)
		sim.SetLinks(lan)
		a, b := sim.Host(ipA), sim.Host(ipB)
		listen(t, b, ":80")
		// dial returns how long a dial took.
		dial := func(addr string, limit time.Duration, do func(cancel func())) (time.Duration, error) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if limit > 0 {
				ctx, cancel = context.WithTimeout(ctx, limit)
				defer cancel()
			}
			if do != nil {
				time.AfterFunc(time.Second, func() { do(cancel) })
			}
			begin := time.Now()
			c, err := a.Dial(ctx, addr)
			if err == nil {
				c.Close()
			}
			return time.Since(begin), err
		}
		cut := func(pairs ...string) {
			sim.Heal()
			for i := 0; i < len(pairs); i += 2 {
				sim.Cut(pairs[i], pairs[i+1])
			}
		}
		heal := func(func()) { sim.Heal() }
		const there, trip = ipB + ":80", 20 * time.Millisecond
		for _, tt := range []struct {
			what  string
			cuts  []string
			addr  string
			limit time.Duration
			do    func(cancel func()) // after a second
			took  time.Duration
			want  error
		}{
			{"to a listener", nil, there, 0, nil, trip, nil},
			{"to a port where nobody listens", nil, ipB + ":81", 0, nil, trip, syscall.ECONNREFUSED},
			{"to no host", nil, "10.0.0.9:80", time.Minute, nil, time.Minute, os.ErrDeadlineExceeded},
			{"without limit", nil, "10.0.0.9:80", 0, nil, 2 * time.Minute, os.ErrDeadlineExceeded},
			{"given up", nil, "10.0.0.9:80", 0, func(cancel func()) { cancel() }, time.Second, context.Canceled},
			{"over a cut", []string{ipA, ipB}, there, time.Minute, nil, time.Minute, os.ErrDeadlineExceeded},
			{"over a cut back", []string{ipB, ipA}, there, time.Minute, nil, time.Minute, os.ErrDeadlineExceeded},
			{"over a cut that heals", []string{ipB, ipA, ipA, ipB}, there, time.Minute, heal, time.Second + trip, nil},
			{"over a cut of others", []string{ipA, ipC, ipC, ipB}, there, time.Minute, nil, trip, nil},
			{"to a host that comes up", nil, ipC + ":80", time.Minute, func(func()) { sim.Host(ipC) }, time.Second + trip, syscall.ECONNREFUSED},
			{"during a kill", []string{ipA, ipB}, there, time.Minute, func(func()) { a.Kill() }, time.Second, net.ErrClosed},
		} {
			cut(tt.cuts...)
			took, err := dial(tt.addr, tt.limit, tt.do)
			if took != tt.took || !errors.Is(err, tt.want) {
				t.Errorf("%s: %v after %v, want %v after %v", tt.what, err, took, tt.want, tt.took)
			}
		}
		var timeout net.Error
		if _, err := sim.Host(ipA).Dial(t.Context(), "10.0.0.9:1"); !errors.As(err, &timeout) || !timeout.Timeout() {
			t.Errorf("%v is no timeout", err)
		}
		if _, err := sim.Host(ipA).Dial(t.Context(), "clark:1"); err == nil {
			t.Error("a host name was resolved")
		}
	})
}

func TestKill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := New(1)
		sim.SetLinks(lan)
		a, b := sim.Host(ipA), sim.Host(ipB)
		l, p := listen(t, b, ":80"), listenPacket(t, b, ":80")
		from := listenPacket(t, a, ":1")
		near, far := connect(t, a, b)
		unaccepted, err := a.Dial(t.Context(), "10.0.0.2:80")
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan error)
		go func() {
			_, err := l.Accept() // the one that waits
			if err == nil {
				_, err = l.Accept()
			}
			ended <- err
		}()
		go func() {
			_, _, err := p.ReadFrom(make([]byte, 1))
			ended <- err
		}()
		go func() { ended <- readError(far) }()
		synctest.Wait()
		write(t, far, "last words")
		write(t, near, "too late")
		send(t, from, p.LocalAddr(), "too late")
		b.Kill()
		b.Kill()

		// What still runs of the process cannot touch the network.
		for range 3 {
			want(t, "a call under way", <-ended, net.ErrClosed)
		}
		_, err = b.Listen(t.Context(), ":81")
		want(t, "Listen", err, net.ErrClosed)
		_, err = b.ListenPacket(t.Context(), ":81")
		want(t, "ListenPacket", err, net.ErrClosed)
		_, err = b.Dial(t.Context(), "10.0.0.1:1")
		want(t, "Dial", err, net.ErrClosed)
		_, err = p.WriteTo(nil, from.LocalAddr())
		want(t, "WriteTo", err, net.ErrClosed)
		want(t, "Write", writeError(far), net.ErrClosed)

		// Its machine speaks for it.
		if got := read(t, near, 10); got != "last words" {
			t.Errorf("read %q", got)
		}
		want(t, "then", readError(near), syscall.ECONNRESET)
		want(t, "a write", writeError(near), syscall.ECONNRESET)
		want(t, "the stream that waited", readError(unaccepted), syscall.ECONNRESET)
		_, err = a.Dial(t.Context(), "10.0.0.2:80")
		want(t, "a dial", err, syscall.ECONNREFUSED)
		time.Sleep(time.Second)
		if s := sim.Stats(); s.PacketsUnheard != 1 || s.PacketsDelivered != 0 {
			t.Errorf("stats %+v, want 1 packet unheard", s)
		}

		// The next process has the address and the ports.
		b2 := sim.Host(ipB)
		if b2 == b {
			t.Fatal("the killed host lives")
		}
		listen(t, b2, ":80")
		p2 := listenPacket(t, b2, ":80")
		send(t, from, p2.LocalAddr(), "hello")
		if got := received(t, p2); len(got) != 1 {
			t.Errorf("heard %q", got)
		}
		near, far = connect(t, a, b2)
		write(t, near, "hello")
		read(t, far, 5)
	})
}

// A kill behind a cut is silence until the cut is healed.
func TestKillBehindCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := New(1)
		near, _ := connect(t, sim.Host(ipA), sim.Host(ipB))
		sim.Partition([]string{ipA})
		sim.Host(ipB).Kill()
		near.SetReadDeadline(time.Now().Add(time.Hour))
		want(t, "a read", readError(near), os.ErrDeadlineExceeded)
		near.SetReadDeadline(time.Time{})
		sim.Heal()
		want(t, "after the cut", readError(near), syscall.ECONNRESET)
	})
}

// Example shows two hosts, a cut and what it holds back.
func Example() {
	sim := New(1)
	clark, jaquez := sim.Host("10.0.0.1"), sim.Host("10.0.0.2")
	l, err := jaquez.Listen(context.Background(), ":4132")
	if err != nil {
		panic(err)
	}
	defer l.Close()
	c, err := clark.Dial(context.Background(), "10.0.0.2:4132")
	if err != nil {
		panic(err)
	}
	sim.Partition([]string{"10.0.0.1"})
	io.WriteString(c, "it was held back")
	c.Close()
	sim.Heal()
	far, err := l.Accept()
	if err != nil {
		panic(err)
	}
	text, err := io.ReadAll(far)
	fmt.Printf("%s, %v\n", text, err)
	// Output: it was held back, <nil>
}
