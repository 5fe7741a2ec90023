package location

import (
	"errors"
	"math"
	"math/big"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParsePosition(t *testing.T) {
	tests := []struct {
		text     string
		lat, lon float64
	}{
		{"+34.068930-118.445127", 34.068930, -118.445127},
		{"+34-118", 34, -118},
		{"+1.0-1.0", 1, -1},
		{"+27.5916+086.5640", 27.5916, 86.564},
		{"+034-118", 34, -118},
		{"+004-008", 4, -8},
		{"+0+0", 0, 0},
		{"-0-0", 0, 0},
		{"-00.0-000.00", 0, 0},
		{"+34-118/", 34, -118},
		{"+34.5-118.25/", 34.5, -118.25},
		{"+90+180", 90, 180},
		{"-90-180", -90, -180},
		{"+090.0-180.000", 90, -180},
		{"+90.00000000000000000000+180.00000000000000000000", 90, 180},
		{"+89.99999999999999999999-179.99999999999999999999", 90, -180}, // as near as a float64 gets
		{"+0.123456789012345+0.1234567890123456", 0.123456789012345, 0.1234567890123456},
		{"+0." + strings.Repeat("1", 4000) + "-0.5", 0.1111111111111111, -0.5},
	}
	for _, tt := range tests {
		p, err := ParsePosition([]byte(tt.text))
		if err != nil {
			t.Errorf("%q: %v", tt.text, err)
			continue
		}
		if got := p.String(); got != tt.text {
			t.Errorf("%q comes back as %q", tt.text, got)
		}
		lat, lon := p.Degrees()
		if math.Abs(lat-tt.lat) > 1e-12 || math.Abs(lon-tt.lon) > 1e-12 {
			t.Errorf("%q: %v, %v; want %v, %v", tt.text, lat, lon, tt.lat, tt.lon)
		}
	}
}

func TestParsePositionRefuses(t *testing.T) {
	tests := []struct {
		rule  string
		texts []string
	}{
		{"signed latitude, then signed longitude", []string{"", "+", "+34", "+34.5", "+34+", "+34-118+0", "+34-118-0"}},
		{"both signs mandatory", []string{"34-118", "+34118", "34.5-118.5", "34118", "+34 118"}},
		{"nothing between", []string{"+34 -118", "+34,-118", "+34/-118", "+34\x00-118", "+34+-118", "+34--118"}},
		{"nothing around", []string{" +34-118", "+34-118 ", "+34-118\n", "x+34-118", "+34-118x", "++34-118", "- 34-118"}},
		{"1-3 integer digits each", []string{"+-", "+34-", "+-118", "+0034-118", "+34-0118", "+0000-0"}},
		{"`+34.` and `+.5` are invalid", []string{"+34.-118", "+34-118.", "+.5-118", "+34-.5", "+.-.", "+34.-118.", "+34./-118", "+34-118./", "+34..5-118"}},
		{"one trailing `/`", []string{"/", "+34-118//", "/+34-118", "+34/-118/", "+34-118/ ", "+34-118/x"}},
		{"latitude within ±90", []string{"+91-118", "-91-118", "+90.1-118", "-90.1-118", "+999-118", "+90.00000000000000000001-118", "-90." + strings.Repeat("0", 300) + "1-118"}},
		{"longitude within ±180", []string{"+34+181", "+34-181", "+34+180.1", "+34-180.1", "+34-999", "+34+180.00000000000000000001", "+34-180." + strings.Repeat("0", 300) + "1"}},
		{"no exponent, hex, nan, inf", []string{"+3e1-118", "+34-1e2", "+0x1f-118", "+nan-118", "+34+inf", "+NaN+NaN", "+34-118.5e0", "+3_4-118"}},
		{"no Unicode digits", []string{"+３４-118", "+34-١١٨", "+34.５-118", "−34-118", "+34\u00a0-118"}},
	}
	for _, tt := range tests {
		for _, text := range tt.texts {
			if p, err := ParsePosition([]byte(text)); !errors.Is(err, ErrPosition) || p != (Position{}) {
				t.Errorf("%s: %q gives %v, %v; want no position and ErrPosition", tt.rule, text, p, err)
			}
		}
	}
}

// The last digit that is legal and the first that is not.
func TestPositionLimits(t *testing.T) {
	tests := []struct {
		in  string
		out []string
	}{
		{"+90+0", []string{"+91+0", "+90.1+0", "+90.000000000000001+0", "+90.0000000000000001+0"}},
		{"-90+0", []string{"-91+0", "-90.1+0", "-90.000000000000001+0", "-90.0000000000000001+0"}},
		{"+0+180", []string{"+0+181", "+0+180.1", "+0+180.000000000000001", "+0+180.0000000000000001"}},
		{"+0-180", []string{"+0-181", "+0-180.1", "+0-180.000000000000001", "+0-180.0000000000000001"}},
	}
	for _, tt := range tests {
		mustPosition(t, tt.in)
		for _, text := range tt.out {
			if _, err := ParsePosition([]byte(text)); err == nil {
				t.Errorf("%q is accepted", text)
			}
		}
	}
}

func TestZeroPositionWritesNothing(t *testing.T) {
	if got := (Position{}).String(); got != "" {
		t.Errorf("got %q, want nothing", got)
	}
}

func TestPositionRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		checkPosition(t, []byte(positionText().Draw(t, "text")), true)
	})
}

