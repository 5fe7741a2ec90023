package node

import (
	"encoding/json"
	"strings"
	"testing"

	"herd/gossip"
)

// The line about the journal is a bad one where the disk fails, and where reports are to wait
// for it and don't. The figures say the same of what is wrong.
func TestJournalLine(t *testing.T) {
	const text = "[-] journal: "
	for _, c := range []struct {
		disk gossip.DiskStats
		want string // empty: no line
	}{
		{gossip.DiskStats{}, ""},
		{gossip.DiskStats{On: true, Why: "long ago"}, "[+] journal: on disk\n"},
		{gossip.DiskStats{On: true, Waits: true, InSync: true}, "[+] journal: every acknowledged report is on disk\n"},
		{gossip.DiskStats{On: true, Waits: true}, "[-] journal: the disk does not keep up: reports are acknowledged without it\n"},
		{gossip.DiskStats{On: true, Waits: true, Trouble: true}, "[-] journal: behind: the disk is slow\n"},
		{gossip.DiskStats{On: true, Trouble: true, Why: "no space left"}, "[-] journal: behind: no space left\n"},
	} {
		n := newTestNode(t)
		n.cluster.stats.Disk = c.disk
		_, body := n.get(t, "GET", "/readyz?verbose")
		got := ""
		for line := range strings.Lines(body) {
			if strings.Contains(line, "journal") {
				got += line
			}
		}
		if got != c.want {
			t.Errorf("%+v: got %q, want %q", c.disk, got, c.want)
		}
		var stats struct{ Journal *journalInfo }
		_, body = n.get(t, "GET", "/v1/stats")
		if err := json.Unmarshal([]byte(body), &stats); err != nil || (stats.Journal != nil) != c.disk.On {
			t.Errorf("%+v: %v, %s", c.disk, err, body)
			continue
		}
		trouble, bad := strings.CutPrefix(strings.TrimSpace(c.want), text)
		if j := stats.Journal; j != nil && (j.Degraded != c.disk.Trouble || (j.Trouble != "") != bad || bad && j.Trouble != trouble) {
			t.Errorf("%+v: the figures say %+v", c.disk, *j)
		}
	}
}
