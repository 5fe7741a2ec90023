package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"herd/gossip"
	"herd/gossip/location"
	"herd/node/events"
)

// Times of a stream of events.
const (
	heartbeat    = 15 * time.Second // between two signs of life: proxies end what is silent
	stallTimeout = 5 * time.Second  // for the reader to take streamPart bytes
	reconnect    = time.Second      // what a reader that is cut should wait
	streamPart   = 64 << 10         // bytes of a write

	shortestMerge = 50 * time.Millisecond
	longestMerge  = 10 * time.Second
)

func (n *Node) eventRoutes() []route {
	return []route{
		{"GET", "/v1/events", "kinds prefix client bbox every", "what happens, as it happens: fixes, who is gone, changes of members", n.getEvents},
	}
}

// prepareEvents makes the log of what happens, as large as c says.
func (n *Node) prepareEvents(c events.Config) {
	c.Boot = uint64(n.cluster.Self().Origin)
	c.Feed = func(k events.Kind, on bool) {
		var fix location.Watch
		var gone location.GoneWatch
		if on {
			fix, gone = n.events.Fix, n.events.Gone
		}
		if k == events.Gone {
			n.table.SetGoneWatch(gone)
		} else {
			n.table.SetWatch(fix)
		}
	}
	n.events = events.New(c)
}

// memberEvent is a change of a member in the answers of the API. Names are a contract:
// add, never change.
type memberEvent struct {
	Name    string    `json:"name"`
	Origin  string    `json:"origin"` // its incarnation, as in memberInfo
	State   string    `json:"state"`  // alive, suspect, failed, left
	Was     string    `json:"was"`    // the same; empty: it was not known
	Since   time.Time `json:"since"`
	Started time.Time `json:"started"`
	Client  string    `json:"client"`
	Gossip  string    `json:"gossip"`
	HTTP    string    `json:"http"`
	Version string    `json:"version"`
}

// goneEvent is a client that is gone in the answers of the API. Names are a contract: add,
// never change.
type goneEvent struct {
	ID      string `json:"id"`
	IDBytes []byte `json:"id_base64,omitempty"` // of an ID that is not UTF-8
	Reason  string `json:"reason"`              // expired, evicted
}

// describeGone is what is told of a client that is gone.
func describeGone(id string, why location.Reason) goneEvent {
	e := goneEvent{ID: id, Reason: why.String()}
	if !utf8.ValidString(id) {
		e.IDBytes = []byte(id)
	}
	return e
}

// memberChanged has readers told of a change.
func (n *Node) memberChanged(c gossip.MemberChange) {
	e := memberEvent{
		Name: c.Name, Origin: fmt.Sprintf("%016x", uint64(c.Origin)), State: c.State.String(), Since: c.Since.UTC(), Started: c.Started.UTC(),
		Client: c.Client, Gossip: c.Gossip, HTTP: c.HTTP, Version: c.Version,
	}
	if !c.Fresh {
		e.Was = c.Was.String()
	}
	body, err := json.Marshal(e)
	if err != nil {
		n.log.Error("a member's change can't be told", "member", c.Name, "error", err) // its times are of no year
		return
	}
	n.events.Member(body)
}

