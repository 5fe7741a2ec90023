package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// What the operator's page says to look for exists: each metric in its list, each quoted
// line of the log in the code.
func TestSymptoms(t *testing.T) {
	page, err := os.ReadFile("docs/operating.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(page), "<!-- symptoms -->")
	table, rest, ended := strings.Cut(rest, "<!-- end of symptoms -->")
	_, figures, listed := strings.Cut(rest, "<!-- figures -->")
	if !found || !ended || !listed {
		t.Fatal("the page lacks its marks")
	}
	var code strings.Builder
	for _, part := range []string{"cmd", "node", "gossip"} {
		err := filepath.WalkDir(filepath.Join(root, part), func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
				return err
			}
			text, err := os.ReadFile(name)
			code.Write(text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	lines := regexp.MustCompile("log `([^`]+)`").FindAllStringSubmatch(table, -1)
	metrics := regexp.MustCompile("`(herd_[a-z_]+)`").FindAllStringSubmatch(table, -1)
	if len(lines) < 10 || len(metrics) < 10 {
		t.Fatalf("found %d lines and %d metrics: is it the table?", len(lines), len(metrics))
	}
	for _, m := range lines {
		if !strings.Contains(code.String(), m[1]) {
			t.Errorf("nothing logs %q", m[1])
		}
	}
	for _, m := range metrics {
		if !strings.Contains(figures, "- `"+m[1]+"`:") {
			t.Errorf("there is no metric %s", m[1])
		}
	}
}
