package gossip

import (
	"bytes"
	"io"
	"net"
	"sync"
	"testing"
)

// tcpPair is two ends of a connection of the system's.
func tcpPair(t *testing.T) (near, far net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if near, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if far, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { near.Close(); far.Close() })
	return near, far
}

// What a socket has no room for waits in the outlet, not the caller; flush sends it, and
// what was written in between comes behind it, byte for byte.
func TestOutletDoesNotWait(t *testing.T) {
	near, far := tcpPair(t)
	o := newOutlet(near)
	if o.socket == nil {
		t.Fatal("not a socket")
	}
	var want []byte
	part := bytes.Repeat([]byte("herd"), 64<<10)
	for i, all := 0, true; all; i++ {
		if i == 1000 {
			t.Fatal("the far end reads nothing, and the socket takes it all")
		}
		part[0] = byte(i)
		want = append(want, part...)
		o.gather(true)
		o.Write(part[:100])
		o.Write(part[100:])
		o.gather(false)
		var err error
		if all, err = o.offer(); err != nil {
			t.Fatal(err)
		}
	}
	last := []byte("an alert of TLS")
	want = append(want, last...)
	if n, err := o.Write(last); n != len(last) || err != nil {
		t.Fatal(n, err)
	}

	var got []byte
	var reader sync.WaitGroup
	reader.Go(func() { got, _ = io.ReadAll(io.LimitReader(far, int64(len(want)))) })
	if err := o.flush(); err != nil {
		t.Fatal(err)
	}
	reader.Wait()
	if !bytes.Equal(got, want) {
		t.Fatalf("%d bytes came, want %d, or they differ", len(got), len(want))
	}
	if o.shrink(); o.rest != nil {
		t.Errorf("%d bytes of room kept", cap(o.rest))
	}
}

// A connection that is not the system's is left to whoever may wait.
func TestOutletOfAPipe(t *testing.T) {
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	o := newOutlet(near)
	o.gather(true)
	o.Write([]byte("fix"))
	o.gather(false)
	if all, err := o.offer(); all || err != nil {
		t.Fatalf("offered: all %t, %v", all, err)
	}
	var reader sync.WaitGroup
	got := make([]byte, 3)
	reader.Go(func() { io.ReadFull(far, got) })
	if err := o.flush(); err != nil {
		t.Fatal(err)
	}
	reader.Wait()
	if string(got) != "fix" {
		t.Errorf("%q came", got)
	}
}

// A connection that was reset says so.
func TestOutletBroken(t *testing.T) {
	near, _ := tcpPair(t)
	near.Close()
	o := newOutlet(near)
	o.gather(true)
	o.Write([]byte("fix"))
	o.gather(false)
	if _, err := o.offer(); err == nil {
		t.Error("no error")
	}
}
