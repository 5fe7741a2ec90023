package location

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// wireFix draws fixes as NewFix makes them, of every form of position and time.
func wireFix() *rapid.Generator[Fix] {
	return rapid.Custom(func(t *rapid.T) Fix {
		p, err := ParsePosition([]byte(positionText().Draw(t, "position")))
		if err != nil {
			t.Fatal(err)
		}
		v, err := ParseTime([]byte(timeText().Draw(t, "time")))
		if err != nil {
			t.Fatal(err)
		}
		near := rapid.Int64Range(max(0, v.Nanos()-1e12), v.Nanos())
		received := rapid.OneOf(near, rapid.Int64Range(0, math.MaxInt64)).Draw(t, "received")
		return NewFix("Clark", received, 5*time.Minute, p, v)
	})
}

func TestWireRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := wireFix().Draw(t, "fix")
		b := append(want.AppendWire(nil), "rest"...)
		got, rest, err := ParseFix(b, want.Node)
		if err != nil || string(rest) != "rest" || got != want {
			t.Fatalf("err %v, rest %q\n got %v\nwant %v", err, rest, got, want)
		}
		if n := want.WireLen(); n != len(b)-len("rest") {
			t.Fatalf("%v takes %d bytes, said to take %d", want, len(b)-len("rest"), n)
		}
		for n := range len(b) - len("rest") {
			if _, _, err := ParseFix(b[:n], want.Node); !errors.Is(err, errWire) {
				t.Fatalf("%d bytes of %d: %v", n, len(b), err)
			}
		}
	})
}

// Equal bytes, equal fixes: the numbers of a fix have one wire form, and the wire form
// of a text that numbers can give back is refused.
func TestWireOneForm(t *testing.T) {
	position, at := mustPosition(t, "+34.5-118.25"), mustTime(t, "1.5")
	f := NewFix("Clark", 1500000000, 0, position, at)
	const (
		timeForm = "\x01\x0f" // one digit, a point, one digit: 15
		zero     = "\x00"
	)
	wire := string(f.AppendWire(nil))
	if !strings.HasPrefix(wire, timeForm+zero+zero) {
		t.Fatalf("wire form %x", wire)
	}
	positionPart := wire[len(timeForm+zero+zero):]
	for name, bad := range map[string]string{
		"a long integer":                   "\x01\x8f\x00" + zero + zero + positionPart,
		"a time in text for no reason":     "\xff\x031.5" + zero + zero + positionPart,
		"a time in no text":                "\xff\x00" + zero + zero + positionPart,
		"a time that is none":              "\xff\x03abc" + zero + zero + positionPart,
		"a time of 21 digits":              "\xc8\x01" + zero + zero + positionPart,
		"a time of more digits than it":    "\x01\x64" + zero + zero + positionPart,
		"a time past the last":             "\x5a\xff\xff\xff\xff\xff\xff\xff\xff\x7f" + zero + zero + positionPart,
		"a receipt before the epoch":       timeForm + "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01" + zero + positionPart,
		"an order before the epoch":        timeForm + zero + "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01" + positionPart,
		"a position in text for no reason": timeForm + zero + zero + "\x80\x00\x0c+34.5-118.25",
		"a position that is none":          timeForm + zero + zero + "\x80\x00\x03abc",
		"a position with two marks":        timeForm + zero + zero + "\x80\x01\x03abc",
		"a text of two exabytes":           timeForm + zero + zero + "\x80\x00\x80\x80\x80\x80\x80\x80\x80\x80\x10",
	} {
		if got, _, err := ParseFix([]byte(bad), "Clark"); !errors.Is(err, errWire) || got != (Fix{}) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	for name, c := range map[string]coordinate{
		"past the pole":           {mantissa: 91, integer: 2},
		"just past the pole":      {mantissa: 900001, integer: 2, fraction: 4},
		"more digits than it has": {mantissa: 34, integer: 1},
		"no digits":               {mantissa: 0, integer: 0},
	} {
		g := f
		g.Position.lat = c
		if _, _, err := ParseFix(g.AppendWire(nil), "Clark"); !errors.Is(err, errWire) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Whatever the bytes: an error, or a fix that a client could have caused, which has
// these bytes and no others as its wire form.
func FuzzParseFix(f *testing.F) {
	for _, position := range []string{"+34.068930-118.445127", "-0+0/", "+1." + strings.Repeat("3", 40) + "-1"} {
		for _, at := range []string{"1621464827.959498503", "0", "007", "1." + strings.Repeat("4", 40), "9223372036.854775807"} {
			fix := NewFix("Clark", 1621464828000000001, time.Minute, mustPosition(f, position), mustTime(f, at))
			f.Add(fix.AppendWire(nil))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		fix, rest, err := ParseFix(b, "Clark")
		if err != nil {
			if !errors.Is(err, errWire) {
				t.Fatal(err)
			}
			return
		}
		if p, err := ParsePosition([]byte(fix.Position.String())); err != nil || p != fix.Position {
			t.Fatalf("position %v: %v", fix.Position, err)
		}
		if v, err := ParseTime([]byte(fix.Time.String())); err != nil || v != fix.Time {
			t.Fatalf("time %v: %v", fix.Time, err)
		}
		if fix.Received < 0 || fix.Order < 0 || fix.Order > fix.Time.Nanos() || fix.Node != "Clark" {
			t.Fatalf("no fix: %v", fix)
		}
		if wire := fix.AppendWire(nil); !bytes.Equal(wire, b[:len(b)-len(rest)]) || len(wire) != fix.WireLen() {
			t.Fatalf("%x came from %x", wire, b[:len(b)-len(rest)])
		}
	})
}
