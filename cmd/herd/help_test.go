package main

import (
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
