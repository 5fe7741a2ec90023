package node

import (
	"encoding/json"
	"reflect"
	"testing"

	"herd/gossip"
)

// The form of the figures is a contract.
func TestStatsAnswer(t *testing.T) {
	n := newTestNode(t)
	n.put(t, "kiwi", "+1+2")
	n.cluster.progress = []gossip.Progress{
		{Name: "Bona", Here: 7, Lag: map[string]uint64{"Clark": 1}},
		{Name: "Clark", Here: 9, Lag: map[string]uint64{"Bona": 2}},
	}
	n.cluster.stats.Replica.Applied, n.cluster.stats.Replica.Redundant, n.cluster.stats.Replica.Accepted = 3, 4, 5
	n.cluster.stats.Propagation.Counts[0] = 100 // up to 25 µs
	n.server.count.iAmAt.Add(1, 11)
	n.server.count.whatsAt.Add(12)
	n.server.count.invalid[1].Add(13)
	n.server.count.invalid[2].Add(1)
	n.server.count.bytesIn.Add(1, 15)
	n.server.count.bytesOut.Add(1, 16)
	code, body := n.get(t, "GET", "/v1/stats")
	var got map[string]any
	if err := json.Unmarshal([]byte(body), &got); code != 200 || err != nil {
		t.Fatalf("got %d, %v, %s", code, err, body)
	}
	for _, name := range []string{"now", "uptime_seconds", "table_bytes"} {
		if got[name] == nil || got[name] == 0.0 {
			t.Errorf("%s is %v", name, got[name])
		}
		delete(got, name)
	}
	want := map[string]any{
		"clients": 1.0, "connections": 0.0, "accepted": 5.0, "received": 7.0, "iamat": 11.0, "whatsat": 12.0, "invalid": 14.0,
		"bytes_in": 15.0, "bytes_out": 16.0, "propagation_us": map[string]any{"p50": 12.5, "p99": 24.75, "count": 100.0},
		"vector": map[string]any{
			"Bona":  map[string]any{"here": 7.0, "lag": map[string]any{"Clark": 1.0}},
			"Clark": map[string]any{"here": 9.0, "lag": map[string]any{"Bona": 2.0}},
		},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}
