package node

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net/http/httptest"
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

// Who has no token, or a wrong one, where one is asked for learns whether the node is ready,
// and why not, but nothing of the others.
func TestReadyzToStrangers(t *testing.T) {
	n := newTestNode(t, tokens)
	n.cluster.sync.Behind = []string{"Bona"}
	n.cluster.members = append(n.cluster.members, gossip.Member{Meta: gossip.Meta{Name: "Jaquez"}, State: gossip.Alive})
	for authorization, want := range map[string]bool{"": false, "Bearer nonsense": false, "Bearer " + readToken: true, "Bearer " + writeToken: true} {
		for _, path := range []string{"/readyz", "/readyz?verbose"} {
			w := n.ask("GET", path, authorization, "192.0.2.1:1000")
			body := w.Body.String()
			if w.Code != 503 || !want && body != "not ready: catching up\n" || want && !strings.HasSuffix(body, "not ready: catching up with Bona\n") {
				t.Errorf("%s with %q: got %d %s", path, authorization, w.Code, body)
			}
			if got := strings.Contains(body, "Jaquez"); got != (want && path != "/readyz") {
				t.Errorf("%s with %q: %s", path, authorization, body)
			}
		}
	}
	for range 20 {
		n.ask("GET", "/readyz?verbose", "Bearer nonsense", "192.0.2.1:1000")
	}
	if w := n.ask("GET", "/readyz?verbose", "Bearer "+readToken, "192.0.2.1:1000"); w.Body.String() != "not ready: catching up\n" {
		t.Errorf("who guesses goes on guessing: %s", w.Body)
	}
}

func TestReadyzWithoutCertificate(t *testing.T) {
	n := newTestNode(t)
	n.certificates.now.Store(&tls.Config{ClientCAs: x509.NewCertPool()})
	for want, chains := range map[bool][][]*x509.Certificate{false: nil, true: {{}}} {
		w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/readyz?verbose", nil)
		r.Host, r.TLS = "10.0.0.1:4133", &tls.ConnectionState{VerifiedChains: chains}
		n.api.Handler.ServeHTTP(w, r)
		if got := strings.Contains(w.Body.String(), "[-] table: "); got != want {
			t.Errorf("with a certificate %v: %s", want, w.Body)
		}
	}
}
