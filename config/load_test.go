package config

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares got with the file, which is then what a person reads.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; got:\n%s\nwant:\n%s", name, got, want)
	}
}

// canaries must not be seen in any message.
var canaries = []string{"canary-in-a-coal-mine", "aGVyZCBjYW5hcnkga2V5IQ", "herd canary key!"}

func render(t *testing.T, err error) []byte {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want an *Error", err)
	}
	var b bytes.Buffer
	if err := e.Render(&b, 78, false); err != nil {
		t.Fatal(err)
	}
	for _, c := range canaries {
		for _, shown := range []string{b.String(), e.Error()} {
			if strings.Contains(shown, c) {
				t.Errorf("the secret %q is shown:\n%s", c, shown)
			}
		}
	}
	return b.Bytes()
}

func TestMessages(t *testing.T) {
	t.Chdir("../testdata/config")
	const key = "aGVyZCBjYW5hcnkga2V5IQ=="
	cases := []struct {
		golden  string
		paths   []string
		environ []string
		flags   map[string][]string
	}{
		{golden: "unknown-key.hcl"},
		{golden: "unknown-key.json"},
		{golden: "unknown-block.hcl"},
		{golden: "unknown-provider.hcl"},
		{golden: "no-provider.hcl"},
		{golden: "twice.hcl"},
		{golden: "redefined.hcl"},
		{golden: "types.hcl"},
		{golden: "ranges.hcl"},
		{golden: "expressions.hcl"},
		{golden: "syntax.hcl"},
		{golden: "syntax.json"},
		{golden: "json-by-the-name-of.hcl"},
		{golden: "clash.hcl"},
		{golden: "clash-default.hcl"},
		{golden: "always-nowhere.hcl"},
		{golden: "chaos-open.hcl"},
		{golden: "no-key.hcl"},
		{golden: "no-token.hcl"},
		{golden: "token-for-path.hcl"},
		{golden: "missing-key-file.hcl"},
		{golden: "template.hcl"},
		{golden: "no-such-file.hcl"},
		{golden: "secrets.hcl", environ: []string{"CANARY=canary-in-a-coal-mine"}},
		{golden: "key-for-path.hcl"},
		{golden: "places-labels.hcl"},
		{golden: "places-labels.json"},
		{golden: "places-ranges.hcl"},
		{golden: "places-order.hcl"},
		{golden: "places-order-secret.hcl", environ: []string{"CANARY=canary-in-a-coal-mine"}},
		{golden: "places-rank.hcl"},
		{golden: "places-no-key.hcl"},
		{golden: "places-no-key-file.hcl"},
		{golden: "places-key-for-path.hcl"},
		{golden: "places-key-in-url.hcl"},
		{golden: "places-key-line.hcl"},
		{golden: "places-key-in-block.hcl"},
		{golden: "places-key-in-block.json"},
		{golden: "places-bad-key", paths: []string{"places-no-key.hcl"}, environ: []string{"HERD_PLACES_GOOGLE_KEY=canary-in-a-coal-mine two"}},
		{golden: "places-order-variable", paths: []string{}, environ: []string{"HERD_PLACES_ORDER=embedded,embedded"}},
		{golden: "places-order-empty", paths: []string{}, flags: map[string][]string{"places_order": {""}}},
		{golden: "places-url-variable", paths: []string{}, environ: []string{"HERD_PLACES_OVERPASS_BASE_URL=http://canary-in-a-coal-mine/"}},
		{golden: "two-files", paths: []string{"no-provider.hcl", "clash-default.hcl", "unknown-provider.hcl"}},
		{golden: "environment", paths: []string{}, environ: []string{
			"HERD_NAME=not a name", "HERD_CLIENT_MAX_LINE=4KB", "HERD_JOIN=a:1,b", "HERD_INSECURE_GOSSIP=1", "HERD_LOG_LEVEL=",
		}},
		{golden: "flags", paths: []string{}, flags: map[string][]string{
			"client.addr": {"4131"}, "gossip.join": {"a:1", "b:0"}, "herd.ack_timeout": {"soon"},
		}},
		{golden: "overruled", paths: []string{"level.hcl"}, flags: map[string][]string{"log.level": {"info"}}},
		{golden: "bad-key", paths: []string{}, environ: []string{"HERD_GOSSIP_KEY=" + key + "\ncanary-in-a-coal-mine"}},
		{golden: "short-key", paths: []string{}, environ: []string{"HERD_GOSSIP_KEY=# first\n\nYWJj"}},
		{golden: "key-for-variable", paths: []string{}, environ: []string{"HERD_KEY_FILE=" + key}},
	}
	for _, c := range cases {
		t.Run(c.golden, func(t *testing.T) {
			if c.paths == nil {
				c.paths = []string{c.golden}
			}
			_, err := Load(c.paths, append(c.environ, "HERD_NAME_OF_TEST=x"), c.flags)
			golden(t, c.golden+".golden", render(t, err))
		})
	}
}

