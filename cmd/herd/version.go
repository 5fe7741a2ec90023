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
		v := struct {
			Version  string `json:"version"`
			Revision string `json:"revision,omitempty"`
			Go       string `json:"go"`
			Platform string `json:"platform"`
		}{release, revision(), runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH}
		if asJSON {
			return printJSON(a.stdout, v)
		}
		if v.Revision != "" {
			v.Revision = " (" + v.Revision + ")"
		}
		_, err := fmt.Fprintf(a.stdout, "herd %s%s %s %s\n", v.Version, v.Revision, v.Go, v.Platform)
		return err
	})
	jsonFlag(cmd, &asJSON)
	return cmd
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
