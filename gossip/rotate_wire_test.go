package gossip

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
)

// everyOrder is one of each kind.
func everyOrder() []keyOrder {
	f := FingerprintOf(testKey(1))
	return []keyOrder{
		{},
		{action: KeyInstall, key: testKey(1), by: "10.0.0.9"},
		{action: KeyInstall, key: testKey(1)[:16]},
		{action: KeyUse, key: f[:], by: strings.Repeat("b", maxOrderBy)},
		{action: KeyRemove, key: f[:]},
	}
}

func TestKeyOrderRoundTrip(t *testing.T) {
	for _, o := range everyOrder() {
		b := o.append(nil)
		got, err := readKeyOrder(bytes.NewReader(b))
		if err != nil || got.action != o.action || got.by != o.by || !bytes.Equal(got.key, o.key) {
			t.Errorf("got %v %v, want %v", got, err, o)
		}
		if o.key != nil && got.fingerprint() != FingerprintOf(testKey(1)) && len(o.key) != 16 {
			t.Errorf("%v is about %v", o.action, got.fingerprint())
		}
		for n := range b {
			if _, err := readKeyOrder(bytes.NewReader(b[:n])); !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("cut at %d of %d: %v", n, len(b), err)
			}
		}
	}
}

func TestBadKeyOrders(t *testing.T) {
	zeros := string(make([]byte, 300))
	for text, want := range map[string]string{
		"\x02\x00\x00\x00":         "version 2",
		"\x01\x04\x00\x00":         "no action 4",
		"\x01\x00\x10\x00" + zeros: "16 bytes of key to list",
		"\x01\x01\x00\x00":         "0 bytes of key to install",
		"\x01\x01\x11\x00" + zeros: "17 bytes of key to install",
		"\x01\x01\xff\x00" + zeros: "255 bytes of key to install",
		"\x01\x02\x20\x00" + zeros: "32 bytes of key to use",
		"\x01\x03\x07\x00" + zeros: "7 bytes of key to remove",
	} {
		if o, err := readKeyOrder(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q was read as %v, %v; want %q", text[:4], o, err, want)
		}
	}
	for text, want := range map[string]string{
		"\x02\x00\x00\x00\x00":         "version 2",
		"\x01\x03\x00\x00\x00":         "no outcome 3",
		"\x01\x00\x02\x00\x00":         "neither",
		"\x01\x00\x00\x00\x11" + zeros: "17 keys",
	} {
		if a, err := readKeyAnswer(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q was read as %v, %v; want %q", text[:5], a, err, want)
		}
	}
}

func TestKeyAnswerRoundTrip(t *testing.T) {
	for _, a := range []keyAnswer{
		{keys: []Fingerprint{{1}}},
		{outcome: KeyRefused, unsaved: true, note: strings.Repeat("n", maxReportNote), keys: make([]Fingerprint, maxRing)},
	} {
		b := a.append(nil)
		got, err := readKeyAnswer(bytes.NewReader(b))
		if err != nil || got.outcome != a.outcome || got.unsaved != a.unsaved || got.note != a.note || !slices.Equal(got.keys, a.keys) {
			t.Errorf("got %v %v, want %v", got, err, a)
		}
		for n := range b {
			if _, err := readKeyAnswer(bytes.NewReader(b[:n])); !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("cut at %d of %d: %v", n, len(b), err)
			}
		}
	}
	long := keyAnswer{note: strings.Repeat("n", 300)}
	if got, err := readKeyAnswer(bytes.NewReader(long.append(nil))); err != nil || len(got.note) != maxReportNote {
		t.Errorf("got %v %v", got, err)
	}
}

func FuzzKeyOrder(f *testing.F) {
	for _, o := range everyOrder() {
		f.Add(o.append(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		o, err := readKeyOrder(bytes.NewReader(b))
		if err == nil && !bytes.HasPrefix(b, o.append(nil)) {
			t.Errorf("%x was read as %v", b, o)
		}
	})
}

func FuzzKeyAnswer(f *testing.F) {
	f.Add(keyAnswer{outcome: KeyChanged, unsaved: true, note: "why", keys: []Fingerprint{{1}, {2}}}.append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := readKeyAnswer(bytes.NewReader(b))
		if err == nil && !bytes.HasPrefix(b, a.append(nil)) {
			t.Errorf("%x was read as %v", b, a)
		}
	})
}
