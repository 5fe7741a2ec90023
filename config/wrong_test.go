package config

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"herd/config/certtest"
)

// TestEachWrongValue: each setting has a message for a value that it can't have, which a
// golden file shows; in files of places too.
func TestEachWrongValue(t *testing.T) {
	dir, err := filepath.Abs("../testdata/config")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	var all bytes.Buffer
	for _, f := range Fields() {
		var paths []string
		flags := map[string][]string{f.Name: {"no\nvalue"}}
		if f.Flag == "" {
			_, key := split(f.Name)
			paths, flags = []string{"herd.hcl"}, nil
			text := fmt.Sprintf("places \"file\" \"campus\" {\n  %s = \"no\\nvalue\"\n}\n", key)
			if err := os.WriteFile("herd.hcl", []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		_, err := Load(paths, nil, flags)
		if err == nil || !strings.Contains(err.Error(), "Invalid value for "+strings.Replace(f.Name, "NAME", "campus", 1)) {
			t.Errorf("%s: got %v", f.Name, err)
			continue
		}
		all.Write(render(t, err))
	}
	golden(t, filepath.Join(dir, "each-value.golden"), all.Bytes())
}

// TestWrongFiles: what is wrong with the files that a configuration is, or names, shown by a
// golden file.
func TestWrongFiles(t *testing.T) {
	dir, err := filepath.Abs("../testdata/config")
	if err != nil {
		t.Fatal(err)
	}
	ca := certtest.New(t)
	cert, key := ca.Sign(time.Hour, "herd.test")
	_, other := ca.Sign(time.Hour, "herd.test")
	t.Chdir(t.TempDir())
	write := func(name, text string, mode os.FileMode) {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(name, mode); err != nil { // whatever the umask is
			t.Fatal(err)
		}
	}
	for from, to := range map[string]string{cert: "cert.pem", key: "key.pem", other: "other.pem", ca.File: "ca.pem"} {
		text, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		write(to, string(text), 0o600)
	}
	const secret = "aGVyZCBjYW5hcnkga2V5IQ==" // one of the canaries
	write("empty", "# nothing\n", 0o600)
	write("open", secret+"\n", 0o644)
	write("short", "YWJj\n", 0o600)
	write("line", secret+"\ncanary-in-a-coal-mine\n", 0o600)
	write("many", strings.Repeat(secret+"\n", maxKeys+1), 0o600)
	write("tokens", strings.Repeat(secret+"\n", maxTokens+1), 0o600)
	write("long", strings.Repeat("canary-in-a-coal-mine", 20), 0o600)
	write("spaces", "canary-in-a-coal-mine is no token\n", 0o600)
	write("deep.hcl", "name = "+strings.Repeat("[", maxDepth+1)+"\n", 0o600)
	write("deep.json", strings.Repeat("[", maxDepth+1), 0o600)
	write("huge.hcl", strings.Repeat("#\n", maxFile), 0o600)
	write("which.hcl", "name = env[5]\n", 0o600)
	files := "places \"file\" \"a\" {\n  path = \"a.csv\"\n}\n"
	for i := range maxFiles {
		files += fmt.Sprintf("places \"file\" \"f%d\" {\n  path = \"a.csv\"\n}\n", i)
	}
	write("files.hcl", files, 0o600)

	var all bytes.Buffer
	for _, c := range []struct{ path, settings string }{
		{path: "no-such.hcl"},
		{path: "deep.hcl"},
		{path: "deep.json"},
		{path: "huge.hcl"},
		{path: "which.hcl"},
		{path: "files.hcl"},
		{settings: "KEY_FILE=empty"},
		{settings: "KEY_FILE=open"},
		{settings: "KEY_FILE=short"},
		{settings: "KEY_FILE=line"},
		{settings: "KEY_FILE=many"},
		{settings: "KEY_FILE=."},
		{settings: "HTTP_READ_TOKEN_FILE=empty"},
		{settings: "HTTP_READ_TOKEN_FILE=open"},
		{settings: "HTTP_READ_TOKEN_FILE=short"},
		{settings: "HTTP_WRITE_TOKEN_FILE=long"},
		{settings: "HTTP_WRITE_TOKEN_FILE=spaces"},
		{settings: "HTTP_WRITE_TOKEN_FILE=tokens"},
		{settings: "HTTP_WRITE_TOKEN_FILE=no-such"},
		{settings: "PLACES_ORDER=google PLACES_GOOGLE_KEY_FILE=line"},
		{settings: "PLACES_ORDER=google PLACES_GOOGLE_KEY_FILE=open"},
		{settings: "TLS_CERT_FILE=cert.pem"},
		{settings: "TLS_KEY_FILE=key.pem"},
		{settings: "TLS_CLIENT_CA_FILE=ca.pem"},
		{settings: "TLS_CERT_FILE=cert.pem TLS_KEY_FILE=other.pem"},
		{settings: "TLS_CERT_FILE=short TLS_KEY_FILE=key.pem"},
		{settings: "TLS_CERT_FILE=no-such TLS_KEY_FILE=key.pem"},
		{settings: "TLS_CERT_FILE=cert.pem TLS_KEY_FILE=no-such"},
		{settings: "TLS_CERT_FILE=cert.pem TLS_KEY_FILE=open"},
		{settings: "TLS_CERT_FILE=cert.pem TLS_KEY_FILE=key.pem TLS_CLIENT_CA_FILE=short"},
		{settings: "JOIN=herd.internal"},
		{settings: "JOIN=srv+_herd._tcp.example.com:4132"},
		{settings: "JOIN=srv+herd.example.com"},
		{settings: "JOIN=srv+"},
		{settings: "JOIN=10.0.0.1:4132,[fe80::1%eth0]:4132"},
		{settings: "ADVERTISE_ADDR=fe80::1%eth0"},
		{settings: "ADVERTISE_ADDR=[fe80::1%eth0]:4132"},
		{settings: "GOSSIP_ADDR=[fe80::1%eth0]:4132 INSECURE_GOSSIP=true"},
	} {
		var paths, environ []string
		if c.path != "" {
			paths = []string{c.path}
		}
		for setting := range strings.FieldsSeq(c.settings) {
			environ = append(environ, "HERD_"+setting)
		}
		_, err := Load(paths, environ, nil)
		if err == nil {
			t.Errorf("%s%s is no mistake", c.path, c.settings)
			continue
		}
		fmt.Fprintf(&all, "%s%s:\n%s", c.path, c.settings, render(t, err))
	}
	golden(t, filepath.Join(dir, "files.golden"), all.Bytes())
}

// TestSeeds: those that are none of those wrong ones.
func TestSeeds(t *testing.T) {
	for seed, want := range map[string]bool{
		"a:1": true, "[::1]:4132": true, "srv+_herd._tcp.example.com": true, "srv+_gossip._tcp.herd.default.svc.cluster.local.": true, "srv+_a._udp.b": true,
		"a": false, ":1": false, "a:0": false, "srv+_herd.example.com": false, "srv+_herd._tcp": false, "srv+_herd._tcp.": false, "srv+_._tcp.a": false,
		"srv+_herd._tcp.a..b": false, "srv+_herd._tcp.a b": false, "srv+_herd._tcp." + strings.Repeat("a.", 130) + "b": false, "srv+_herd._tcp.a:1": false,
		"SRV+_herd._tcp.a": false,
	} {
		if got := isSeed(seed); got != want {
			t.Errorf("%q: got %t, want %t", seed, got, want)
		}
	}
}
