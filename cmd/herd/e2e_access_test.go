//go:build unix

package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"herd/config/certtest"
)

// tokenFile makes a file with a token.
func tokenFile(t *testing.T, token string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(name, []byte(token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// copyOver puts the text of a file in the place of another one's.
func copyOver(t *testing.T, from, to string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Without a token a node does not start where strangers reach its HTTP port.
func TestE2ENoToken(t *testing.T) {
	code, out := herdVerb(t, "node", "--name", "Clark", "--http-addr", "0.0.0.0:0")
	if code != exitUsage || !strings.Contains(out, "write_token_file") || !strings.Contains(out, "insecure_http") {
		t.Errorf("exit code %d:\n%s", code, out)
	}
}

// A node that has tokens answers who brings one, from the first request to the one that
// has it leave; and no token is in its log or its metrics.
func TestE2EToken(t *testing.T) {
	const readToken, writeToken = "canary-read-0123456789", "canary-write-0123456789"
	read, write := tokenFile(t, readToken), tokenFile(t, writeToken)
	p := start(t, spec{name: "Clark", flags: []string{"--http-read-token-file", read, "--http-write-token-file", write}})
	addr := p.Ready.HTTP
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"members"}, exitFailed, "A token is needed"},
		{[]string{"members", "--token-file", read}, exitDone, "Clark"},
		{[]string{"clients", "--token-file", write}, exitDone, ""},
		{[]string{"leave", "--token-file", read}, exitFailed, "good to read alone"},
		{[]string{"members", "--token-file", tokenFile(t, "nobody-knows-this-one")}, exitFailed, "not known"},
		{[]string{"members", "--token-file", read + "-not"}, exitUsage, "read the token in"},
	} {
		code, out := herdVerb(t, append(c.args, "--http-addr", addr)...)
		if code != c.code || !strings.Contains(out, c.says) || strings.Contains(out, "canary") {
			t.Errorf("%s: exit code %d, want %d and %q:\n%s", c.args, code, c.code, c.says, out)
		}
	}
	for path, want := range map[string]int{"/livez": 200, "/metrics": 401, "/": 401} {
		resp, err := http.Get("http://" + addr + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s without a token: %s, want %d", path, resp.Status, want)
		}
	}
	if code, out := herdVerb(t, "leave", "--http-addr", addr, "--token-file", write); code != exitDone {
		t.Fatalf("leave: exit code %d:\n%s", code, out)
	}
	if code := p.exitCode(); code != exitDone {
		t.Errorf("the node's exit code is %d", code)
	}
	if log := p.logText(); strings.Contains(log, "canary") {
		t.Errorf("the log shows a token:\n%s", log)
	}
}

// A herd whose ports speak TLS is asked by the verbs that know its authority, and by no
// others; a new certificate is taken over on SIGHUP.
func TestE2ETLS(t *testing.T) {
	ca, stranger := certtest.New(t), certtest.New(t)
	cert, key := ca.Sign(30*24*time.Hour, "127.0.0.1")
	jane, janeKey := ca.Sign(time.Hour, "Jane")
	p := start(t, spec{name: "Clark", flags: []string{"--tls-cert-file", cert, "--tls-key-file", key, "--tls-client-ca-file", ca.File}})
	knows := []string{"--ca-file", ca.File}
	shows := append(knows, "--cert-file", jane, "--cert-key-file", janeKey)
	half := start(t, spec{name: "Bona", flags: []string{"--tls-cert-file", cert, "--tls-key-file", key, "--tls-clients=false"}})
	verb := func(p *process, text string, more ...string) []string {
		return append(append(strings.Fields(text), "--http-addr", p.Ready.HTTP), more...)
	}
	const walk, report = "walk --clients 5 --every 10s --connections 1 --duration 2s", "chaos report --for 2s --clients 5 --rate 50"
	const bench, reconnect = "bench --duration 200ms --warmup 0s --connections 2 --clients 10 ", "bench reconnect --rate 20 --duration 200ms --warmup 0s --clients 10 "
	saved := filepath.Join(t.TempDir(), "herd.ndjson")
	for _, c := range []struct {
		args, access []string
		code         int
		says         string
	}{
		{verb(p, walk), shows, exitDone, "5 clients"},
		{verb(p, report), shows, exitDone, ""},
		{verb(p, "snapshot save", saved), shows, exitDone, ""},
		{verb(p, "snapshot restore", saved), shows, exitDone, ""},
		{verb(half, walk, "--tls-clients=false"), knows, exitDone, "5 clients"},
		{verb(half, walk), knows, exitFailed, "TLS handshake"},
		{verb(half, "snapshot restore", saved, "--tls-clients=false"), knows, exitDone, ""},
		{strings.Fields(bench + p.Ready.Client), shows, exitDone, "COMMANDS"},
		{strings.Fields(bench + "--pipeline 4 --mix 1:1 " + p.Ready.Client), shows, exitDone, "COMMANDS"},
		{strings.Fields(reconnect + p.Ready.Client), shows, exitDone, ""},
		{strings.Fields("bench near --pipeline 1 --duration 200ms --warmup 0s --connections 2 --clients 10 " + p.Ready.HTTP), shows, exitDone, "COMMANDS"},
		{strings.Fields(bench + p.Ready.Client), knows, exitFailed, "certificate required"},
		{strings.Fields(bench + p.Ready.Client), []string{"--tls"}, exitUnreachable, "certificate"},
		{strings.Fields(bench + p.Ready.Client), []string{"--ca-file", ca.File + "-not"}, exitUsage, "no such file"},
		{strings.Fields(bench), []string{"--tls"}, exitUsage, "TLS goes with an ADDR"},
		{strings.Fields(bench), knows, exitUsage, "TLS goes with an ADDR"},
		{verb(p, "members"), shows[2:], exitUnreachable, "certificate"}, // of an authority that the system does not trust
		{[]string{"send", half.Ready.Client, "IAMAT kiwi +34-118 100"}, shows[2:], exitUnreachable, "TLS"},
		{[]string{"members", "--http-addr", p.Ready.HTTP}, shows, exitDone, "Clark"},
		{[]string{"top", "--once", "--interval", "100ms", "--http-addr", p.Ready.HTTP}, shows, exitDone, "as seen by Clark"},
		{[]string{"members", "--http-addr", "https://" + p.Ready.HTTP}, shows, exitDone, "Clark"},
		{[]string{"members", "--http-addr", p.Ready.HTTP}, knows, exitFailed, "certificate is needed"},
		{[]string{"members", "--http-addr", p.Ready.HTTP}, nil, exitUsage, "It speaks TLS"},
		{[]string{"members", "--http-addr", p.Ready.HTTP}, []string{"--ca-file", stranger.File}, exitUnreachable, "certificate"},
		{[]string{"members", "--http-addr", p.Ready.HTTP}, []string{"--ca-file", ca.File + "-not"}, exitUsage, "no such file"},
		{[]string{"send", p.Ready.Client, "IAMAT kiwi +34-118 100"}, shows, exitDone, "AT Clark "},
		{[]string{"send", p.Ready.Client, "IAMAT kiwi +34-118 100"}, knows, exitFailed, "certificate required"},
		{[]string{"send", p.Ready.Client, "IAMAT kiwi +34-118 100"}, []string{"--ca-file", stranger.File}, exitUnreachable, "certificate"},
	} {
		if code, out := herdVerb(t, append(c.args, c.access...)...); code != c.code || !strings.Contains(out, c.says) {
			t.Errorf("%s: exit code %d, want %d and %q:\n%s", c.args, code, c.code, c.says, out)
		}
	}

	other, otherKey := stranger.Sign(30*24*time.Hour, "127.0.0.1")
	copyOver(t, other, cert)
	copyOver(t, otherKey, key)
	p.cmd.Process.Signal(syscall.SIGHUP)
	until(t, "the new certificate is shown", func() bool {
		code, _ := herdVerb(t, "members", "--http-addr", p.Ready.HTTP, "--ca-file", stranger.File, "--cert-file", jane, "--cert-key-file", janeKey)
		return code == exitDone
	})
}
