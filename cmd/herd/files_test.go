package main

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"

	"herd/config"
	"herd/node/load"
)

// What does not fit into the limit on open files is refused if it was asked for, and
// lowered if not.
func TestFitFiles(t *testing.T) {
	for _, c := range []struct {
		flags map[string][]string
		limit uint64
		conns int // 0: an error
	}{
		{nil, math.MaxUint64, 10_000},
		{nil, 10_000 + spareFiles, 10_000},
		{nil, 10_000 + spareFiles - 1, 9_999},
		{nil, 1024, 512},
		{nil, spareFiles + 1, 1},
		{nil, spareFiles, 0},
		{nil, 0, 0},
		{map[string][]string{"client.max_conns": {"20000"}}, 20_000, 0},
		{map[string][]string{"client.max_conns": {"20000"}}, 20_512, 20_000},
		{map[string][]string{"client.max_conns": {"10000"}}, 4096, 0},
	} {
		l, err := config.Load(nil, []string{"HERD_NAME=Clark"}, c.flags)
		if err != nil {
			t.Fatal(err)
		}
		err = fitFiles(l, c.limit, hclog.NewNullLogger())
		switch {
		case c.conns == 0:
			if err == nil || !strings.Contains(err.Error(), "client.max_conns") || !strings.Contains(err.Error(), "ulimit -n") {
				t.Errorf("%v of %d files: %v", c.flags, c.limit, err)
			}
		case err != nil || l.Config.Client.MaxConns != c.conns:
			t.Errorf("%v of %d files: %d connections, %v", c.flags, c.limit, l.Config.Client.MaxConns, err)
		}
	}
}

// What a bench starts takes as many connections as the bench makes, and fits into the limit
// on open files; a number of connections that does not is refused by its name.
func TestBenchFitsFiles(t *testing.T) {
	for _, c := range []struct {
		mode               string
		connections, burst int
		limit              uint64
		conns              int // 0: an error
	}{
		{modeLoad, 50, 1000, math.MaxUint64, 2*114 + load.MaxBurst},
		{modeLoad, 50, 1000, 1024, 512},
		{modeIdle, 9000, 0, 20_000, 20_000 - spareFiles},
		{modeIdle, 19_424, 0, 20_000, 20_000 - spareFiles},
		{modeIdle, 19_425, 0, 20_000, 0},
		{modeConverge, 200, 20, 1024, 512},
		{modeConverge, 200, 1000, 1024, 512},
		{modeConverge, 300, 1000, 1024, 0},
		{modeConverge, 9000, 9000, 10_000, 0},
		{modeLoad, 50, 0, 0, 0},
	} {
		b := &benchVerb{mode: c.mode, load: load.Config{Connections: c.connections, Burst: c.burst}}
		conns, err := b.maxConns(c.limit)
		switch {
		case c.conns == 0:
			flag := fmt.Sprint("--connections ", c.connections)
			if e := (*exit)(nil); !errors.As(err, &e) || e.code != exitUsage || !strings.Contains(err.Error(), flag) || !strings.Contains(err.Error(), "ulimit -n") {
				t.Errorf("%+v: %v", c, err)
			}
		case err != nil || conns != c.conns:
			t.Errorf("%+v: %d connections, %v", c, conns, err)
		}
	}
}
