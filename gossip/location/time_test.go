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

func TestParseTime(t *testing.T) {
	tests := []struct {
		text  string
		nanos int64
	}{
		{"1621464827.959498503", 1621464827959498503},
		{"0", 0},
		{"0.0", 0},
		{"0.000000001", 1},
		{"0.0000000019", 1}, // past the ninth: kept, not counted
		{"1", 1e9},
		{"1.5", 1_500_000_000},
		{"1.50", 1_500_000_000},
		{"007.25", 7_250_000_000},
		{"1400794645.392014450", 1400794645392014450},
		{"1400794645.3920144509999999999999", 1400794645392014450},
		{"00000000000000000001", 1e9},                      // 20 digits
		{"000000000000000000001", 1e9},                     // 21
		{strings.Repeat("0", 300) + "1.25", 1_250_000_000}, // more than a byte counts
		{"2." + strings.Repeat("0", 300) + "1", 2e9},       // the same
		{"3.1" + strings.Repeat("9", 4000), 3_199_999_999}, // never rounded up
		{"9223372036.854775807", math.MaxInt64},            // the last
		{"9223372036.85477580799999999999", math.MaxInt64}, // digits past the ninth do not count
		{"00009223372036.854775807", math.MaxInt64},        // nor do zeros
		{"9223372036", 9_223_372_036_000_000_000},          // no fraction
	}
	for _, tt := range tests {
		v, err := ParseTime([]byte(tt.text))
		if err != nil {
			t.Errorf("%q: %v", tt.text, err)
			continue
		}
		if got := v.String(); got != tt.text {
			t.Errorf("%q comes back as %q", tt.text, got)
		}
		if v.Nanos() != tt.nanos {
			t.Errorf("%q: %d ns, want %d", tt.text, v.Nanos(), tt.nanos)
		}
	}
}

func TestParseTimeRefuses(t *testing.T) {
	tests := []struct {
		rule  string
		texts []string
	}{
		{"POSIX seconds", []string{"", "now", "2021-05-19T22:53:47Z", "1:30", "12s"}},
		{"unsigned", []string{"-1", "+1", "-0", "+0.5", "−1"}},
		{"digits, and optionally a point and at least one digit", []string{".", ".5", "1.", "1..5", "1.5.", "1.5.5", "1,5", "1 5", " 1", "1 ", "1_000", "1.5/"}},
		{"no exponent, hex, nan, inf", []string{"1e9", "1.5e0", "1E9", "0x10", "nan", "inf", "NaN", "Infinity"}},
		{"no Unicode digits", []string{"１", "1.５", "١", "²"}},
		{"at most 9223372036.854775807", []string{
			"9223372036.854775808", "9223372036.8547758080", "9223372036.9", "9223372037", "9223372037.0", "10000000000", "92233720368",
			"18446744073.709551616", "18446744073709551616", "18446744073709551617.5", "99999999999999999999999999999999999999",
		}},
	}
	for _, tt := range tests {
		for _, text := range tt.texts {
			if v, err := ParseTime([]byte(text)); !errors.Is(err, ErrTime) || v != (Time{}) {
				t.Errorf("%s: %q gives %v, %v; want no time and ErrTime", tt.rule, text, v, err)
			}
		}
	}
}

func TestZeroTimeWritesNothing(t *testing.T) {
	if got := (Time{}).String(); got != "" {
		t.Errorf("got %q, want nothing", got)
	}
}

func TestTimeRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := timeText().Draw(t, "text")
		nanos, legal := timeModel(text)
		if !legal {
			t.Fatalf("%q was drawn as legal", text)
		}
		checkTime(t, []byte(text), nanos, true)
	})
}

// Any bytes that look a little like a time are judged as the model does.
func TestTimeAgreesWithModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(
			digits("0189.+- ", 0, 12),
			rapid.Map(rapid.SliceOfN(rapid.SampledFrom([]string{"9223372036", "854775807", "854775808", ".", "0", "000000000", "1"}), 1, 6),
				func(parts []string) string { return strings.Join(parts, "") }),
		).Draw(t, "text")
		nanos, legal := timeModel(text)
		checkTime(t, []byte(text), nanos, legal)
	})
}

func TestTimesAreEqualAsTexts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := timeText().Draw(t, "a")
		b := rapid.OneOf(rapid.Just(a), timeText(), nearbyText(a)).Draw(t, "b")
		v, errV := ParseTime([]byte(a))
		w, errW := ParseTime([]byte(b))
		if errV == nil && errW == nil && (v == w) != (a == b) {
			t.Fatalf("%q == %q is %t", a, b, v == w)
		}
	})
}

var timeForm = regexp.MustCompile(`^([0-9]+)(?:\.([0-9]+))?$`)

// timeModel is the rule again, as simply as it can be said.
func timeModel(text string) (nanos int64, legal bool) {
	m := timeForm.FindStringSubmatch(text)
	if m == nil {
		return 0, false
	}
	n, ok := new(big.Int).SetString(m[1]+(m[2] + "000000000")[:9], 10)
	if !ok || !n.IsInt64() {
		return 0, false
	}
	return n.Int64(), true
}

// checkTime parses text, which the parser must accept or not, and holds what it
// accepts to its promises.
func checkTime(t fataler, text []byte, nanos int64, legal bool) {
	t.Helper()
	want := string(text)
	v, err := ParseTime(text)
	if (err == nil) != legal {
		t.Fatalf("ParseTime(%q): %v; legal: %t", want, err, legal)
	}
	if err != nil {
		if v != (Time{}) {
			t.Fatalf("%q is refused and yet gives %v", want, v)
		}
		return
	}
	for i := range text { // it keeps no reference to text
		text[i] = 'x'
	}
	if got := string(v.Append([]byte("> "))); got != "> "+want {
		t.Fatalf("%q comes back as %q", want, got)
	}
	if v.Nanos() != nanos {
		t.Fatalf("%q: %d ns, want %d", want, v.Nanos(), nanos)
	}
}

func FuzzParseTime(f *testing.F) {
	for _, text := range []string{
		"", "1621464827.959498503", "0", "007", "1.", ".5", "9223372036.854775807", "9223372036.854775808", "9223372036.8547758079",
		"000000000000000000000000000001.5", "1.00000000000000000001", "1e9", "-1", "18446744073709551616",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		nanos, legal := timeModel(string(text))
		checkTime(t, text, nanos, legal)
	})
}
