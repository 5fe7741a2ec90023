package main

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// release is the version of Herd that this code is, or is on the way to.
const release = "0.2.0"

func (a *app) version() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Example: "  herd version --json",
		Args:    cobra.NoArgs,
	}
	cmd.RunE = verb(func(context.Context, []string) error {
		if !asJSON {
			_, err := fmt.Fprintln(a.stdout, versionLine())
			return err
		}
		v := struct {
			Version  string `json:"version"`
			Revision string `json:"revision,omitempty"`
			Go       string `json:"go"`
			Platform string `json:"platform"`
		}{release, revision(), runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH}
		return printJSON(a.stdout, v)
	})
	jsonFlag(cmd, &asJSON)
	return cmd
}

// versionLine is the version in a line.
func versionLine() string {
	text := "herd " + release
	if r := revision(); r != "" {
		text += " (" + r + ")"
	}
	return fmt.Sprintf("%s %s %s/%s", text, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// revision is the commit that the binary was built from, if it is known.
func revision() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	var commit, modified string
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			commit = s.Value[:min(12, len(s.Value))]
		case "vcs.modified":
			if s.Value == "true" {
				modified = "+"
			}
		}
	}
	return commit + modified
}
