package node

import (
	"errors"
	"net"
	"syscall"
	"testing"

	"herd/config"
	"herd/places"
)

// freeAddrs are three addresses on loopback that nobody listens at.
func freeAddrs(t *testing.T) [3]string {
	t.Helper()
	var addrs [3]string
	for i := range addrs {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		addrs[i] = l.Addr().String()
	}
	return addrs
}

// A port in use is named with its setting, and the others are free again.
func TestPortInUse(t *testing.T) {
	for i, setting := range []string{"client.addr", "http.addr", "gossip.addr"} {
		addrs := freeAddrs(t)
		taken, err := net.Listen("tcp", addrs[i])
		if err != nil {
			t.Fatal(err)
		}
		s := config.Default()
		s.Name = "Clark"
		s.Client.Addr, s.HTTP.Addr, s.Gossip.Addr = addrs[0], addrs[1], addrs[2]
		n, err := New(Config{Settings: s, Links: places.Links(nowhere{})})
		if err == nil {
			n.Close()
		}
		var bind *BindError
		if !errors.As(err, &bind) || bind.Setting != setting || bind.Addr != addrs[i] || !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("%s: got %v", setting, err)
		}
		if want := setting + " " + addrs[i] + ": address already in use"; err.Error() != want {
			t.Errorf("got %q, want %q", err, want)
		}
		taken.Close()
		for _, addr := range addrs {
			l, err := net.Listen("tcp", addr)
			if err != nil {
				t.Fatalf("%s in use: %s is still bound: %v", setting, addr, err)
			}
			l.Close()
		}
	}
}

// What is no trouble with a port is not told as one.
func TestNewFailsOtherwise(t *testing.T) {
	s := config.Default()
	s.Name = "two words"
	s.Client.Addr, s.HTTP.Addr, s.Gossip.Addr = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
	_, err := New(Config{Settings: s, Links: places.Links(nowhere{})})
	var bind *BindError
	if err == nil || errors.As(err, &bind) {
		t.Errorf("got %v", err)
	}
}
