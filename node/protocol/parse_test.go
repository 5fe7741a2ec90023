package protocol

import (
	"bytes"
	"fmt"
	"math"
	"math/big"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"herd/gossip/location"
)

func TestMaxID(t *testing.T) {
	tests := []struct{ limit, longest int }{
		{0, 255}, {-1, 255}, {1, 1}, {20, 20}, {255, 255}, {256, 255}, {math.MaxInt, 255},
	}
	for _, tt := range tests {
		l := Limits{MaxID: tt.limit}
		for _, format := range []string{"IAMAT %s +34-118 5", "WHATSAT %s 10 5"} {
			if c := Parse(fmt.Appendf(nil, format, strings.Repeat("k", tt.longest)), l); c.Verb == Invalid {
				t.Errorf("MaxID %d: an ID of %d bytes is invalid: %s", tt.limit, tt.longest, c.Reason)
			}
			if c := Parse(fmt.Appendf(nil, format, strings.Repeat("k", tt.longest+1)), l); c.Reason != LongID {
				t.Errorf("MaxID %d: an ID of %d bytes is %s", tt.limit, tt.longest+1, describe(c))
			}
		}
	}
}

// Names go to logs and counters: each has its own.
func TestNames(t *testing.T) {
	seen := map[string]bool{}
	for r := range Reason(Reasons) {
		seen[r.String()] = true
	}
	for v := Empty; v <= Invalid; v++ {
		seen[v.String()] = true
	}
	if delete(seen, ""); len(seen) != Reasons+4 {
		t.Errorf("there are %d names for %d reasons and 4 verbs: %v", len(seen), Reasons, seen)
	}
}

// fragment draws what lines are made of: legal and nearly legal.
func fragment() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.SampledFrom([]string{
			"IAMAT", "WHATSAT", "AT", "iamat", "?", " ", " ", " ", "\t", "\r", "\v", "\f", "\x00", "\u00a0", "\xff",
			"kiwi", "+34-118", "+34.5-118.5/", "+90+180", "+91-118", "5", "1621464827.959498503", "9223372036.854775808",
			"0", "20", "21", "50", "50.0", "50.01", "10.5871263", ".", "1.", "1e1", "-1",
		}),
		rapid.StringMatching(`[0-9]{1,14}(\.[0-9]{0,14})?`),
		rapid.StringMatching(`[+-][0-9]{1,3}(\.[0-9]{1,18})?[+-][0-9]{1,3}(\.[0-9]{1,18})?/?`),
		rapid.String(),
	)
}

func line() *rapid.Generator[string] {
	command := func(format string) func([]string) string {
		return func(f []string) string { return fmt.Sprintf(format, f[0], f[1], f[2]) }
	}
	three := rapid.SliceOfN(fragment(), 3, 3)
	return rapid.OneOf(
		rapid.Map(three, command("IAMAT %s %s %s")),
		rapid.Map(three, command("WHATSAT\t%s  %s\r%s ")),
		rapid.Map(rapid.SliceOfN(fragment(), 0, 9), func(f []string) string { return strings.Join(f, "") }),
	)
}

func TestParseAgreesWithModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		checkParse(t, []byte(line().Draw(t, "line")), rapid.SampledFrom([]int{0, 4, 255}).Draw(t, "MaxID"))
	})
}

func FuzzParse(f *testing.F) {
	for _, r := range rules() {
		for _, c := range r.lines {
			f.Add([]byte(c.line), 0)
		}
	}
	f.Add([]byte("IAMAT kiwis +34-118 5"), 4)
	f.Fuzz(func(t *testing.T, line []byte, maxID int) { checkParse(t, line, maxID) })
}

// fataler is what *testing.T and *rapid.T have in common.
type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

