package main

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"herd/config"
)

// stuck is a writer that takes nothing before it is let go.
type stuck struct {
	bytes.Buffer
	let chan struct{}
}

func (s *stuck) Write(b []byte) (int, error) {
	<-s.let
	return s.Buffer.Write(b)
}

// Whoever logs does not wait for standard error. What is kept is whole lines in order,
// and the log says how many are missing.
func TestLogToStuckStderr(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stderr := &stuck{let: make(chan struct{})}
		logger, end, err := newLogger(config.Log{Level: "debug", Format: "json"}, stderr)
		if err != nil {
			t.Fatal(err)
		}
		logger.Debug("first")
		synctest.Wait()
		const lines = 50_000
		for i := range lines {
			logger.Debug("next", "number", i)
		}
		close(stderr.let)
		end()
		got := strings.Split(strings.TrimSuffix(stderr.String(), "\n"), "\n")
		kept := got[1 : len(got)-1]
		if n := stderr.Len(); len(kept) == 0 || n > maxUnwritten+1000 {
			t.Errorf("%d lines are kept, %d bytes in all", len(kept), n)
		}
		for i, line := range kept {
			if !strings.Contains(line, fmt.Sprintf(`"number":%d}`, i)) && !strings.Contains(line, fmt.Sprintf(`"number":%d,`, i)) {
				t.Fatalf("line %d is %s", i, line)
			}
		}
		if last, missing := got[len(got)-1], `"lines":`+strconv.Itoa(lines-len(kept)); !strings.Contains(last, missing) {
			t.Errorf("the last line is %s, want %s in it", last, missing)
		}
	})
}

// The end does not wait for ever for somebody who takes nothing.
func TestLogEndsStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stderr := &stuck{let: make(chan struct{})}
		logger, end, err := newLogger(config.Log{Level: "info", Format: "text"}, stderr)
		if err != nil {
			t.Fatal(err)
		}
		logger.Info("first")
		end()
		close(stderr.let)
	})
}
