package node

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"herd/gossip"
)

func chaosAllowed(c *Config) { c.Settings.Chaos = true }

// What is not allowed is not there.
func TestChaosOff(t *testing.T) {
	n := newTestNode(t)
	if n.faults != nil || n.config.Network != (gossip.OS{}) || n.server.config.Hold != nil {
		t.Error("something stands between the node and its network")
	}
	for _, r := range n.routes() {
		if !strings.HasPrefix(r.path, "/v1/chaos") {
			continue
		}
		if code, body := n.get(t, r.method, r.path); code != 403 || !strings.Contains(body, "--chaos") {
			t.Errorf("%s %s: got %d %s", r.method, r.path, code, body)
		}
	}
}

func TestChaosAPI(t *testing.T) {
	n := newTestNode(t, chaosAllowed)
	state := func() (s struct {
		Node   string
		Faults []faultInfo
		Killed []string
	},
	) {
		t.Helper()
		code, body := n.get(t, "GET", "/v1/chaos")
		if err := json.Unmarshal([]byte(body), &s); code != 200 || err != nil || s.Node != "Clark" {
			t.Fatalf("got %d %s, %v", code, body, err)
		}
		return s
	}
	if s := state(); len(s.Faults) != 0 || s.Killed == nil {
		t.Errorf("got %+v", s)
	}
	code, body := n.send(t, "POST", "/v1/chaos", `{"seed": 7, "faults": [
		{"peers": ["Bona"], "way": "in", "cut": true, "for": "20s"},
		{"loss": 0.3, "duplicate": 0.1, "delay": "50ms", "jitter": "10ms", "rate": 65536}]}`)
	if code != 200 || body != "{\"added\":[1,2]}\n" {
		t.Errorf("got %d %s", code, body)
	}
	s := state()
	if len(s.Faults) != 2 {
		t.Fatalf("got %+v", s)
	}
	cut, slow := s.Faults[0], s.Faults[1]
	if !slices.Equal(cut.Peers, []string{"Bona"}) || cut.Way != "in" || !cut.Cut || cut.For != span(20*time.Second) || cut.Until == nil {
		t.Errorf("got %+v", cut)
	}
	if slow.Loss != 0.3 || slow.Duplicate != 0.1 || slow.Delay != span(50*time.Millisecond) || slow.Rate != 65536 || slow.Until != nil || slow.Way != "both" {
		t.Errorf("got %+v", slow)
	}
	if got := n.Stats().Faults.Active; got != 2 {
		t.Errorf("metrics: %d", got)
	}
	if code, body := n.send(t, "DELETE", "/v1/chaos?id=1", ""); code != 200 || body != "{\"healed\":1}\n" {
		t.Errorf("got %d %s", code, body)
	}
	if s := state(); len(s.Faults) != 1 || s.Faults[0].ID != 2 {
		t.Errorf("got %+v", s)
	}
	if code, body := n.send(t, "DELETE", "/v1/chaos", ""); code != 200 || body != "{\"healed\":1}\n" {
		t.Errorf("got %d %s", code, body)
	}
}

// Whatever makes no sense is a problem in JSON, and changes nothing.
func TestChaosProblems(t *testing.T) {
	n := newTestNode(t, chaosAllowed)
	many := `{"cut": true}` + strings.Repeat(`, {"cut": true}`, 256)
	for _, c := range []struct {
		method, path, body string
		code               int
		says               string
	}{
		{"POST", "/v1/chaos", ``, 400, "no fault"},
		{"POST", "/v1/chaos", `{}`, 400, "no fault"},
		{"POST", "/v1/chaos", `[]`, 400, "not what is asked for"},
		{"POST", "/v1/chaos", `{"faults": [{"cut": true}]} {}`, 400, "more than one"},
		{"POST", "/v1/chaos", `{"faults": [{"cutt": true}]}`, 400, `and may have seed, faults, id, since, until, peers, way, for, cut,`},
		{"POST", "/v1/chaos", `{"faults": [{"cut": 1}]}`, 400, "faults.cut must be true or false"},
		{"POST", "/v1/chaos", `{"faults": [{"rate": 1.5}]}`, 400, "faults.rate must be a whole number"},
		{"POST", "/v1/chaos", `{"faults": {}}`, 400, "faults must be a list"},
		{"POST", "/v1/chaos", `{"faults": [{"cut": true}, {}]}`, 400, "Fault 2: the rule does nothing"},
		{"POST", "/v1/chaos", `{"faults": [{"cut": true, "for": "soon"}]}`, 400, "soon"},
		{"POST", "/v1/chaos", `{"faults": [{"cut": true, "for": "-1s"}]}`, 400, "from 0s"},
		{"POST", "/v1/chaos", `{"faults": [{"cut": true, "for": "25h"}]}`, 400, "from 0s"},
		{"POST", "/v1/chaos", `{"faults": [{"loss": 30}]}`, 400, "from 0 to 1"},
		{"POST", "/v1/chaos", `{"faults": [{"cut": true, "way": "up"}]}`, 400, "way"},
		{"POST", "/v1/chaos", `{"faults": [{"pause": true, "peers": ["Bona"]}]}`, 400, "whole node"},
		{"POST", "/v1/chaos", `{"faults": [` + many + `]}`, 409, "256 rules"},
		{"POST", "/v1/chaos", `{"faults": [{"cut": true, "peers": ["` + strings.Repeat("x", 300<<10) + `"]}]}`, 413, "longer than"},
		{"DELETE", "/v1/chaos?id=first", ``, 400, "whole number"},
		{"DELETE", "/v1/chaos?id=99", ``, 404, "No fault"},
		{"PUT", "/v1/chaos", ``, 405, "takes"},
		{"POST", "/v1/chaos/kill", ``, 501, "Nobody"},
		{"POST", "/v1/chaos/restart", `{"node": "Bona"}`, 501, "Nobody"},
	} {
		code, body := n.send(t, c.method, c.path, c.body)
		var p struct {
			Status int
			Detail string
		}
		if err := json.Unmarshal([]byte(body), &p); err != nil || code != c.code || p.Status != c.code || !strings.Contains(p.Detail, c.says) {
			t.Errorf("%s %s %.60s: got %d %s, want %d and %q", c.method, c.path, c.body, code, body, c.code, c.says)
		}
	}
	if got := n.faults.Faults(); len(got) != 0 {
		t.Errorf("%d faults act", len(got))
	}
}