// Any bytes that look a little like a position are judged as the model does.
func TestPositionAgreesWithModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(
			digits("+-.0189/ ", 0, 12),
			rapid.Map(rapid.SliceOfN(rapid.SampledFrom([]string{"+", "-", ".", "/", "90", "180", "0", "00000000000000000", "1"}), 4, 9),
				func(parts []string) string { return strings.Join(parts, "") }),
		).Draw(t, "text")
		checkPosition(t, []byte(text), positionModel(text))
	})
}

func TestPositionsAreEqualAsTexts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := positionText().Draw(t, "a")
		b := rapid.OneOf(rapid.Just(a), positionText(), nearbyText(a)).Draw(t, "b")
		p, errP := ParsePosition([]byte(a))
		q, errQ := ParsePosition([]byte(b))
		if errP == nil && errQ == nil && (p == q) != (a == b) {
			t.Fatalf("%q == %q is %t", a, b, p == q)
		}
	})
}

// nearbyText draws texts that name nearly the same number as text.
func nearbyText(text string) *rapid.Generator[string] {
	return rapid.SampledFrom([]string{
		text + "0", text + "/", strings.TrimSuffix(text, "/"), strings.TrimSuffix(text, "0"), "0" + text,
		strings.Replace(text, "+", "-", 1), strings.Replace(text, "-", "+", 1),
		strings.Replace(text, "+", "+0", 1), strings.Replace(text, "-", "-0", 1), text + ".0",
	})
}

var positionForm = regexp.MustCompile(`^([+-][0-9]{1,3}(?:\.[0-9]+)?)([+-][0-9]{1,3}(?:\.[0-9]+)?)/?$`)

// positionModel is the rule again, as simply as it can be said.
func positionModel(text string) bool {
	m := positionForm.FindStringSubmatch(text)
	return m != nil && within(m[1], 90) && within(m[2], 180)
}

func within(number string, limit int64) bool {
	r, ok := new(big.Rat).SetString(number)
	return ok && r.Abs(r).Cmp(new(big.Rat).SetInt64(limit)) <= 0
}

// fataler is what *testing.T and *rapid.T have in common.
type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

// checkPosition parses text, which the parser must accept or not, and holds
// what it accepts to its promises.
func checkPosition(t fataler, text []byte, legal bool) {
	t.Helper()
	want := string(text)
	p, err := ParsePosition(text)
	if (err == nil) != legal {
		t.Fatalf("ParsePosition(%q): %v; legal: %t", want, err, legal)
	}
	if err != nil {
		if p != (Position{}) {
			t.Fatalf("%q is refused and yet gives %v", want, p)
		}
		return
	}
	for i := range text { // it keeps no reference to text
		text[i] = 'x'
	}
	if got := string(p.Append([]byte("> "))); got != "> "+want {
		t.Fatalf("%q comes back as %q", want, got)
	}
	if lat, lon := p.Degrees(); !(math.Abs(lat) <= 90 && math.Abs(lon) <= 180) {
		t.Fatalf("%q is at %v, %v", want, lat, lon)
	}
}

func FuzzParsePosition(f *testing.F) {
	for _, text := range []string{
		"", "+34.068930-118.445127", "+34-118/", "-0-0", "+90.0-180.0", "+90.0000000000000000001-180", "+34.-118", "+.5+.5",
		"+0.12345678901234567890+000.5/", "+34-118//", "+1e1+1", "34-118",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		checkPosition(t, text, positionModel(string(text)))
	})
}