// getEvents follows what happens, as server-sent events: "hello", then each event with
// its ID, "reset" where some are lost that were asked for, "bye" at the end.
func (n *Node) getEvents(w http.ResponseWriter, r *http.Request) {
	p := readParams(r)
	filter, every := eventFilter(p), p.span("every", shortestMerge, longestMerge, 0)
	if p.bad(w) {
		return
	}
	w.Header().Set("X-Accel-Buffering", "no") // nginx would gather
	if r.Method == http.MethodHead {
		w.Header().Set("Content-Type", "text/event-stream")
		return
	}
	last := r.Header.Get("Last-Event-ID")
	reader, start, err := n.events.Read(filter, last)
	if err != nil {
		w.Header().Set("Retry-After", "5")
		problem(w, http.StatusServiceUnavailable, "No stream of events is to be had: "+err.Error()+".")
		return
	}
	defer reader.Close()
	if every > 0 {
		reader.Merge(every)
	}
	if err := unhurried(w); err != nil {
		problem(w, http.StatusInternalServerError, "This connection can't carry a stream: "+err.Error()+".")
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	s := eventStream{log: n.events, reader: reader, w: w, control: http.NewResponseController(w)}
	s.begin(n.config.Settings.Name, start)
	if s.run(r.Context()) == errStalled {
		reader.Stall()
	}
}

// eventFilter is what the parameters ask for.
func eventFilter(p *params) (f events.Filter) {
	f.Kinds = [events.Kinds]bool{events.Fix: true, events.Gone: true, events.Member: true}
	if p.has("kinds") {
		f.Kinds = [events.Kinds]bool{}
		for name := range strings.SplitSeq(p.values.Get("kinds"), ",") {
			k, ok := events.KindOf(name)
			if !ok {
				p.refuse("kinds", "fix, gone, member or some of them, with commas between")
				return f
			}
			f.Kinds[k] = true
		}
	}
	f.Client, f.Prefix = p.text("client", location.MaxID), p.text("prefix", location.MaxID)
	if p.has("client") && f.Client == "" {
		p.refuse("client", "the ID of a client")
	}
	if p.has("bbox") {
		area := p.box("bbox")
		f.Where = func(f *location.Fix) bool { return area.holds(f.Position.Degrees()) }
	}
	return f
}

// eventStream writes events to one reader.
type eventStream struct {
	log     *events.Log
	reader  *events.Reader
	w       http.ResponseWriter
	control *http.ResponseController
	buf     []byte
}

// begin says where the stream begins.
func (s *eventStream) begin(node string, start events.Start) {
	s.buf = fmt.Appendf(s.buf, "retry: %d\n", reconnect.Milliseconds())
	s.say("hello", start.ID, struct {
		Node string `json:"node"`
		ID   string `json:"id"`
	}{node, start.ID})
	if start.Reset != "" {
		s.say("reset", start.ID, why{start.Reset})
	}
}

// why is the data of an event that tells of the stream itself.
type why struct {
	Why string `json:"why"`
}

// say appends an event that is not of the log.
func (s *eventStream) say(name, id string, data any) {
	if id != "" {
		s.buf = fmt.Appendf(s.buf, "id: %s\n", id)
	}
	s.buf = fmt.Appendf(s.buf, "event: %s\ndata: ", name)
	s.buf = append(appendJSON(s.buf, data), "\n\n"...)
}

// appendJSON appends the data of an event that holds nothing but texts.
func appendJSON(dst []byte, data any) []byte {
	body, err := json.Marshal(data)
	if err != nil {
		panic("node: an event can't be written: " + err.Error()) // texts can be
	}
	return append(dst, body...)
}

// run writes what happens until the reader or the log has ended, and returns why.
func (s *eventStream) run(ctx context.Context) error {
	for {
		if err := s.send(); err != nil {
			return err
		}
		some, err := s.reader.Next(ctx, heartbeat)
		switch {
		case errors.Is(err, events.ErrSlow):
			s.say("bye", "", why{"too slow"})
		case errors.Is(err, events.ErrClosed):
			s.say("bye", "", why{"the node ends"})
		case err == nil && len(some) == 0:
			// The ID has no event of its own: with it a reader that wants little of
			// what happens can be cut as well and miss nothing.
			s.buf = fmt.Appendf(s.buf, ": still here\nid: %s\n\n", s.reader.ID())
		}
		if err != nil {
			return errors.Join(err, s.send())
		}
		for i := range some {
			s.event(&some[i])
			if len(s.buf) >= streamPart {
				if err := s.send(); err != nil {
					return err
				}
			}
		}
	}
}

// event appends an event of the log.
func (s *eventStream) event(e *events.Event) {
	s.buf = append(s.buf, s.log.Text(e, s.text)...)
}

// text is an event of the log as all streams have it.
func (s *eventStream) text(e *events.Event) []byte {
	b := s.log.AppendID(append(make([]byte, 0, 128+max(usualClientText, len(e.Body))), "id: "...), e.Number)
	b = append(append(b, "\nevent: "...), e.Kind.String()...)
	b = append(b, "\ndata: "...)
	switch e.Kind {
	case events.Fix:
		b = appendClient(b, e.Client, &e.Fix)
	case events.Gone:
		b = appendJSON(b, describeGone(e.Client, e.Reason))
	default:
		b = append(b, e.Body...)
	}
	return append(b, "\n\n"...)
}

// send writes what has gathered. A reader that does not take it in time stalls.
func (s *eventStream) send() error {
	by := time.Now().Add(stallTimeout)
	if err := s.control.SetWriteDeadline(by); err != nil {
		return err
	}
	_, err := s.w.Write(s.buf)
	if err == nil {
		err = s.control.Flush()
	}
	s.buf = s.buf[:0]
	if err != nil && !time.Now().Before(by) {
		return errStalled
	}
	return err
}
