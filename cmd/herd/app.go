package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"herd/cmd/herd/internal/tty"
	"herd/config"
)

// Exit codes are a contract with scripts and service managers.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2 // the command line or the configuration: starting again is no use
	exitUnreachable = 3 // no node answers
	exitUnmet       = 4 // the condition asked for did not come true
	exitInterrupted = 130
)

// exitMeanings say what the codes mean, in the manual and in the operator's page.
func exitMeanings() []exitMeaning {
	return []exitMeaning{
		{exitDone, "Done."},
		{exitFailed, "What was asked for failed, or a node could not start: its port is taken, its name is."},
		{exitUsage, "The command line or the configuration is wrong, by what the node says too, or a file that is to be read can't be opened: to try again is no use."},
		{exitUnreachable, "No node answers."},
		{exitUnmet, "What was waited for did not come true."},
		{exitInterrupted, "SIGINT or SIGTERM came before it was done, or came twice. What runs until then, as a node does, ends with 0."},
	}
}

type exitMeaning struct {
	code  int
	means string
}

// app is one call of herd and what it has of the world.
type app struct {
	stdout, stderr io.Writer
	environ        []string
	newNode        nodeFunc
	notify         func(state string) error // tells the service manager, if there is one
}

// run does what the arguments say and returns the exit code. It ends soon after
// ctx is done.
func run(ctx context.Context, args []string, stdout, stderr io.Writer, environ []string) int {
	a := &app{stdout: stdout, stderr: stderr, environ: environ, newNode: nodeMaker(), notify: sendNotice}
	return a.run(ctx, args)
}

func (a *app) run(ctx context.Context, args []string) int {
	root := a.root()
	pages := &pageWriter{w: a.stdout}
	root.SetOut(pages)
	root.SetArgs(belowZero(root, args))
	cmd, err := root.ExecuteContextC(ctx)
	if pages.err != nil && (err == nil || errors.Is(err, pages.err)) {
		err = &exit{exitFailed, pages.err}
	}
	return a.report(cmd, err)
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "herd",
		Short: "Herd keeps the positions of clients on every node of a herd",
		Long: "Herd keeps the newest position of every client on every node of a herd, and answers\n" +
			"what is near any of them. Start a node anywhere, point it at any other: it is part\n" +
			"of the herd.",
		Example:       "  herd dev\n  herd send 127.0.0.1:4131 'IAMAT kiwi.cs.ucla.edu +34.068930-118.445127 1621464827.959498503'",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetErr(a.stderr)
	root.SetUsageTemplate(usageTemplate)
	root.Version = versionLine()
	root.SetVersionTemplate("{{.Version}}\n")
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return wrongFlag(err) })
	root.AddCommand(
		a.dev(), a.node(), a.members(), a.ready(), a.clients(), a.near(), a.events(), a.top(), a.send(), a.leave(), a.doctor(), a.reload(), a.snapshot(), a.places(), a.walk(), a.bench(), a.chaos(), a.keygen(), a.keyring(),
		a.config(), a.version(), a.completion(), a.manual(),
	)
	root.AddCommand(topics()...)
	sayUsage(root)
	strictHelp(root)
	return root
}

// exit is an error that knows its exit code.
type exit struct {
	code int
	err  error // nil: all is said
}

func (e *exit) Error() string { return fmt.Sprint(e.err) }
func (e *exit) Unwrap() error { return e.err }

// errInterrupted is that somebody did not want to wait for the verb's end.
var errInterrupted = &exit{exitInterrupted, errors.New("interrupted")}

// interrupted gives an error that comes of the end of ctx, the context of a verb, its name: that a
// question was given up says nothing of the node, nor how long it was waited for.
func interrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return errInterrupted
	}
	return err
}

// verb makes what a verb does into what cobra runs. What comes back without an
// exit code of its own is a failure of the verb; errors that cobra makes itself
// never pass here, and so are about usage.
func verb(do func(ctx context.Context, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		err := interrupted(cmd.Context(), do(cmd.Context(), args))
		var e *exit
		var wrong *config.Error
		var refused *refusal
		switch {
		case err == nil || errors.As(err, &e):
			return err
		case errors.As(err, &wrong), errors.As(err, &refused) && refused.senseless():
			return &exit{exitUsage, err}
		}
		return &exit{exitFailed, err}
	}
}

func usagef(format string, args ...any) error {
	return &exit{exitUsage, fmt.Errorf(format, args...)}
}

// report says what went wrong and gives the exit code.
func (a *app) report(cmd *cobra.Command, err error) int {
	if err == nil {
		return exitDone
	}
	var e *exit
	if !errors.As(err, &e) {
		fmt.Fprintf(a.stderr, "herd: %s\nSee \"%s --help\".\n", strings.TrimSpace(err.Error()), cmd.CommandPath())
		return exitUsage
	}
	var wrong *config.Error
	switch {
	case e.err == nil:
	case errors.As(err, &wrong):
		width := 0
		if tty.Is(a.stderr) {
			width = 78
		}
		wrong.Render(a.stderr, width, width > 0 && a.getenv("NO_COLOR") == "")
	default:
		fmt.Fprintf(a.stderr, "herd: %v\n", err)
	}
	return e.code
}

func (a *app) getenv(name string) string {
	for _, e := range a.environ {
		if n, value, _ := strings.Cut(e, "="); n == name {
			return value
		}
	}
	return ""
}