// checkParse holds Parse to the model and to its promises.
func checkParse(t fataler, line []byte, maxID int) {
	t.Helper()
	before := bytes.Clone(line)
	c := Parse(line, Limits{maxID})
	if got, want := describe(c), parseModel(string(line), maxID); got != want {
		t.Fatalf("%q is %q, want %q", line, got, want)
	}
	if !bytes.Equal(line, before) {
		t.Fatalf("%q was changed to %q", before, line)
	}
	if (c.Reason != None) != (c.Verb == Invalid) {
		t.Fatalf("%q: verb %s, reason %s", line, c.Verb, c.Reason)
	}
	if c.Verb == IAmAt { // the operands come back byte for byte
		f := location.NewFix("Clark", c.Time.Nanos(), 0, c.Position, c.Time)
		fields := strings.FieldsFunc(string(line), isSpaceRune)
		want := "AT Clark +0.000000000 " + strings.Join(fields[1:], " ") + "\n"
		if got := string(AppendAt(nil, c.ID, &f)); got != want {
			t.Fatalf("%q is answered with %q, want %q", line, got, want)
		}
	}
	if got := string(AppendInvalid(nil, line)); got != "? "+string(before)+"\n" {
		t.Fatalf("%q comes back as %q", line, got)
	}
}

// isSpaceRune is for strings.FieldsFunc, which sees every byte that is no UTF-8
// as a rune that is no white space.
func isSpaceRune(r rune) bool { return strings.ContainsRune(" \t\n\v\f\r", r) }

var number = regexp.MustCompile(`^[0-9]+(\.[0-9]+)?$`)

// parseModel is the rules again, as simply as they can be said.
func parseModel(line string, maxID int) string {
	f := strings.FieldsFunc(line, isSpaceRune)
	if maxID < 1 || maxID > 255 {
		maxID = 255
	}
	switch {
	case len(f) == 0:
		return "empty"
	case f[0] != "IAMAT" && f[0] != "WHATSAT":
		return "invalid: unknown_command"
	case len(f) != 4:
		return "invalid: operands"
	case len(f[1]) > maxID:
		return "invalid: id_too_long"
	case f[0] == "IAMAT":
		if _, err := location.ParsePosition([]byte(f[2])); err != nil {
			return "invalid: position"
		}
		if _, err := location.ParseTime([]byte(f[3])); err != nil {
			return "invalid: time"
		}
		return fmt.Sprintf("%s is at %s at %s", f[1], f[2], f[3])
	}
	km, ok := rational(f[2])
	if !ok || km.Cmp(big.NewRat(50, 1)) > 0 {
		return "invalid: radius"
	}
	n, ok := rational(f[3])
	if !ok || strings.Contains(f[3], ".") || n.Cmp(big.NewRat(20, 1)) > 0 {
		return "invalid: limit"
	}
	const nanometres = 1_000_000_000_000 // in a km
	units := new(big.Int).Quo(km.Mul(km, big.NewRat(nanometres, 1)).Num(), km.Denom())
	return fmt.Sprintf("%d within %v m of %s", n.Num(), float64(units.Int64())/1e9, f[1])
}

func rational(text string) (*big.Rat, bool) {
	if !number.MatchString(text) {
		return nil, false
	}
	return new(big.Rat).SetString(text)
}

// Ordinary commands and all replies cost no allocation.
func TestAllocations(t *testing.T) {
	report, question := []byte(usualIAmAt), []byte(usualWhatsAt)
	c := Parse(report, Limits{})
	f := location.NewFix("Clark", c.Time.Nanos(), 0, c.Position, c.Time)
	buf := make([]byte, 0, 256)
	tests := []struct {
		name string
		f    func()
	}{
		{"IAMAT", func() { Parse(report, Limits{}) }},
		{"WHATSAT", func() { Parse(question, Limits{}) }},
		{"invalid", func() { Parse(question[1:], Limits{}) }},
		{"AT", func() { AppendAt(buf, c.ID, &f) }},
		{"echo", func() { AppendInvalid(buf, report) }},
	}
	for _, tt := range tests {
		if n := testing.AllocsPerRun(100, tt.f); n != 0 {
			t.Errorf("%s: %v allocations", tt.name, n)
		}
	}
}
