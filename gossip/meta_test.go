package gossip

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/memberlist"
	"pgregory.net/rapid"

	"herd/gossip/location"
)

// visible draws strings of printable characters, of n bytes at the most.
func visible(n int) *rapid.Generator[string] {
	return rapid.StringOfN(rapid.RuneFrom([]rune("abcXYZ019.-_:[]/é本🐄")), 0, -1, n)
}

func drawMeta(t *rapid.T) Meta {
	m := Meta{
		Name:     visible(maxName-1).Draw(t, "name") + "n",
		Origin:   location.Origin(rapid.Uint64Min(1).Draw(t, "origin")),
		Client:   visible(maxAddress).Draw(t, "client"),
		HTTP:     visible(maxAddress).Draw(t, "http"),
		Version:  visible(maxRelease).Draw(t, "version"),
		Protocol: rapid.Uint8().Draw(t, "protocol"),
		Limits: Limits{
			TTL:        time.Duration(rapid.Int64Min(0).Draw(t, "ttl")),
			MaxClients: rapid.Int64Min(0).Draw(t, "max clients"),
			Bytes:      rapid.Int64Min(0).Draw(t, "table bytes"),
		},
	}
	if nanos := rapid.Int64().Draw(t, "started"); nanos != 0 {
		m.Started = time.Unix(0, nanos)
	}
	return m
}

// What encode writes, decodeMeta reads: all of it, or it says so.
func TestMetaRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := drawMeta(t)
		if err := m.check(); err != nil {
			t.Fatal(err)
		}
		b := m.encode()
		got, err := decodeMeta(b)
		if err != nil || !got.Started.Equal(m.Started) {
			t.Fatalf("%+v, %v; want %+v", got, err, m)
		}
		got.Started = m.Started
		if got != m {
			t.Fatalf("%+v, want %+v", got, m)
		}
		for n := range b {
			if got, err := decodeMeta(b[:n]); err == nil {
				t.Fatalf("cut to %d of %d bytes: %+v", n, len(b), got)
			}
		}
		if _, err := decodeMeta(append(b, 0)); err == nil {
			t.Fatal("a byte too many was read over")
		}
	})
}

func maximalMeta() Meta {
	return Meta{
		Name: strings.Repeat("n", maxName), Origin: ^location.Origin(0), Started: time.Unix(1<<33, 999),
		Client: strings.Repeat("c", maxAddress), HTTP: strings.Repeat("h", maxAddress),
		Version: strings.Repeat("v", maxRelease), Protocol: 255,
		Limits: Limits{TTL: 1<<63 - 1, MaxClients: 1<<63 - 1, Bytes: 1<<63 - 1}, Leaving: true,
	}
}

func TestMetaFits(t *testing.T) {
	m := maximalMeta()
	if err := m.check(); err != nil {
		t.Fatal(err)
	}
	if n := len(m.encode()); n > memberlist.MetaMaxSize {
		t.Errorf("%d bytes at the most: memberlist takes %d", n, memberlist.MetaMaxSize)
	}
	for _, of := range []any{m, m.Limits} {
		for v, i := reflect.ValueOf(of), 0; i < v.NumField(); i++ {
			if v.Field(i).IsZero() {
				t.Errorf("the longest has no %s", v.Type().Field(i).Name)
			}
		}
	}
}

func TestMetaCheck(t *testing.T) {
	good := Meta{Name: "Clark", Origin: 1}
	if err := good.check(); err != nil {
		t.Errorf("the smallest: %v", err)
	}
	for _, tt := range []struct {
		what   string
		change func(*Meta)
		want   string
	}{
		{"no name", func(m *Meta) { m.Name = "" }, "node name is empty"},
		{"long name", func(m *Meta) { m.Name = strings.Repeat("x", maxName+1) }, "node name is 129 bytes long, at most 128 are allowed"},
		{"space", func(m *Meta) { m.Name = "a b" }, "white space or a character that is not printable"},
		{"no-break space", func(m *Meta) { m.Name = "a\u00a0b" }, "not printable"},
		{"line separator", func(m *Meta) { m.Name = "a\u2028b" }, "not printable"},
		{"right to left", func(m *Meta) { m.Name = "a\u202eb" }, "not printable"},
		{"newline", func(m *Meta) { m.Name = "a\nb" }, "not printable"},
		{"escape", func(m *Meta) { m.Name = "\x1b[31m" }, "not printable"},
		{"DEL", func(m *Meta) { m.Name = "\x7f" }, "not printable"},
		{"C1", func(m *Meta) { m.Name = "\u0085" }, "not printable"},
		{"not UTF-8", func(m *Meta) { m.Name = "\xff" }, "not printable"},
		{"no boot ID", func(m *Meta) { m.Origin = 0 }, "no boot ID"},
		{"long client address", func(m *Meta) { m.Client = strings.Repeat("x", maxAddress+1) }, "client address is 129 bytes long, at most 128 are allowed"},
		{"long HTTP address", func(m *Meta) { m.HTTP = strings.Repeat("x", maxAddress+1) }, "HTTP address is 129 bytes long"},
		{"long version", func(m *Meta) { m.Version = strings.Repeat("x", maxRelease+1) }, "version is 49 bytes long, at most 48 are allowed"},
		{"client address", func(m *Meta) { m.Client = "a\tb" }, `client address "a\tb" has a character that is not printable`},
		{"HTTP address", func(m *Meta) { m.HTTP = "\x00" }, "HTTP address"},
		{"version", func(m *Meta) { m.Version = "\xff" }, "version"},
		{"time to live", func(m *Meta) { m.Limits.TTL = -1 }, "limits of -1ns, 0 clients and 0 bytes"},
		{"clients", func(m *Meta) { m.Limits.MaxClients = -1 }, "limits of 0s, -1 clients and 0 bytes"},
		{"bytes", func(m *Meta) { m.Limits.Bytes = -1 }, "limits of 0s, 0 clients and -1 bytes"},
	} {
		m := good
		tt.change(&m)
		if err := m.check(); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %s", tt.what, err, tt.want)
		}
		if _, err := decodeMeta(m.encode()); err == nil && len(m.Name) < 256 {
			t.Errorf("%s: a peer may say it", tt.what)
		}
	}
}

