package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

const (
	maxEventLine = 64 << 10         // bytes; a node's longest is a tenth of it
	eventSilence = 45 * time.Second // three heartbeats: nobody is there any more
)

// eventSource reads server-sent events from a node, and goes on after the last one that
// it has seen.
type eventSource struct {
	client *client
	path   string
	begun  bool   // there was a stream
	last   string // ID
}

// event is one of them. Its data is valid until the next.
type event struct {
	name, id string
	data     []byte
}

// refusedError is what a node says of a request that it will never take.
type refusedError struct{ error }

// errSilent is the end of a stream that shows no sign of life.
var errSilent = errors.New("the node is silent")

// read calls f for each event until the stream ends, ctx is done, or f fails, and returns
// why. more tells that another event has come already.
func (s *eventSource) read(ctx context.Context, f func(e event, more bool) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watchdog := time.AfterFunc(eventSilence, func() { cancel(errSilent) })
	defer watchdog.Stop()
	err := s.stream(ctx, func() { watchdog.Reset(eventSilence) }, f)
	if context.Cause(ctx) == errSilent {
		return errSilent
	}
	return err
}

func (s *eventSource) stream(ctx context.Context, alive func(), f func(e event, more bool) error) error {
	c := s.client
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url(s.path), nil)
	if err != nil {
		return usagef("%q is not an address: %w", c.addr, err)
	}
	req.Header.Set("Accept", "text/event-stream")
	if s.last != "" {
		req.Header.Set("Last-Event-ID", s.last)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return c.unanswered(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(io.LimitReader(resp.Body, maxEventLine)) // what can't be read says nothing
		err := &refusal{resp.StatusCode, detail(body), fmt.Sprintf("%s answers %s to GET %s", c.addr, resp.Status, s.path), string(body)}
		if resp.StatusCode/100 == 4 {
			return &refusedError{err}
		}
		return err
	}
	s.begun = true
	return s.parse(resp.Body, alive, f)
}

// parse reads the lines of a stream. It returns no nil.
func (s *eventSource) parse(body io.Reader, alive func(), f func(e event, more bool) error) error {
	in := bufio.NewReaderSize(body, maxEventLine)
	var e event
	for {
		line, err := in.ReadSlice('\n')
		switch {
		case err == bufio.ErrBufferFull:
			return fmt.Errorf("%s sends a line longer than %d bytes", s.client.addr, maxEventLine)
		case err == io.EOF:
			return fmt.Errorf("%s has ended the stream", s.client.addr)
		case err != nil:
			return fmt.Errorf("read events from %s: %w", s.client.addr, innermost(err))
		}
		alive()
		line = bytes.TrimRight(line, "\r\n")
		if len(line) > 0 {
			field, value, _ := bytes.Cut(line, []byte(":"))
			value = bytes.TrimPrefix(value, []byte(" "))
			switch string(field) {
			case "event":
				e.name = string(value)
			case "id":
				e.id = string(value)
			case "data":
				e.data = append(e.data[:0], value...)
			}
			continue
		}
		if e.name == "bye" {
			var v struct{ Why string }
			json.Unmarshal(e.data, &v) // whatever it said, it was the last
			return fmt.Errorf("%s has ended the stream: %s", s.client.addr, v.Why)
		}
		if len(e.data) > 0 {
			if err := f(e, in.Buffered() > 0); err != nil {
				return err
			}
		}
		if e.id != "" { // it is seen, and is not to come again
			s.last = e.id
		}
		e.name, e.data = "", e.data[:0]
	}
}
