package main

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// peer listens for one connection and gives it to serve.
func peer(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		serve(conn)
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return l.Addr().String()
}

func echo(conn net.Conn) { io.Copy(conn, conn) }

func TestSend(t *testing.T) {
	f := newFakeApp(fine)
	code := f.run(t.Context(), []string{"send", peer(t, echo), "IAMAT a +1+1 1", "WHATSAT a 1 1"})
	if want := "IAMAT a +1+1 1\nWHATSAT a 1 1\n"; code != exitDone || f.out.String() != want {
		t.Errorf("got exit code %d and %q, want %q", code, &f.out, want)
	}

	f = newFakeApp(fine)
	f.run(t.Context(), []string{"send", "--json", peer(t, echo), "A"})
	if !strings.Contains(f.out.String(), `"reply": "A\n"`) {
		t.Errorf("got %s", &f.out)
	}
}

// More than both buffers hold, so that neither side may wait for the other.
func TestSendMuch(t *testing.T) {
	f := newFakeApp(fine)
	line := strings.Repeat("x", 8<<20)
	code := f.run(t.Context(), []string{"send", peer(t, echo), line})
	if code != exitDone || f.out.String() != line+"\n" {
		t.Errorf("got exit code %d and %d bytes: %s", code, len(f.out.String()), &f.err)
	}
}

func TestSendToSilence(t *testing.T) {
	f := newFakeApp(fine)
	hold := make(chan struct{})
	addr := peer(t, func(net.Conn) { <-hold })
	code := f.run(t.Context(), []string{"send", "--timeout", "1s", addr, "A"})
	close(hold)
	if code != exitFailed || !strings.Contains(f.err.String(), "no full reply in 1s") {
		t.Errorf("got exit code %d and %q", code, &f.err)
	}
}

// What speaks HTTP has not answered a line, whatever it says.
func TestSendToHTTP(t *testing.T) {
	addr := peer(t, func(conn net.Conn) {
		io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\n\r\n400 Bad Request")
		io.Copy(io.Discard, conn)
	})
	f := newFakeApp(fine)
	code := f.run(t.Context(), []string{"send", addr, "WHATSAT kiwi 1 1"})
	if code != exitUnreachable || f.out.String() != "" || !strings.Contains(f.err.String(), addr+": what is there speaks HTTP, and lines go to the port of clients") {
		t.Errorf("got exit code %d, %q and %q", code, &f.out, &f.err)
	}
}

// A node that hangs up without a word has not answered.
func TestSendToOneThatHangsUp(t *testing.T) {
	addr := peer(t, func(conn net.Conn) { io.Copy(io.Discard, conn) })
	f := newFakeApp(fine)
	code := f.run(t.Context(), []string{"send", addr, "WHATSAT kiwi 1 1"})
	if code != exitUnreachable || !strings.Contains(f.err.String(), "without a reply: it has too many, is about to end, or speaks TLS") {
		t.Errorf("got exit code %d and %q", code, &f.err)
	}
}

// hungUp is a connection whose other end has closed it after some words, and reads nothing.
type hungUp struct {
	net.Conn
	words  io.Reader
	closed chan struct{}
}

func (h hungUp) Read(b []byte) (int, error)  { return h.words.Read(b) }
func (h hungUp) Write([]byte) (int, error)   { <-h.closed; return 0, net.ErrClosed }
func (h hungUp) SetDeadline(time.Time) error { return nil }

func (h hungUp) Close() error {
	select {
	case <-h.closed:
	default:
		close(h.closed)
	}
	return nil
}

// A node that hangs up before it has read all is told of, not what this end made of it.
func TestSendUnread(t *testing.T) {
	for words, want := range map[string]string{"": "closed the connection without a reply", "AT": "closed the connection before all was sent"} {
		dial := func(context.Context, string, string) (net.Conn, error) {
			return hungUp{words: strings.NewReader(words), closed: make(chan struct{})}, nil
		}
		err := exchange(t.Context(), dial, "127.0.0.1:1", []string{"IAMAT"}, time.Minute, io.Discard)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("after %q: %v", words, err)
		}
	}
}
