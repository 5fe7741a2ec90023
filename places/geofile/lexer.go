package geofile

import (
	"fmt"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth is how deep JSON may nest. A MultiPolygon in a GeometryCollection
// needs nine.
const maxDepth = 64

// lexer reads JSON from b, value by value. After its first error it reads
// nothing more. What it gives is good until the bytes of b change.
//
// encoding/json takes five times as long for a record of which most is skipped.
type lexer struct {
	b     []byte
	i     int // what is read of b
	depth int
	first bool // nothing has been read yet in the object or list just opened
	room  []byte
	err   error
}

func (l *lexer) reset(b []byte) {
	*l = lexer{b: b, room: l.room[:0]}
}

func (l *lexer) fail(format string, args ...any) {
	if l.err == nil {
		l.err = fmt.Errorf(format, args...)
	}
}

// unexpected fails because of what stands at i.
func (l *lexer) unexpected(want string) {
	if l.i < len(l.b) {
		l.fail("%s expected, not %q", want, l.b[l.i])
	} else {
		l.fail("%s expected, not the end", want)
	}
}

// peek skips white space and gives the byte after it; 0 at the end.
func (l *lexer) peek() byte {
	for l.i < len(l.b) {
		switch c := l.b[l.i]; c {
		case ' ', '\t', '\r', '\n':
			l.i++
		default:
			return c
		}
	}
	return 0
}

// open begins an object or a list, to be read so:
//
//	for l.open('{'); l.more('}'); {
//		switch key := l.key(); string(key) { … default: l.skip() }
//	}
func (l *lexer) open(c byte) {
	switch {
	case l.err != nil:
	case l.peek() != c:
		l.unexpected(strconv.QuoteRune(rune(c)))
	case l.depth == maxDepth:
		l.err = errDeep
	default:
		l.i++
		l.depth++
		l.first = true
	}
}

// more tells whether another member or element follows.
func (l *lexer) more(end byte) bool {
	if l.err != nil {
		return false
	}
	first := l.first
	l.first = false
	switch c := l.peek(); {
	case c == end:
		l.i++
		l.depth--
		return false
	case first:
		return true
	case c == ',':
		l.i++
		return true
	}
	l.unexpected("',' or " + strconv.QuoteRune(rune(end)))
	return false
}

// key reads the name of a member and the colon.
func (l *lexer) key() []byte {
	key := l.text()
	if l.err == nil && l.peek() != ':' {
		l.unexpected("':'")
	}
	l.i++
	return key
}

// text reads a string. Its bytes need not be UTF-8.
func (l *lexer) text() []byte {
	if l.err != nil {
		return nil
	}
	if l.peek() != '"' {
		l.unexpected("a string")
		return nil
	}
	l.i++
	start := l.i
	for ; l.i < len(l.b); l.i++ {
		switch c := l.b[l.i]; {
		case c == '"':
			l.i++
			return l.b[start : l.i-1]
		case c == '\\':
			return l.escaped(start)
		case c < ' ':
			l.fail("control character %q in a string", c)
			return nil
		}
	}
	l.fail("a string without an end")
	return nil
}

// escaped reads on in a string that began at start, from its first backslash.
func (l *lexer) escaped(start int) []byte {
	from := len(l.room)
	l.room = append(l.room, l.b[start:l.i]...)
	for l.i < len(l.b) {
		c := l.b[l.i]
		l.i++
		switch {
		case c == '"':
			return l.room[from:len(l.room):len(l.room)]
		case c < ' ':
			l.fail("control character %q in a string", c)
			return nil
		case c == '\\':
			if l.escape(); l.err != nil {
				return nil
			}
		default:
			l.room = append(l.room, c)
		}
	}
	l.fail("a string without an end")
	return nil
}

// escape reads what follows a backslash.
func (l *lexer) escape() {
	if l.i == len(l.b) {
		l.unexpected("an escape")
		return
	}
	c := l.b[l.i]
	l.i++
	switch c {
	case '"', '\\', '/':
	case 'b':
		c = '\b'
	case 'f':
		c = '\f'
	case 'n':
		c = '\n'
	case 'r':
		c = '\r'
	case 't':
		c = '\t'
	case 'u':
		r, ok := l.hex(l.i)
		if !ok {
			l.fail("no four hex digits after \\u")
			return
		}
		l.i += 4
		if utf16.IsSurrogate(r) {
			low, ok := rune(0), false
			if l.i+1 < len(l.b) && l.b[l.i] == '\\' && l.b[l.i+1] == 'u' {
				low, ok = l.hex(l.i + 2)
			}
			if r = utf16.DecodeRune(r, low); ok && r != utf8.RuneError {
				l.i += 6
			}
		}
		l.room = utf8.AppendRune(l.room, r)
		return
	default:
		l.i--
		l.fail("no escape: \\%c", c)
		return
	}
	l.room = append(l.room, c)
}

func (l *lexer) hex(i int) (rune, bool) {
	if i+4 > len(l.b) {
		return 0, false
	}
	var r rune
	for _, c := range l.b[i : i+4] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// scalar reads a string, a number, true or false as text; null gives nil, and so
// does an object or a list, which it skips.
func (l *lexer) scalar() []byte {
	switch c := l.peek(); c {
	case '"':
		return l.text()
	case '{', '[', 'n':
		l.skip()
		return nil
	case 't', 'f':
		start := l.i
		l.skip()
		return l.b[start:l.i]
	}
	return l.number()
}

// number reads a number as text.
func (l *lexer) number() []byte {
	if l.err != nil {
		return nil
	}
	l.peek()
	start := l.i
	if l.at('-') {
		l.i++
	}
	if l.at('0') {
		l.i++
	} else {
		l.digits()
	}
	if l.at('.') {
		l.i++
		l.digits()
	}
	if l.at('e') || l.at('E') {
		l.i++
		if l.at('+') || l.at('-') {
			l.i++
		}
		l.digits()
	}
	if l.err != nil {
		return nil
	}
	return l.b[start:l.i]
}

func (l *lexer) at(c byte) bool { return l.i < len(l.b) && l.b[l.i] == c }

func (l *lexer) digits() {
	start := l.i
	for l.i < len(l.b) && '0' <= l.b[l.i] && l.b[l.i] <= '9' {
		l.i++
	}
	if l.i == start {
		l.unexpected("a value")
	}
}

// skip reads a value and forgets it.
func (l *lexer) skip() {
	switch l.peek() {
	case '{':
		for l.open('{'); l.more('}'); {
			l.key()
			l.skip()
		}
	case '[':
		for l.open('['); l.more(']'); {
			l.skip()
		}
	case '"':
		l.text()
	case 't':
		l.literal("true")
	case 'f':
		l.literal("false")
	case 'n':
		l.literal("null")
	default:
		l.number()
	}
}

func (l *lexer) literal(word string) {
	switch {
	case l.err != nil:
	case len(l.b)-l.i < len(word) || string(l.b[l.i:l.i+len(word)]) != word:
		l.unexpected("a value")
	default:
		l.i += len(word)
	}
}

// end fails if anything but white space is left.
func (l *lexer) end() {
	if l.peek(); l.err == nil && l.i < len(l.b) {
		l.unexpected("the end")
	}
}
