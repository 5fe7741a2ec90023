package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"syscall"
	"time"
)

// fakeNodes are nodes that herd top asks, without a network: node i has the address
// 127.0.0.1:1000i.
type fakeNodes struct {
	mu     sync.Mutex // guards the fields below
	names  []string
	down   map[int]bool
	hung   map[int]bool
	answer map[string]string      // by path: instead of the right one
	fixes  map[int]*io.PipeWriter // the streams that are open
	asked  map[int]int            // how often
	began  time.Time
}

func newFakeNodes(names ...string) *fakeNodes {
	return &fakeNodes{names: names, down: map[int]bool{}, hung: map[int]bool{}, answer: map[string]string{}, fixes: map[int]*io.PipeWriter{}, asked: map[int]int{}, began: time.Now()}
}

// set kills a node, or starts it again.
func (n *fakeNodes) set(node int, down bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.down[node] = down
	if s := n.fixes[node]; s != nil && down {
		s.CloseWithError(io.ErrUnexpectedEOF)
	}
}

// hang has a node answer nothing from now on.
func (n *fakeNodes) hang(node int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.hung[node] = true
}

func fakeAddr(node int) string { return fmt.Sprintf("127.0.0.1:1000%d", node) }

// RoundTrip answers as a node does.
func (n *fakeNodes) RoundTrip(r *http.Request) (*http.Response, error) {
	var node int
	fmt.Sscanf(r.URL.Host, "127.0.0.1:1000%d", &node)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked[node]++
	if n.hung[node] {
		n.mu.Unlock()
		<-r.Context().Done()
		n.mu.Lock()
		return nil, r.Context().Err()
	}
	if n.down[node] {
		return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	}
	w := httptest.NewRecorder()
	if text, ok := n.answer[r.URL.Path]; ok {
		if text == "panic" {
			panic("a bug")
		}
		w.WriteString(text)
		return w.Result(), nil
	}
	switch r.URL.Path {
	case "/v1/self":
		fmt.Fprintf(w, `{"name":%q,"origin":"%d","ready":true,"http":%q}`, n.names[node], node, fakeAddr(node))
	case "/v1/members":
		var members []string
		for i, name := range n.names {
			state := "alive"
			if n.down[i] {
				state = "failed"
			}
			members = append(members, fmt.Sprintf(`{"name":%q,"origin":"%d","state":%q,"http":%q}`, name, i, state, fakeAddr(i)))
		}
		fmt.Fprintf(w, `{"self":%q,"members":[%s]}`, n.names[node], strings.Join(members, ","))
	case "/v1/stats":
		up := time.Since(n.began).Seconds()
		fmt.Fprintf(w, `{"uptime_seconds":%f,"accepted":%.0f,"clients":7}`, up, up*100)
	case "/v1/events":
		return n.stream(r.Context(), node, r.URL.Query().Get("kinds")), nil
	default:
		w.WriteHeader(http.StatusNotFound)
	}
	return w.Result(), nil
}

// stream is one that stays open until who reads it goes.
func (n *fakeNodes) stream(ctx context.Context, node int, kinds string) *http.Response {
	out, in := io.Pipe()
	context.AfterFunc(ctx, func() { in.CloseWithError(ctx.Err()) })
	if kinds == "fix" {
		n.fixes[node] = in
	}
	body := io.MultiReader(strings.NewReader(ev("1-0", "hello", "{}")), out)
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(body)}
}

// send has the node tell of something.
func (n *fakeNodes) send(node int, text string) {
	n.mu.Lock()
	in := n.fixes[node]
	n.mu.Unlock()
	io.WriteString(in, text)
}

// count is how often a node was asked.
func (n *fakeNodes) count(node int) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.asked[node]
}
