//go:build unix

package main

import (
	"net"
	"strings"
	"testing"
)

// TestE2ESeedNames: a name is a seed, though nobody is at some of its addresses, and though
// another seed is the node itself.
func TestE2ESeedNames(t *testing.T) {
	key := testKey(t.Name())
	clark := start(t, spec{name: "Clark", key: key})
	_, port, err := net.SplitHostPort(clark.Ready.Gossip)
	if err != nil {
		t.Fatal(err)
	}
	own := spec{}.orFree(t, "")
	bona := start(t, spec{name: "Bona", key: key, gossip: own, join: []string{own, "localhost:" + port, "srv+_herd._tcp.invalid"}})
	settle(t, []*process{clark, bona})
	bad := launch(t, spec{name: "Jaquez", join: []string{"srv+_herd._tcp.example.com:4132"}})
	if code := bad.exitCode(); code != exitUsage || !strings.Contains(bad.logText(), "SRV records, which have the port") {
		t.Errorf("an SRV seed with a port: exit code %d:\n%s", code, bad.logText())
	}
}
