package events

import "sort"

// ring is the last events of one kind. Its log's lock guards it.
type ring struct {
	size    int       // events kept
	chunks  [][]Event // made as they are needed: whoever brings an event waits for no copy
	kept    int
	end     uint64    // position of the next; position p is in slot p % size
	lost    uint64    // number of the last event that is not kept any more, or was never written
	waiting []*Reader // to be woken by the next
	fed     bool      // events are written
	readers int       // who want its events
	left    uint64    // end when the last of them went
}

const chunk = 1 << 10 // events

// oldest is the position of the first event that is kept.
func (r *ring) oldest() uint64 { return r.end - uint64(r.kept) }

// at is the slot of a position.
func (r *ring) at(position uint64) *Event {
	slot := position % uint64(r.size)
	return &r.chunks[slot/chunk][slot%chunk]
}

// add makes e the newest event.
func (r *ring) add(e Event) {
	if r.kept == len(r.chunks)*chunk && r.kept < r.size {
		r.chunks = append(r.chunks, make([]Event, chunk))
	}
	slot := r.at(r.end)
	if r.kept < r.size {
		r.kept++
	} else {
		r.lost = slot.Number
	}
	*slot = e
	r.end++
	for i, reader := range r.waiting {
		reader.waits[e.Kind] = false
		select {
		case reader.wake <- struct{}{}:
		default:
		}
		r.waiting[i] = nil
	}
	r.waiting = r.waiting[:0]
}

// after is the position of the first event with a greater number.
func (r *ring) after(number uint64) uint64 {
	first := r.oldest()
	return first + uint64(sort.Search(r.kept, func(i int) bool {
		return r.at(first+uint64(i)).Number > number
	}))
}

// clear forgets all of it: nothing with a number up to this one is to be had.
func (r *ring) clear(number uint64) {
	r.chunks, r.kept, r.end, r.lost = nil, 0, 0, number
}
