package poll

import (
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
)

// pair is a socket that a new poller waits for, and the other end of it.
func pair(t *testing.T) (*Poller, Socket, *net.TCPConn) {
	t.Helper()
	p, err := New(4)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	far, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	near, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	s, err := Take(near)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Add(s); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.Close()
		far.Close()
	})
	return p, s, far.(*net.TCPConn)
}

func TestReadWrite(t *testing.T) {
	p, s, far := pair(t)
	defer s.Close()
	buf := make([]byte, 3)
	if n, err := s.Read(buf); n != 0 || err != ErrWouldWait {
		t.Errorf("nothing there: %d, %v", n, err)
	}
	if got, want := s.RemoteAddr().String(), far.LocalAddr().String(); got != want {
		t.Errorf("the other end is %s, want %s", got, want)
	}
	io.WriteString(far, "hello")
	for _, want := range []string{"hel", "lo"} { // it stays ready until it is empty
		if got := p.Wait(nil); !slices.Equal(got, []Ready{{s.Number(), false}}) {
			t.Errorf("ready are %v", got)
		}
		if n, err := s.Read(buf); err != nil || string(buf[:n]) != want {
			t.Errorf("read %q, %v", buf[:n], err)
		}
	}
	if n, err := s.Write([]byte("bye")); n != 3 || err != nil {
		t.Errorf("wrote %d, %v", n, err)
	}
	if _, err := io.ReadFull(far, buf); err != nil || string(buf) != "bye" {
		t.Errorf("received %q, %v", buf, err)
	}
	far.CloseWrite()
	if got := p.Wait(nil); !slices.Equal(got, []Ready{{s.Number(), false}}) {
		t.Errorf("at the end ready are %v", got)
	}
	if n, err := s.Read(buf); n != 0 || err != io.EOF {
		t.Errorf("at the end: %d, %v", n, err)
	}
}

// A muted socket is not ready for input, but when it is broken.
func TestMute(t *testing.T) {
	p, s, far := pair(t)
	defer s.Close()
	io.WriteString(far, "hello")
	p.Wait(nil)
	p.Mute(s)
	p.Until(time.Now().Add(time.Millisecond))
	if got := p.Wait(nil); len(got) > 0 {
		t.Errorf("ready are %v, want none", got)
	}
	p.Until(time.Time{})
	p.Unmute(s)
	if got := p.Wait(nil); len(got) != 1 || got[0].Broken {
		t.Errorf("ready are %v", got)
	}
	p.Mute(s)
	far.SetLinger(0)
	far.Close() // resets
	if got := p.Wait(nil); len(got) != 1 || !got[0].Broken {
		t.Errorf("ready are %v, want a broken one", got)
	}
}

// Wake is not lost, whenever it comes, and holds until Until.
func TestWake(t *testing.T) {
	p, s, far := pair(t)
	defer s.Close()
	p.Wake()
	io.WriteString(far, "hello")
	for range 2 {
		if got := p.Wait(nil); len(got) > 0 {
			t.Errorf("ready are %v, want none", got)
		}
	}
	p.Until(time.Time{})
	if got := p.Wait(nil); len(got) != 1 {
		t.Errorf("ready are %v", got)
	}
	p.Remove(s)
	done := make(chan []Ready)
	go func() { done <- p.Wait(nil) }()
	p.Wake()
	if got := <-done; len(got) > 0 {
		t.Errorf("ready are %v, want none", got)
	}
}

// Look never waits, and leaves to Wait what that is to be told.
func TestLook(t *testing.T) {
	p, s, far := pair(t)
	defer s.Close()
	if got := p.Look(nil); len(got) > 0 {
		t.Errorf("ready are %v, want none", got)
	}
	io.WriteString(far, "hello")
	p.Wait(nil)
	p.Wake()
	for range 2 {
		if got := p.Look(nil); !slices.Equal(got, []Ready{{s.Number(), false}}) {
			t.Errorf("ready are %v", got)
		}
	}
	if got := p.Wait(nil); len(got) > 0 {
		t.Errorf("ready are %v, though woken", got)
	}
}

// Write says when there is no room, and the rest can be waited for as a connection.
func TestConn(t *testing.T) {
	p, s, far := pair(t)
	text := strings.Repeat("x", 64<<10)
	sent, err := 0, error(nil)
	for err == nil {
		var n int
		n, err = s.Write([]byte(text))
		sent += n
	}
	if err != ErrWouldWait {
		t.Fatal(err)
	}
	p.Remove(s)
	conn := s.Conn()
	defer conn.Close()
	conn.SetWriteDeadline(time.Now().Add(-time.Second))
	var late net.Error
	if _, err := io.WriteString(conn, text); !errors.As(err, &late) || !late.Timeout() {
		t.Errorf("after the deadline: %v", err)
	}
	conn.SetWriteDeadline(time.Time{})
	read := make(chan int)
	go func() {
		n, _ := io.Copy(io.Discard, far)
		read <- int(n)
	}()
	if _, err := io.WriteString(conn, text); err != nil {
		t.Error(err)
	}
	conn.(interface{ CloseWrite() error }).CloseWrite()
	if n := <-read; n != sent+len(text) {
		t.Errorf("%d bytes came, want %d", n, sent+len(text))
	}
	io.WriteString(far, "hello")
	buf := make([]byte, 5)
	if _, err := io.ReadFull(conn, buf); err != nil {
		t.Error(err)
	}
}

func TestTakeOnlyTCP(t *testing.T) {
	near, far := net.Pipe()
	defer far.Close()
	if _, err := Take(near); err == nil {
		t.Error("a pipe is taken")
	}
	go far.Write([]byte("x"))
	if n, err := near.Read(make([]byte, 1)); n != 1 || err != nil {
		t.Errorf("it is not as it was: %d, %v", n, err)
	}
}
