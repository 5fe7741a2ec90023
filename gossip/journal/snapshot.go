package journal

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Snapshot is a snapshot being written. It is for one goroutine, beside which the log goes on.
type Snapshot struct {
	log  *Log
	file File
	name string // when it is whole
	head header
	seed uint32

	buf   []byte
	count uint64 // messages
	size  int64
	err   error // what has failed
	ended bool  // by Commit or Abort; guarded by log.mu
}

// Begin begins a snapshot: it stands for all that was appended before, so its messages must
// leave nothing of that out. What is appended from now on follows it. It ends with Commit or
// Abort; there is one at a time. When Begin fails for the log's sake, with ErrGone for
// example, that is a failure of Sync.
func (l *Log) Begin() (*Snapshot, error) {
	s, err := l.beginSnapshot()
	if err != nil {
		return nil, fmt.Errorf("begin snapshot: %w", err)
	}
	return s, nil
}

func (l *Log) beginSnapshot() (*Snapshot, error) {
	if err := l.Sync(); err != nil { // so that little is left to sync with the lock held
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.closed:
		return nil, errClosed
	case !l.ready:
		return nil, errors.New("the journal has not been read yet")
	case l.writing:
		return nil, errors.New("one is being written")
	}
	if a := l.active; a != nil && (a.count > 0 || l.has(file{kindSnapshot, a.header.number}.name())) {
		if a.durable < a.count {
			if err := a.file.Sync(); err != nil {
				l.giveUp(a)
				return nil, err
			}
			l.settle(a, a.count)
		}
		l.giveUp(a)
		l.strayed = false // Sync has just looked
	}
	if l.active == nil {
		if err := l.begin(); err != nil {
			return nil, err
		}
	}
	s := &Snapshot{log: l, head: header{file: file{kindSnapshot, l.active.header.number}, store: l.store}}
	s.name, s.seed = s.head.name(), s.head.seed()
	file, err := l.createFile(s.part(), &s.head)
	if err != nil {
		return nil, err
	}
	s.file, s.size = file, headerLen
	l.writing = true
	return s, nil
}

// has tells whether there is a snapshot of that name, or a part of one.
func (l *Log) has(name string) bool {
	_, whole := l.files[name]
	_, part := l.files[name+partSuffix]
	return whole || part
}

func (s *Snapshot) part() string { return s.name + partSuffix }

// Append appends messages to the snapshot. After an error all that is left is to Abort it.
func (s *Snapshot) Append(messages ...[]byte) error {
	if s.err == nil {
		s.err = check(messages)
	}
	if s.err == nil && s.file == nil {
		s.err = errors.New("it has ended")
	}
	if s.err == nil {
		s.buf, s.err = writeBlocks(s.file, s.buf[:0], messages, s.seed, s.count, 0, s.wrote)
		s.count += uint64(len(messages))
	}
	if s.err != nil {
		return fmt.Errorf("append to snapshot: %w", s.err)
	}
	return nil
}

func (s *Snapshot) wrote(n int) {
	s.size += int64(n)
	l := s.log
	l.mu.Lock()
	defer l.mu.Unlock()
	l.files[s.part()] = s.size
	l.stats.Written += int64(n)
}

// Commit makes the snapshot durable and puts it in the place of all that is older, which is
// removed. When it fails, what is older stays, and is what is loaded; the snapshot is aborted.
func (s *Snapshot) Commit() error {
	if s.err == nil && s.file == nil {
		s.err = errors.New("it has ended")
	}
	if s.err == nil {
		s.err = s.commit()
	}
	if s.err != nil {
		s.Abort()
		return fmt.Errorf("commit snapshot: %w", s.err)
	}
	return nil
}

func (s *Snapshot) commit() error {
	l := s.log
	end := beginBlock(nil)
	endBlock(end, s.seed, 0, s.count, 0)
	n, err := s.file.Write(end)
	s.wrote(n)
	switch {
	case err != nil:
		return err
	case n < len(end):
		return io.ErrShortWrite
	}
	if err := s.file.Sync(); err != nil {
		return err
	}
	err = s.file.Close()
	s.file = nil
	if err != nil {
		return err
	}
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return errClosed
	}
	if err = l.fs.Rename(s.part(), s.name); err == nil {
		delete(l.files, s.part())
		l.files[s.name] = s.size
		err = l.fs.Sync()
	}
	if err != nil {
		l.mu.Unlock()
		return err
	}
	l.snapshot = Info{s.name, s.size}
	l.writing, s.ended = false, true
	l.mu.Unlock()
	l.prune(s.head.number)
	return nil
}

// Abort gives the snapshot up, unless it has been committed. The log is as it was.
func (s *Snapshot) Abort() {
	l := s.log
	if s.file != nil {
		_ = s.file.Close()
		s.file = nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || s.ended {
		return
	}
	l.writing, s.ended = false, true
	// Of a rename that has failed, or could not be made durable, nobody knows which name is there.
	for _, name := range []string{s.part(), s.name} {
		if _, ok := l.files[name]; ok {
			l.remove(name)
		}
	}
}

// prune removes the files that are older than those of a number, and what is left of those that
// never got whole. That takes a while if they are large, and nothing waits for it.
func (l *Log) prune(number uint64) {
	l.mu.Lock()
	var old []string
	for name := range l.files {
		if f, ok := parseName(strings.TrimSuffix(name, partSuffix)); ok && f.number < number {
			old = append(old, name)
		}
	}
	l.mu.Unlock()
	slices.Sort(old)
	for _, name := range old {
		err := l.fs.Remove(name)
		l.mu.Lock()
		if isGone(err) {
			delete(l.files, name)
		}
		l.mu.Unlock()
	}
}
