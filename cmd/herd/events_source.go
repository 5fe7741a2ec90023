package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"herd/node/client/sse"
)

// eventSilence is three heartbeats: nobody is there any more.
const eventSilence = 45 * time.Second

// eventSource reads server-sent events from a node, and goes on after the last one that
// it has seen.
type eventSource struct {
	client *client
	path   string
	begun  bool   // there was a stream
	last   string // ID
}

// errSilent is the end of a stream that shows no sign of life.
var errSilent = errors.New("the node is silent")

// read calls f for each event until the stream ends, ctx is done, or f fails, and returns
// why. more tells that another event has come already.
func (s *eventSource) read(ctx context.Context, f func(e sse.Event, more bool) error) error {
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

func (s *eventSource) stream(ctx context.Context, alive func(), f func(e sse.Event, more bool) error) error {
	c := s.client
	req, err := c.request(ctx, http.MethodGet, s.path, nil)
	if err != nil {
		return err
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
		body, _ := io.ReadAll(io.LimitReader(resp.Body, sse.MaxEvent)) // what can't be read says nothing
		return c.refused(resp, http.MethodGet, s.path, body)
	}
	s.begun = true
	return s.parse(resp.Body, alive, f)
}

// parse reads the events of a stream. It returns no nil.
func (s *eventSource) parse(body io.Reader, alive func(), f func(e sse.Event, more bool) error) error {
	in := sse.NewReader(body, alive)
	for {
		e, err := in.Next()
		switch {
		case err == io.EOF:
			return fmt.Errorf("%s has ended the stream", s.client.addr)
		case err != nil:
			return fmt.Errorf("read events from %s: %w", s.client.addr, innermost(err))
		case e.Name == "bye":
			var v struct{ Why string }
			json.Unmarshal(e.Data, &v) // whatever it said, it was the last
			return fmt.Errorf("%s has ended the stream: %s", s.client.addr, v.Why)
		}
		if len(e.Data) > 0 {
			if err := f(e, in.Buffered()); err != nil {
				return err
			}
		}
		if e.ID != "" { // it is seen, and is not to come again
			s.last = e.ID
		}
	}
}
