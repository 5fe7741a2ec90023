package top

import (
	"fmt"
	"slices"
	"time"
)

const (
	courseLength = 240 // samples whose rates are kept
	logLength    = 200 // events that are kept
	mostHot      = 100 // clients in a snapshot
)

// Model is what is known of the herd. It is not safe for concurrent use, and takes the time
// from its caller.
type Model struct {
	home string // the address that was asked for
	at   *Sample
	was  *Sample // the sample before, of the same incarnation of the same node

	rates   Rates
	known   bool // the rates are
	course  []Rates
	hottest *hottest
	log     []Event

	away    string // why another node than that at home is shown
	trouble string // why what is shown is old
	deaf    string // why clients can't be counted
	sampled bool   // not all fixes are counted
}

// NewModel is a model of the herd as the node at the address home sees it. Nothing is known.
func NewModel(home string) *Model {
	return &Model{home: home, hottest: newHottest()}
}

// Sample tells what a node has answered at the time now.
func (m *Model) Sample(now time.Time, s Sample) {
	m.trouble = ""
	if m.at != nil && (m.at.Self.Name != s.Self.Name || m.at.Addr != s.Addr) {
		m.course = nil
		m.note(now, fmt.Sprintf("as seen by %s from here on", s.Self.Name))
	}
	m.was, m.at = m.at, &s
	if s.Addr == m.home {
		m.away = ""
	}
	m.rates, m.known = ratesBetween(m.was, m.at)
	if m.known {
		if m.course = append(m.course, m.rates); len(m.course) > courseLength {
			m.course = slices.Delete(m.course, 0, 1)
		}
	}
	m.hottest.advance(now)
}

// Away tells that the node at home does not answer, and why. Another one may.
func (m *Model) Away(now time.Time, why string) {
	if m.away == "" {
		m.note(now, fmt.Sprintf("%s does not answer: %s", m.home, why))
	}
	m.away = why
}

// Trouble tells that no node answers, and why.
func (m *Model) Trouble(now time.Time, why string) {
	if m.trouble == "" {
		m.note(now, "no node answers")
	}
	m.trouble = why
}

// Hear tells that from now on every fix is told, or not, and then why; empty if there is no
// need to say.
func (m *Model) Hear(now time.Time, on bool, why string) {
	m.hottest.hear(now, on)
	m.deaf = why
}

// Sampled tells that there are more fixes than are told.
func (m *Model) Sampled(on bool) { m.sampled = on }

// Fixes tells of reports that have taken their place.
func (m *Model) Fixes(now time.Time, all []Fix) {
	for _, f := range all {
		m.hottest.add(now, f)
	}
}

// Change is a change of a member.
type Change struct {
	Name  string    `json:"name"`
	State string    `json:"state"`
	Was   string    `json:"was"` // empty: not known before
	Since time.Time `json:"since"`
}

// Change tells of a change of a member.
func (m *Model) Change(c Change) {
	if c.Was == "" {
		c.Was = "unknown"
	}
	m.event(Event{c.Since, c.State, fmt.Sprintf("%s  %s -> %s", c.Name, c.Was, c.State)})
}

// Missed tells that some changes may not have been told of.
func (m *Model) Missed(now time.Time, why string) { m.note(now, "events were missed: "+why) }

func (m *Model) note(now time.Time, text string) { m.event(Event{now, "note", text}) }

func (m *Model) event(e Event) {
	if m.log = append(m.log, e); len(m.log) > logLength {
		m.log = slices.Delete(m.log, 0, 1)
	}
}

// Rates are what a node does in a second.
type Rates struct {
	IAmAt    float64 `json:"iamat"`
	WhatsAt  float64 `json:"whatsat"`
	Invalid  float64 `json:"invalid"`
	Accepted float64 `json:"accepted"` // reports taken from clients
	Received float64 `json:"received"` // fixes that came from other nodes
	BytesIn  float64 `json:"bytes_in"`
	BytesOut float64 `json:"bytes_out"`
}

// ratesBetween compares two samples. There is nothing to compare after a restart or a move
// to another node.
func ratesBetween(was, is *Sample) (r Rates, known bool) {
	if was == nil || was.Self.Origin != is.Self.Origin || was.Addr != is.Addr {
		return r, false
	}
	seconds := is.Stats.Uptime - was.Stats.Uptime // no one sets this clock
	if !(seconds > 0) {
		return r, false
	}
	per := func(was, is uint64) float64 { return float64(is-min(was, is)) / seconds }
	a, b := &was.Stats, &is.Stats
	return Rates{
		per(a.IAmAt, b.IAmAt), per(a.WhatsAt, b.WhatsAt), per(a.Invalid, b.Invalid),
		per(a.Accepted, b.Accepted), per(a.Received, b.Received), per(a.BytesIn, b.BytesIn), per(a.BytesOut, b.BytesOut),
	}, true
}
