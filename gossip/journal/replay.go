package journal

import (
	"errors"
	"fmt"
	"math"
)

// Report says what Replay has found.
type Report struct {
	Messages uint64 // handed out
	Bytes    int64  // of all messages handed out

	// Snapshot is the number of the snapshot that it began with, 0 if there was none. Whole
	// tells that all of it is in what was handed out; it is set without a snapshot too.
	Snapshot uint64
	Whole    bool

	// Lost tells that something is missing which had once been durable: a file is damaged, or
	// not there. Then what was handed out ends before it.
	Lost bool

	// Cut is how many bytes were left out, File and Offset where the first of them are. Without
	// Lost they are what was being written when the process died, or was given up.
	Cut    int64
	File   string
	Offset int64

	Why string // why it ended where it did, for people; empty: all was there
}

// String is the report in a line.
func (r Report) String() string {
	s := fmt.Sprintf("%d messages, %d bytes", r.Messages, r.Bytes)
	if r.Why != "" {
		s += ": " + r.Why
	}
	if r.Cut > 0 {
		s += fmt.Sprintf("; %d bytes left out", r.Cut)
	}
	if r.Lost {
		s += "; what had been safe is missing"
	}
	return s
}

// Replay calls f with the messages of the journal in order: those of the newest whole
// snapshot, and those that were appended since, up to the first that is damaged or missing. f
// may not keep them. Where it ends is where Append goes on.
//
// An error of f ends it before that message, and is wrapped by what Replay returns; Append
// goes on there then. After an error of the disk nothing can be appended; Replay may be tried
// again, from the beginning.
func (l *Log) Replay(f func(message []byte) error) (Report, error) {
	r, tail, err := l.replay(f)
	if err != nil && !errors.As(err, new(*refusal)) {
		return r, fmt.Errorf("read journal: %w", err)
	}
	l.mu.Lock()
	l.tail, l.ready = tail, true
	l.mu.Unlock()
	if err != nil {
		return r, fmt.Errorf("read journal: %w", err)
	}
	if r.Whole && !r.Lost {
		l.prune(r.Snapshot) // a crash may have left them
	}
	return r, nil
}

// Again calls f with the messages that Replay has handed out, once more. It may run beside
// Append, and until a snapshot is committed: that removes what is read here. An error of f ends it,
// and is wrapped by what Again returns.
func (l *Log) Again(f func(message []byte) error) error {
	c, err := l.chain()
	var s scanner
	for i := 0; err == nil && i < len(c.links); i++ {
		var whole bool
		if _, whole, err = l.read(&s, c.links[i], f); !whole {
			break // as Replay did
		}
	}
	if err != nil {
		return fmt.Errorf("read journal again: %w", err)
	}
	return nil
}

func (l *Log) replay(f func([]byte) error) (r Report, tail mark, err error) {
	switch {
	case l.closed:
		return r, tail, errClosed
	case l.ready:
		return r, tail, errors.New("it has been read")
	}
	c, err := l.chain()
	if err != nil {
		return r, tail, err
	}
	take := func(m []byte) error {
		if err := f(m); err != nil {
			return err
		}
		r.Messages++
		r.Bytes += int64(len(m))
		return nil
	}
	r.Whole = true
	var s scanner
	for i, k := range c.links {
		n, whole, err := l.read(&s, k, take)
		tail = mark{k.header.file, n}
		log, last := k.header.kind == kindLog, i == len(c.links)-1
		l.carry = nil
		if log && last && s.durable < n {
			tail.count = s.durable
			l.carry = &carry{k.found, s.durable, n}
		}
		if !log {
			r.Snapshot, r.Whole = k.header.number, whole && k.count == math.MaxUint64
			l.snapshot = Info{k.name, k.size}
		}
		if whole || err == nil && log && last && s.at == s.size {
			continue
		}
		r.Why = fmt.Sprintf("%s ends after %d messages", k.name, n)
		r.cut(k.name, s.at, s.size)
		for _, k := range c.links[i+1:] {
			r.cut(k.name, 0, k.size)
		}
		// Of a file that was closed all is durable that counts; of the last one, what a later block says.
		if r.Lost = err == nil && !(log && last); err == nil && !r.Lost {
			r.Lost, err = l.lost(&s, k, n)
		}
		return r, tail, err
	}
	for _, g := range c.left {
		r.cut(g.name, 0, g.size)
	}
	r.Lost, r.Why = c.why != "", c.why
	return r, tail, nil
}

func (r *Report) cut(name string, from, to int64) {
	if r.File == "" {
		r.File, r.Offset = name, from
	}
	r.Cut += max(to-from, 0)
}

// lost tells whether what is damaged from s on says that more than n messages were durable.
func (l *Log) lost(s *scanner, k link, n uint64) (lost bool, err error) {
	r, err := l.fs.Open(k.name)
	if err != nil {
		return false, err
	}
	defer func() {
		err = errors.Join(err, r.Close())
	}()
	s.r = r
	if lost, err = s.durableBeyond(n, k.header.seed()); err != nil {
		err = fmt.Errorf("file %s: %w", k.name, err)
	}
	return lost, err
}

// read calls f with the messages of a file, as scanner.messages does.
func (l *Log) read(s *scanner, k link, f func([]byte) error) (n uint64, whole bool, err error) {
	r, err := l.fs.Open(k.name)
	if err != nil {
		return 0, false, err
	}
	defer func() {
		err = errors.Join(err, r.Close())
	}()
	if err := s.open(r); err != nil {
		return 0, false, fmt.Errorf("file %s: %w", k.name, err)
	}
	n, whole, err = s.messages(&k.header, k.count, f)
	if err != nil {
		err = fmt.Errorf("file %s: %w", k.name, err)
	}
	return n, whole, err
}
