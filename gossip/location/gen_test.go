package location

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func mustPosition(t testing.TB, text string) Position {
	t.Helper()
	p, err := ParsePosition([]byte(text))
	if err != nil {
		t.Fatalf("ParsePosition(%q): %v", text, err)
	}
	return p
}

func mustTime(t testing.TB, text string) Time {
	t.Helper()
	v, err := ParseTime([]byte(text))
	if err != nil {
		t.Fatalf("ParseTime(%q): %v", text, err)
	}
	return v
}

func digits(alphabet string, least, most int) *rapid.Generator[string] {
	return rapid.StringOfN(rapid.RuneFrom([]rune(alphabet)), least, most, -1)
}

// fraction draws nothing, or a point and digits of the alphabet: as many as the
// numbers hold or more.
func fraction(alphabet string, held int) *rapid.Generator[string] {
	point := func(digits string) string { return "." + digits }
	return rapid.OneOf(
		rapid.Just(""),
		rapid.Map(digits(alphabet, 1, held), point),
		rapid.Map(digits(alphabet, held, held+25), point),
	)
}

// coordinateText draws every legal form of a coordinate within ±limit.
func coordinateText(limit int) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		n := rapid.OneOf(rapid.IntRange(0, limit), rapid.SampledFrom([]int{0, limit})).Draw(t, "degrees")
		alphabet := "0123456789"
		if n == limit {
			alphabet = "0"
		}
		return rapid.SampledFrom([]string{"+", "-"}).Draw(t, "sign") +
			fmt.Sprintf("%0*d", rapid.IntRange(1, 3).Draw(t, "width"), n) +
			fraction(alphabet, maxFraction).Draw(t, "fraction")
	})
}

// positionText draws every legal form of a position.
func positionText() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		return coordinateText(90).Draw(t, "latitude") +
			coordinateText(180).Draw(t, "longitude") +
			rapid.SampledFrom([]string{"", "/"}).Draw(t, "end")
	})
}

// timeText draws every legal form of a time.
func timeText() *rapid.Generator[string] {
	const last = 9223372036
	return rapid.Custom(func(t *rapid.T) string {
		whole := rapid.OneOf(rapid.Int64Range(0, last), rapid.SampledFrom([]int64{0, 1, last})).Draw(t, "whole")
		zeros := rapid.OneOf(rapid.Just(0), rapid.IntRange(0, 30)).Draw(t, "zeros")
		text := strings.Repeat("0", zeros) + fmt.Sprint(whole)
		if whole < last {
			return text + fraction("0123456789", 9).Draw(t, "fraction")
		}
		nanos := fmt.Sprintf(".%09d", rapid.OneOf(rapid.IntRange(0, 854775807), rapid.Just(854775807)).Draw(t, "nanos"))
		return text + rapid.OneOf(
			rapid.SampledFrom([]string{"", nanos[:2], nanos[:5], nanos}),
			rapid.Map(digits("0123456789", 1, 20), func(tail string) string { return nanos + tail }),
		).Draw(t, "fraction")
	})
}

// entry draws fixes that tie in everything from nothing to all: few values of
// each field, with texts of equal value, and clocks that make the clamp bite.
func entry() *rapid.Generator[Entry] {
	positions := []string{"+0+0", "-0+0", "+0+0/", "+0.0+0.0", "+0+0.0000000000000000", "+34.068930-118.445127"}
	times := []string{"5", "5.0", "05", "5.0000000001", "6", "9000000000", "9000000001"}
	return rapid.Custom(func(t *rapid.T) Entry {
		p, _ := ParsePosition([]byte(rapid.SampledFrom(positions).Draw(t, "position")))
		v, _ := ParseTime([]byte(rapid.SampledFrom(times).Draw(t, "time")))
		node := rapid.SampledFrom([]string{"Bona", "Clark"}).Draw(t, "node")
		received := rapid.SampledFrom([]int64{4e9, 5e9, 6e9}).Draw(t, "received")
		return Entry{NewFix(node, received, 1e9, p, v), dot().Draw(t, "dot")}
	})
}

func dot() *rapid.Generator[Dot] {
	return rapid.Custom(func(t *rapid.T) Dot {
		return Dot{
			Takeovers: uint32(rapid.IntRange(0, 1).Draw(t, "takeovers")),
			Origin:    Origin(rapid.IntRange(1, 2).Draw(t, "origin")),
			Seq:       uint64(rapid.IntRange(1, 2).Draw(t, "seq")),
		}
	})
}
