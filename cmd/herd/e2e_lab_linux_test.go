package main

import (
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"herd/cmd/herd/internal/netlab"
)

// labHerd is a herd of which each node has a host to itself.
type labHerd struct {
	t     *testing.T // of whoever has the lab
	lab   *netlab.Lab
	logs  string     // folder of the file that nodes log to, on a disk of each host
	procs []*process // the life of each node that is running, or was last
	nodes chaosHerd
}

// logDisk is how many bytes the disk has.
const logDisk = 8 << 20

// newLab makes n hosts. Where that can't be the test is skipped, except in CI, where
// that would hide it.
func newLab(t *testing.T, n int) *netlab.Lab {
	t.Helper()
	if why := netlab.Missing(); why != "" && os.Getenv("CI") == "" {
		t.Skip(why)
	}
	lab, err := netlab.New(n, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := lab.Close(); err != nil {
			t.Error(err)
		}
	})
	return lab
}

// newLabHerd makes n hosts, and a node in each.
func newLabHerd(t *testing.T, n int) *labHerd {
	t.Helper()
	h := &labHerd{t: t, lab: newLab(t, n), logs: t.TempDir()}
	for _, at := range h.lab.Hosts {
		if err := at.Disk(h.logs, logDisk); err != nil {
			t.Fatal(err)
		}
	}
	h.start()
	return h
}

// start starts a node in each host, and waits until all are one herd.
func (h *labHerd) start() {
	h.t.Helper()
	for _, p := range h.procs {
		p.kill()
	}
	h.procs, h.nodes = nil, nil
	for i, at := range h.lab.Hosts {
		ip := at.Addr.String()
		s := spec{
			name: devName(i), key: testKey(h.t.Name()),
			flags:  []string{"--insecure-http", "--log-file", filepath.Join(h.logs, "herd.log")},
			client: ip + ":4131", gossip: ip + ":4132", http: ip + ":4133",
			host: &host{start: at.Start, dial: func(addr string) (net.Conn, error) { return at.Dial(h.t.Context(), "tcp", addr) }},
		}
		if i > 0 {
			s.join = []string{h.procs[0].spec.gossip}
		}
		h.procs = append(h.procs, launch(h.t, s))
		h.nodes = append(h.nodes, &chaosNode{
			name: s.name, clients: s.client, dial: at.Dial,
			http: client{addr: s.http, http: http.Client{
				Timeout:   5 * time.Second,
				Transport: &http.Transport{DialContext: at.Dial, MaxIdleConnsPerHost: 16},
			}},
		})
	}
	for _, p := range h.procs {
		p.waitReady()
	}
	settle(h.t, h.procs)
}

// names are of the nodes with those numbers.
func (h *labHerd) names(numbers ...int) (names []string) {
	for _, i := range numbers {
		names = append(names, h.nodes[i].name)
	}
	return names
}
