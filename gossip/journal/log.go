package journal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"sync"
)

// Config is what a Log is opened with. The zero value of a field means its default.
type Config struct {
	// Slack is how many bytes the log may take before a snapshot is due that is smaller than
	// that. Default 64 MiB.
	Slack int64

	// Store tells the files of this journal from those of others, if there are none yet.
	// Default: a random number.
	Store uint64
}

// maxFiles is how many files there may be before a snapshot is due: a process that
// starts again and again leaves one each time.
const maxFiles = 64

// Log is a journal that is open. Its methods may be called by many goroutines, but for
// those of reading, Replay and Close.
type Log struct {
	fs    FS
	cfg   Config
	store uint64

	mu       sync.Mutex // guards what follows; held while a file is written to or begun, not synced
	lock     io.Closer  // of the folder; nil: others may have it
	files    map[string]int64
	snapshot Info    // the newest that is whole; no name: none
	next     uint64  // number of the next file
	tail     mark    // where the next log file goes on
	ready    bool    // tail is known: Replay has ended
	active   *active // what is appended to; nil: none, the next Append begins one
	strayed  bool    // the file of tail may not be in its place: begin looks
	writing  bool    // a Snapshot is under way
	closed   bool
	stats    Stats
	buf      []byte

	carry *carry  // what the next log file begins with; nil: nothing
	found []found // as they were at Open; for Replay and Again
}

// active is the log file that is appended to.
type active struct {
	file    File
	name    string
	header  header
	seed    uint32
	base    uint64 // Stats.Appended when it began
	count   uint64 // messages
	durable uint64 // of those
	size    int64
}

// Stats is a Log in numbers.
type Stats struct {
	// Appended counts the messages appended since Open, without those that a failure has
	// taken: it falls back to Durable then. Durable is how many of them would survive a
	// crash; it is 0 again when the log begins anew. What Replay has handed out is as safe
	// as it was before, and durable with the first of them.
	Appended, Durable uint64

	// Snapshot is the size of the newest snapshot, Total that of all files, in bytes.
	Snapshot, Total int64

	Files int // how many there are

	Written int64  // bytes written to disk since Open, snapshots too
	Syncs   uint64 // of log files since Open
}

// ErrGone is wrapped by the errors of a Log whose file was not in its place: see Sync.
var ErrGone = errors.New("the file is gone from its folder")

// errClosed is the error of a Log that was closed.
var errClosed = errors.New("journal is closed")

// Open opens the journal in a folder, which is empty at first, and locks it. What was being
// written as a snapshot when a process died is removed; nothing else is changed. Read it by
// Replay before anything is appended.
//
// The errors to tell apart are ErrLocked, ErrVersion and ErrForeign.
func Open(fs FS, cfg Config) (*Log, error) {
	lock, err := fs.Lock()
	if err != nil {
		return nil, fmt.Errorf("lock journal: %w", err)
	}
	if cfg.Slack <= 0 {
		cfg.Slack = 64 << 20
	}
	l := &Log{fs: fs, cfg: cfg, lock: lock, store: cfg.Store, files: map[string]int64{}}
	if l.store == 0 {
		l.store = rand.Uint64()
	}
	if err := l.look(); err != nil {
		return nil, errors.Join(fmt.Errorf("open journal: %w", err), lock.Close())
	}
	return l, nil
}

// Close closes the journal and lets others have the folder. What was appended is not made
// durable by it. A Snapshot under way fails.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil
	}
	l.closed = true
	err := l.unlock()
	if l.active != nil {
		err = errors.Join(l.active.file.Close(), err)
		l.active = nil
	}
	return err
}

// unlock lets others have the folder, if this log has it.
func (l *Log) unlock() error {
	if l.lock == nil {
		return nil
	}
	lock := l.lock
	l.lock = nil
	return lock.Close()
}

