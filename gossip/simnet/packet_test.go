package simnet

import (
	"errors"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestSocket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := New(1)
		a, b := listenPacket(t, sim.Host(ipA), "0.0.0.0:7"), listenPacket(t, sim.Host(ipB), ipB+":8")
		if got := a.LocalAddr().String(); got != "10.0.0.1:7" {
			t.Errorf("bound to %s", got)
		}
		sent := []byte("hello")
		if _, err := a.WriteTo(sent, b.LocalAddr()); err != nil {
			t.Fatal(err)
		}
		copy(sent, "later") // the network has its own copy
		buf := make([]byte, 4)
		n, from, err := b.ReadFrom(buf)
		if err != nil || string(buf[:n]) != "hell" || from.String() != "10.0.0.1:7" {
			t.Errorf("read %q from %v, %v; want the first 4 bytes", buf[:n], from, err)
		}
		if _, ok := from.(*net.UDPAddr); !ok {
			t.Errorf("from is a %T", from)
		}
		if _, err := a.WriteTo(make([]byte, maxPacket+1), b.LocalAddr()); !errors.Is(err, syscall.EMSGSIZE) {
			t.Errorf("a packet of %d bytes: %v", maxPacket+1, err)
		}
		if _, err := a.WriteTo(nil, textAddr{"udp", "clark:8"}); err == nil {
			t.Error("a host name was resolved")
		}
		send(t, a, b.LocalAddr(), strings.Repeat("x", maxPacket))
		if n, _, err := b.ReadFrom(make([]byte, 1<<17)); n != maxPacket || err != nil {
			t.Errorf("the largest packet: %d bytes, %v", n, err)
		}
		send(t, a, a.LocalAddr(), "to myself")
		if got := received(t, a); len(got) != 1 {
			t.Errorf("a host heard %q of itself", got)
		}
	})
}

func TestSocketDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := New(1)
		p := listenPacket(t, sim.Host(ipA), ":1")
		read := func() error {
			_, _, err := p.ReadFrom(make([]byte, 1))
			return err
		}
		begin := time.Now()
		p.SetDeadline(begin.Add(time.Second))
		if err := read(); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(begin) != time.Second {
			t.Errorf("after %v: %v", time.Since(begin), err)
		}
		send(t, p, p.LocalAddr(), "x")
		synctest.Wait()
		if err := read(); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("past the deadline: %v", err)
		}
		p.SetReadDeadline(time.Time{})
		if err := read(); err != nil {
			t.Errorf("without a deadline: %v", err)
		}
		p.SetReadDeadline(time.Now().Add(time.Hour))
		got := make(chan error)
		go func() { got <- read() }()
		synctest.Wait()
		p.SetReadDeadline(time.Now().Add(-1)) // a read under way sees it
		if err := <-got; !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a deadline set during the read: %v", err)
		}
		if err := p.SetWriteDeadline(time.Now().Add(-1)); err != nil {
			t.Error(err)
		}
		send(t, p, p.LocalAddr(), "writes don't wait")
	})
}

func TestSocketClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := New(1)
		a, b := listenPacket(t, sim.Host(ipA), ":1"), listenPacket(t, sim.Host(ipB), ":1")
		got := make(chan error)
		go func() {
			_, _, err := a.ReadFrom(make([]byte, 1))
			got <- err
		}()
		synctest.Wait()
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
		if err := <-got; !errors.Is(err, net.ErrClosed) {
			t.Errorf("a read during Close: %v", err)
		}
		_, writeErr := a.WriteTo(nil, b.LocalAddr())
		for what, err := range map[string]error{"Close": a.Close(), "WriteTo": writeErr, "SetDeadline": a.SetDeadline(time.Now())} {
			if !errors.Is(err, net.ErrClosed) {
				t.Errorf("%s after Close: %v", what, err)
			}
		}
		again := listenPacket(t, sim.Host(ipA), ":1") // the port is free
		send(t, b, again.LocalAddr(), "x")
		if got := received(t, again); len(got) != 1 {
			t.Errorf("heard %q", got)
		}
	})
}
