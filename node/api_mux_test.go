package node

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"herd/node/metrics"
)

// Every answer is counted once, by its route.
func TestRequestsAreCounted(t *testing.T) {
	n := newTestNode(t)
	for _, target := range []string{"/livez", "/livez", "/v1/self", "/v1/self?x", "/v1/nothing", "/", "/v1/members"} {
		n.get(t, "GET", target)
	}
	n.get(t, "HEAD", "/livez")
	n.get(t, "POST", "/livez")
	n.get(t, "GET", "/readyz")
	got := map[string][metrics.Classes]uint64{}
	for _, r := range n.Stats().HTTP {
		if _, again := got[r.Route]; again {
			t.Errorf("%s is there twice", r.Route)
		}
		got[r.Route] = r.ByClass
	}
	for route, want := range map[string][metrics.Classes]uint64{
		"GET /livez": {3}, "GET /v1/self": {1, 0, 1}, "GET /v1/members": {1}, "GET /": {1}, "GET /readyz": {0, 0, 0, 1},
		"other": {0, 0, 2}, "POST /v1/leave": {},
	} {
		if by, ok := got[route]; !ok || by != want {
			t.Errorf("%s: got %v, want %v", route, by, want)
		}
	}
	if want := len(n.routes()) + 2; len(got) != want {
		t.Errorf("%d routes are counted, want %d", len(got), want)
	}
}

// A stream outlasts the bounds of other answers, and ends with the HTTP port.
func TestStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newTestNode(t)
		began := time.Now()
		n.api.Handler = n.requests.watch(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := unhurried(w); err != nil {
				t.Error(err)
			}
			io.WriteString(w, "first\n")
			http.NewResponseController(w).Flush()
			time.Sleep(10 * answerTimeout)
			io.WriteString(w, "second\n")
			http.NewResponseController(w).Flush()
			select {
			case <-n.streams.Done():
			case <-r.Context().Done():
				t.Error("the stream is cut off")
			}
			io.WriteString(w, "last\n")
		}))
		done := n.start(t.Context())
		synctest.Wait()
		client := http.Client{Transport: &http.Transport{
			DisableKeepAlives: true,
			DialContext:       func(ctx context.Context, _, addr string) (net.Conn, error) { return n.host.Dial(ctx, addr) },
		}}
		resp, err := client.Get("http://10.0.0.1:4133/")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		time.AfterFunc(20*answerTimeout, n.leave)
		body, err := io.ReadAll(resp.Body)
		if string(body) != "first\nsecond\nlast\n" || err != nil {
			t.Errorf("got %q, %v", body, err)
		}
		if took := time.Since(began); took < 20*answerTimeout {
			t.Errorf("ended after %v", took)
		}
		<-done
	})
}

// An answer without a body has been answered all the same.
func TestSilentAnswerIsCounted(t *testing.T) {
	q := newRequests([]route{{"GET", "/x", "", "", nil}})
	h := q.watch(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusEarlyHints)
		w.(*answer).route = 0
	}))
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/x", nil))
	if got := q.stats()[0]; got.ByClass != [metrics.Classes]uint64{1} || !strings.HasSuffix(got.Route, "/x") {
		t.Errorf("got %v", got)
	}
}

// A profile of an hour does not keep a node from ending.
func TestProfileEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newTestNode(t)
		n.api.Handler = mux(n.profileRoutes(), nil) // without a token
		done := n.start(t.Context())
		synctest.Wait()
		asked := make(chan struct{})
		go func() {
			defer close(asked)
			if code, _ := n.get(t, "GET", profiles+"goroutine?seconds=3600"); code == 403 {
				t.Error("there is no profile")
			}
		}()
		synctest.Wait()
		began := time.Now()
		n.leave()
		<-done
		<-asked
		if took := time.Since(began); took >= httpTimeout {
			t.Errorf("the node took %s to end", took)
		}
	})
}
