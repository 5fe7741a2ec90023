package main

import (
	"context"
	"fmt"
	"html"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"herd/cmd/herd/internal/human"
	"herd/gossip/location"
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

// belowZero puts a space before the arguments of "near" and "places near" that begin as
// numbers below zero do: the parser of flags would take them for flags. What
// follows a flag that wants a value is left to it.
func belowZero(root *cobra.Command, args []string) []string {
	args = append([]string{}, args...) // nil would mean os.Args to cobra
	words := args
	if len(words) > 0 && (words[0] == cobra.ShellCompRequestCmd || words[0] == cobra.ShellCompNoDescRequestCmd) {
		words = words[1:]
	}
	first := slices.Index(words, "near") + 1
	if first == 0 || first > 2 || first == 2 && words[0] != "places" {
		return args
	}
	near, _, err := root.Find(words[:first])
	if err != nil {
		return args
	}
	for i := first; i < len(words) && words[i] != "--"; i++ {
		flag := near.Flags().Lookup(strings.TrimPrefix(words[i-1], "--"))
		wanted := strings.HasPrefix(words[i-1], "--") && flag != nil && flag.NoOptDefVal == ""
		if w := words[i]; !wanted && len(w) > 1 && w[0] == '-' && strings.IndexByte(".0123456789", w[1]) >= 0 {
			words[i] = " " + w
		}
	}
	return args
}

// point reads a position: LAT LON, LAT,LON, or as the protocol has it.
func point(args ...string) (lat, lng float64, err error) {
	text := strings.TrimSpace(strings.Join(args, " "))
	if p, err := location.ParsePosition([]byte(text)); err == nil {
		lat, lng = p.Degrees()
		return lat, lng, nil
	}
	fields := strings.FieldsFunc(text, func(r rune) bool { return r == ',' || unicode.IsSpace(r) })
	if len(fields) != 2 {
		return 0, 0, usagef("%q is no position: give LAT LON, LAT,LON or, as clients do, +LAT-LON, in degrees with a decimal point", text)
	}
	p, err := location.ParsePosition([]byte(signed(fields[0]) + signed(fields[1])))
	if err == nil {
		lat, lng = p.Degrees()
		return lat, lng, nil
	}
	hint := ""
	if _, err := location.ParsePosition([]byte(signed(fields[1]) + signed(fields[0]))); err == nil {
		hint = "; the latitude comes first"
	}
	if _, err := location.ParsePosition([]byte(signed(fields[0]) + "+0")); err != nil {
		return 0, 0, usagef("%q is no latitude: degrees from -90 to 90, like 34.0689%s", fields[0], hint)
	}
	return 0, 0, usagef("%q is no longitude: degrees from -180 to 180, like -118.4452%s", fields[1], hint)
}

// signed is a number as a position has it.
func signed(number string) string {
	if number[0] == '+' || number[0] == '-' {
		return number
	}
	return "+" + number
}

// choice is the value of a flag that takes one of a few words.
type choice struct {
	value *string
	words []string
}

func (c choice) String() string { return *c.value }
func (c choice) Type() string   { return "string" }

func (c choice) Set(text string) error {
	if !slices.Contains(c.words, text) {
		return fmt.Errorf("it must be one of %s", strings.Join(c.words, ", "))
	}
	*c.value = text
	return nil
}

// choiceFlag gives a verb a flag that takes one of the words: the value at p, if
// nobody says otherwise.
func choiceFlag(cmd *cobra.Command, p *string, name, help string, words ...string) {
	cmd.Flags().Var(choice{p, words}, name, help)
	err := cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
	if err != nil {
		panic("herd: " + err.Error()) // the flag is there, and only once
	}
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

// openPlaces has a function of geofile read a file of places. At a terminal it says so if that takes a while.
// It warns if the file is probably not what it should be.
func openPlaces[T any](ctx context.Context, a *app, path string, o geofile.Options, open func(context.Context, string, geofile.Options) (T, *geofile.Report, error)) (T, *geofile.Report, error) {
	if info, err := os.Stat(path); err == nil && info.Size() > largeFile && terminal(a.stderr) {
		fmt.Fprintf(a.stderr, "Reading %s, %s …\n", path, human.Size(uint64(info.Size())))
	}
	read, report, err := open(ctx, path, o)
	if err != nil {
		return read, nil, err
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

// tookText writes how long something took, in as many digits as are of use.
func tookText(d time.Duration) string {
	if d < 10*time.Millisecond {
		return d.Round(10 * time.Microsecond).String()
	}
	return d.Round(time.Millisecond).String()
}

// clip is a text from a file or a server for a cell of a table: what a terminal
// would obey is left out, and what is beyond the width.
func clip(s string, width int) string {
	s = printable(s)
	if runes := []rune(s); len(runes) > width {
		return string(runes[:width-1]) + "…"
	}
	return s
}

// printable leaves out what a terminal would obey.
func printable(s string) string {
	const nonJoiner, joiner = '\u200c', '\u200d' // spelling, in some languages
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsPrint(r) || r == nonJoiner || r == joiner:
			return r
		case unicode.IsSpace(r):
			return ' '
		}
		return -1
	}, s)
}

var (
	htmlLink = regexp.MustCompile(`<a\s[^>]*?href="([^"]*)"[^>]*>(.*?)</a>`)
	htmlTag  = regexp.MustCompile(`<[^>]*>`)
)

// textOf is an attribution as text.
func textOf(attribution string) string {
	text := htmlLink.ReplaceAllString(attribution, "$2 ($1)")
	return printable(html.UnescapeString(htmlTag.ReplaceAllString(text, "")))
}
