package config

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// A private file is its owner's alone, but for what root lends to a group.
func TestCheckMode(t *testing.T) {
	const root, herd, other = 0, 998, 1000
	for _, c := range []struct {
		mode        fs.FileMode
		owner, self int
		ok          bool
	}{
		{0o600, herd, herd, true},
		{0o400, herd, herd, true},
		{0o640, herd, herd, false},
		{0o604, herd, herd, false},
		{0o400, root, herd, true},
		{0o440, root, herd, true}, // a secret of Kubernetes with an fsGroup
		{0o640, root, herd, true}, // root:herd, for a service
		{0o660, root, herd, false},
		{0o444, root, herd, false},
		{0o644, root, herd, false},
		{0o600, root, root, true},
		{0o640, root, root, false}, // root needs no group
		{0o640, other, herd, false},
	} {
		if err := checkMode(c.mode, c.owner, c.self); (err == nil) != c.ok {
			t.Errorf("%04o of %d for %d: got %v, want allowed %t", c.mode, c.owner, c.self, err, c.ok)
		}
	}
}

// Kubernetes shows a file of a secret as a link to one in a folder that is itself a link:
// the mode that counts is the file's.
func TestPrivateByLink(t *testing.T) {
	dir := t.TempDir()
	real := filepath.Join(dir, "..2026_11_26")
	if err := os.Mkdir(real, 0o755); err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(real, "gossip.key")
	if err := os.WriteFile(key, []byte(keyA), 0o400); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("..2026_11_26", filepath.Join(dir, "..data")); err != nil {
		t.Skip(err) // Windows lets administrators alone
	}
	if err := os.Symlink("..data/gossip.key", filepath.Join(dir, "gossip.key")); err != nil {
		t.Fatal(err)
	}
	loaded, err := Load(nil, []string{"HERD_KEY_FILE=" + filepath.Join(dir, "gossip.key")}, nil)
	if err != nil || len(loaded.Keys) != 1 {
		t.Errorf("got %v", err)
	}
}
