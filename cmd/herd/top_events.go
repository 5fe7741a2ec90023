package main

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"herd/cmd/herd/internal/top"
	"herd/node/client/sse"
)

const (
	topEvents = 5000        // fixes that are read in a turn: what herd top costs a node has an end
	topTurn   = time.Second // after it
	topBatch  = 256         // fixes that go to the model at a time
)

// errEnough ends a stream of which enough was read in this turn.
var errEnough = errors.New("enough for now")

// followMembers passes on every change of a member that the node at addr sees.
func (f *topFeed) followMembers(ctx context.Context, addr string) {
	s := f.events(addr, "member")
	for range ticks(ctx, topTurn) {
		s.read(ctx, func(e sse.Event, _ bool) error { // a stream that ends is followed again
			now := time.Now()
			switch e.Name {
			case "member":
				var c top.Change
				if err := json.Unmarshal(e.Data, &c); err != nil {
					return err
				}
				f.send(ctx, topUpdate{tell: func(m *top.Model) { m.Change(c) }, happened: true})
			case "reset":
				var v struct{ Why string }
				if err := json.Unmarshal(e.Data, &v); err != nil {
					return err
				}
				f.send(ctx, topUpdate{tell: func(m *top.Model) { m.Missed(now, v.Why) }, happened: true})
			}
			return nil
		})
	}
}

// followFixes passes on the fixes that the node at addr takes, from any node: all of them, or
// of each turn as many as are enough to see who is hot.
func (f *topFeed) followFixes(ctx context.Context, addr string) {
	s := f.events(addr, "fix")
	for range ticks(ctx, topTurn) {
		err := f.readFixes(ctx, s)
		if ctx.Err() != nil {
			break
		}
		s.last = "" // what was missed is not wanted
		enough, why := errors.Is(err, errEnough), ""
		var refused *refusal
		if !s.begun || errors.As(err, &refused) && refused.forGood() {
			why = reason(err)
		}
		s.begun = false
		f.hear(ctx, false, why)
		f.sampled(ctx, enough)
	}
}

func (f *topFeed) sampled(ctx context.Context, on bool) {
	f.send(ctx, topUpdate{tell: func(m *top.Model) { m.Sampled(on) }})
}

func (f *topFeed) hear(ctx context.Context, on bool, why string) {
	now := time.Now()
	f.send(ctx, topUpdate{tell: func(m *top.Model) { m.Hear(now, on, why) }})
}

// readFixes reads one stream to its end, or as far as a turn goes.
func (f *topFeed) readFixes(ctx context.Context, s *eventSource) error {
	var batch []top.Fix
	began, n := time.Now(), 0
	return s.read(ctx, func(e sse.Event, more bool) error {
		switch e.Name {
		case "hello":
			f.hear(ctx, true, "")
		case "fix":
			var fix top.Fix
			if err := json.Unmarshal(e.Data, &fix); err != nil {
				return err
			}
			batch = append(batch, fix)
			n++
		}
		if now := time.Now(); now.Sub(began) >= topTurn {
			began, n = now, 0
			f.sampled(ctx, false)
		}
		if len(batch) > 0 && (!more || len(batch) == topBatch || n >= topEvents) {
			now, all := time.Now(), batch
			batch = nil
			f.send(ctx, topUpdate{tell: func(m *top.Model) { m.Fixes(now, all) }})
		}
		if n >= topEvents {
			return errEnough
		}
		return nil
	})
}
