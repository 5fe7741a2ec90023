package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"herd/cmd/herd/internal/human"
	"herd/cmd/herd/internal/snapshot"
)

func (a *app) snapshot() *cobra.Command {
	cmd := group(&cobra.Command{
		Use:   "snapshot",
		Short: "Save the clients of a herd to a file, and bring them back",
		Long: "A snapshot has every client of a herd with what it has sent: position and time, byte for\n" +
			"byte. It is taken and brought back while the herd serves.",
		Example: "  herd snapshot save herd.ndjson\n  herd snapshot restore herd.ndjson",
	})
	cmd.AddCommand(a.snapshotSave(), a.snapshotRestore(), a.snapshotInspect())
	return cmd
}

// openSnapshot opens a file, or standard input.
func openSnapshot(name string) (*snapshot.Reader, io.Closer, error) {
	f := os.Stdin
	if name != "-" {
		var err error
		if f, err = os.Open(name); err != nil {
			return nil, nil, unopened(err)
		}
	}
	r, err := snapshot.NewReader(f)
	if err != nil {
		if !errors.As(err, new(*os.PathError)) { // which says it
			err = fmt.Errorf("read %s: %w", name, err)
		}
		return nil, nil, errors.Join(err, f.Close())
	}
	return r, f, nil
}

// unopened gives the error of a file that can't be opened its exit code: another one was meant.
func unopened(err error) error {
	var e *fs.PathError
	if errors.As(err, &e) && (e.Op == "open" || e.Op == "stat") {
		return &exit{exitUsage, err}
	}
	return err
}

func (a *app) snapshotInspect() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "inspect FILE",
		Short: "Say what is in a snapshot, and whether it is whole",
		Long: "Inspect reads a snapshot, - for standard input, and counts what is in it. Exit code 1 if\n" +
			"a line is damaged or the end is missing.",
		Example: "  herd snapshot inspect herd.ndjson",
		Args:    cobra.ExactArgs(1),
	}
	cmd.RunE = verb(func(ctx context.Context, args []string) error {
		r, file, err := openSnapshot(args[0])
		if err != nil {
			return err
		}
		defer file.Close()
		sum := snapshot.Summary{Header: r.Header}
		for {
			record, err := r.Next()
			if !sum.Add(&record, err) {
				break
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
		}
		if asJSON {
			err = printJSON(a.stdout, sum)
		} else {
			err = printTable(a.stdout, summaryTable(&sum))
		}
		if err == nil && !sum.Whole {
			err = &exit{exitFailed, fmt.Errorf("%s is damaged: %s, %s", args[0], human.Count(int(sum.Damaged), "line"), sum.First[0])}
		}
		return err
	})
	jsonFlag(cmd, &asJSON)
	return cmd
}

func summaryTable(s *snapshot.Summary) [][]string {
	date := func(t time.Time) string {
		if t.IsZero() {
			return "-"
		}
		return t.UTC().Format(time.RFC3339)
	}
	rows := [][]string{
		{"saved", date(s.Header.Saved)},
		{"from", printable(s.Header.Node)},
		{"clients", strconv.Itoa(s.Clients)},
		{"oldest", date(s.Oldest)},
		{"newest", date(s.Newest)},
	}
	if b := s.Area; b != nil {
		rows = append(rows, []string{"area", fmt.Sprintf("%.6f,%.6f,%.6f,%.6f", b.West, b.South, b.East, b.North)})
	}
	var names []string
	for name := range s.Nodes {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		rows = append(rows, []string{"of " + printable(name), strconv.Itoa(s.Nodes[name])})
	}
	rows = append(rows, []string{"damaged", strconv.Itoa(s.Damaged)})
	for _, text := range s.First {
		rows = append(rows, []string{"", printable(text)})
	}
	return rows
}
