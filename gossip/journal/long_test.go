package journal

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// Damage far before the end of a log that is longer than what is read at once is told like
// any other, with files of the system.
func TestDamageInLongFile(t *testing.T) {
	folder := t.TempDir()
	open := func() *Log {
		l, err := Open(Dir(folder), Config{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		return l
	}
	l := open()
	if _, err := l.Replay(func([]byte) error { return nil }); err != nil {
		t.Fatal(err)
	}
	for range 4 * readSize / 1000 {
		if err := l.Append(bytes.Repeat([]byte{7}, 1000)); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Sync(); err != nil {
		t.Fatal(err)
	}
	if err := l.Append([]byte{8}); err != nil { // says that what is before it is durable
		t.Fatal(err)
	}
	l.Close()
	names, err := filepath.Glob(filepath.Join(folder, "*.log"))
	if err != nil || len(names) != 1 {
		t.Fatal(names, err)
	}
	b, err := os.ReadFile(names[0])
	if err != nil {
		t.Fatal(err)
	}
	b[readSize/4] ^= 1
	if err := os.WriteFile(names[0], b, 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := open().Replay(func([]byte) error { return nil })
	if err != nil || !r.Lost || r.Messages == 0 {
		t.Errorf("%+v, %v", r, err)
	}
}
