package node

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A report over HTTP does what an IAMAT does.
func TestPutClient(t *testing.T) {
	clock := time.Unix(1621464828, 223371889)
	n := newTestNode(t, func(c *Config) { c.Clock = func() time.Time { return clock } })
	n.phase.Store(int32(serving))
	for _, c := range []struct {
		name, id, body string
		code           int
		line           string // the AT line
		stale          bool
	}{
		{"new", "kiwi", `{"lat":34.068930,"lon":-118.445127,"time":"1621464827.959498503"}`, 201, "AT Clark +0.263873386 kiwi +34.068930-118.445127 1621464827.959498503", false},
		{"again", "kiwi", `{"position":"+34.0689-118.4451/","time":"1621464827.9595"}`, 200, "AT Clark +0.263871889 kiwi +34.0689-118.4451/ 1621464827.9595", false},
		{"the same", "kiwi", `{"position":"+34.0689-118.4451/","time":"1621464827.9595"}`, 200, "AT Clark +0.263871889 kiwi +34.0689-118.4451/ 1621464827.9595", false},
		{"older", "kiwi", `{"position":"+1+2","time":"5"}`, 200, "AT Clark +0.263871889 kiwi +34.0689-118.4451/ 1621464827.9595", true},
		{"now", "kiwi", `{"lat":0,"lon":-0.5}`, 200, "AT Clark +0.000000000 kiwi +0-0.5 1621464828.223371889", false},
		{"exponents", "emu", `{"lat":1.5e-1,"lon":-1E2,"time":"7"}`, 201, "AT Clark +1621464821.223371889 emu +0.15-100 7", false},
		{"a time to come", "rhea", `{"lat":1,"lon":2,"time":"9223372036.854775807"}`, 201, "AT Clark -7601907208.631403918 rhea +1+2 9223372036.854775807", false},
		{"any ID", "a%2F%3f%ff", `{"lat":1,"lon":2,"time":"7"}`, 201, "AT Clark +1621464821.223371889 a/?\ufffd +1+2 7", false},
	} {
		code, body := n.send(t, "PUT", "/v1/clients/"+c.id, c.body)
		var got struct {
			AtLine string `json:"at_line"`
			Stale  bool   `json:"stale"`
		}
		if err := json.Unmarshal([]byte(body), &got); err != nil {
			t.Errorf("%s: %v: %s", c.name, err, body)
		}
		if code != c.code || got.AtLine != c.line || got.Stale != c.stale {
			t.Errorf("%s: got %d %q, %t, want %d %q", c.name, code, got.AtLine, got.Stale, c.code, c.line)
		}
	}
	if _, ok := n.table.Get([]byte("a/?\xff")); !ok || n.table.Len() != 4 {
		t.Errorf("the table has %d clients, of that name: %t", n.table.Len(), ok)
	}
	w := httptest.NewRecorder()
	r := httptest.NewRequest("PUT", "http://10.0.0.1:4133/v1/clients/kiwi", strings.NewReader(`{"lat":1,"lon":2}`))
	r.Header.Set("Accept", "application/geo+json")
	if n.api.Handler.ServeHTTP(w, r); w.Header().Get("Content-Type") != "application/geo+json" || !strings.Contains(w.Body.String(), `"coordinates":[2,1]`) {
		t.Errorf("got %v %s", w.Header(), w.Body)
	}
}

// A report is answered when the herd has acknowledged it, and not before.
func TestPutWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newTestNode(t)
		acked := make(chan error, 1)
		n.cluster.wait = func(ctx context.Context) error {
			select {
			case err := <-acked:
				return err
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		n.phase.Store(int32(serving))
		codes := make(chan int, 1)
		put := func() {
			go func() {
				code, _ := n.send(t, "PUT", "/v1/clients/kiwi", `{"lat":1,"lon":2}`)
				codes <- code
			}()
			synctest.Wait()
		}
		put()
		select {
		case code := <-codes:
			t.Errorf("answered %d without an ack", code)
		default:
		}
		acked <- nil
		if code := <-codes; code != 201 {
			t.Errorf("got %d", code)
		}
		put()
		acked <- errors.New("closed")
		if code := <-codes; code != http.StatusServiceUnavailable {
			t.Errorf("got %d from a cluster that can't tell", code)
		}
		put()
		if code := <-codes; code != http.StatusServiceUnavailable {
			t.Errorf("got %d from a cluster that says nothing", code)
		}
	})
}

// A node that leaves answers the reports that it has taken, and takes none after.
func TestLeavingEndsReports(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newTestNode(t)
		close(n.cluster.caughtUp)
		n.cluster.wait = func(ctx context.Context) error {
			time.Sleep(100 * time.Millisecond) // as an ack takes
			if n.cluster.hasLeft() {
				t.Error("the cluster has left before the report was acknowledged")
			}
			return nil
		}
		done := n.start(t.Context())
		<-n.Ready()
		code := make(chan int, 1)
		go func() {
			c, _ := n.send(t, "PUT", "/v1/clients/kiwi", `{"lat":1,"lon":2}`)
			code <- c
		}()
		synctest.Wait()
		n.leave()
		if c := <-code; c != 201 {
			t.Errorf("got %d", c)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
