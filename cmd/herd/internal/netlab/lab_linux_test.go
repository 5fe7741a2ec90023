package netlab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// newLab makes a lab for a test; in CI it has to be possible.
func newLab(t *testing.T, n int) *Lab {
	t.Helper()
	if why := Missing(); why != "" && os.Getenv("CI") == "" {
		t.Skip(why)
	}
	l, err := New(n, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// mail are two sockets for packets, each in a host of its own.
type mail struct {
	t    *testing.T
	a, b net.PacketConn
}

func newMail(t *testing.T, a, b *Host) *mail {
	t.Helper()
	open := func(h *Host) net.PacketConn {
		conn, err := h.ListenPacket(h.Addr.String() + ":0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}
	return &mail{t, open(a), open(b)}
}

// pass sends n packets from one to the other, and gives those that arrived, as numbers
// in the order of their arrival. The last of all is sent without faults.
func (m *mail) pass(from, to net.PacketConn, n int, end func()) (got []int) {
	m.t.Helper()
	for i := range n {
		if _, err := fmt.Fprintf(packetWriter{from, to.LocalAddr()}, "%d", i); err != nil {
			m.t.Fatal(err)
		}
	}
	end()
	if _, err := fmt.Fprintf(packetWriter{from, to.LocalAddr()}, "%d", -1); err != nil {
		m.t.Fatal(err)
	}
	buf := make([]byte, 100)
	for {
		to.SetReadDeadline(time.Now().Add(time.Minute))
		k, _, err := to.ReadFrom(buf)
		if err != nil {
			m.t.Fatal(err)
		}
		var i int
		if _, err := fmt.Sscan(string(buf[:k]), &i); err != nil {
			m.t.Fatal(err)
		}
		if i < 0 {
			return got
		}
		got = append(got, i)
	}
}

type packetWriter struct {
	conn net.PacketConn
	to   net.Addr
}

func (w packetWriter) Write(b []byte) (int, error) { return w.conn.WriteTo(b, w.to) }

// handled waits until the switch has seen so many packets, on links without delay.
func handled(t *testing.T, l *Lab, n uint64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		if c := l.Counts(); c.Passed-c.Duplicated+c.Cut+c.Lost >= n {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("the switch has seen %+v, want %d packets", l.Counts(), n)
		}
	}
}

func TestCut(t *testing.T) {
	l := newLab(t, 3)
	m := newMail(t, l.Hosts[0], l.Hosts[2])
	if got := m.pass(m.a, m.b, 10, func() {}); len(got) != 10 {
		t.Errorf("without faults %v of 10 arrive", got)
	}
	// One way.
	l.Set([]int{0, 1}, []int{2}, Link{Cut: true})
	if got := m.pass(m.b, m.a, 10, func() {}); len(got) != 10 {
		t.Errorf("against a cut %v of 10 arrive", got)
	}
	before := l.Counts().Passed
	got := m.pass(m.a, m.b, 10, func() {
		handled(t, l, before+10)
		l.Heal()
	})
	if c := l.Counts(); len(got) != 0 || c.Cut != 10 {
		t.Errorf("through a cut %v arrive, counts %+v", got, c)
	}
}

func TestLossAndCopies(t *testing.T) {
	l := newLab(t, 2)
	m := newMail(t, l.Hosts[0], l.Hosts[1])
	const n = 100
	l.SetBoth([]int{0}, []int{1}, Link{Loss: 0.3, Duplicate: 0.3})
	got := m.pass(m.a, m.b, n, func() {
		handled(t, l, n)
		l.Heal()
	})
	c := l.Counts()
	if c.Lost == 0 || c.Lost > n*6/10 || c.Duplicated == 0 || c.Duplicated > n*6/10 {
		t.Errorf("of %d packets, with 30%% of each: %+v", n, c)
	}
	if want := n - int(c.Lost) + int(c.Duplicated); len(got) != want {
		t.Errorf("%d packets arrive, want %d", len(got), want)
	}
}

// What is delayed keeps its order; what is not overtakes it; and a rate takes as long
// as it must.
func TestDelay(t *testing.T) {
	l := newLab(t, 2)
	m := newMail(t, l.Hosts[0], l.Hosts[1])
	for _, c := range []struct {
		link    Link
		least   time.Duration
		ordered bool
	}{
		{Link{Delay: 50 * time.Millisecond}, 50 * time.Millisecond, true},
		{Link{Delay: 50 * time.Millisecond, Jitter: 50 * time.Millisecond}, 50 * time.Millisecond, false},
		{Link{Delay: 50 * time.Millisecond, Reorder: 0.5}, 0, false},
		{Link{Rate: 20_000}, 27 * time.Millisecond, true}, // 19 packets of at least 29 bytes before the last
	} {
		l.SetBoth(nil, nil, c.link)
		from := time.Now()
		var got []int
		for i := range 20 {
			fmt.Fprintf(packetWriter{m.a, m.b.LocalAddr()}, "%d", i)
		}
		buf := make([]byte, 100)
		for range 20 {
			m.b.SetReadDeadline(time.Now().Add(time.Minute))
			k, _, err := m.b.ReadFrom(buf)
			if err != nil {
				t.Fatal(err)
			}
			var i int
			fmt.Sscan(string(buf[:k]), &i)
			got = append(got, i)
		}
		ordered := true
		for i := range got {
			ordered = ordered && got[i] == i
		}
		if took := time.Since(from); ordered != c.ordered || took < c.least {
			t.Errorf("%+v: %v after %v", c.link, got, took)
		}
	}
}

// A process runs in the host, and ends with it. Outside of it nobody is at its address.
func TestHost(t *testing.T) {
	l := newLab(t, 2)
	h := l.Hosts[0]
	out := &strings.Builder{}
	cmd := exec.Command("cat", "/proc/net/fib_trie")
	cmd.Stdout = out
	if err := h.Start(cmd); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil || !strings.Contains(out.String(), h.Addr.String()) {
		t.Errorf("its addresses are %s, %v", out, err)
	}
	var d net.Dialer
	if conn, err := d.DialContext(t.Context(), "tcp", h.Addr.String()+":1"); !errors.Is(err, unix.EHOSTUNREACH) {
		t.Errorf("dial from outside: %v, %v", conn, err)
	}
	if conn, err := l.Hosts[1].Dial(t.Context(), "tcp", h.Addr.String()+":1"); !errors.Is(err, unix.ECONNREFUSED) {
		t.Errorf("dial from another host: %v, %v", conn, err)
	}
	stays := exec.Command("cat")
	stdin, err := stays.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	if err := h.Start(stays); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	var exit *exec.ExitError
	if err := stays.Wait(); !errors.As(err, &exit) {
		t.Errorf("its end with the host: %v", err)
	}
}

// A stream carries all, whatever becomes of packets.
func TestStream(t *testing.T) {
	l := newLab(t, 2)
	l.SetBoth(nil, nil, Link{Loss: 0.05, Duplicate: 0.05, Jitter: time.Millisecond})
	got := make(chan int64, 1)
	ln, err := l.Hosts[1].Listen(l.Hosts[1].Addr.String() + ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		conn, err := ln.Accept()
		if err != nil {
			got <- -1
			return
		}
		defer conn.Close()
		n, _ := io.Copy(io.Discard, conn)
		got <- n
	}()
	conn, err := l.Hosts[0].Dial(t.Context(), "tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	const size = 200_000
	if _, err := conn.Write(make([]byte, size)); err != nil {
		t.Error(err)
	}
	conn.Close()
	if n := <-got; n != size {
		t.Errorf("%d of %d bytes arrive", n, size)
	}
}

// A disk is seen in its host alone, and can be full.
func TestDisk(t *testing.T) {
	l := newLab(t, 2)
	folder := t.TempDir()
	if err := l.Hosts[0].Disk(folder, 64<<10); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(folder, "file")
	if err := l.Hosts[0].WriteFile(name, make([]byte, 1<<20)); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("write too much: %v", err)
	}
	if _, err := os.Stat(name); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("outside of the host: %v", err)
	}
	if err := l.Hosts[1].WriteFile(name, nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("in another host: %v", err)
	}
	if err := l.Hosts[0].WriteFile(name, nil); err != nil {
		t.Error(err)
	}
}
