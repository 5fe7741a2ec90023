package durable

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// A file is there when it is whole, and what was there before stays until then; nothing else is
// left in its folder. What is no file is left alone.
func TestReplace(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "file")
	broken := errors.New("broken")
	for _, c := range []struct {
		text string
		err  error
		want string
	}{{"one", nil, "one"}, {"two", broken, "one"}, {"three", nil, "three"}} {
		err := Replace(name, 0o640, func(f *os.File) error {
			_, err := f.WriteString(c.text)
			return errors.Join(err, c.err)
		})
		if !errors.Is(err, c.err) {
			t.Errorf("%s: error %v", c.text, err)
		}
		text, err := os.ReadFile(name)
		if err != nil || string(text) != c.want {
			t.Errorf("%s: there is %q, error %v", c.text, text, err)
		}
	}
	if info, err := os.Stat(name); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o640 {
		t.Errorf("mode %v, error %v", info.Mode(), err)
	}
	if err := Replace(dir, 0o600, func(*os.File) error { return nil }); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("a folder: error %v", err)
	}
	// An error names the file that was asked for, not the one that is written.
	for want, err := range map[string]error{
		"there is no folder " + filepath.Join(dir, "no") + ": make it": Replace(filepath.Join(dir, "no", "file"), 0o600, func(*os.File) error { return broken }),
		"create " + filepath.Join(name, "file") + ": ":                 Swap(filepath.Join(name, "file"), 0o600, func(*os.File) error { return broken }),
		"truncate " + name + ": ":                                      Swap(name, 0o600, func(f *os.File) error { return f.Truncate(-1) }),
		"write " + filepath.Join(dir, "other") + ": ": Replace(name, 0o600, func(*os.File) error {
			return &os.PathError{Op: "write", Path: filepath.Join(dir, "other"), Err: broken}
		}),
	} {
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), ".file-") {
			t.Errorf("error %v, want %s", err, want)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("%d files are left, error %v", len(entries), err)
	}
}
