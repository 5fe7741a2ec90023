// Package tty draws on a terminal and gives it back as it was.
package tty

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"golang.org/x/term"
)

// Terminal is one that shows a screen of its own, without a cursor, and sends every key as
// it is pressed. Close must be called, whatever happens: who forgets it leaves a shell that
// shows nothing of what is typed.
type Terminal struct {
	in, out *os.File
	was     *term.State // of in; nil if that is no terminal
	undo    func()      // what open has done to out
	closing sync.Once
	shown   []string // lines on the screen
}

// The screen of its own, the cursor, and whether long lines go on below: xterm's DEC
// private modes, that every terminal of today has.
const (
	begin = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J"
	end   = "\x1b[m\x1b[?7h\x1b[?25h\x1b[?1049l"
)

// Is tells whether somebody sees what is written to w.
func Is(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Open takes the terminal out. Keys come from in; if that is no terminal there are none.
func Open(in, out *os.File) (*Terminal, error) {
	t := &Terminal{in: in, out: out}
	undo, err := prepare(out)
	if err != nil {
		return nil, fmt.Errorf("prepare the terminal: %w", err)
	}
	t.undo = undo
	if term.IsTerminal(int(in.Fd())) {
		if t.was, err = term.MakeRaw(int(in.Fd())); err != nil {
			undo()
			return nil, fmt.Errorf("read keys from the terminal: %w", err)
		}
	}
	if _, err := out.WriteString(begin); err != nil {
		t.Close()
		return nil, fmt.Errorf("draw on the terminal: %w", err)
	}
	return t, nil
}

// Close gives the terminal back. It may be called more than once.
func (t *Terminal) Close() {
	t.closing.Do(func() {
		// Nobody can do anything about a terminal that is gone.
		t.out.WriteString(end)
		if t.was != nil {
			term.Restore(int(t.in.Fd()), t.was)
		}
		t.undo()
	})
}

// Keys is where keys come from; nil if there are none.
func (t *Terminal) Keys() io.Reader {
	if t.was == nil {
		return nil
	}
	return t.in
}

// Size is how many cells the terminal has.
func (t *Terminal) Size() (width, height int) { return Size(t.out) }

// Size is how many cells a terminal has, 80 by 24 if it does not say.
func Size(out *os.File) (width, height int) {
	width, height, err := term.GetSize(int(out.Fd()))
	if err != nil || width <= 0 || height <= 0 {
		return 80, 24
	}
	return width, height
}

// Redraw has the next Show draw all lines: the terminal may show something else.
func (t *Terminal) Redraw() { t.shown = nil }

// Show shows lines, from the top, and nothing else. Those that are there are left alone.
// The lines must fit and hold no control characters but those of colours.
func (t *Terminal) Show(lines []string) error {
	var b strings.Builder
	if t.shown == nil {
		b.WriteString("\x1b[m\x1b[2J")
	}
	for i := range max(len(lines), len(t.shown)) {
		switch {
		case i >= len(lines):
			fmt.Fprintf(&b, "\x1b[%d;1H\x1b[K", i+1)
		case i >= len(t.shown) || t.shown[i] != lines[i]:
			fmt.Fprintf(&b, "\x1b[%d;1H\x1b[K%s", i+1, lines[i])
		}
	}
	t.shown = lines
	if b.Len() == 0 {
		return nil
	}
	_, err := t.out.WriteString(b.String())
	return err
}
