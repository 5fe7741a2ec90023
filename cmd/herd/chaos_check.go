package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"herd/node/history"
)

// atLine is the first line of a reply, if it is an AT line.
func atLine(reply string) (string, bool) {
	line, _, _ := strings.Cut(reply, "\n")
	return strings.Clone(line), strings.HasPrefix(line, "AT ")
}

// verdict checks a history, prints the report, and is an error if the herd has failed.
func (t *trial) verdict(h *history.History) error {
	t.tale.Sent, t.tale.Report = updates(h), history.Check(h)
	if t.json {
		if err := printJSON(t.app.stdout, &t.tale); err != nil {
			return err
		}
	} else {
		settled := "never"
		if t.tale.Settled != nil {
			settled = t.tale.Settled.Round(time.Millisecond).String()
		}
		fmt.Fprintf(t.app.stdout, "\nSeed %d. Updates sent: %d. One herd again after: %s.\n", t.seed, t.tale.Sent, settled)
		printReport(t.app, t.tale.Report)
	}
	switch err := judge(t.tale.Report); {
	case err != nil:
		return err
	case t.tale.Settled == nil:
		return fmt.Errorf("the nodes were not one herd again in %s", t.settle)
	case t.tale.Report.Writes == 0:
		return errors.New("no update was acknowledged: nothing is proved")
	case t.rec.Full():
		return errors.New("there was no room for all that happened: run for a shorter time, or with a lower --rate")
	}
	return nil
}

func updates(h *history.History) int {
	n := 0
	for i := range h.Ops {
		if h.Ops[i].Kind == history.Write {
			n++
		}
	}
	return n
}

func printReport(a *app, r *history.Report) {
	fmt.Fprintf(a.stdout, "\n%s", r)
}

// judge is an error if a promise was broken.
func judge(r *history.Report) error {
	var broken []string
	for _, p := range r.Promises {
		if p.Broken > 0 {
			broken = append(broken, fmt.Sprintf("%s (%d)", p.Promise, p.Broken))
		}
	}
	if len(broken) == 0 {
		return nil
	}
	return fmt.Errorf("promises were broken: %s", strings.Join(broken, ", "))
}

func (a *app) chaosCheck() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "check FILE",
		Short: "Check a recorded history again",
		Long: "Check reads what \"herd chaos run --out FILE\" or \"herd chaos report --out FILE\" has recorded, and\n" +
			"checks it against what a herd promises. Exit code 1 if a promise was broken.",
		Example: "  herd chaos check history.ndjson",
		Args:    cobra.ExactArgs(1),
	}
	cmd.RunE = verb(func(_ context.Context, args []string) error {
		f, err := os.Open(args[0])
		if err != nil {
			return &exit{exitUsage, err}
		}
		defer f.Close()
		h, err := history.ReadHistory(f)
		if err != nil {
			return &exit{exitUsage, fmt.Errorf("%s: %w", args[0], err)}
		}
		r := history.Check(h)
		if asJSON {
			err = printJSON(a.stdout, r)
		} else {
			fmt.Fprintf(a.stdout, "Seed %d. Updates sent: %d.\n", h.Seed, updates(h))
			printReport(a, r)
		}
		return errors.Join(err, judge(r))
	})
	jsonFlag(cmd, &asJSON)
	return cmd
}
