package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestPlacesKey(t *testing.T) {
	file := keyFile(t, "from-file\r\n", 0o600)
	in := func(text string) []string { return []string{write(t, "herd.hcl", text)} }
	hcl := in(`places "google" { key_file = "` + filepath.ToSlash(file) + `" }`)
	variable := []string{"HERD_PLACES_GOOGLE_KEY= from-variable "}
	cases := []struct {
		name    string
		paths   []string
		environ []string
		flags   map[string][]string
		want    string
	}{
		{"file", hcl, nil, nil, "from-file"},
		{"variable", in(`places "google" {}`), variable, nil, "from-variable"},
		{"variable over the file's file", hcl, variable, nil, "from-variable"},
		{"flag over variable", in(`places "google" {}`), variable, map[string][]string{"places.google.key_file": {file}}, "from-file"},
		{"by order alone", nil, append(variable, "HERD_PLACES_ORDER=google"), nil, "from-variable"},
		{"a server of one's own", in(`places "google" { base_url = "https://places.example" }`), nil, nil, ""},
		{"a server of one's own with a key", in(`places "google" { base_url = "https://places.example" }`), variable, nil, "from-variable"},
		{"not in the chain", nil, variable, nil, ""},
		{"switched off, whatever the key", in(`places "google" { enabled = false }`), []string{"HERD_PLACES_GOOGLE_KEY=no key"}, nil, ""},
		{"switched off, whatever the file", in(`places "google" { key_file = "no/such.key" }`), []string{"HERD_PLACES_GOOGLE_ENABLED=false"}, nil, ""},
	}
	for _, c := range cases {
		l, err := Load(c.paths, c.environ, c.flags)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := l.PlacesKey.Reveal(); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
	for _, url := range []string{"https://places.googleapis.com", "https://MAPS.googleapis.com/maps"} {
		_, err := Load(nil, []string{"HERD_PLACES_ORDER=google", "HERD_PLACES_GOOGLE_BASE_URL=" + url}, nil)
		if err == nil || !strings.Contains(err.Error(), "No key for Google") {
			t.Errorf("%s: got %v", url, err)
		}
	}
}

func TestPlacesKeyFile(t *testing.T) {
	const canary = "canary-in-a-coal-mine"
	for text, want := range map[string]string{
		"":                                    "there is no key",
		" \n\n":                               "there is no key",
		canary + "\nsecond":                   "more than one line",
		canary + " second":                    "no white space",
		canary + "\x00":                       "printable ASCII",
		canary + "é":                          "printable ASCII",
		canary + strings.Repeat("x", 512):     "at most 512",
		canary + strings.Repeat("x", maxFile): "more than 64KiB",
		strings.Repeat("x", 512):              "",
		"\n" + canary + "\n\n":                "",
	} {
		_, err := Load(nil, []string{"HERD_PLACES_ORDER=google", "HERD_PLACES_GOOGLE_KEY_FILE=" + keyFile(t, text, 0o600)}, nil)
		if want == "" && err == nil {
			continue
		}
		if want == "" || err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), canary) {
			t.Errorf("%.40q: got %v, want %q", text, err, want)
		}
	}
	for name, path := range map[string]string{"a folder": t.TempDir(), "a device": os.DevNull} {
		_, err := Load(nil, []string{"HERD_PLACES_ORDER=google", "HERD_PLACES_GOOGLE_KEY_FILE=" + path}, nil)
		if err == nil || !strings.Contains(err.Error(), "not a regular file") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if runtime.GOOS == "windows" {
		return // no such modes
	}
	for mode, ok := range map[os.FileMode]bool{0o400: true, 0o600: true, 0o640: false, 0o604: false} {
		_, err := Load(nil, []string{"HERD_PLACES_ORDER=google", "HERD_PLACES_GOOGLE_KEY_FILE=" + keyFile(t, canary, mode)}, nil)
		if (err == nil) != ok || err != nil && !strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("mode %04o: got %v, want allowed %t", mode, err, ok)
		}
	}
}

func TestLooksLikePath(t *testing.T) {
	for s, want := range map[string]bool{
		"places.key": true, "/etc/herd/places": true, "./a-very-long-name-of-a-key-file": true, "secrets/production/google-places.key": true, "key": true,
		"AIzaSyA-0123456789abcdefghijklmnopqrstu": false, "AQ.Ab8RN6KcanarycanarycanaryCANARYcanary0123456789": false,
		"canary-in-a-coal-mine": false, "c2VjcmV0LXNlY3JldC1zZWNyZXQ/secret+==": false,
	} {
		if got := looksLikePath(s); got != want {
			t.Errorf("%q: got %t, want %t", s, got, want)
		}
	}
}

// However a configuration is shown, the key is not in it.
func TestSecretsAreNotShown(t *testing.T) {
	const canary = "canary-in-a-coal-mine"
	path := write(t, "herd.hcl", "places \"google\" {}\nplaces \"embedded\" {}\n")
	l, err := Load([]string{path}, []string{"HERD_PLACES_GOOGLE_KEY=" + canary}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if l.PlacesKey.Reveal() != canary {
		t.Fatalf("got %q", l.PlacesKey.Reveal())
	}
	var b bytes.Buffer
	if err := l.Print(&b); err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		fmt.Fprintf(&b, verb+verb+"\n", *l, l.PlacesKey)
	}
	fmt.Fprintln(&b, l.PlacesKey, &l.PlacesKey, l.PlacesKey.String(), l.PlacesKey.GoString(), []Secret{l.PlacesKey}, map[Secret]int{l.PlacesKey: 1})
	if err := json.NewEncoder(&b).Encode(l); err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(&b, nil))
	log.Info("x", "key", l.PlacesKey, "all", l)
	for _, form := range []string{canary, fmt.Sprintf("%x", canary), fmt.Sprintf("%X", canary), "99 97 110 97 114 121"} {
		if before, _, shown := strings.Cut(b.String(), form); shown {
			t.Errorf("%q is shown: …%s", form, before[max(0, len(before)-100):]+form)
		}
	}
}
