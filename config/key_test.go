package config

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

const (
	keyA = "YWFhYWFhYWFhYWFhYWFhYQ=="                     // 16 times a
	keyB = "YmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmI=" // 32 times b
)

func keyFile(t *testing.T, text string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "gossip.key")
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil { // whatever the umask
		t.Fatal(err)
	}
	return path
}

func TestKeyRing(t *testing.T) {
	path := keyFile(t, "# primary\n"+keyB+"\n\n  "+keyA+"\r\n", 0o600)
	a, b := bytes.Repeat([]byte("a"), 16), bytes.Repeat([]byte("b"), 32)
	hcl := filepath.Join(t.TempDir(), "herd.hcl")
	if err := os.WriteFile(hcl, []byte("gossip { key_file = \""+filepath.ToSlash(path)+"\" }"), 0o600); err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		name    string
		paths   []string
		environ []string
		flags   map[string][]string
		want    [][]byte
	}{
		{"none on loopback", nil, nil, nil, nil},
		{"file, first line first", []string{hcl}, nil, nil, [][]byte{b, a}},
		{"variable", nil, []string{"HERD_GOSSIP_KEY=" + keyA}, nil, [][]byte{a}},
		{"variable over the file's file", []string{hcl}, []string{"HERD_GOSSIP_KEY=" + keyA}, nil, [][]byte{a}},
		{"flag over variable", nil, []string{"HERD_GOSSIP_KEY=" + keyA}, map[string][]string{"gossip.key_file": {path}}, [][]byte{b, a}},
		{"with a key any address will do", nil, []string{"HERD_GOSSIP_KEY=" + keyA, "HERD_GOSSIP_ADDR=0.0.0.0:0"}, nil, [][]byte{a}},
		{"insecure", nil, []string{"HERD_INSECURE_GOSSIP=true", "HERD_GOSSIP_ADDR=0.0.0.0:0"}, nil, nil},
	}
	for _, c := range cases {
		l, err := Load(c.paths, c.environ, c.flags)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if len(l.Keys) != len(c.want) || !bytes.Equal(bytes.Join(l.Keys, nil), bytes.Join(c.want, nil)) {
			t.Errorf("%s: got %q, want %q", c.name, l.Keys, c.want)
		}
		var printed bytes.Buffer
		if err := l.Print(&printed); err != nil {
			t.Fatal(err)
		}
		for _, k := range []string{keyA, keyB, "aaaa", "bbbb"} {
			if strings.Contains(printed.String(), k) {
				t.Errorf("%s: the key is printed:\n%s", c.name, printed.String())
			}
		}
	}
}

func TestKeyFileMode(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no such modes")
	}
	for mode, ok := range map[os.FileMode]bool{0o400: true, 0o600: true, 0o640: false, 0o604: false, 0o620: false} {
		_, err := Load(nil, []string{"HERD_KEY_FILE=" + keyFile(t, keyA, mode)}, nil)
		if (err == nil) != ok {
			t.Errorf("mode %04o: got %v, want allowed %t", mode, err, ok)
		}
		if err != nil && !strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("mode %04o: %v does not say what to do", mode, err)
		}
	}
}

func TestBadKeys(t *testing.T) {
	for text, want := range map[string]string{
		"":                                   "there is no key",
		"# nothing\n":                        "there is no key",
		keyA + "\nsecret":                    "line 2 is not base64",
		"\nc2VjcmV0":                         "line 2 is 6 bytes long",
		strings.Repeat(keyA+"\n", maxKeys+1): "more than 16 keys",
	} {
		_, err := parseKeys(text)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
}

func TestNeedsKey(t *testing.T) {
	for addr, want := range map[string]bool{
		"127.0.0.1:1": false, "127.9.9.9:1": false, "localhost:1": false, "[::1]:1": false,
		"0.0.0.0:1": true, ":1": true, "[::]:1": true, "10.0.0.1:1": true, "herd.example:1": true,
	} {
		if got := (Gossip{Addr: addr}).needsKey(); got != want {
			t.Errorf("%s: got %t, want %t", addr, got, want)
		}
		if (Gossip{Addr: addr, Insecure: true}).needsKey() {
			t.Errorf("%s: a key is asked for though insecure", addr)
		}
	}
}
