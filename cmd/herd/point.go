package main

import (
	"slices"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"herd/gossip/location"
)

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