func TestDecodeMeta(t *testing.T) {
	const name, origin = "\x01\x05Clark", "\x02\x08\x00\x00\x00\x00\x00\x00\x00\x09"
	for _, tt := range []struct{ what, in, err string }{
		{"the least", "\x01\x02" + name + origin, ""},
		{"a field of a later release", "\x01\x03" + name + origin + "\x20\x03new", ""},
		{"an empty field of a later release", "\x01\x03" + name + origin + "\xff\x00", ""},
		{"nothing", "", "not a herd node"},
		{"another version", "\x02\x02" + name + origin, "metadata of version 2, this node reads version 1"},
		{"no number of fields", "\x01", "cut short"},
		{"no fields", "\x01\x00", "node name is empty"},
		{"no boot ID", "\x01\x01" + name, "no boot ID"},
		{"no name", "\x01\x01" + origin, "node name is empty"},
		{"fields missing", "\x01\x03" + name + origin, "cut short"},
		{"fields too many", "\x01\x01" + name + origin, "10 bytes after its last field"},
		{"twice", "\x01\x03" + name + name + origin, "field 1 after field 1"},
		{"disordered", "\x01\x02" + origin + name, "field 1 after field 2"},
		{"tag 0", "\x01\x01\x00\x00", "field 0 after field 0"},
		{"short number", "\x01\x02" + name + "\x02\x01\x09", "field 2 of 1 bytes, want 8"},
		{"long number", "\x01\x02" + name + "\x02\x09" + origin[2:] + "\x09", "field 2 of 9 bytes, want 8"},
		{"protocol 256", "\x01\x03" + name + origin + "\x07\x08\x00\x00\x00\x00\x00\x00\x01\x00", "protocol version 256 out of range"},
	} {
		m, err := decodeMeta([]byte(tt.in))
		if tt.err != "" {
			if err == nil || !strings.Contains(err.Error(), tt.err) || m != (Meta{}) {
				t.Errorf("%s: %+v, %v; want an error: %s", tt.what, m, err, tt.err)
			}
		} else if want := (Meta{Name: "Clark", Origin: 9}); err != nil || m != want {
			t.Errorf("%s: %+v, %v; want %+v", tt.what, m, err, want)
		}
	}
}

func TestMetaID(t *testing.T) {
	if got := (Meta{Name: "Clark", Origin: 0xab}).id(); got != "Clark-00000000000000ab" {
		t.Errorf("ID %s", got)
	}
}

// What decodeMeta takes passes all checks, and is written again as it was read
// unless it held more than this release knows.
func FuzzDecodeMeta(f *testing.F) {
	f.Add(maximalMeta().encode())
	f.Add(Meta{Name: "Clark", Origin: 9, Client: "127.0.0.1:4131"}.encode())
	f.Add([]byte("\x01\x03\x01\x05Clark\x02\x08\x00\x00\x00\x00\x00\x00\x00\x09\x08\x03new"))
	f.Fuzz(func(t *testing.T, in []byte) {
		before := bytes.Clone(in)
		m, err := decodeMeta(in)
		if !bytes.Equal(before, in) {
			t.Fatal("the input was changed")
		}
		if err != nil {
			if m != (Meta{}) {
				t.Fatalf("%+v and %v", m, err)
			}
			return
		}
		if err := m.check(); err != nil {
			t.Fatal(err)
		}
		if m.Started.Equal(time.Unix(0, 0)) {
			m.Started = time.Time{} // is not written
		}
		again, err := decodeMeta(m.encode())
		if err != nil || again != m {
			t.Fatalf("%+v, %v; want %+v", again, err, m)
		}
		for n := range in {
			if _, err := decodeMeta(in[:n]); err == nil {
				t.Fatalf("cut to %d of %d bytes: no error", n, len(in))
			}
		}
	})
}
