package top

import (
	"slices"
	"testing"
)

// Keys come in pieces of any size, but a lone Escape is a key.
func TestKeys(t *testing.T) {
	for _, c := range []struct {
		pieces []string
		want   []Key
	}{
		{[]string{"qm?"}, []Key{'q', 'm', '?'}},
		{[]string{"\x03\x0c\t"}, []Key{KeyInterrupt, KeyRedraw, '\t'}},
		{[]string{"\x1b[A\x1b[B\x1bOC\x1bOD"}, []Key{KeyUp, KeyDown, KeyRight, KeyLeft}},
		{[]string{"\x1b[", "A"}, []Key{KeyUp}},
		{[]string{"\x1b[5", "~\x1b[6~\x1b[1~\x1b[4~\x1b[H\x1b[F"}, []Key{KeyPageUp, KeyPageDown, KeyHome, KeyEnd, KeyHome, KeyEnd}},
		{[]string{"\x1b"}, []Key{KeyEscape}},
		{[]string{"\x1b[1;5Aq"}, []Key{KeyUp, 'q'}},
		{[]string{"\x1b[200~\x1b[?1;2c\x1bxq"}, []Key{'q'}}, // a paste, an answer, Alt-x
		{[]string{"\x1b[99999999999999999999~q"}, []Key{'q'}},
		{[]string{"é\xff\x00q"}, []Key{'q'}},
	} {
		var k Keys
		var got []Key
		for _, piece := range c.pieces {
			got = append(got, k.Read([]byte(piece))...)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%q: %v, want %v", c.pieces, got, c.want)
		}
	}
}

// Keys change what is shown, in the list that they act on.
func TestPress(t *testing.T) {
	s := busy().Snapshot(at(10))
	first := func(keys ...Key) (member, client string) {
		v := View{}
		for _, k := range keys {
			var quit bool
			if v, quit = v.Press(k, s, 80, 14); quit {
				t.Errorf("%v quits", k)
			}
		}
		l := plan(s, &v, 80, 14)
		return v.members(s)[v.from(MemberList, len(s.Members), l.members)].Name, v.clients(s)[v.from(ClientList, len(s.Hottest), l.clients)].ID
	}
	const kiwi = "kiwi.cs.ucla.edu"
	for _, c := range []struct {
		keys           []Key
		member, client string
	}{
		{nil, "Bailey", kiwi},
		{[]Key{KeyDown}, "Bona", kiwi},
		{[]Key{KeyDown, KeyUp, KeyUp, KeyUp, KeyDown}, "Bona", kiwi},
		{[]Key{KeyEnd, KeyHome}, "Bailey", kiwi},
		{[]Key{KeyRight}, "Bona", kiwi},                     // by state: failed first
		{[]Key{KeyRight, KeyRight}, "Campbell", kiwi},       // the last change first
		{[]Key{KeyLeft}, "Campbell", kiwi},                  // by lag
		{[]Key{KeyLeft, KeyDown, KeyRight}, "Bailey", kiwi}, // another order begins at the top
		{[]Key{'c', KeyDown}, "Bailey", "\x1b]0;owned\x07\x1b[2J"},
		{[]Key{'c', KeyRight}, "Bailey", "\x1b]0;owned\x07\x1b[2J"}, // by ID
		{[]Key{'\t', KeyDown, '\t', KeyDown}, "Bona", "\x1b]0;owned\x07\x1b[2J"},
		{[]Key{'c', 'm', 'j'}, "Bona", kiwi},
		{[]Key{'?', '?', 'j'}, "Bona", kiwi},
		{[]Key{'?', KeyEscape, KeyEscape}, "Bailey", kiwi},
	} {
		if member, client := first(c.keys...); member != c.member || client != c.client {
			t.Errorf("%v: %q, %q; want %q, %q", c.keys, member, client, c.member, c.client)
		}
	}
	for _, k := range []Key{'q', KeyInterrupt} {
		if _, quit := (View{Help: true}).Press(k, s, 80, 24); !quit {
			t.Errorf("%v does not quit", k)
		}
	}
	v, _ := View{}.Press('p', s, 80, 24)
	if v, _ = v.Press(KeyEnd, s, 80, 24); !v.Paused {
		t.Error("it goes on")
	}
	if v, _ = v.Press(' ', s, 80, 24); v.Paused {
		t.Error("it does not go on")
	}
}
