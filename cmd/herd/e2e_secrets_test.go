//go:build unix

package main

import (
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"herd/config/certtest"
)

// eavesdropper collects all that a herd says, and the secrets that must not be in it.
type eavesdropper struct {
	t       *testing.T
	secrets map[string]string // by what they are
	mu      sync.Mutex        // guards said
	said    map[string][]byte // by where it was said
}

func (c *eavesdropper) hear(where string, text []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.said[where] = append(c.said[where], text...)
}

// forms are the ways in which a secret may be written.
func forms(secret string) []string {
	raw := []byte(secret)
	return []string{
		secret, url.QueryEscape(secret), url.PathEscape(secret),
		strings.TrimRight(base64.StdEncoding.EncodeToString(raw), "="), base64.RawURLEncoding.EncodeToString(raw),
		hex.EncodeToString(raw), strings.ToUpper(hex.EncodeToString(raw)), fmt.Sprint(raw),
	}
}

func (c *eavesdropper) check() {
	c.t.Helper()
	for where, text := range c.said {
		for what, secret := range c.secrets {
			for _, form := range forms(secret) {
				if i := bytes.Index(text, []byte(form)); i >= 0 {
					c.t.Errorf("%s: the %s is shown: %q", where, what, text[max(0, i-80):min(len(text), i+len(form)+20)])
					break
				}
			}
		}
	}
}

