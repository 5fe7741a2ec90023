package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"herd/cmd/herd/internal/roff"
	"herd/config"
)

// Every verb, every page of help and every setting is in the manual.
func TestManual(t *testing.T) {
	f, files := writeManual(t)
	pages := map[string]string{}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		pages[filepath.Base(name)] = string(text)
		if !strings.Contains(string(text), `"2026-09-21" "herd `+roff.Text(release)+`"`) {
			t.Errorf("%s begins with %.80q", name, text)
		}
	}

	has := func(page string, texts ...string) {
		t.Helper()
		for _, text := range texts {
			if !strings.Contains(pages[page], text) {
				t.Errorf("%s lacks %q", page, text)
			}
		}
	}
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		if cmd.IsAvailableCommand() && cmd.Name() != "help" {
			page := strings.ReplaceAll(cmd.CommandPath(), " ", "-") + ".1"
			has(page, roff.Text(cmd.Short), roff.Bold("--help"))
			if cmd.HasParent() {
				parent := strings.ReplaceAll(cmd.Parent().CommandPath(), " ", "-") + ".1"
				has(parent, roff.Bold(cmd.Name())+"\n")
			}
			if cmd.Flags().Lookup("json") != nil {
				has(page, roff.Bold("--json"))
			}
		}
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(f.root())
	for _, topic := range topics() {
		if topic.Name() != "settings" {
			has("herd-"+topic.Name()+".7", roff.Text(topic.Short))
		}
	}
	for _, setting := range config.Fields() {
		key := setting.Name[strings.LastIndex(setting.Name, ".")+1:]
		has("herd.hcl.5", roff.Bold(key)+"\n", roff.Text(setting.Help))
		if setting.Flag != "" {
			has("herd.hcl.5", roff.Bold(setting.Env))
			has("herd-node.1", roff.Bold("--"+setting.Flag))
		}
	}
	if strings.Contains(pages["herd.1"], "Write the manual pages") || pages["herd-man.1"] != "" {
		t.Error("what is hidden is in the manual")
	}
}

// Who shows manual pages finds nothing wrong with them.
func TestManualLint(t *testing.T) {
	_, files := writeManual(t)
	groff := needTool(t, "groff", "groff-base")
	out, err := exec.CommandContext(t.Context(), groff, append([]string{"-Tutf8", "-man", "-ww", "-z"}, files...)...).CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("groff: %v\n%.4000s", err, out)
	}
}

// writeManual has an app write the pages, and gives their files.
func writeManual(t *testing.T) (*fakeApp, []string) {
	t.Helper()
	f := newFakeApp(fine)
	dir := t.TempDir()
	f.environ = []string{"SOURCE_DATE_EPOCH=1790000000"}
	if code := f.run(t.Context(), []string{"man", dir}); code != exitDone {
		t.Fatalf("exit code %d: %s", code, &f.err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	return f, files
}

// A folder that is not there, and a date that is none, are told.
func TestManualWrong(t *testing.T) {
	for _, c := range []struct {
		dir, epoch string
		code       int
	}{
		{filepath.Join(t.TempDir(), "none"), "", exitFailed},
		{t.TempDir(), "yesterday", exitUsage},
	} {
		f := newFakeApp(fine)
		f.environ = []string{"SOURCE_DATE_EPOCH=" + c.epoch}
		if code := f.run(t.Context(), []string{"man", c.dir}); code != c.code || !strings.HasPrefix(f.err.String(), "herd: ") {
			t.Errorf("%+v: exit code %d: %s", c, code, &f.err)
		}
	}
}