// Append appends messages, in one write if they are few. They will be read in order, and
// only with all before them. They are in the hands of the system when it returns, and safe
// from a crash of this process, but not from one of the machine: see Sync.
//
// When it fails, the log goes back to what is durable, and that is all that it has: see
// [Stats]. An empty message, or one longer than MaxMessage, is refused, and all that came
// with it.
func (l *Log) Append(messages ...[]byte) error {
	if err := check(messages); err != nil {
		return fmt.Errorf("append to journal: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.closed:
		return errClosed
	case !l.ready:
		return errors.New("append to journal: it has not been read yet")
	case len(messages) == 0:
		return nil
	}
	if l.active == nil {
		if err := l.begin(); err != nil {
			return fmt.Errorf("append to journal: %w", err)
		}
	}
	a := l.active
	if err := l.write(a, messages); err != nil {
		// What was appended before may still become durable.
		if a.durable < a.count && a.file.Sync() == nil {
			l.settle(a, a.count)
		}
		l.giveUp(a)
		return fmt.Errorf("append to journal: %w", err)
	}
	l.stats.Appended += uint64(len(messages))
	return nil
}

// write writes messages to the active file.
func (l *Log) write(a *active, messages [][]byte) error {
	buf, err := writeBlocks(a.file, l.buf[:0], messages, a.seed, a.count, a.durable, func(n int) {
		a.size += int64(n)
		l.files[a.name] = a.size
		l.stats.Written += int64(n)
	})
	if cap(buf) <= 4*fullPayload {
		l.buf = buf
	}
	if err == nil {
		a.count += uint64(len(messages))
	}
	return err
}

func check(messages [][]byte) error {
	for _, m := range messages {
		if len(m) == 0 || len(m) > MaxMessage {
			return fmt.Errorf("message of %d bytes, 1 to %d are possible", len(m), MaxMessage)
		}
	}
	return nil
}

// writeBlocks writes messages as blocks, the first of which has that many before it. It
// calls wrote with the number of bytes after each write, and returns the buffer.
func writeBlocks(w io.Writer, buf []byte, messages [][]byte, seed uint32, first, durable uint64, wrote func(int)) ([]byte, error) {
	flush := func() error {
		n, err := w.Write(buf)
		wrote(n)
		if err == nil && n < len(buf) {
			err = io.ErrShortWrite
		}
		buf = buf[:0]
		return err
	}
	for len(messages) > 0 {
		start := len(buf)
		buf = beginBlock(buf)
		n := 0
		for n < len(messages) && (n == 0 || len(buf)-start+len(messages[n]) <= fullPayload) {
			buf = appendMessage(buf, messages[n])
			n++
		}
		endBlock(buf[start:], seed, uint32(n), first, durable)
		messages, first = messages[n:], first+uint64(n)
		if len(buf) >= 2*fullPayload || len(messages) == 0 {
			if err := flush(); err != nil {
				return buf, err
			}
		}
	}
	return buf, nil
}

// Sync makes durable what was appended before. It may run beside Append. When it fails, the
// log goes back to what is durable, and that is all that it has: see [Stats]. It fails with
// ErrGone, even if there is nothing to be made durable, when the file is not in its place.
func (l *Log) Sync() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return errClosed
	}
	a := l.active
	if a == nil {
		l.mu.Unlock()
		return nil
	}
	count, safe := a.count, a.durable == a.count
	l.mu.Unlock()

	var err error
	if !safe {
		err = a.file.Sync()
	}
	gone := a.file.Gone()

	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case gone && l.active == a:
		l.giveUp(a)
		return fmt.Errorf("sync journal: %s: %w", a.name, ErrGone)
	case a.durable >= count: // another has done it
		return nil
	case l.active != a:
		return errors.New("sync journal: it was given up meanwhile")
	case err != nil:
		l.giveUp(a)
		return fmt.Errorf("sync journal: %w", err)
	}
	l.settle(a, count)
	return nil
}

// settle takes note that the first count messages of a are durable.
func (l *Log) settle(a *active, count uint64) {
	a.durable = max(a.durable, count)
	l.stats.Durable = a.base + a.durable
	l.stats.Syncs++
}

// giveUp ends the active file: the log goes on, in another, after what is durable of it.
func (l *Log) giveUp(a *active) {
	l.active, l.strayed = nil, true
	l.tail = mark{a.header.file, a.durable}
	l.stats.Appended = l.stats.Durable
	_ = a.file.Close() // nothing that it could say is news
}

// remove removes a file that nothing needs. One that can't be removed stays among the
// files: the next snapshot tries again.
func (l *Log) remove(name string) {
	if isGone(l.fs.Remove(name)) {
		delete(l.files, name)
	}
}

// isGone tells of an attempt to remove a file whether it is not there now.
func isGone(err error) bool { return err == nil || errors.Is(err, fs.ErrNotExist) }

// Stats returns the counters.
func (l *Log) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.stats
	s.Snapshot, s.Files = l.snapshot.Size, len(l.files)
	for _, size := range l.files {
		s.Total += size
	}
	return s
}

// Due tells whether it is time for a snapshot: the log takes more than the newest snapshot
// and more than Config.Slack, or there are many files. If the caller begins one then, the
// files take twice a snapshot and Slack at the most, and while one is written, what is
// written besides.
func (l *Log) Due() bool {
	s := l.Stats()
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.writing && (s.Total-s.Snapshot > max(s.Snapshot, l.cfg.Slack) || s.Files > maxFiles)
}