// HCL and JSON are one schema, and what Print writes means the same again.
func TestSameMeaning(t *testing.T) {
	t.Chdir("../testdata/config")
	environ := []string{"NODE=Clark", "HERD_HTTP_ADDR=127.0.0.1:7"}
	flags := map[string][]string{"gossip.label": {"from-flag"}}
	fromHCL, err := Load([]string{"full.hcl"}, environ, flags)
	if err != nil {
		t.Fatal(err)
	}
	var printed bytes.Buffer
	if err := fromHCL.Print(&printed); err != nil {
		t.Fatal(err)
	}
	golden(t, "full.printed", printed.Bytes())

	again := filepath.Join(t.TempDir(), "again.hcl")
	if err := os.WriteFile(again, printed.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"full.json", again} {
		got, err := Load([]string{path}, environ, flags)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got.Config, fromHCL.Config) {
			t.Errorf("%s: got %+v, want %+v", path, got.Config, fromHCL.Config)
		}
	}
	if got, want := fromHCL.Config.Client.IdleTimeout, 90*time.Second; got != want {
		t.Errorf("idle_timeout: got %v, want %v", got, want)
	}
	if got, want := fromHCL.Config.Gossip.AdvertiseAddr, "herd-1.example:0"; got != want {
		t.Errorf("advertise_addr: got %q, want %q", got, want)
	}
	if got, want := fromHCL.Config.Herd.AckTimeout, time.Second; got != want {
		t.Errorf("ack_timeout with the profile wan: got %v, want %v", got, want)
	}
}

func TestPrecedence(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("10.hcl", "name = \"a\"\nlog { level = \"trace\" }\ngossip { join = [\"a:1\"] }\nherd { acks = 2 }\n")
	write("20.json", `{"name": "b", "gossip": {"join": ["b:1", "b:2"]}}`)
	write("30.txt", "not looked at")
	if err := os.Mkdir(filepath.Join(dir, "40.hcl"), 0o700); err != nil {
		t.Fatal(err)
	}
	l, err := Load([]string{dir},
		[]string{"HERD_NAME=c", "HERD_LOG_LEVEL=debug", "HERD_LOG_FORMAT=", "HERD_CLIENT_MAX_ID=7"},
		map[string][]string{"name": {"x", "d"}})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]struct {
		value  any
		origin string
	}{
		"name":          {"d", "--name"},
		"log.level":     {"debug", "HERD_LOG_LEVEL"},
		"log.format":    {"text", "default"},
		"gossip.join":   {[]string{"b:1", "b:2"}, filepath.Join(dir, "20.json") + ":1"},
		"herd.acks":     {"2", filepath.Join(dir, "10.hcl") + ":4"},
		"client.max_id": {7, "HERD_CLIENT_MAX_ID"},
	}
	for _, s := range l.Settings {
		if w, ok := want[s.Name]; ok && (!reflect.DeepEqual(s.Value, w.value) || s.Origin != w.origin) {
			t.Errorf("%s: got %v from %s, want %v from %s", s.Name, s.Value, s.Origin, w.value, w.origin)
		}
	}
	c := Default()
	if got, want := len(l.Settings), len(table(&c)); got != want {
		t.Errorf("got %d settings, want %d", got, want)
	}
}

