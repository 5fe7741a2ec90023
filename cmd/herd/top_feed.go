package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"herd/cmd/herd/internal/top"
)

const (
	topPatience = 2 * time.Second // for an answer, before another node is asked
	topReturn   = 5 * time.Second // between questions whether the node at home is back
	topOthers   = 8               // members that are asked at a time
)

// topUpdate is news for the model of herd top.
type topUpdate struct {
	tell     func(m *top.Model)
	sampled  bool // a node was looked at
	happened bool // there is something to see at once
}

// topFeed follows a node, and others when that is gone, and sends what it sees.
type topFeed struct {
	crew
	updates  chan topUpdate // never closed
	cancel   context.CancelFunc
	home     string
	interval time.Duration
	first    client // of home: others are reached as it is

	// Owned by run.
	at      string // whom it follows
	members []top.Member
	triedAt time.Time // when home was asked last
	streams crew      // that follow events
	deafen  context.CancelFunc
}

// newTopFeed goes on after the first sample, of the node that was asked for, until ctx is
// done or it is stopped.
func newTopFeed(ctx context.Context, v *topVerb, first top.Sample) *topFeed {
	ctx, cancel := context.WithCancel(ctx)
	node := v.client
	node.scheme, node.addr = node.split() // members' addresses have none
	f := &topFeed{
		crew: crew{broken: make(chan error, 1)}, updates: make(chan topUpdate, 16), cancel: cancel,
		home: node.addr, interval: v.interval, first: node, members: first.Members, deafen: func() {},
	}
	f.streams.broken = f.broken
	f.do(func() { f.run(ctx) })
	return f
}

// model is one that knows the first sample.
func (f *topFeed) model(first top.Sample) *top.Model {
	m := top.NewModel(f.home)
	first.Addr = f.home // as all samples after it call it
	m.Sample(time.Now(), first)
	return m
}

// stop ends the feed and waits for it.
func (f *topFeed) stop() {
	f.cancel()
	f.running.Wait()
}

// send gives an update to the model's owner.
func (f *topFeed) send(ctx context.Context, u topUpdate) {
	select {
	case f.updates <- u:
	case <-ctx.Done():
	}
}

func (f *topFeed) run(ctx context.Context) {
	f.move(ctx, f.home)
	first := true
	for range ticks(ctx, f.interval) {
		if !first {
			f.look(ctx)
		}
		first = false
	}
	f.streams.running.Wait()
}

// move follows the events of the node at addr from now on.
func (f *topFeed) move(ctx context.Context, addr string) {
	f.deafen()
	f.streams.running.Wait() // or the old ones would have the last word
	f.hear(ctx, false, "")
	f.at = addr
	var following context.Context
	following, f.deafen = context.WithCancel(ctx)
	f.streams.do(func() { f.followMembers(following, addr) })
	f.streams.do(func() { f.followFixes(following, addr) })
}

// look takes a sample where it can get one.
func (f *topFeed) look(ctx context.Context) {
	if f.at != f.home && time.Since(f.triedAt) >= topReturn {
		f.triedAt = time.Now()
		if s, err := f.sample(ctx, f.home); err == nil && s.Self.Ready {
			f.take(ctx, s)
			return
		}
	}
	s, err := f.sample(ctx, f.at)
	if err == nil {
		f.take(ctx, s)
		return
	}
	if ctx.Err() != nil {
		return
	}
	now, why := time.Now(), reason(err)
	if f.at == f.home {
		f.triedAt = now
		f.send(ctx, topUpdate{tell: func(m *top.Model) { m.Away(now, why) }, happened: true})
	}
	if s, ok := f.elsewhere(ctx); ok {
		f.take(ctx, s)
		return
	}
	f.send(ctx, topUpdate{tell: func(m *top.Model) { m.Trouble(now, why) }, sampled: true})
}

// take passes a sample on, and goes to where it is from.
func (f *topFeed) take(ctx context.Context, s top.Sample) {
	f.members = s.Members
	if s.Addr != f.at {
		f.move(ctx, s.Addr)
	}
	now := time.Now()
	f.send(ctx, topUpdate{tell: func(m *top.Model) { m.Sample(now, s) }, sampled: true})
}

