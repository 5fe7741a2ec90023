package main

import (
	"bytes"
	"flag"
	"os"
	"testing"

	"herd/config"
)

var update = flag.Bool("update", false, "write the generated pages anew")

// The page of settings is made from the table that makes the flags.
func TestSettingsPage(t *testing.T) {
	var want bytes.Buffer
	if err := config.Reference(&want); err != nil {
		t.Fatal(err)
	}
	const page = "docs/settings.md"
	if *update {
		if err := os.WriteFile(page, want.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want.Bytes()) {
		t.Errorf("%s is not what the table says; run go test ./cmd/herd -run TestSettingsPage -update", page)
	}
}
