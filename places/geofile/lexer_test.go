package geofile

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzLexer: what encoding/json takes for JSON is JSON, and nothing else; strings
// read the same.
func FuzzLexer(f *testing.F) {
	for _, s := range []string{
		`{"a":[1,-0.5e+3,true,false,null,"x\"\\\/\b\f\n\r\té😀\ud83d\ud83dx"],"b":{}}`,
		`{"a":1,}`, `[1,]`, `[,1]`, `{,}`, `{"a"}`, `{"a":}`, `{1:2}`, `01`, `-`, `1.`, `.5`, `1e`, `tru`, `nulll`,
		`"`, `"\`, `"\u12`, `"\x"`, "\"\n\"", `"\ud800"`, `"\ud83d\ude00\u00e9"`, `[] []`, ``, ` `, `[[[[]]]]`, "{\"a\" : 1 , \"b\"\t:\r\n2}", "\"\xff\"",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		l := lexer{b: text}
		l.skip()
		l.end()
		if errors.Is(l.err, errDeep) {
			return
		}
		if got, want := l.err == nil, json.Valid(text); got != want {
			t.Fatalf("%q: valid %v, want %v (%v)", text, got, want, l.err)
		}
		var want string
		if l.err != nil || !utf8.Valid(text) || json.Unmarshal(text, &want) != nil || string(text) == "null" {
			return
		}
		l = lexer{b: text}
		l.peek()
		if got := string(l.text()); got != want && !strings.Contains(want, "�") {
			t.Fatalf("%q reads %q, want %q", text, got, want)
		}
	})
}

func TestLexerIsBounded(t *testing.T) {
	for depth, want := range map[int]error{maxDepth: nil, maxDepth + 1: errDeep, 1 << 20: errDeep} {
		l := lexer{b: []byte(strings.Repeat("[", depth) + strings.Repeat("]", depth))}
		l.skip()
		l.end()
		if !errors.Is(l.err, want) {
			t.Errorf("%d deep: %v, want %v", depth, l.err, want)
		}
	}
}
