package sim

import (
	"slices"
	"strings"
	"testing"
	"time"

	"herd/gossip/location"
	"herd/node"
)

// A herd that breaks a promise is found out: else a simulation without violations says
// nothing.
func TestMutants(t *testing.T) {
	for _, tt := range []struct {
		name, scenario string
		change         func(t *testing.T, i int, c *node.Config)
		want           []string // each must be said
	}{
		{
			"acknowledges before others have it",
			"run 20s\nrate 400\nat 1s delay 100ms\nat 5s kill Clark\nat 10s kill Bona\n",
			func(_ *testing.T, _ int, c *node.Config) { c.Settings.Herd.Acks = "none" },
			[]string{"leased"},
		},
		{
			"makes a fix up, and keeps it to itself",
			"run 10s\n",
			makeUp,
			[]string{"no invention", "not settled"},
		},
		{
			"gives up others than those who are too many",
			"run 10s\nrate 60\nmax-clients 12\n",
			giveUp,
			[]string{"in sync"},
		},
		{
			"says that a report is on disk, and does not sync it",
			"run 6s\nrate 60\ndisks always\nat 3s kill Bailey Bona Campbell Clark Jaquez\nat 4s start Bailey Bona Campbell Clark Jaquez\n",
			func(_ *testing.T, _ int, c *node.Config) { c.Settings.Storage.Sync = "none" },
			[]string{"no acked loss"},
		},
		{
			"keeps all, and for ever",
			"run 10s\nrate 60\nttl 2s\nmax-clients 12\n",
			func(_ *testing.T, _ int, c *node.Config) { c.Settings.Herd.TTL, c.Settings.Herd.MaxClients = 0, 0 },
			[]string{"not settled", "no resurrection"},
		},
		{
			"takes more memory than it may",
			"run 5s\nrate 60\nmemory-for 12\n",
			func(_ *testing.T, _ int, c *node.Config) { c.Settings.Herd.MemoryLimit = memoryLimit(20) },
			[]string{"not settled"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, err := Parse(strings.NewReader(tt.scenario))
			if err != nil {
				t.Fatal(err)
			}
			r := Play(t, s, func(i int, c *node.Config) { tt.change(t, i, c) })
			for _, want := range tt.want {
				i := slices.IndexFunc(r.Violations, func(v string) bool { return strings.HasPrefix(v, want) })
				if i < 0 {
					t.Errorf("nobody notices %q: %q", want, r.Violations)
					continue
				}
				t.Log(r.Violations[i])
			}
		})
	}
}

// makeUp has one node hold a fix that nobody has sent, and tell nobody.
func makeUp(t *testing.T, i int, c *node.Config) {
	if table := c.Table; i == 1 {
		time.AfterFunc(5*time.Second, func() { table.Merge([]byte("client-0"), invented(t)) })
	}
}

// giveUp has one node give up all that it has, once, and take it in again where it comes.
func giveUp(_ *testing.T, i int, c *node.Config) {
	if table := c.Table; i == 1 {
		time.AfterFunc(8*time.Second, func() {
			for shard := range table.Shards() {
				table.Sweep(shard, location.Floor{Order: time.Now().UnixNano()})
			}
		})
	}
}

// invented is a fix that nobody has sent, greater than all that are.
func invented(t *testing.T) location.Entry {
	position, err := location.ParsePosition([]byte("+1-1"))
	if err != nil {
		t.Error(err)
	}
	at, err := location.ParseTime([]byte("4000000000"))
	if err != nil {
		t.Error(err)
	}
	return location.Entry{Fix: location.NewFix("Nobody", time.Now().UnixNano(), 100*365*24*time.Hour, position, at)}
}