func TestHostNameIsTheDefaultName(t *testing.T) {
	l, err := Load(nil, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	if l.Config.Name != host {
		t.Errorf("got %q, want %q", l.Config.Name, host)
	}
}

// A Config is checked by the same words, without a file.
func TestValidate(t *testing.T) {
	c := Default()
	c.Name = "Clark"
	if err := c.Validate(); err != nil {
		t.Errorf("the default with a name: %v", err)
	}
	c.Name, c.Client.MaxLine, c.Gossip.Profile = "", 3, ""
	c.HTTP.Addr = c.Client.Addr
	got := c.Validate()
	want := `Invalid value for name: It must be 1 to 64 letters, digits, '.', '_' or '-'.
Invalid value for client.max_line: It must be a size from 64B to 1MiB, like "4KiB".
Invalid value for gossip.profile: It must be "local", "lan" or "wan".
Invalid value for http.addr: client.addr and http.addr have the same port. Give each its own, or port 0 for any free one.`
	if got == nil || got.Error() != want {
		t.Errorf("got:\n%v\nwant:\n%s", got, want)
	}
}

func TestProblemsHavePlaces(t *testing.T) {
	t.Chdir("../testdata/config")
	_, err := Load([]string{"unknown-block.hcl"}, nil, nil)
	var e *Error
	if !errors.As(err, &e) {
		t.Fatal(err)
	}
	first := e.Problems()[0]
	if first.File != "unknown-block.hcl" || first.Line != 1 || first.Column != 1 {
		t.Errorf("got %+v", first)
	}
	if got, want := strings.SplitN(err.Error(), " ", 2)[0], "unknown-block.hcl:1:1:"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestFileTooLong(t *testing.T) {
	path := filepath.Join(t.TempDir(), "long.hcl")
	if err := os.WriteFile(path, bytes.Repeat([]byte("#\n"), maxFile), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load([]string{path}, nil, nil); err == nil || !strings.Contains(err.Error(), "more than 64KiB") {
		t.Errorf("got %v", err)
	}
}

// HCL's parsers recurse; a stack overflow can't be recovered from.
func TestTooManyOpenBrackets(t *testing.T) {
	for _, name := range []string{"deep.hcl", "deep.json"} {
		path := filepath.Join(t.TempDir(), name)
		text := "\n" + strings.Repeat("[", maxFile-1)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Load([]string{path}, nil, nil)
		if want := ":2:65: Too many open brackets"; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// A variable that is nearly a setting's is an error, one that may be for others is not: those of
// the verbs, and what Kubernetes says of a service that is named herd.
func TestMistypedVariables(t *testing.T) {
	for written, meant := range map[string]string{
		"HERD_GOSSIP_JOIN": "HERD_JOIN", "HERD_STORAGE_DATA_DIR": "HERD_DATA_DIR", "HERD_CLIENT_ADRR": "HERD_CLIENT_ADDR",
		"HERD_DATADIR": "HERD_DATA_DIR", "HERD_CLIENT_MAXCONS": "HERD_CLIENT_MAX_CONNS", "HERD_JION_": "", "HERD_JOINS": "HERD_JOIN", "HERD_GOSSIP_KEYS": "HERD_GOSSIP_KEY", "HERD_CONFIGS": "HERD_CONFIG",
		"HERD_TOKEN": "", "HERD_TOKEN_FILE": "", "HERD_CA_FILE": "", "HERD_CERT_FILE": "", "HERD_CERT_KEY_FILE": "", "HERD_BIN": "", "HERD_URL": "", "HERD_HOME": "",
		"HERD_PORT": "", "HERD_SERVICE_HOST": "", "HERD_SERVICE_PORT_GOSSIP": "", "HERD_PORT_4132_TCP_ADDR": "", "HERD_CLIENT_PORT": "", "HERD_HTTP_PORT": "",
		"HERD_CONFIG": "", "HERD_GOSSIP_KEY_": "HERD_GOSSIP_KEY", "HERDJOIN": "",
	} {
		_, err := Load(nil, []string{written + "=s3cret", "HERD_NAME=a"}, nil)
		if meant == "" {
			if err != nil {
				t.Errorf("%s: got %v", written, err)
			}
			continue
		}
		want := "Unknown variable " + written + ": No setting has that name. Did you mean " + meant + "?"
		if err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", written, err, want)
		}
		if _, err := Load(nil, []string{written + "=", "HERD_NAME=a"}, nil); err != nil {
			t.Errorf("%s without a value: got %v", written, err)
		}
	}
}

// That a template finds no address yet is no fault of who has written it, unless there are others.
func TestTemporary(t *testing.T) {
	const nowhere = `HERD_ADVERTISE_ADDR={{ GetInterfaceIP "no-such-interface" }}`
	for _, c := range []struct {
		environ []string
		want    bool
	}{
		{[]string{nowhere}, true},
		{[]string{nowhere, `HERD_HTTP_ADDR={{ GetAllInterfaces | include "name" "no-such-interface" | attr "address" }}:1`}, true},
		{[]string{nowhere, "HERD_LOG_LEVEL=loud"}, false},
		{[]string{nowhere, "HERD_HTTP_ADDR={{ GetInterfaceAddr }}:1"}, false},
		{[]string{`HERD_HTTP_ADDR={{ "127.0.0.1 127.0.0.2" }}:1`}, false},
	} {
		_, err := Load(nil, append(c.environ, "HERD_NAME=Clark"), nil)
		var wrong *Error
		if !errors.As(err, &wrong) || wrong.Temporary() != c.want {
			t.Errorf("%s: %v; want it temporary: %t", c.environ, err, c.want)
		}
	}
}

// An IPv6 address that a template finds is set apart from the port after it.
func TestTemplates(t *testing.T) {
	for text, want := range map[string]string{
		`{{ "::1" }}:4132`: "[::1]:4132", `{{ "2001:db8::1" }}:4132`: "[2001:db8::1]:4132", `{{ "fe80::1%lo" }}:1`: "[fe80::1%lo]:1",
		`[{{ "::1" }}]:4132`: "[::1]:4132", `{{ "10.0.0.1" }}:4132`: "10.0.0.1:4132", `{{ "::1" }}`: "::1", `{{ "10.0.0.1:1" }}`: "10.0.0.1:1",
		"127.0.0.1:4131": "127.0.0.1:4131", "": "",
	} {
		if got, err := ResolveAddr(text); err != nil || got != want {
			t.Errorf("%s is %q, %v; want %q", text, got, err, want)
		}
	}
	l, err := Load(nil, []string{"HERD_NAME=Clark", `HERD_ADVERTISE_ADDR={{ "2001:db8::1" }}:4132`}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if at := l.Config.Gossip.AdvertiseAddr; at != "[2001:db8::1]:4132" {
		t.Errorf("it advertises %s", at)
	}
}
