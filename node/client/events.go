package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strings"
	"time"

	"herd/node/client/sse"
)

const (
	eventSilence = 45 * time.Second // three signs of life: nobody is there any more
	eventPause   = time.Second      // before a stream that was cut is asked for again, as nodes want it
)

// Kind is what an event tells.
type Kind string

// The kinds. A newer node may have others.
const (
	Hello   Kind = "hello"  // a stream begins: what happens from now on comes
	Fixed   Kind = "fix"    // a report has taken its place in the node's table
	Gone    Kind = "gone"   // the node shows a client no more
	Changed Kind = "member" // a member's state has changed
	Reset   Kind = "reset"  // events were missed: fetch all anew
)

// Event is what happened, as one node sees it.
type Event struct {
	Kind   Kind
	ID     string       // opaque: where to go on after it
	Node   string       // Hello: the name of the node
	Client Located      // Fixed
	Gone   Departure    // Gone
	Member MemberChange // Changed
	Why    string       // Reset: for people
	Data   []byte       // the JSON of it as it came
	More   bool         // the next has begun to come: who gathers output need not yet let it go
}

// Filter says which events are wanted. The zero Filter means all.
type Filter struct {
	Kinds  []Kind        // Fixed, Gone, Changed; none: all
	Client string        // what is of this client alone
	Prefix string        // what is of clients whose IDs begin so
	Area   *Box          // fixes in it; who is gone is told wherever it was
	Every  time.Duration // merge a client's events that come within this time, 50 ms to 10 s

	// After is the ID of the last event that was seen, to go on after it. What can't be had any
	// more, and all if it is another node's, is told by a Reset.
	After string

	// Cut, if it is not nil, is called when a stream breaks, before it is asked for again. It
	// runs in the goroutine of the loop.
	Cut func(err error)
}

func (f *Filter) path() string {
	q := Which{f.Prefix, f.Area}.values()
	if len(f.Kinds) > 0 {
		var kinds []string
		for _, k := range f.Kinds {
			kinds = append(kinds, string(k))
		}
		q.Set("kinds", strings.Join(kinds, ","))
	}
	if f.Client != "" {
		q.Set("client", f.Client)
	}
	if f.Every != 0 {
		q.Set("every", f.Every.String())
	}
	return eventsPath(q)
}

func eventsPath(q url.Values) string {
	if len(q) == 0 {
		return "/v1/events"
	}
	return "/v1/events?" + q.Encode()
}

// Events follows what happens. When its stream is cut it goes on at the same node after the
// last event, or else at another one: that begins with a Hello and a Reset, since what was
// missed is not known there. It ends with ctx, with whose error; with a request that a node refuses; or if
// no node can be reached the first time. After that it tries for ever. The node may drop a
// loop that is slower than the herd; then there is a Reset too.
//
// To know all clients and then every change, wait for the Hello or Reset, list them, go on: Fixed
// sets a client, Gone takes one away, be it known or not. What happens while the list comes is told
// afterwards, though the list may have it. The list is to be of the node whose stream it is: that is
// asked first from then on, by all who use a.
func (a *API) Events(ctx context.Context, f Filter) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		s := follower{api: a, path: f.path(), last: f.After, yield: yield}
		for {
			err := s.follow(ctx)
			switch {
			case s.stopped:
				return
			case ctx.Err() != nil:
				yield(Event{}, fmt.Errorf("follow events: %w", ctx.Err()))
				return
			case isFinal(err), s.node.addr == "": // there was no stream ever
				yield(Event{}, err)
				return
			}
			if f.Cut != nil {
				f.Cut(err)
			}
			sleep(ctx, jitter(eventPause, eventPause))
		}
	}
}

// follower is one loop over events.
type follower struct {
	api     *API
	path    string
	node    node   // of the last stream
	stay    bool   // that node is worth asking first
	last    string // the ID of the last event
	yield   func(Event, error) bool
	stopped bool // the loop wants no more
}

// follow gets a stream and reads it to its end. It returns no nil unless the loop has stopped.
func (s *follower) follow(ctx context.Context) error {
	var in *stream
	ask := func(within context.Context, to node) (err error) {
		if in, err = s.ask(ctx, within, to); err == nil {
			s.node, s.stay = to, true
			s.api.nodes.stick(to)
		}
		return err
	}
	err := error(errSilent)
	if s.stay { // it has what was missed, if it is there
		err = ask(ctx, s.node)
	}
	if !isFinal(err) && err != nil {
		err = s.api.nodes.call(ctx, "follow events", ask)
	}
	if err != nil {
		return err
	}
	defer in.end(nil)
	defer in.body.Close()
	watchdog := time.AfterFunc(eventSilence, func() { in.end(errSilent) })
	defer watchdog.Stop()
	err = s.read(in.body, func() { watchdog.Reset(eventSilence) })
	if context.Cause(in.ctx) == errSilent {
		err = errSilent
		s.stay = false
		s.api.nodes.failed(s.node)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", s.node.name, err)
	}
	return nil
}

// stream is one answer of a node.
type stream struct {
	body io.ReadCloser
	ctx  context.Context
	end  context.CancelCauseFunc
}

// ask has a node begin a stream, which goes on until ctx is done, or end is called. That it begins
// it waits for no longer than for any answer, and no longer than within.
func (s *follower) ask(ctx, within context.Context, to node) (*stream, error) {
	ctx, end := context.WithCancelCause(ctx)
	defer context.AfterFunc(within, func() { end(errSilent) })()
	defer time.AfterFunc(s.api.nodes.config.Patience, func() { end(errSilent) }).Stop()
	header := http.Header{"Accept": {"text/event-stream"}}
	if s.last != "" {
		header.Set("Last-Event-ID", s.last)
	}
	resp, err := s.api.open(ctx, to, http.MethodGet, s.path, nil, header)
	if err != nil {
		end(nil)
		return nil, err
	}
	return &stream{resp.Body, ctx, end}, nil
}

// read hands out the events of a stream.
func (s *follower) read(body io.Reader, alive func()) error {
	r := sse.NewReader(body, alive)
	for {
		e, err := r.Next()
		switch {
		case err == io.EOF:
			return errors.New("the stream has ended")
		case err != nil:
			return innermost(err)
		}
		if e.Name == "bye" {
			var v struct{ Why string }
			if json.Unmarshal(e.Data, &v) != nil {
				v.Why = string(e.Data)
			}
			return fmt.Errorf("the node has ended the stream: %s", shorten(v.Why))
		}
		if e.Data != nil {
			event, err := decode(e)
			if err != nil {
				return final(err)
			}
			event.More = r.Buffered()
			if !s.yield(event, nil) {
				s.stopped = true
				return nil
			}
		}
		if e.ID != "" { // it is seen, and is not to come again
			s.last = e.ID
		}
	}
}

// decode reads the data of an event.
func decode(e sse.Event) (Event, error) {
	event := Event{Kind: Kind(e.Name), ID: e.ID, Data: bytes.Clone(e.Data)}
	var err error
	switch event.Kind {
	case Hello, Reset:
		var v struct{ Node, Why string }
		err = json.Unmarshal(e.Data, &v)
		event.Node, event.Why = v.Node, v.Why
	case Fixed:
		err = json.Unmarshal(e.Data, &event.Client)
	case Gone:
		err = json.Unmarshal(e.Data, &event.Gone)
	case Changed:
		err = json.Unmarshal(e.Data, &event.Member)
	}
	if err != nil {
		return Event{}, fmt.Errorf("read an event of the kind %q: %w", shorten(e.Name), err)
	}
	return event, nil
}
