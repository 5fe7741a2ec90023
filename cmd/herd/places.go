package main

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"herd/cmd/herd/internal/human"
	"herd/cmd/herd/internal/tty"
	"herd/places/dataset"
	"herd/places/geofile"
)

// places is the group of verbs about places.
func (a *app) places() *cobra.Command {
	cmd := group(&cobra.Command{
		Use:   "places",
		Short: "Look at places, pack files of them, check who is asked",
		Long: "Who is asked what is near, and which files of places can be read: see\n" +
			"\"herd help providers\". Only check asks anybody.",
		Example: "  herd places near 34.0689 -118.4452\n  herd places check --config /etc/herd",
	})
	cmd.AddCommand(a.placesCheck(), a.placesInfo(), a.placesNear(), a.placesPack())
	return cmd
}

// formatFlag gives a verb --format.
func formatFlag(cmd *cobra.Command, p *string) {
	words := []string{string(geofile.Auto)}
	for _, f := range geofile.Formats() {
		words = append(words, string(f))
	}
	*p = string(geofile.Auto)
	choiceFlag(cmd, p, "format", "what is in the file, if not told by its content", words...)
}

// rankOf gives the words of --rank a meaning.
func rankOf(word string) dataset.Rank {
	if word == "distance" {
		return dataset.Distance
	}
	return dataset.Prominence
}

// largeFile takes some seconds to read.
const largeFile = 64 << 20 // bytes

// openPlaces has a function of geofile read a file of places. At a terminal it says so if that
// takes a while. It warns if the file is probably not what it should be.
func openPlaces[T any](ctx context.Context, a *app, path string, o geofile.Options, open func(context.Context, string, geofile.Options) (T, *geofile.Report, error)) (T, *geofile.Report, error) {
	if info, err := os.Stat(path); err == nil && info.Size() > largeFile && tty.Is(a.stderr) {
		fmt.Fprintf(a.stderr, "Reading %s, %s …\n", path, human.Size(uint64(info.Size())))
	}
	read, report, err := open(ctx, path, o)
	if err != nil {
		return read, nil, unopened(err)
	}
	if report.Warning != "" {
		fmt.Fprintf(a.stderr, "WARNING: %s: %s of %s records dropped. %s\n", path,
			geofile.Thousands(report.Drops()), geofile.Thousands(int(report.Records)), report.Warning)
	}
	return read, report, nil
}

// fileReport is the report of a file in JSON.
type fileReport struct {
	File    string  `json:"file"`
	Format  string  `json:"format"`
	Gzip    bool    `json:"gzip"`
	Records int64   `json:"records"`
	Kept    int     `json:"kept"`
	Dropped []tally `json:"dropped"`
	Noted   []tally `json:"noted"`
	Warning string  `json:"warning,omitempty"`
}

// tally is how many records have the same said of them, and which was the first:
// its line from 1, its byte from 0.
type tally struct {
	Reason string `json:"reason"`
	Count  int    `json:"count"`
	Line   int    `json:"line"`
	Byte   int64  `json:"byte"`
	Field  string `json:"field,omitempty"`
	What   string `json:"what,omitempty"`
}

// newFileReport is a report about the file at path.
func newFileReport(path string, r *geofile.Report) *fileReport {
	list := func(tallies []geofile.Tally) []tally {
		all := []tally{}
		for _, t := range tallies {
			all = append(all, tally{t.Reason, t.Count, t.First.Line, t.First.Byte, t.First.Field, t.First.What})
		}
		return all
	}
	return &fileReport{
		File: path, Format: string(r.Format), Gzip: r.Zipped, Records: r.Records, Kept: r.Kept,
		Dropped: list(r.Dropped), Noted: list(r.Noted), Warning: r.Warning,
	}
}

// lines is the report for people: a line for the file, and one for each reason to
// drop records or to note something of them.
func (r *fileReport) lines() []string {
	format := r.Format
	if r.Gzip {
		format += ", gzip"
	}
	all := []string{fmt.Sprintf("%s (%s): %s", r.File, format, geofile.Counted(r.Kept))}
	add := func(verb string, tallies []tally) {
		for _, t := range tallies {
			line := fmt.Sprintf("  %s %s %s, first at line %d", verb, geofile.Thousands(t.Count), t.Reason, t.Line)
			if t.Byte > 0 && t.Line == 1 {
				line += fmt.Sprintf(", byte %d", t.Byte)
			}
			if t.What != "" {
				line += ": " + t.What
			}
			all = append(all, line)
		}
	}
	add("dropped", r.Dropped)
	add("kept", r.Noted)
	return all
}
