package config

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// loadKeys loads a ring as a node does.
func loadKeys(t *testing.T, environ ...string) *Loaded {
	t.Helper()
	l, err := Load(nil, environ, nil)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// A ring that is saved is what the next start reads; comments, the mode and a link stay.
func TestSaveKeys(t *testing.T) {
	path := keyFile(t, "# the herd's\n"+keyB+"\n\n# older\n"+keyA+"\n", 0o600)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	one, other := loadKeys(t, "HERD_KEY_FILE="+link), loadKeys(t, "HERD_KEY_FILE="+path)
	a, b, c := bytes.Repeat([]byte("a"), 16), bytes.Repeat([]byte("b"), 32), bytes.Repeat([]byte("c"), 24)
	for _, keys := range [][][]byte{{b, a, c}, {c, b, a}, {c}} {
		for _, l := range []*Loaded{one, other, other} { // two nodes that have the file, and one asked twice
			if err := l.KeyFile.Save(keys); err != nil {
				t.Fatal(err)
			}
		}
		if got := loadKeys(t, "HERD_KEY_FILE="+link); !equalKeys(got.Keys, keys) {
			t.Errorf("saved %q, read %q", keys, got.Keys)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil || !strings.HasPrefix(string(text), "# the herd's\n# older\n") {
		t.Errorf("%v: %q", err, text)
	}
	if info, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is %v, %v", info.Mode(), err)
	}
	if all, err := os.ReadDir(filepath.Dir(path)); err != nil || len(all) != 1 {
		t.Errorf("files left behind: %v, %v", all, err)
	}
}

// A folder that can't be made safe from a power cut is told of, and does not keep later rings
// out.
func TestSaveKeysInClosedFolder(t *testing.T) {
	if runtime.GOOS == "windows" || os.Geteuid() == 0 {
		t.Skip("no folder is closed to an administrator")
	}
	path := keyFile(t, keyA+"\n", 0o600)
	l := loadKeys(t, "HERD_KEY_FILE="+path)
	dir := filepath.Dir(path)
	if err := os.Chmod(dir, 0o300); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(dir, 0o700)
	if err := l.KeyFile.Save([][]byte{bytes.Repeat([]byte("b"), 32)}); err == nil || !strings.Contains(err.Error(), "sync its folder") {
		t.Errorf("got %v", err)
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := l.KeyFile.Save([][]byte{bytes.Repeat([]byte("c"), 32)}); err != nil {
		t.Errorf("the next ring: %v", err)
	}
}

// What can't be saved leaves the file as it is, and no message shows a key.
func TestSaveKeysFails(t *testing.T) {
	to := [][]byte{bytes.Repeat([]byte("b"), 32)}
	for what, c := range map[string]struct {
		spoil func(path string) error
		says  string
	}{
		"edited":  {func(path string) error { return os.WriteFile(path, []byte(keyA+"\n"+keyA+"\n"), 0o600) }, "somebody has changed its keys"},
		"no file": {os.Remove, "no such file"},
		"no ring": {func(path string) error { return os.WriteFile(path, nil, 0o600) }, "there is no key"},
		"mode":    {func(path string) error { return os.Chmod(path, 0o644) }, "chmod 600"},
	} {
		if runtime.GOOS == "windows" && (what == "mode" || what == "no file") {
			continue
		}
		path := keyFile(t, keyA+"\n", 0o600)
		l := loadKeys(t, "HERD_KEY_FILE="+path)
		if err := c.spoil(path); err != nil {
			t.Fatal(err)
		}
		before, _ := os.ReadFile(path)
		err := l.KeyFile.Save(to)
		if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), keyA) {
			t.Errorf("%s: %v, want %q", what, err, c.says)
		}
		if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
			t.Errorf("%s: the file was changed", what)
		}
	}
	if err := loadKeys(t, "HERD_GOSSIP_KEY="+keyA).KeyFile.Save(to); err == nil || !strings.Contains(err.Error(), "HERD_GOSSIP_KEY") {
		t.Errorf("from the environment: %v", err)
	}
	if err := loadKeys(t).KeyFile.Save(to); err == nil {
		t.Error("a keyless node saved keys")
	}
}
