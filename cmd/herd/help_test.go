package main

import (
	"errors"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// Every verb says in a line what it does and ends its help with an example of
// itself; every verb that prints can print JSON.
func TestHelp(t *testing.T) {
	f := newFakeApp(fine)
	noJSON := map[string]bool{"herd": true, "herd node": true, "herd config": true, "herd places": true, "herd completion": true, "herd chaos": true, "herd snapshot": true, "herd snapshot save": true, "herd keyring": true}
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		path := cmd.CommandPath()
		if cmd.Short == "" || strings.HasSuffix(cmd.Short, ".") {
			t.Errorf("%s: Short is %q", path, cmd.Short)
		}
		var help strings.Builder
		cmd.SetOut(&help)
		if err := cmd.Help(); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		if !strings.HasPrefix(strings.TrimSpace(cmd.Example), "herd") && path != "herd completion" {
			t.Errorf("%s: the example is %q", path, cmd.Example)
		}
		if !strings.HasSuffix(help.String(), "\n\nExample:\n"+cmd.Example+"\n") {
			t.Errorf("%s: the help does not end with the example:\n%s", path, &help)
		}
		if cmd.Flags().Lookup("json") == nil && !noJSON[path] {
			t.Errorf("%s has no --json", path)
		}
		for _, sub := range cmd.Commands() {
			if sub.IsAvailableCommand() && sub.Name() != "help" {
				walk(sub)
			}
		}
	}
	walk(f.root())
}

// A verb that is mistyped is a mistake in usage, at every depth.
func TestMistyped(t *testing.T) {
	groups := 0
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		if cmd.HasAvailableSubCommands() && cmd.Name() != "bench" { // which takes addresses
			groups++
			f := newFakeApp(fine)
			args := append(strings.Fields(cmd.CommandPath())[1:], "nonsense")
			if code := f.run(t.Context(), args); code != exitUsage || !strings.Contains(f.err.String(), "nonsense") {
				t.Errorf("%q: exit code %d: %s", args, code, &f.err)
			}
		}
		for _, sub := range cmd.Commands() {
			if sub.IsAvailableCommand() && sub.Name() != "help" {
				walk(sub)
			}
		}
	}
	walk(newFakeApp(fine).root())
	if groups < 5 {
		t.Errorf("%d verbs have verbs of their own", groups)
	}
}

// A flag's value that can't be read is answered with what it should be.
func TestWrongFlag(t *testing.T) {
	for _, tt := range []struct{ args, said string }{
		{"near --radius 5km", `--radius must be a number, without a unit, not "5km"`},
		{"bench --duration 5", `--duration must be a time like 500ms, 10s or 1h30m, not "5"`},
		{"bench --nodes x", `--nodes must be a whole number, not "x"`},
		{"bench --nodes 99999999999999999999", "out of range"},
		{"bench --pid a", `--pid must be whole numbers, with commas between them, not "a"`},
		{"bench --json=maybe", `--json must be true or false, not "maybe"`},
		{"chaos run --seed -1", `--seed must be a whole number, 0 or more, not "-1"`},
	} {
		f := newFakeApp(fine)
		if code := f.run(t.Context(), strings.Fields(tt.args)); code != exitUsage || !strings.Contains(f.err.String(), tt.said) {
			t.Errorf("%s: exit code %d: %s", tt.args, code, &f.err)
		}
	}
}

// A page that could not be written is no success.
func TestHelpUnwritten(t *testing.T) {
	for _, args := range [][]string{{}, {"--help"}, {"help"}, {"help", "operating"}, {"node", "--help"}, {"config"}, {"--version"}} {
		f := newFakeApp(nil)
		f.stdout = fullWriter{}
		code := f.run(t.Context(), args)
		if code != exitFailed || f.err.String() != "herd: there is no room\n" {
			t.Errorf("%q: exit code %d, standard error says %q", args, code, &f.err)
		}
	}
}

type fullWriter struct{}

func (fullWriter) Write([]byte) (int, error) { return 0, errors.New("there is no room") }
