package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
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

// Each row of a table has as many cells as its head.
func TestPagesTables(t *testing.T) {
	pages, _ := filepath.Glob("docs/*.md")
	pages = append(pages, "../../README.md", "../../CONTRIBUTING.md")
	rows := 0
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		cells := 0 // of the head; 0: this is no table
		for n, line := range strings.Split(string(text), "\n") {
			switch {
			case !strings.HasPrefix(line, "|"):
				cells = 0
			case cells == 0:
				cells = cellsOf(line)
			case cellsOf(line) != cells:
				t.Errorf("%s:%d has %d cells, its table %d: %s", page, n+1, cellsOf(line), cells, line)
			}
			if cells > 0 {
				rows++
			}
		}
	}
	if rows < 100 {
		t.Errorf("found %d rows: these are not the pages", rows)
	}
}

// cellsOf counts the cells of a table's row. A bar with a backslash is text.
func cellsOf(row string) int {
	return strings.Count(strings.ReplaceAll(row, `\|`, ""), "|") - 1
}
