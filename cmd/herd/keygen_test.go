package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// A key that can't be written leaves no file in the way of the next try, and one that is there stays.
func TestWriteNew(t *testing.T) {
	name := filepath.Join(t.TempDir(), "key")
	full := errors.New("no space left")
	if err := writeNew(name, func(w io.Writer) error { io.WriteString(w, "ha"); return full }); !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
	if err := writeKey(name, "one"); err != nil {
		t.Fatal(err)
	}
	if err := writeKey(name, "other"); !errors.Is(err, os.ErrExist) {
		t.Errorf("got %v", err)
	}
	if text, err := os.ReadFile(name); err != nil || string(text) != "one\n" {
		t.Errorf("got %q, %v", text, err)
	}
}
