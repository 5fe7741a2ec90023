package main

import (
	"math"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"

	"herd/config"
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
