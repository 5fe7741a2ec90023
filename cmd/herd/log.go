package main

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/hashicorp/go-hclog"

	"herd/config"
)

// logs is where a node tells its story.
type logs struct {
	log   hclog.Logger
	noted hclog.Logger // into the file alone
	lines *aside       // to standard error
	file  *logFile
}

// openLogs makes the logger that a configuration asks for. The caller owes an end. Who logs
// waits for the file, if there is one, and never for standard error.
func openLogs(c config.Log, stderr io.Writer) (*logs, error) {
	l := &logs{file: &logFile{}}
	if err := l.file.use(c.File); err != nil {
		return nil, err
	}
	l.lines = newAside(stderr)
	logger := func(w io.Writer) hclog.Logger {
		return hclog.New(&hclog.LoggerOptions{
			Name:       "herd",
			Level:      hclog.LevelFromString(c.Level),
			Output:     w,
			JSONFormat: c.Format == "json",
		})
	}
	l.log = logger(io.MultiWriter(l.lines, l.file)) // which does not wait for standard error either
	l.lines.log = l.log
	l.noted = logger(l.file)
	return l, nil
}

// set takes over the level and the file, which is opened anew in any case.
func (l *logs) set(c config.Log) error {
	if err := l.file.use(c.File); err != nil {
		return err
	}
	l.log.SetLevel(hclog.LevelFromString(c.Level))
	return nil
}

// end returns when all lines are written. Nothing may be logged any more.
func (l *logs) end() {
	l.lines.end()
	l.file.close()
}

// newLogger is openLogs for those whose log stays as it is.
func newLogger(c config.Log, stderr io.Writer) (hclog.Logger, func(), error) {
	l, err := openLogs(c, stderr)
	if err != nil {
		return nil, nil, err
	}
	return l.log, l.end, nil
}

// logFile is a file that others may rename: SIGHUP opens the name anew. The zero value has
// no file, and takes what is written to it all the same.
type logFile struct {
	hup  chan os.Signal // nil: there has been no file yet
	done sync.WaitGroup // the goroutine that waits for hup

	mu   sync.Mutex // guards the fields below, so that no line goes to a closed file
	name string
	f    *os.File
}

// use has lines go to the file of that name from now on, or to none if it is empty. An
// error leaves all as it was. One call at a time.
func (l *logFile) use(name string) error {
	var f *os.File
	if name != "" {
		var err error
		if f, err = os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o640); err != nil {
			return fmt.Errorf("open the log file: %w", err)
		}
		if l.hup == nil {
			l.watch()
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.f != nil {
		l.f.Close()
	}
	l.name, l.f = name, f
	return nil
}

// watch opens the file anew at each SIGHUP.
func (l *logFile) watch() {
	l.hup = make(chan os.Signal, 1)
	signal.Notify(l.hup, syscall.SIGHUP)
	l.done.Go(func() {
		for range l.hup {
			// If it can't be opened the old one is still good.
			if err := l.reopen(); err != nil {
				fmt.Fprintf(l, "the log file can't be opened anew: %v\n", err)
			}
		}
	})
}

// reopen opens the name anew. It holds on to that while it does: another may be set.
func (l *logFile) reopen() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.name == "" {
		return nil
	}
	f, err := os.OpenFile(l.name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o640)
	if err != nil {
		return err
	}
	l.f.Close()
	l.f = f
	return nil
}

// Write never fails: a full disk must not silence standard error as well.
func (l *logFile) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.f != nil {
		l.f.Write(line)
	}
	return len(line), nil
}

func (l *logFile) close() {
	if l.hup != nil {
		signal.Stop(l.hup)
		close(l.hup) // no more comes after Stop
		l.done.Wait()
	}
	if l.f != nil {
		l.f.Close()
	}
}
