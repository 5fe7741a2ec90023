package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"herd/cmd/herd/internal/roff"
)

// settingsPage is the name of the manual page of the settings, in section 5.
const settingsPage = "herd.hcl"

// afterHeading is a paragraph that begins where a part of the page does, which needs none.
var afterHeading = regexp.MustCompile(`(?m)^(\.S[HS] .*\n)\.PP\n`)

// manual is for packages: what it writes is what --help and the pages of help say.
func (a *app) manual() *cobra.Command {
	return &cobra.Command{
		Use:    "man DIR",
		Short:  "Write the manual pages",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return verb(func(context.Context, []string) error {
				date, err := a.manualDate()
				if err != nil {
					return err
				}
				for name, text := range manualPages(cmd.Root(), date) {
					text = afterHeading.ReplaceAllString(text, "$1")
					if err := os.WriteFile(filepath.Join(args[0], name), []byte(text), 0o644); err != nil {
						return fmt.Errorf("write a manual page: %w", err)
					}
				}
				return nil
			})(cmd, args)
		},
	}
}

// manualDate is the date in the pages. Equal sources make equal pages: it is that of the
// sources, if whoever builds says so, and none else.
func (a *app) manualDate() (string, error) {
	epoch := a.getenv("SOURCE_DATE_EPOCH")
	if epoch == "" {
		return "", nil
	}
	seconds, err := strconv.ParseInt(epoch, 10, 64)
	if err != nil {
		return "", usagef("SOURCE_DATE_EPOCH is not a number of seconds: %w", err)
	}
	return time.Unix(seconds, 0).UTC().Format(time.DateOnly), nil
}

// manualPages are the pages by the names of their files: a verb each in section 1, the
// settings in 5, the other pages of help in 7.
func manualPages(root *cobra.Command, date string) map[string]string {
	root.InitDefaultHelpCmd()
	pages := map[string]string{}
	var add func(*cobra.Command)
	add = func(cmd *cobra.Command) {
		name := strings.ReplaceAll(cmd.CommandPath(), " ", "-")
		switch {
		case cmd.Hidden || cmd.Name() == "help":
			return
		case !cmd.IsAdditionalHelpTopicCommand():
			pages[name+".1"] = verbPage(cmd, name, date)
		case cmd.Name() == "settings":
			pages[settingsPage+".5"] = helpPage(cmd, settingsPage, 5, date)
		default:
			pages[name+".7"] = helpPage(cmd, name, 7, date)
		}
		for _, sub := range cmd.Commands() {
			add(sub)
		}
	}
	add(root)
	return pages
}

func title(name string, section int, date string) string {
	return roff.Title(name, section, date, "herd "+release)
}

func helpPage(cmd *cobra.Command, name string, section int, date string) string {
	body := roff.Markdown(cmd.Long)
	if !strings.HasPrefix(body, ".SH") {
		body = roff.Section("description") + body
	}
	return title(name, section, date) + roff.Names(name, cmd.Short) + body + seeAlso("herd(1)", "herd-node(1)")
}

func verbPage(cmd *cobra.Command, name, date string) string {
	var b strings.Builder
	b.WriteString(title(name, 1, date) + roff.Names(name, cmd.Short) + roff.Section("synopsis"))
	usage, operands, _ := strings.Cut(cmd.UseLine(), " [flags]")
	switch operands = roff.Text(operands); {
	case !cmd.HasAvailableSubCommands():
	case cmd.Runnable() && cmd.Annotations["group"] == "": // it does something of its own, too
		operands += "\n.br\n" + roff.Bold(cmd.CommandPath()) + " COMMAND"
	default:
		operands = " COMMAND"
	}
	b.WriteString(roff.Bold(usage) + " [" + roff.Italic("flags") + "]" + operands + "\n")
	long := cmd.Long
	if long == "" {
		long = cmd.Short + "."
	}
	b.WriteString(roff.Section("description") + roff.Markdown(long))
	b.WriteString(subcommands(cmd))
	if flags := options(cmd); flags != "" {
		b.WriteString(roff.Section("options") + flags)
	}
	if cmd.HasParent() {
		b.WriteString(roff.Section("exit status") + "See\n.BR herd (1).\n")
	} else {
		b.WriteString(exitStatus())
	}
	b.WriteString(roff.Section("examples") + roff.Code(strings.ReplaceAll("\n"+cmd.Example, "\n  ", "\n")))
	if cmd.HasParent() {
		return b.String() + seeAlso("herd(1)", settingsPage+"(5)", "herd-operating(7)")
	}
	return b.String() + seeAlso("herd-node(1)", settingsPage+"(5)", "herd-operating(7)", "herd-api(7)")
}

// subcommands lists the verbs of a word, and the pages of help.
func subcommands(cmd *cobra.Command) string {
	var verbs, pages string
	for _, sub := range cmd.Commands() {
		switch {
		case sub.Hidden || sub.Name() == "help":
		case sub.IsAdditionalHelpTopicCommand():
			pages += roff.Item(roff.Bold("herd help "+sub.Name()), roff.Text(sub.Short))
		default:
			verbs += roff.Item(roff.Bold(sub.Name()), roff.Text(sub.Short))
		}
	}
	if verbs != "" {
		verbs = roff.Section("commands") + verbs
	}
	if pages != "" {
		pages = roff.Section("pages") + pages
	}
	return verbs + pages
}

func options(cmd *cobra.Command) string {
	var b strings.Builder
	cmd.InitDefaultHelpFlag()
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		term := roff.Bold("--" + f.Name)
		if f.Shorthand != "" {
			term = roff.Bold("-"+f.Shorthand) + ", " + term
		}
		what, help := pflag.UnquoteUsage(f)
		if what != "" {
			term += "=" + roff.Italic(what)
		}
		switch f.DefValue {
		case "", "false", "0", "[]", "0s":
		default:
			help += fmt.Sprintf(" (default %s)", f.DefValue)
		}
		b.WriteString(roff.Item(term, roff.Text(help)))
	})
	return b.String()
}

// exitStatus is the table of exit codes, which hold for every verb.
func exitStatus() string {
	var b strings.Builder
	b.WriteString(roff.Section("exit status"))
	for _, e := range exitMeanings() {
		b.WriteString(roff.Item(roff.Bold(strconv.Itoa(e.code)), roff.Text(e.means)))
	}
	return b.String()
}

func seeAlso(pages ...string) string {
	for i, p := range pages {
		name, section, _ := strings.Cut(p, "(")
		pages[i] = ".BR " + strings.ReplaceAll(name, "-", `\-`) + " (" + section
	}
	return roff.Section("see also") + strings.Join(pages, " ,\n") + "\n"
}