// No secret of a herd is in anything that it says: logs, answers, metrics, events, profiles,
// what verbs print, and what a crash prints; whoever asks, and whatever is wrong.
func TestE2ESecrets(t *testing.T) {
	c := &eavesdropper{t: t, said: map[string][]byte{}}
	gossipRaw := "canary-of-a-gossip-key-32-bytes!"
	gossip := base64.StdEncoding.EncodeToString([]byte(gossipRaw))
	wrongKey := base64.StdEncoding.EncodeToString([]byte("canary-of-a-wrong-key-of-32-byte"))
	const read, write, wrong = "canary-read-+/=&<token>", "canary-write-+/=&<token>", "canary-wrong-+/=&<token>"
	const google = "AIzaSyCanary-0123456789_abcdefghijklmno"
	authority := certtest.New(t)
	cert, certKey := authority.Sign(90*24*time.Hour, "127.0.0.1")
	pem, err := os.ReadFile(certKey)
	if err != nil {
		t.Fatal(err)
	}
	c.secrets = map[string]string{
		"gossip key": gossip, "gossip key as bytes": gossipRaw, "key of a stranger": wrongKey,
		"token to read": read, "token to write": write, "wrong token": wrong, "places key": google,
		"TLS key": strings.Split(string(pem), "\n")[1],
	}
	// An upstream that refuses, and says back all that it was asked.
	echo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := httputil.DumpRequest(r, true)
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprintf(w, `{"error":{"code":403,"status":"PERMISSION_DENIED","message":%q}}`, text)
	}))
	defer echo.Close()

	dir := t.TempDir()
	file := func(name, text string) string {
		t.Helper()
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	keyFile, readFile, writeFile := file("gossip.key", gossip+"\n"), file("read", read+"\n"), file("write", write+"\n")
	good := fmt.Sprintf("gossip {\n key_file = %q\n}\nhttp {\n read_token_file = %q\n write_token_file = %q\n}\ntls {\n cert_file = %q\n key_file = %q\n clients = false\n}\nplaces \"google\" {\n base_url = %q\n key_file = %q\n}\nplaces \"embedded\" {}\n",
		keyFile, readFile, writeFile, cert, certKey, echo.URL, file("google.key", google+"\n"))
	conf := file("herd.hcl", good)
	p := start(t, spec{name: "Clark", flags: []string{"--config", conf, "--log-level", "trace", "--chaos"}, env: []string{"GOTRACEBACK=all"}})
	peer := start(t, spec{name: "Bona", key: gossip, join: []string{p.Ready.Gossip}, flags: []string{"--log-level", "trace"}})
	stranger := launch(t, spec{name: "Jaquez", key: wrongKey, join: []string{p.Ready.Gossip}, flags: []string{"--log-level", "trace"}})

	// HTTP: every route, with each token, with a wrong one, with none, and in ways that are wrong.
	client := http.Client{Timeout: hang, Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	ask := func(method, path, user, token, body string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, "https://"+p.Ready.HTTP+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case user != "":
			r.SetBasicAuth(user, token)
		case token != "":
			r.Header.Set("Authorization", "Bearer "+token)
		}
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		where := fmt.Sprintf("%s %s by %.12q", method, path, token)
		c.hear(where, text)
		c.hear(where, fmt.Appendf(nil, "%v", resp.Header))
	}
	const phone = `{"_type":"location","lat":34.07,"lon":-118.44,"tst":1621464827,"tid":"ki"}`
	for _, token := range []string{read, write, "", wrong} {
		for _, path := range []string{
			"/", "/livez", "/readyz?verbose", "/metrics", "/v1/self", "/v1/members", "/v1/clients", "/v1/clients/kiwi", "/v1/stats",
			"/v1/near?client=kiwi", "/v1/chaos", "/v1/openapi.yaml", "/v1/map", "/v1/nothing", "/v1/self?token=1",
		} {
			ask("GET", path, "", token, "")
		}
		ask("PUT", "/v1/clients/kiwi", "", token, `{"lat":34.07,"lon":-118.44}`)
		ask("PUT", "/v1/clients/kiwi", "", token, `nonsense`)
		ask("POST", "/v1/chaos", "", token, `nonsense`)
		ask("POST", "/pub?d=phone", "kiwi", token, phone)
		ask("POST", "/pub?d=phone", "kiwi", token, "nonsense")
	}
	var profiles sync.WaitGroup
	for _, name := range []string{"heap", "goroutine?debug=2", "goroutine", "allocs", "cmdline", "threadcreate", "block", "mutex", "trace?seconds=1", "profile?seconds=1"} {
		profiles.Go(func() { ask("GET", "/debug/pprof/"+name, "", write, "") })
	}

	// Clients, verbs, and verbs that are given the wrong thing.
	say := func(where string, args ...string) {
		t.Helper()
		_, out := herdVerb(t, args...)
		c.hear("herd "+where, []byte(out))
	}
	say("send", "send", p.Ready.Client, "IAMAT kiwi +34.068930-118.445127 1621464827", "WHATSAT kiwi 10 5", "WHATSAT kiwi x 5", "HELLO")
	profiles.Wait()
	node := []string{"--name", "Clark", "--client-addr", p.Ready.Client, "--gossip-addr", p.Ready.Gossip, "--http-addr", p.Ready.HTTP, "--join", peer.Ready.Gossip, "--config"}
	to := []string{"--http-addr", p.Ready.HTTP, "--ca-file", authority.File, "--token-file"}
	for _, verb := range []string{"members", "clients", "chaos list"} {
		words := strings.Fields(verb)
		say(verb, append(append(words, to...), readFile)...)
		say(verb+" by a stranger", append(append(words, to...), file("stranger", wrong+"\n"))...)
		say(verb+" by a token for a path", append(append(words, to...), write)...)
	}
	for i, text := range []string{
		good,
		strings.Replace(good, keyFile, gossip, 1),                                                       // the key for its file
		strings.Replace(good, readFile, read, 1),                                                        // the token for its file
		strings.Replace(good, certKey, readFile, 1),                                                     // a token for a TLS key
		strings.Replace(good, fmt.Sprintf("read_token_file = %q", readFile), "key = \""+google+"\"", 1), // where it is not asked for
		strings.Replace(good, keyFile, certKey, 1),
		strings.Replace(good, readFile, keyFile, 1) + "}",
	} {
		bad := file(fmt.Sprintf("try%d.hcl", i), text)
		say(fmt.Sprint("config check ", i), "config", "check", "--name", "Clark", bad)
		say(fmt.Sprint("config print ", i), "config", "print", "--json", "--name", "Clark", bad)
		say(fmt.Sprint("doctor ", i), append(append([]string{"doctor"}, node...), bad)...)
		file("herd.hcl", text)
		p.cmd.Process.Signal(syscall.SIGHUP)
		until(t, "it has read that", func() bool {
			log := p.logText()
			return strings.Count(log, "is not reloaded")+strings.Count(log, "is reloaded") > i
		})
	}
	say("doctor with a wrong key", append(append([]string{"doctor"}, node...), file("other.hcl", fmt.Sprintf("gossip {\n key_file = %q\n}\n", file("wrong.key", wrongKey))))...)

	p.cmd.Process.Signal(syscall.SIGQUIT)
	p.exitCode()
	peer.stop(syscall.SIGTERM)
	stranger.kill()
	for _, n := range []*process{p, peer, stranger} {
		c.hear("log of "+n.spec.name, []byte(n.logText()))
	}
	if log := string(c.said["log of Clark"]); !strings.Contains(log, "SIGQUIT") || !strings.Contains(log, "wrong key") {
		t.Error("the log lacks the crash, or the stranger")
	}
	c.check()
}
