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

// newLogger makes the logger that a configuration asks for, and what ends it: the
// caller owes that, and all lines are written then. Who logs waits for no writer.
func newLogger(c config.Log, stderr io.Writer) (hclog.Logger, func(), error) {
	var file *logFile
	if c.File != "" {
		var err error
		if file, err = openLog(c.File); err != nil {
			return nil, nil, fmt.Errorf("open the log file: %w", err)
		}
	}
	lines := newAside(stderr)
	end, to := lines.end, io.Writer(lines)
	if file != nil { // which does not wait for standard error either
		end, to = func() { lines.end(); file.close() }, io.MultiWriter(lines, file)
	}
	lines.log = hclog.New(&hclog.LoggerOptions{
		Name:       "herd",
		Level:      hclog.LevelFromString(c.Level),
		Output:     to,
		JSONFormat: c.Format == "json",
	})
	return lines.log, end, nil
}

// logFile is a file that others may rename: SIGHUP opens the name anew.
type logFile struct {
	name string
	hup  chan os.Signal
	done sync.WaitGroup // the goroutine that waits for hup

	mu sync.Mutex // guards f, so that no line goes to a closed file
	f  *os.File
}

func openLog(name string) (*logFile, error) {
	l := &logFile{name: name, hup: make(chan os.Signal, 1)}
	if err := l.reopen(); err != nil {
		return nil, err
	}
	signal.Notify(l.hup, syscall.SIGHUP)
	l.done.Go(func() {
		for range l.hup {
			// If it can't be opened the old one is still good.
			if err := l.reopen(); err != nil {
				fmt.Fprintf(l, "the log file can't be opened anew: %v\n", err)
			}
		}
	})
	return l, nil
}

func (l *logFile) reopen() error {
	f, err := os.OpenFile(l.name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o640)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.f != nil {
		l.f.Close()
	}
	l.f = f
	return nil
}

// Write never fails: a full disk must not silence standard error as well.
func (l *logFile) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.f.Write(line)
	return len(line), nil
}

func (l *logFile) close() {
	signal.Stop(l.hup)
	close(l.hup) // no more comes after Stop
	l.done.Wait()
	l.f.Close()
}
