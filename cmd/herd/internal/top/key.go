package top

// Key is a key that was pressed: its character, or one of those below.
type Key rune

// Keys that are no character.
const (
	KeyInterrupt Key = -1 - iota // Ctrl-C
	KeyRedraw                    // Ctrl-L
	KeyEscape
	KeyUp
	KeyDown
	KeyLeft
	KeyRight
	KeyHome
	KeyEnd
	KeyPageUp
	KeyPageDown
)

// Keys reads what a terminal sends. Its zero value is ready.
type Keys struct {
	state    byte // what was read last of a sequence: 0, ESC, '[' or 'O'
	argument int  // of the sequence
}

const esc = 0x1b

// Read gives the keys in a piece of what comes from a terminal. Sequences that are no keys
// of ours are swallowed.
func (k *Keys) Read(piece []byte) (keys []Key) {
	for _, b := range piece {
		if key := k.next(b); key != 0 {
			keys = append(keys, key)
		}
	}
	if k.state == esc { // nobody presses the rest of a sequence later
		k.state = 0
		keys = append(keys, KeyEscape)
	}
	return keys
}

// next takes a byte and gives the key that it ends; 0 if none.
func (k *Keys) next(b byte) Key {
	switch k.state {
	case esc:
		if k.state = 0; b == '[' || b == 'O' {
			k.state, k.argument = b, 0
		}
		return 0 // else it is a character with Alt
	case '[', 'O':
		switch {
		case b >= '0' && b <= '9':
			k.argument = min(k.argument*10+int(b-'0'), 1000)
			return 0
		case b == ';': // of keys with Shift or Ctrl: the second number says which
			k.argument = 0
			return 0
		case b < 0x40 || b > 0x7e: // not the end
			return 0
		}
		k.state = 0
		if b == '~' {
			return tildes[k.argument]
		}
		return finals[b]
	}
	switch {
	case b == esc:
		k.state = esc
		return 0
	case b == 3:
		return KeyInterrupt
	case b == 12:
		return KeyRedraw
	case b == '\t', b >= ' ' && b < 0x7f:
		return Key(b)
	}
	return 0
}

// finals are the keys by the byte that ends their sequence (ECMA-48 and VT100).
var finals = map[byte]Key{
	'A': KeyUp, 'B': KeyDown, 'C': KeyRight, 'D': KeyLeft, 'H': KeyHome, 'F': KeyEnd,
}

// tildes are the keys by the number before the tilde (VT220, rxvt).
var tildes = map[int]Key{1: KeyHome, 7: KeyHome, 4: KeyEnd, 8: KeyEnd, 5: KeyPageUp, 6: KeyPageDown}
