package gossip

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"herd/gossip/replica"
	"herd/gossip/simnet"
)

func TestStateMessage(t *testing.T) {
	for _, local := range []string{"", "x", strings.Repeat("y", maxState)} {
		for _, name := range []string{"places", strings.Repeat("n", maxStateName)} {
			b := appendState([]byte("before"), name, []byte(local))[len("before"):]
			if n := binary.BigEndian.Uint32(b); int(n) != len(b)-frameHeader || b[frameHeader] != kindState {
				t.Fatalf("%s: length %d of %d bytes, kind %x", name, n, len(b), b[frameHeader])
			}
			gotName, gotLocal, err := splitState(b[frameHeader:])
			if err != nil || string(gotName) != name || string(gotLocal) != local {
				t.Errorf("%s: got %q, %d bytes, %v", name, gotName, len(gotLocal), err)
			}
		}
	}
}

func TestBadStateMessages(t *testing.T) {
	for name, b := range map[string][]byte{
		"no name length":   {kindState},
		"empty name":       {kindState, 0, 1, 2},
		"name cut short":   {kindState, 3, 'a', 'b'},
		"name too long":    append([]byte{kindState, maxStateName + 1}, make([]byte, 100)...),
		"longest of names": append([]byte{kindState, 255}, make([]byte, 300)...),
		"too large":        append([]byte{kindState, 1, 'a'}, make([]byte, maxState+1)...),
	} {
		if _, _, err := splitState(b); !errors.Is(err, replica.ErrMessage) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func FuzzStateMessage(f *testing.F) {
	f.Add(appendState(nil, "places", []byte("x"))[frameHeader:])
	f.Add([]byte{kindState, 3, 'a', 'b'})
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) == 0 || b[0] != kindState {
			return
		}
		name, local, err := splitState(b)
		if err == nil && !bytes.Equal(appendState(nil, string(name), local)[frameHeader:], b) {
			t.Errorf("%x is not what was read of it", b)
		}
	})
}

func TestStatesRefusedByNew(t *testing.T) {
	many := make([]State, maxStates+1)
	for i := range many {
		many[i] = &tally{name: string(rune('a' + i))}
	}
	for _, test := range []struct {
		states []State
		want   string
	}{
		{[]State{&tally{name: ""}}, "1 to 64 bytes"},
		{[]State{&tally{name: "a b"}}, "1 to 64 bytes"},
		{[]State{&tally{name: strings.Repeat("n", maxStateName+1)}}, "1 to 64 bytes"},
		{[]State{&tally{name: "a"}, &tally{name: "b"}, &tally{name: "a"}}, `two shared states are called "a"`},
		{many, "17 shared states"},
		{many[:maxStates], ""},
	} {
		c, err := New(Config{Name: "Clark", Network: simnet.New(1).Host("127.0.0.1"), BindAddr: "127.0.0.1:4132", States: test.states})
		if test.want == "" {
			if err != nil {
				t.Error(err)
				continue
			}
			c.Close()
		} else if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("got %v, want %q", err, test.want)
		}
	}
}
