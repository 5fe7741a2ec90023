package top

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "write the pictures in testdata anew")

// noon is when all tests begin.
var noon = time.Date(2021, 5, 19, 12, 0, 0, 0, time.UTC)

// sample is one of Clark, so many seconds after noon.
func sample(seconds int) Sample {
	at := noon.Add(time.Duration(seconds) * time.Second)
	ahead := int64(1500)
	m := func(name, state string, since time.Duration) Member {
		return Member{
			Name: name, Origin: name + "-1", State: state, Since: at.Add(-since),
			Client: "10.0.0.7:4131", Gossip: "10.0.0.7:4132", HTTP: "127.0.0.1:4133", Version: "0.2.0",
			InSync: state == "alive" && name != "Clark", Linked: state == "alive", Clock: &ahead,
		}
	}
	s := Sample{Addr: "127.0.0.1:4163", Members: []Member{
		m("Bailey", "alive", 3*time.Hour+12*time.Minute),
		m("Bona", "failed", 42*time.Second),
		m("Campbell", "suspect", 900*time.Millisecond),
		m("Clark", "alive", 3*time.Hour+13*time.Minute),
		m("Jaquez", "left", 50*time.Hour),
	}}
	s.Members[0].Queued = 12_000
	s.Self = Self{Member: s.Members[3], Ready: true}
	s.Stats = Stats{
		Now: at, Uptime: 11_580 + float64(seconds), Clients: 10_000, TableBytes: 9_062_000, Connections: 16,
		Accepted: uint64(400 * seconds), Received: uint64(1600 * seconds), IAmAt: uint64(seconds * (350 + 10*seconds)), WhatsAt: uint64(seconds / 2), Invalid: 3,
		BytesIn: uint64(28_000 * seconds), BytesOut: uint64(1_250_000 * seconds),
	}
	s.Stats.Propagation.P50, s.Stats.Propagation.P99, s.Stats.Propagation.Count = 612, 3_140, 1000
	s.Stats.Vector = map[string]struct {
		Here uint64            `json:"here"`
		Lag  map[string]uint64 `json:"lag"`
	}{
		"Clark":  {1000, map[string]uint64{"Bailey": 2, "Campbell": 1234}},
		"Bailey": {900, map[string]uint64{"Clark": 1}},
	}
	return s
}

// busy is a model after ten seconds with clients, some of whom mean harm.
func busy() *Model {
	m := NewModel("127.0.0.1:4163")
	m.Sample(noon, sample(0))
	m.Hear(noon, true, "")
	for i := 1; i <= 10; i++ {
		at := noon.Add(time.Duration(i) * time.Second)
		for k, id := range []string{"kiwi.cs.ucla.edu", "\x1b]0;owned\x07\x1b[2J", "鳥取-大きい鳥", "emu\u202egpj.exe", "\xff\xfe"} {
			for range 5 - k {
				m.Fixes(at, []Fix{{id, "+34.068930-118.445127", "Bailey", at}})
			}
		}
		m.Sample(at, sample(i))
	}
	m.Change(Change{"Campbell", "alive", "", noon.Add(-time.Minute)})
	m.Change(Change{"Campbell", "suspect", "alive", noon.Add(9 * time.Second)})
	return m
}

