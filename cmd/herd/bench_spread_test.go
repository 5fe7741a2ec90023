package main

import (
	"strings"
	"testing"
	"time"
)

func TestSpread(t *testing.T) {
	page := func(text string) counts {
		t.Helper()
		c := counts{}
		if err := c.read(strings.NewReader(text)); err != nil {
			t.Fatal(err)
		}
		return c
	}
	before := page("herd_updates_mailed_total 5\nherd_propagation_seconds_bucket{le=\"0.001\"} 0\nherd_propagation_seconds_bucket{le=\"+Inf\"} 10\n")
	after := page(`# HELP herd_updates_mailed_total Of those …
herd_updates_mailed_total 105
herd_updates_received_total{result="applied"} 180
herd_updates_received_total{result="redundant"} 20
herd_updates_stale_total 3
herd_propagation_seconds_bucket{le="0.001"} 0
herd_propagation_seconds_bucket{le="0.002"} 100
herd_propagation_seconds_bucket{le="0.01"} 190
herd_propagation_seconds_bucket{le="+Inf"} 200
herd_propagation_seconds_sum 1
`)
	got := after.since(before, 3)
	want := propagated{Updates: 100, Received: 190, Delivered: 0.95, P50: 1950 * time.Microsecond, P90: 8311111, P99: 9831111}
	if *got != want {
		t.Errorf("got %+v, want %+v", *got, want)
	}
	if got := after.since(after, 3); *got != (propagated{}) {
		t.Errorf("nothing has happened: %+v", *got)
	}
	if err := (counts{}).read(strings.NewReader("herd_updates_mailed_total many\n")); err == nil {
		t.Error("no error for a value that is no number")
	}
}
