package top

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func at(seconds int) time.Time { return noon.Add(time.Duration(seconds) * time.Second) }

// Rates are of the time between two samples, by the node's own clock.
func TestRates(t *testing.T) {
	m := NewModel("127.0.0.1:4163")
	m.Sample(noon, sample(0))
	if s := m.Snapshot(noon); s.Rates != nil {
		t.Errorf("of one sample: %v", s.Rates)
	}
	m.Sample(at(7), sample(2)) // it took five seconds to come
	if r := m.Snapshot(at(7)).Rates; r == nil || r.Accepted != 400 || r.Received != 1600 || r.BytesIn != 28_000 || r.Invalid != 0 {
		t.Errorf("got %+v", r)
	}

	again := sample(3) // another incarnation
	again.Self.Origin = "Clark-2"
	again.Stats.Accepted, again.Stats.Uptime = 1, 0.5
	m.Sample(at(8), again)
	if s := m.Snapshot(at(8)); s.Rates != nil {
		t.Errorf("after a restart: %+v", s.Rates)
	}
	again.Stats.Uptime = 1.5
	again.Stats.Accepted = 0 // no node does that
	m.Sample(at(9), again)
	if s := m.Snapshot(at(9)); s.Rates == nil || s.Rates.Accepted != 0 {
		t.Errorf("a counter that went back: %+v", s.Rates)
	}
	m.Sample(at(10), again)
	if s := m.Snapshot(at(10)); s.Rates != nil {
		t.Errorf("no time has passed: %+v", s.Rates)
	}
}

// Lag is what members lack of this node's batches, and what it lacks of all others'.
func TestLag(t *testing.T) {
	m := NewModel("")
	m.Sample(noon, sample(0))
	want := map[string]string{"Bailey": "2", "Bona": "null", "Campbell": "1234", "Clark": "1", "Jaquez": "null"}
	for _, row := range m.Snapshot(noon).Members {
		if got, _ := json.Marshal(row.Lag); string(got) != want[row.Name] {
			t.Errorf("%s: %s, want %s", row.Name, got, want[row.Name])
		}
		if row.Self != (row.Name == "Clark") {
			t.Errorf("%s is self: %v", row.Name, row.Self)
		}
	}
}

// While the node at home is away another one is shown, and the log tells of both ways.
func TestAway(t *testing.T) {
	m := NewModel("127.0.0.1:4163")
	m.Sample(noon, sample(0))
	m.Away(at(1), "connection refused")
	m.Away(at(2), "connection refused")
	m.Trouble(at(2), "connection refused")
	m.Trouble(at(3), "no answer")
	other := sample(4)
	other.Addr, other.Self.Member = "127.0.0.1:4133", other.Members[0]
	m.Sample(at(4), other)
	if s := m.Snapshot(at(4)); s.Away == "" || s.Trouble != "" || s.Rates != nil || s.Node != "Bailey" {
		t.Errorf("elsewhere: %+v", s)
	}
	m.Sample(at(5), sample(5))
	s := m.Snapshot(at(5))
	if s.Away != "" || s.Node != "Clark" || s.Rates != nil {
		t.Errorf("at home: %+v", s)
	}
	var log []string
	for _, e := range s.Events {
		log = append(log, e.Text)
	}
	want := []string{
		"as seen by Clark from here on", "as seen by Bailey from here on", "no node answers", "127.0.0.1:4163 does not answer: connection refused",
	}
	if !slices.Equal(log, want) {
		t.Errorf("the log is\n%s", strings.Join(log, "\n"))
	}
}

// A snapshot does not change any more, and is bounded.
func TestSnapshot(t *testing.T) {
	m := busy()
	s := m.Snapshot(at(10))
	was := fmt.Sprint(s.Members, s.Hottest, s.Events, s.Rates, s.course)
	for i := range 2 * courseLength {
		m.Sample(at(11+i), sample(11+i))
		m.Change(Change{"Bona", "alive", "failed", at(11 + i)})
		m.Fixes(at(11+i), []Fix{{ID: fmt.Sprint("c", i)}})
	}
	if now := fmt.Sprint(s.Members, s.Hottest, s.Events, s.Rates, s.course); now != was {
		t.Errorf("it was\n%s\nand is\n%s", was, now)
	}
	s = m.Snapshot(at(11))
	if len(s.Events) != logLength || len(s.course) != courseLength || len(s.Hottest) > mostHot {
		t.Errorf("%d events, %d rates, %d clients", len(s.Events), len(s.course), len(s.Hottest))
	}
	text, err := json.Marshal(NewModel("").Snapshot(noon))
	if err != nil || strings.Contains(string(text), `"members":null`) || !strings.Contains(string(text), `"per_second":null`) {
		t.Errorf("%v: %s", err, text)
	}
}

// A member is reached at its HTTP address, if others can use it.
func TestReach(t *testing.T) {
	for _, c := range []struct{ http, gossip, want string }{
		{"10.0.0.7:4133", "10.0.0.7:4132", "10.0.0.7:4133"},
		{"0.0.0.0:4133", "10.0.0.7:4132", "10.0.0.7:4133"},
		{"[::]:4133", "[fe80::7]:4132", "[fe80::7]:4133"},
		{":4133", "clark:4132", "clark:4133"},
		{"0.0.0.0:4133", "", ""},
		{"", "10.0.0.7:4132", ""},
		{"10.0.0.7", "", ""},
		{"10.0.0.7:0", "", ""},
	} {
		if got := (&Member{HTTP: c.http, Gossip: c.gossip}).Reach(); got != c.want {
			t.Errorf("%s, gossip %s: %q, want %q", c.http, c.gossip, got, c.want)
		}
	}
}