// Pictures are as those in testdata, which are looked at by people.
func TestPictures(t *testing.T) {
	local(t)
	far := busy()
	far.Away(noon.Add(10*time.Second), "connection refused")
	lost := busy()
	lost.Trouble(noon.Add(10*time.Second), "connection refused")
	empty := NewModel("127.0.0.1:4163")
	first := sample(0)
	first.Self.Ready, first.Stats.Propagation.Count = false, 0
	empty.Sample(noon, first)
	empty.Hear(noon, false, "127.0.0.1:4163 answers 503 Service Unavailable")
	many := NewModel("127.0.0.1:4163")
	big := sample(0)
	for i := range 95 {
		other := big.Members[0]
		other.Name, other.Origin = fmt.Sprintf("Node%d", i+6), fmt.Sprintf("Node%d-1", i+6)
		big.Members = append(big.Members, other)
	}
	many.Sample(noon, big)

	parting := NewModel("127.0.0.1:4163")
	drained := sample(0)
	drained.Members[0].Leaving, drained.Members[4].Leaving = true, true
	parting.Sample(noon, drained)

	for _, c := range []struct {
		name          string
		m             *Model
		v             View
		keys          string
		width, height int
	}{
		{"80x24", busy(), View{}, "", 80, 24},
		{"140x40", busy(), View{}, "", 140, 40},
		{"60x16", busy(), View{}, "", 60, 16},
		{"40x9", busy(), View{}, "c", 40, 9},
		{"20x4", busy(), View{}, "", 20, 4},
		{"plain", busy(), View{ASCII: true}, "", 80, 24},
		{"once", busy(), View{Still: true}, "", 80, 0},
		{"paused", busy(), View{}, "p", 80, 24},
		{"help", busy(), View{}, "?", 80, 24},
		{"away", far, View{}, "", 80, 24},
		{"lost", lost, View{}, "", 80, 24},
		{"empty", empty, View{}, "", 80, 24},
		{"many", many, View{}, "jjj", 80, 24},
		{"leaving", parting, View{order: [lists]int{MemberList: 1}}, "", 100, 12},
	} {
		s := c.m.Snapshot(noon.Add(10 * time.Second))
		for _, k := range c.keys {
			c.v, _ = c.v.Press(Key(k), s, c.width, c.height)
		}
		var got strings.Builder
		lines := Draw(s, &c.v, c.width, c.height)
		for _, l := range lines {
			fmt.Fprintln(&got, l)
		}
		check(t, c.name, lines, c.width, c.height)
		file := filepath.Join("testdata", c.name+".txt")
		if *update {
			if err := os.WriteFile(file, []byte(got.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil || got.String() != string(want) {
			t.Errorf("%s: %v: go test ./cmd/herd/internal/top -update makes it\n%s", file, err, &got)
		}
	}
}

// local has times shown in UTC.
func local(t *testing.T) {
	was := time.Local
	time.Local = time.UTC
	t.Cleanup(func() { time.Local = was })
}

// check fails if a drawing could do something to a terminal, or does not fit.
func check(t interface{ Errorf(string, ...any) }, name string, lines []Line, width, height int) {
	if height > 0 && len(lines) > height {
		t.Errorf("%s: %d lines, want %d at most", name, len(lines), height)
	}
	for _, l := range lines {
		if l.width() > width {
			t.Errorf("%s: %d cells, want %d at most: %s", name, l.width(), width, l)
		}
		for _, r := range l.String() {
			if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Co, r) {
				t.Errorf("%s: %q in %q", name, r, l.String())
			}
		}
	}
}

// Whatever strangers send is drawn, fits and does nothing, at any size and with any keys.
func TestDrawAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringOf(rapid.RuneFrom([]rune("\x1b\x9b[]m2J;\a\n\r\t大\u0301\u200d\u202e\U0001f426"))), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }))
		m := NewModel(text.Draw(t, "home"))
		for range rapid.IntRange(0, 3).Draw(t, "samples") {
			s := sample(rapid.IntRange(0, 10).Draw(t, "seconds"))
			s.Self.Name, s.Self.Ready = text.Draw(t, "self"), rapid.Bool().Draw(t, "ready")
			for i := range s.Members {
				o := &s.Members[i]
				o.Name, o.State, o.HTTP, o.Version = text.Draw(t, "name"), rapid.OneOf(text, rapid.Just("alive")).Draw(t, "state"), text.Draw(t, "http"), text.Draw(t, "version")
			}
			s.Self.Behind = []string{text.Draw(t, "behind")}
			s.Stats.Propagation.P99 = rapid.Float64().Draw(t, "p99")
			s.Stats.Uptime = rapid.Float64().Draw(t, "uptime")
			s.Stats.Clients = rapid.Int().Draw(t, "clients")
			m.Sample(noon, s)
		}
		m.Hear(noon, rapid.Bool().Draw(t, "hears"), text.Draw(t, "deaf"))
		for range rapid.IntRange(0, 5).Draw(t, "fixes") {
			m.Fixes(noon, []Fix{{text.Draw(t, "id"), text.Draw(t, "position"), text.Draw(t, "node"), noon}})
		}
		m.Change(Change{text.Draw(t, "who"), text.Draw(t, "state"), text.Draw(t, "was"), noon})
		m.Missed(noon, text.Draw(t, "why"))
		if rapid.Bool().Draw(t, "away") {
			m.Away(noon, text.Draw(t, "why"))
		}
		s := m.Snapshot(noon.Add(time.Second))
		v := View{ASCII: rapid.Bool().Draw(t, "ascii"), Still: rapid.Bool().Draw(t, "still")}
		width, height := rapid.IntRange(0, 200).Draw(t, "width"), rapid.IntRange(0, 50).Draw(t, "height")
		for _, k := range new(Keys).Read(rapid.SliceOf(rapid.SampledFrom([]byte("?pmc jk\t\x1b[OABCDHF56~12;x"))).Draw(t, "keys")) {
			if v, _ = v.Press(k, s, width, height); v.scroll[0] < 0 || v.scroll[1] < 0 {
				t.Errorf("scrolled to %v", v.scroll)
			}
		}
		lines := Draw(s, &v, width, height)
		check(t, "anything", lines, max(width, 1), height)
		if v.ASCII {
			for _, l := range lines {
				if strings.ContainsFunc(l.String(), func(r rune) bool { return r > 0x7e }) {
					t.Errorf("not ASCII: %q", l.String())
				}
			}
		}
	})
}

// Styles are around text alone, and without colours none is a colour.
func TestStyled(t *testing.T) {
	l := Line{{"a", Bad}, {" ", Normal}, {"b", Chosen}, {"", Good}, {"  ", Normal}}
	if got := l.Styled(true); got != "\x1b[1;31ma\x1b[m \x1b[1;7mb\x1b[m" {
		t.Errorf("coloured: %q", got)
	}
	if got := l.Styled(false); got != "\x1b[1ma\x1b[m \x1b[1;7mb\x1b[m" {
		t.Errorf("black: %q", got)
	}
}
