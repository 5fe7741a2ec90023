package gossip

import (
	"log"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/hashicorp/go-hclog"
)

// Lines that memberlist may log a minute, of each kind. What a stranger's junk
// can provoke is at warn level: one line a minute says it, a count says the rest.
const (
	warnLines  = 1
	debugLines = 30
	maxKinds   = 64  // kinds told apart; the rest share one
	maxText    = 400 // bytes of a line that are kept
)

// chatter are warnings and errors of memberlist that belong to an ordinary
// failure, restart or cut, of which the member events tell the story.
var chatter = [...]string{
	"Refuting ", "Got ping for unexpected node", "ignoring alive message", "Failed fallback TCP ping",
	"Push/Pull with ", "failed to receive", "Failed to send gossip", "Failed to send UDP", "Failed to send indirect",
	"Failed to send ack", "Failed to send nack", "Failed to forward ack", "Failed to push local state", "Failed to read remote state",
}

// logBridge takes memberlist's lines and gives them to hclog: warnings and
// errors as warnings (the node copes), all else at debug level.
type logBridge struct {
	log   hclog.Logger
	lines *lineLimit
}

// newLogBridge is a logger for memberlist that ends in l.
func newLogBridge(l hclog.Logger, lines *lineLimit) *log.Logger {
	return log.New(&logBridge{log: l, lines: lines}, "", 0)
}

// Write takes one line. It never fails: nobody would handle it.
func (b *logBridge) Write(line []byte) (int, error) {
	level, text := splitLevel(string(line[:min(len(line), maxText)]))
	if level == hclog.Warn {
		for _, c := range chatter {
			if strings.HasPrefix(text, c) {
				level = hclog.Debug
				break
			}
		}
	}
	lines := warnLines
	if level == hclog.Debug {
		if !b.log.IsDebug() {
			return len(line), nil
		}
		lines = debugLines
	}
	if suppressed, ok := b.lines.allow(kindOf(text), lines); ok {
		args := []any{"text", clean(text)}
		if suppressed > 0 {
			args = append(args, "suppressed", suppressed)
		}
		b.log.Log(level, "memberlist", args...)
	}
	return len(line), nil
}

// splitLevel cuts "[WARN] memberlist: " off a line.
func splitLevel(line string) (hclog.Level, string) {
	level := hclog.Debug
	if rest, ok := strings.CutPrefix(line, "["); ok {
		if name, text, ok := strings.Cut(rest, "] "); ok {
			switch name {
			case "WARN", "ERR", "ERROR":
				level = hclog.Warn
			}
			line = text
		}
	}
	return level, strings.TrimSpace(strings.TrimPrefix(line, "memberlist: "))
}

// kindOf is the constant beginning of a line: at most three words, all letters.
// Names and addresses of members hold digits, so a line's kind ends before them.
func kindOf(text string) string {
	end, words := 0, 0
	for words < 3 && end < len(text) {
		word := text[end:]
		if i := strings.IndexByte(word, ' '); i >= 0 {
			word = word[:i+1]
		}
		if strings.ContainsFunc(strings.TrimRight(word, " :,"), func(r rune) bool {
			return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '/')
		}) {
			break
		}
		end, words = end+len(word), words+1
	}
	return strings.TrimRight(text[:end], " :,")
}

// clean replaces what could break a log line or a terminal: parts of it come from peers.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '.'
		}
		return r
	}, strings.ToValidUTF8(text, "."))
}

// lineLimit bounds log lines by kind. The zero value is ready.
type lineLimit struct {
	mu         sync.Mutex // guards the fields below
	kinds      map[string]*lineWindow
	suppressed uint64
}

type lineWindow struct {
	start      time.Time
	lines      int
	suppressed uint64 // since the last line that was let through
}

// allow tells whether a line of this kind may be logged: n a minute may. With
// the line that may come how many before it did not.
func (l *lineLimit) allow(kind string, n int) (suppressed uint64, ok bool) {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	w := l.kinds[kind]
	if w == nil {
		if l.kinds == nil {
			l.kinds = make(map[string]*lineWindow)
		}
		if len(l.kinds) >= maxKinds {
			l.forgetLocked(now)
		}
		if len(l.kinds) >= maxKinds {
			kind = ""
			w = l.kinds[kind]
		}
		if w == nil {
			w = &lineWindow{start: now}
			l.kinds[kind] = w
		}
	}
	if now.Sub(w.start) >= time.Minute {
		w.start, w.lines = now, 0
	}
	if w.lines >= n {
		w.suppressed++
		l.suppressed++
		return 0, false
	}
	w.lines++
	suppressed, w.suppressed = w.suppressed, 0
	return suppressed, true
}

// forgetLocked drops the kinds whose minute is over: peers make new ones by their names,
// and the others' lines would share one for ever. What one had kept back is in total.
func (l *lineLimit) forgetLocked(now time.Time) {
	for kind, w := range l.kinds {
		if now.Sub(w.start) >= time.Minute {
			delete(l.kinds, kind)
		}
	}
}

// total is the number of lines that were kept back.
func (l *lineLimit) total() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.suppressed
}
