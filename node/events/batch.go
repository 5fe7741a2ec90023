package events

import "slices"

// batch is events to be given together.
type batch struct {
	events []Event        // in order; those without a number have been replaced
	at     map[string]int // place of each client's event; nil: they are not merged
	gone   int            // how many have been replaced
	given  bool           // events are the caller's
	merged uint64         // replaced, and not counted yet
}

// add appends e, in place of what it makes old.
func (b *batch) add(e *Event) {
	if b.at != nil && e.Kind != Member {
		if i, ok := b.at[e.Client]; ok {
			b.events[i] = Event{}
			b.gone++
			b.merged++
			if b.gone > len(b.at) {
				b.tidy()
			}
		}
		b.at[e.Client] = len(b.events)
	}
	b.events = append(b.events, *e)
}

// tidy drops what has been replaced.
func (b *batch) tidy() {
	b.events = slices.DeleteFunc(b.events, func(e Event) bool { return e.Number == 0 })
	b.gone = 0
	for i := range b.events {
		if e := &b.events[i]; e.Kind != Member {
			b.at[e.Client] = i
		}
	}
}

func (b *batch) len() int { return len(b.events) - b.gone }

// first is the number of the first event, 0 if there is none.
func (b *batch) first() uint64 {
	if b.given {
		return 0
	}
	for i := range b.events {
		if n := b.events[i].Number; n > 0 {
			return n
		}
	}
	return 0
}

// take gives the events out, until empty is called.
func (b *batch) take() []Event {
	if b.gone > 0 {
		b.tidy()
	}
	b.given = true
	return b.events
}

// empty makes room if the events were given out.
func (b *batch) empty() {
	if !b.given {
		return
	}
	const keep = 4 * maxBatch // events: a large batch is rare
	clear(b.events)
	b.events, b.given = b.events[:0], false
	if cap(b.events) > keep {
		b.events = nil
	}
	clear(b.at)
}
