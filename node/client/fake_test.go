package client

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// fakeHerd is a network in memory with nodes that share what they know. The bubble of a test
// waits for what it runs.
type fakeHerd struct {
	mu    sync.Mutex // guards the fields below
	nodes map[string]*fakeNode
	known map[string]string // positions and times, by client
	names map[string][]string
	dials []string // addresses
}

// fakeNode is one of them.
type fakeNode struct {
	herd *fakeHerd
	name string
	// serve serves a connection, by its number; nil: lines are answered as a node does.
	serve func(n int, conn net.Conn)
	conns int
	open  []net.Conn
}

func newFakeHerd() *fakeHerd {
	return &fakeHerd{nodes: make(map[string]*fakeNode), known: make(map[string]string), names: make(map[string][]string)}
}

// add starts a node at an address.
func (h *fakeHerd) add(addr, name string, serve func(n int, conn net.Conn)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.nodes[addr] = &fakeNode{herd: h, name: name, serve: serve}
}

// kill ends a node and its connections.
func (h *fakeHerd) kill(addr string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, conn := range h.nodes[addr].open {
		conn.Close()
	}
	delete(h.nodes, addr)
}

func (h *fakeHerd) dial(ctx context.Context, _, addr string) (net.Conn, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.dials = append(h.dials, addr)
	n := h.nodes[addr]
	if n == nil {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	}
	near, far := net.Pipe()
	number := n.conns
	n.conns++
	n.open = append(n.open, far)
	go func() {
		defer far.Close()
		if n.serve != nil {
			n.serve(number, far)
			return
		}
		n.answerAll(far)
	}()
	return near, nil
}

func (h *fakeHerd) resolve(_ context.Context, host string) ([]string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.names[host] == nil {
		return nil, errors.New("no such host")
	}
	return h.names[host], nil
}

// dialled takes the addresses that were dialled.
func (h *fakeHerd) dialled() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := h.dials
	h.dials = nil
	return all
}

// client makes a client of these addresses. It ends with the test.
func (h *fakeHerd) client(t testing.TB, c Config) *Client {
	t.Helper()
	c.Dial, c.Resolve = h.dial, h.resolve
	cl, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cl.Close() })
	return cl
}

// answerAll answers lines as a node does, until its client ends.
func (n *fakeNode) answerAll(conn io.ReadWriter) {
	in := bufio.NewReader(conn)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		if _, err := io.WriteString(conn, n.herd.answer(n.name, strings.TrimSuffix(line, "\n"))); err != nil {
			return
		}
	}
}

const somePlaces = `{
   "html_attributions" : [],
   "results" : [
      { "name" : "Sevilla", "place_id" : "geonames:2510911", "vicinity" : "Andalusia", "types" : [ "locality" ],
        "geometry" : { "location" : { "lat" : 37.38, "lng" : -5.97 } } }
   ],
   "status" : "OK"
}`

// answer is what a node of this name says to a line.
func (h *fakeHerd) answer(name, line string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var id, rest, limit string
	verb, operands, _ := strings.Cut(line, " ")
	id, rest, _ = strings.Cut(operands, " ")
	switch verb {
	case "IAMAT":
		if !strings.HasPrefix(rest, "+") && !strings.HasPrefix(rest, "-") {
			return "? " + line + "\n"
		}
		h.known[id] = rest
		return fmt.Sprintf("AT %s +0.263873386 %s %s\n", name, id, rest)
	case "WHATSAT":
		_, limit, _ = strings.Cut(rest, " ")
		if h.known[id] == "" {
			return "? " + line + "\n"
		}
		places := `{"html_attributions":[],"results":[],"status":"ZERO_RESULTS"}`
		if limit != "0" {
			places = somePlaces
		}
		return fmt.Sprintf("AT %s -0.000000001 %s %s\n%s\n\n", name, id, h.known[id], places)
	}
	return "? " + line + "\n"
}
