package events

import "sync/atomic"

// shared is how many of the newest events have a text that readers share, of some 500 bytes
// each.
const shared = 4 << 10

// texts are events as readers send them on, by number: who needs one that is not there makes
// it. Nobody waits for anybody: two who make the same at a time make equal ones.
type texts [shared]atomic.Pointer[sharedText]

// sharedText is never written to once it is shown.
type sharedText struct {
	number uint64 // of its event
	bytes  []byte
}

// Text is what write makes of an event: for readers of the same news, once. It is not to be
// written to.
func (l *Log) Text(e *Event, write func(*Event) []byte) []byte {
	slot := &l.texts[e.Number%shared]
	t := slot.Load()
	if t != nil && t.number == e.Number {
		return t.bytes
	}
	made := &sharedText{e.Number, write(e)}
	if t == nil || t.number < e.Number { // else this reader is far behind the others
		slot.Store(made)
	}
	return made.bytes
}
