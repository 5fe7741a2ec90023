package main

import (
	"embed"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// usageTemplate is cobra's, shorter and with the example at the end, where the
// eye is when the page has scrolled by.
const usageTemplate = `Usage:{{if and .Runnable (not (index .Annotations "group"))}}
  {{.UseLine}}{{end}}{{if .HasAvailableSubCommands}}
  {{.CommandPath}} COMMAND

Commands:{{range .Commands}}{{if .IsAvailableCommand}}
  {{rpad .Name .NamePadding}}  {{.Short}}{{end}}{{end}}{{end}}{{if .HasHelpSubCommands}}

Pages:{{range .Commands}}{{if .IsAdditionalHelpTopicCommand}}
  herd help {{rpad .Name .NamePadding}}  {{.Short}}{{end}}{{end}}{{end}}{{if .HasAvailableLocalFlags}}

Flags:
{{.LocalFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}{{if .HasExample}}

Example:
{{.Example}}{{end}}
`

//go:embed docs/*.md
var docs embed.FS

// topics are the operator's pages: herd help NAME. A page begins with its title.
func topics() []*cobra.Command {
	files, err := docs.ReadDir("docs")
	if err != nil {
		panic("herd: the embedded pages can't be listed: " + err.Error()) // they are part of the binary
	}
	var pages []*cobra.Command
	for _, f := range files {
		text, err := docs.ReadFile(path.Join("docs", f.Name()))
		if err != nil {
			panic("herd: an embedded page can't be read: " + err.Error())
		}
		title, _, _ := strings.Cut(string(text), "\n")
		page := &cobra.Command{
			Use:   strings.TrimSuffix(f.Name(), ".md"),
			Short: strings.TrimLeft(title, "# "),
			Long:  string(text),
		}
		page.SetUsageTemplate("")
		pages = append(pages, page)
	}
	return pages
}

// group is a word that holds verbs and does nothing itself. Cobra would show
// its help, and succeed, for a verb that it doesn't hold.
func group(cmd *cobra.Command) *cobra.Command {
	cmd.Annotations = map[string]string{"group": "true"} // for usageTemplate
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return cmd.Help() }
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		return unknownVerb(cmd, args[0])
	}
	// A mistyped verb may have flags, of which the group knows nothing either.
	cmd.SetFlagErrorFunc(func(at *cobra.Command, err error) error {
		if words := at.Flags().Args(); at == cmd && len(words) > 0 {
			return unknownVerb(cmd, words[0])
		}
		return wrongFlag(err)
	})
	return cmd
}

// wrongFlag says of a flag's value what it should be: pflag says which function of Go did not
// like it.
func wrongFlag(err error) error {
	var invalid *pflag.InvalidValueError
	if !errors.As(err, &invalid) {
		return err
	}
	flag := invalid.GetFlag()
	wanted, ok := map[string]string{
		"int":      "a whole number",
		"intSlice": "whole numbers, with commas between them",
		"uint64":   "a whole number, 0 or more",
		"float64":  "a number, without a unit",
		"duration": "a time like 500ms, 10s or 1h30m",
		"bool":     "true or false",
	}[flag.Value.Type()]
	if !ok || errors.Is(err, strconv.ErrRange) {
		return err
	}
	return fmt.Errorf("--%s must be %s, not %q", flag.Name, wanted, invalid.GetValue())
}

// sayUsage has errors about arguments say how a verb is called: cobra says only how many
// there must be.
func sayUsage(cmd *cobra.Command) {
	if check := cmd.Args; check != nil && !cmd.HasAvailableSubCommands() {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				if hint := strayValue(cmd, args); hint != "" {
					err = errors.New(hint)
				}
				return fmt.Errorf("%w\nUsage: %s", err, cmd.UseLine())
			}
			return nil
		}
	}
	for _, sub := range cmd.Commands() {
		sayUsage(sub)
	}
}

// strayValue says of an argument that was meant for a switch before it how to write it; empty if
// there is none.
func strayValue(cmd *cobra.Command, args []string) string {
	i := slices.IndexFunc(args, func(arg string) bool { return arg == "true" || arg == "false" })
	if i < 0 {
		return ""
	}
	var meant []string
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if f.NoOptDefVal == "true" {
			meant = append(meant, fmt.Sprintf("--%s=%s", f.Name, args[i]))
		}
	})
	if len(meant) == 0 {
		return ""
	}
	return fmt.Sprintf("%q is an argument of its own: write %s", args[i], strings.Join(meant, " or "))
}

// strictHelp makes help about what there is not a mistake in usage, as a verb is that there
// is not.
func strictHelp(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	help, _, err := root.Find([]string{"help"})
	if err != nil {
		panic("herd: " + err.Error()) // it was just made
	}
	help.Args = func(_ *cobra.Command, words []string) error {
		if _, _, err := root.Find(words); err != nil {
			return usagef("%w\nSee \"herd --help\".", err)
		}
		return nil
	}
}

func unknownVerb(group *cobra.Command, word string) error {
	group.SuggestionsMinimumDistance = 2
	hint := ""
	if like := group.SuggestionsFor(word); len(like) > 0 {
		hint = "\n\nDid you mean this?\n\t" + strings.Join(like, "\n\t")
	}
	return usagef("unknown command %q for %q%s", word, group.CommandPath(), hint)
}