// fakeSupervisor notes what it is asked.
type fakeSupervisor struct {
	killed atomic.Value // string
	again  atomic.Int64
}

func (s *fakeSupervisor) Kill(name string, d time.Duration) (func(), error) {
	if d == time.Hour {
		return nil, errors.New("not for so long")
	}
	return func() { s.killed.Store(name); s.again.Store(int64(d)) }, nil
}

func (s *fakeSupervisor) Restart(name string) error {
	if name != "Bona" {
		return errors.New("there is none like that")
	}
	return nil
}

func (s *fakeSupervisor) Killed() []string { return []string{"Bona"} }

func TestChaosKill(t *testing.T) {
	boss := &fakeSupervisor{}
	n := newTestNode(t, chaosAllowed, func(c *Config) { c.Supervisor = boss })
	for _, c := range []struct {
		path, body string
		code       int
		says       string
	}{
		{"/v1/chaos/kill", `{"for": "1h"}`, 409, "Not for so long."},
		{"/v1/chaos/kill", `{"for": "-1s"}`, 400, "from 0s"},
		{"/v1/chaos/kill", `{"for": "3s"}`, 202, "Clark"},
		{"/v1/chaos/restart", `{"node": "Nobody"}`, 409, "There is none like that."},
		{"/v1/chaos/restart", `{"node": "Bona"}`, 202, "Bona"},
	} {
		if boss.killed.Load() != nil && c.code != 202 && c.path == "/v1/chaos/kill" {
			t.Errorf("%s: killed already", c.body)
		}
		if code, body := n.send(t, "POST", c.path, c.body); code != c.code || !strings.Contains(body, c.says) {
			t.Errorf("%s %s: got %d %s", c.path, c.body, code, body)
		}
	}
	if boss.killed.Load() != "Clark" || boss.again.Load() != int64(3*time.Second) {
		t.Errorf("killed %v", boss.killed.Load())
	}
	if _, body := n.get(t, "GET", "/v1/chaos"); !strings.Contains(body, `"killed":["Bona"]`) {
		t.Errorf("got %s", body)
	}
}

// A paused node answers no client, new or old, until the pause is over, and drops none.
func TestChaosPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newTestNode(t, chaosAllowed)
		done := n.start(t.Context())
		ask := func(c net.Conn) {
			if _, err := io.WriteString(c, "HELLO\n"); err != nil {
				t.Error(err)
			}
			got := make([]byte, 8)
			if _, err := io.ReadFull(c, got); err != nil || string(got) != "? HELLO\n" {
				t.Errorf("got %q, %v", got, err)
			}
		}
		old, err := n.host.Dial(t.Context(), "10.0.0.1:4131")
		if err != nil {
			t.Fatal(err)
		}
		defer old.Close()
		ask(old)
		if code, body := n.send(t, "POST", "/v1/chaos", `{"faults": [{"pause": true, "for": "5s"}]}`); code != 200 {
			t.Fatalf("got %d %s", code, body)
		}
		from := time.Now()
		fresh, err := n.host.Dial(t.Context(), "10.0.0.1:4131")
		if err != nil {
			t.Fatal(err)
		}
		defer fresh.Close()
		for _, c := range []net.Conn{old, fresh} {
			ask(c)
			if took := time.Since(from); took != 5*time.Second {
				t.Errorf("it took %s", took)
			}
		}
		old.Close()
		fresh.Close()
		n.Close()
		<-done
	})
}