// elsewhere takes a sample of another member, one that was alive if there is one.
func (f *topFeed) elsewhere(ctx context.Context) (s top.Sample, ok bool) {
	others := f.others()
	samples, answered := make([]top.Sample, len(others)), make([]bool, len(others))
	var asked crew
	asked.broken = f.broken
	for i, o := range others {
		asked.do(func() {
			s, err := f.sample(ctx, o.addr)
			samples[i], answered[i] = s, err == nil && s.Self.Name == o.name
		})
	}
	asked.running.Wait()
	if i := slices.Index(answered, true); i >= 0 {
		return samples[i], true
	}
	return s, false
}

// topOther is where a member is said to be.
type topOther struct{ name, addr string }

// others are the members to go to, best first.
func (f *topFeed) others() (all []topOther) {
	home := client{addr: f.home}
	for _, state := range []string{"alive", "suspect", "failed"} {
		for _, m := range f.members {
			addr := m.Reach()
			if m.State != state || addr == "" || addr == f.at || len(all) == topOthers {
				continue
			}
			if addr == f.home || home.reaches(addr) {
				all = append(all, topOther{m.Name, addr})
			}
		}
	}
	return all
}

func (f *topFeed) sample(ctx context.Context, addr string) (top.Sample, error) {
	c := f.first.at(addr)
	c.http.Timeout = topPatience
	return sampleNode(ctx, &c)
}

// events are those of the node at addr, of one kind. A stream has no time to end by.
func (f *topFeed) events(addr, kind string) *eventSource {
	c := f.first.at(addr)
	c.http.Timeout = 0
	return &eventSource{client: &c, path: "/v1/events?kinds=" + kind}
}

// sampleNode asks a node for all that is drawn.
func sampleNode(ctx context.Context, c *client) (top.Sample, error) {
	s := top.Sample{Addr: c.addr}
	var list top.Members
	for _, q := range []struct {
		path string
		into any
	}{{"/v1/self", &s.Self}, {"/v1/members", &list}, {"/v1/stats", &s.Stats}} {
		body, err := c.do(ctx, http.MethodGet, q.path)
		if err != nil {
			return s, err
		}
		if err := json.Unmarshal(body, q.into); err != nil {
			return s, fmt.Errorf("read the answer of %s to %s: %w: %w", c.addr, q.path, errNoNode, err)
		}
	}
	s.Members = list.Members
	if s.Self.Name == "" || s.Self.Origin == "" || list.Self != s.Self.Name {
		return s, fmt.Errorf("%s does not say who it is: %w", c.addr, errNoNode)
	}
	return s, nil
}

// errNoNode is that whoever answers is no node.
var errNoNode = errors.New("not as a node answers")

// firstError says what to do about an error of the first question.
func firstError(c *client, err error) error {
	wrong := fmt.Sprintf("Is %s the HTTP address of a node? \"herd members\" lists them", c.addr)
	var e *exit
	switch {
	case errors.Is(err, errNoNode), strings.Contains(err.Error(), " answers 404 "):
		return fmt.Errorf("%w\n%s", err, wrong)
	case !errors.As(err, &e) || e.code != exitUnreachable:
		return err
	case errors.Is(err, errNoHTTP):
		return &exit{e.code, fmt.Errorf("%w\n%s", e.err, wrong)}
	}
	return &exit{e.code, fmt.Errorf("%w\nStart a herd by \"herd dev\", or say by --http-addr where a node has its HTTP address", e.err)}
}

// reason is what is short and matters of an error: there is one line for it.
func reason(err error) string {
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return fmt.Sprintf("no answer in %v", topPatience)
	}
	var e *exit
	if errors.As(err, &e) && e.code == exitUnreachable {
		err = errors.Unwrap(e.err)
	}
	var asked *url.Error
	if errors.As(err, &asked) {
		err = asked.Err
	}
	var call *os.SyscallError
	if errors.As(err, &call) {
		err = call.Err
	}
	return err.Error()
}
