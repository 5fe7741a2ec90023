package main

import (
	"io"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
)

const (
	// maxUnwritten is how many bytes of log may wait for whoever takes it.
	maxUnwritten = 1 << 20

	// logPatience is how long the end waits for the last of them.
	logPatience = time.Second
)

// aside gives log lines to a writer that may be slow, or take nothing at all, as a
// terminal or a pipe may. Nobody who logs waits for it: what there is no room for is
// dropped, and the log says how many lines that were.
type aside struct {
	w     io.Writer
	log   hclog.Logger  // ends in w too; set before the first line
	more  chan struct{} // one slot: there is something to be written, or no more comes
	ended chan struct{} // closed when all is written

	mu      sync.Mutex // guards the fields below; held for no write
	lines   []byte
	dropped int
	ending  bool
}

// newAside starts the goroutine that writes, until end.
func newAside(w io.Writer) *aside {
	a := &aside{w: w, more: make(chan struct{}, 1), ended: make(chan struct{})}
	go a.run() // end waits for it
	return a
}

// Write takes a line, or drops it. It never fails.
func (a *aside) Write(line []byte) (int, error) {
	a.mu.Lock()
	if len(a.lines)+len(line) > maxUnwritten {
		a.dropped++
	} else {
		a.lines = append(a.lines, line...)
	}
	a.mu.Unlock()
	a.wake()
	return len(line), nil
}

func (a *aside) wake() {
	select {
	case a.more <- struct{}{}:
	default:
	}
}

func (a *aside) run() {
	defer close(a.ended)
	for range a.more {
		lines, dropped, ending := a.take()
		a.w.Write(lines) // there is nobody to be told that this failed
		if dropped > 0 {
			a.log.Warn("log lines were dropped: nobody took them", "lines", dropped)
		}
		if ending && dropped == 0 { // else that line is left
			return
		}
	}
}

func (a *aside) take() (lines []byte, dropped int, ending bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	lines, dropped = a.lines, a.dropped
	a.lines, a.dropped = nil, 0
	return lines, dropped, a.ending
}

// end returns when all is written, or soon. Nothing may be logged any more.
func (a *aside) end() {
	a.mu.Lock()
	a.ending = true
	a.mu.Unlock()
	a.wake()
	late := time.NewTimer(logPatience)
	defer late.Stop()
	select {
	case <-a.ended:
	case <-late.C: // the process is about to end, which ends the write
	}
}
