//go:build unix

package main

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"herd/config/certtest"
)

// Doctor finds nothing in a herd that is well, and of each of these faults it names the
// fault, and says what to do.
func TestE2EDoctor(t *testing.T) {
	key := testKey(t.Name())
	authority := certtest.New(t)
	cert, certKey := authority.Sign(90*24*time.Hour, "127.0.0.1")
	spent, spentKey := authority.Sign(-time.Hour, "127.0.0.1")
	token := tokenFile(t, "a-token-of-the-doctor's")
	clark := start(t, spec{name: "Clark", key: key, flags: []string{"--gossip-label", "campus"}})
	guarded := []string{"--gossip-label", "campus", "--join", clark.Ready.Gossip, "--tls-cert-file", cert, "--tls-key-file", certKey, "--http-write-token-file", token}
	bona := launch(t, spec{name: "Bona", key: key, flags: guarded})
	bona.waitReady()

	examine := func(t *testing.T, env []string, args ...string) (code int, out string) {
		t.Helper()
		f := newFakeApp(fine)
		f.environ = env
		code = f.run(t.Context(), append([]string{"doctor"}, args...))
		return code, f.out.String() + f.err.String()
	}
	keyed := []string{"HERD_GOSSIP_KEY=" + key}
	of := func(p *process, more ...string) []string {
		return append([]string{"--name", p.spec.name, "--client-addr", p.Ready.Client, "--gossip-addr", p.Ready.Gossip, "--http-addr", p.Ready.HTTP, "--gossip-label", "campus"}, more...)
	}
	until(t, "both are found well", func() bool {
		_, a := examine(t, keyed, of(clark)...)
		_, b := examine(t, keyed, of(bona, guarded...)...)
		code, out := examine(t, keyed, of(bona, append(guarded, "--json")...)...)
		return strings.HasSuffix(a, "Nothing is wrong.\n") && strings.HasSuffix(b, "Nothing is wrong.\n") && strings.Contains(b, "1 other node, all reached") &&
			code == exitDone && strings.Contains(out, `"healthy": true`) && strings.Contains(out, `"status": "ok"`)
	})

	open := filepath.Join(t.TempDir(), "open.key")
	if err := os.WriteFile(open, []byte(key), 0o644); err != nil {
		t.Fatal(err)
	}
	held, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { held.Close() })
	free := []string{"--name", "Jaquez", "--client-addr", "127.0.0.1:0", "--gossip-addr", "127.0.0.1:0", "--http-addr", "127.0.0.1:0"}
	joins := append(free, "--gossip-label", "campus", "--join", clark.Ready.Gossip)
	with := func(base []string, more ...string) []string { return append(append([]string{}, base...), more...) }
	other := []string{"HERD_GOSSIP_KEY=" + testKey("another")}
	for _, c := range []struct {
		what    string
		env     []string
		args    []string
		found   string
		advised string
	}{
		{"a value", keyed, with(free, "--client-max-line", "1B"), "Invalid value for client.max_line", "It must be"},
		{"the mode of a key", nil, with(free, "--key-file", open), "gossip.key_file", "chmod 600"},
		{"a pair", keyed, with(free, "--tls-cert-file", cert, "--tls-key-file", spentKey), "tls.cert_file", "don't go together"},
		{"an expired certificate", keyed, with(free, "--tls-cert-file", spent, "--tls-key-file", spentKey), "has expired", "Put a new one into"},
		{"no token", keyed, with(free, "--http-addr", "0.0.0.0:0"), "No token", "herd keygen"},
		{"a port that is held", keyed, with(free, "--client-addr", held.Addr().String()), "is held by", "--client-addr"},
		{"no address of this machine", keyed, with(free, "--client-addr", "203.0.113.1:4131"), "not an address of this machine", "0.0.0.0"},
		{"an address that is nobody's", keyed, with(free, "--gossip-addr", "0.0.0.0:0", "--advertise-addr", "127.0.0.1"), "each one's own machine", "--advertise-addr"},
		{"a folder that can't be", keyed, with(free, "--data-dir", filepath.Join(open, "x")), "can't be written to", "--data-dir"},
		{"a wrong key", other, joins, "no gossip key in common", "Copy its key file"},
		{"no key", nil, joins, "this node has no gossip key", "Copy its key file"},
		{"a wrong label", keyed, with(joins, "--gossip-label", "city"), "or another label", "gossip.label"},
		{"a seed that is not there", keyed, with(free, "--join", "127.0.0.1:1"), "nobody listens", "Start that node"},
		{"a name of nobody", keyed, with(free, "--join", "herd.invalid:4132"), "herd.invalid:4132", "Correct --join"},
		{"a name that is taken", keyed, with(joins, "--name", "Clark"), "is the name of a live node", "--name"},
		{"UDP that is blocked", keyed, with(free, "--gossip-label", "campus", "--join", onlyTCP(t, clark.Ready.Gossip)), "by TCP and not by UDP", "Let UDP through"},
		{"a certificate of nobody", keyed, of(bona, with(guarded, "--tls-cert-file", spent, "--tls-key-file", spentKey)...), "another certificate than", "SIGHUP"},
	} {
		t.Run(c.what, func(t *testing.T) {
			code, out := examine(t, c.env, c.args...)
			if code != exitFailed || !strings.Contains(out, c.found) || !strings.Contains(out, c.advised) || !strings.Contains(out, "fault") {
				t.Errorf("exit code %d:\n%s", code, out)
			}
			if strings.Contains(out, key) || strings.Contains(out, "a-token-of") {
				t.Errorf("a secret is shown:\n%s", out)
			}
		})
	}
}

// onlyTCP is the address of somebody who passes on what comes by TCP. The test ends it.
func onlyTCP(t *testing.T, to string) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() { // ends with l
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			go func() { // ends with either side
				defer near.Close()
				far, err := net.Dial("tcp", to)
				if err != nil {
					return
				}
				defer far.Close()
				go io.Copy(far, near)
				io.Copy(near, far)
			}()
		}
	}()
	return l.Addr().String()
}

// A flag that is none is a mistake in usage; a token file that is not there too.
func TestDoctorBadInput(t *testing.T) {
	for _, args := range [][]string{
		{"doctor", "--cure"},
		{"doctor", "Clark"},
		{"doctor", "--name", "Clark", "--token-file", "/not/there"},
		{"doctor", "--name", "Clark", "--ca-file", "/not/there"},
	} {
		f := newFakeApp(fine)
		if code := f.run(t.Context(), args); code != exitUsage || f.err.String() == "" {
			t.Errorf("%q: exit code %d: %s", args, code, &f.err)
		}
	}
}
