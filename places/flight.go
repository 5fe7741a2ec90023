package places

import (
	"context"
	"sync"
)

// flights makes one call of all equal questions that are asked at once. A call
// goes on as long as one of its askers waits.
type flights struct {
	wg sync.WaitGroup // their goroutines; none is added once it is closed

	mu     sync.Mutex // guards what follows, and the askers of each flight
	all    map[Query]*flight
	closed bool
}

// flight is a call under way. What it came to is to be read after done.
type flight struct {
	done   chan struct{}
	answer Answer
	err    error

	askers int
	cancel context.CancelFunc
}

// board finds the flight of a question, or begins one: call is run with a context
// that ends when the last asker has left, or with ctx. joined tells of the former.
// Each asker owes a leave. Nil: no flight begins any more.
func (f *flights) board(ctx context.Context, q Query, call func(context.Context) (Answer, error)) (fl *flight, joined bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if fl, ok := f.all[q]; ok {
		fl.askers++
		return fl, true
	}
	if f.closed {
		return nil, false
	}
	fl = &flight{done: make(chan struct{}), askers: 1}
	ctx, fl.cancel = context.WithCancel(ctx)
	if f.all == nil {
		f.all = make(map[Query]*flight)
	}
	f.all[q] = fl
	f.wg.Go(func() {
		fl.answer, fl.err = call(ctx)
		f.end(q, fl)
		close(fl.done)
	})
	return fl, false
}

// leave is called by an asker that waits no longer.
func (f *flights) leave(q Query, fl *flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if fl.askers--; fl.askers == 0 {
		f.endLocked(q, fl)
	}
}

func (f *flights) end(q Query, fl *flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.endLocked(q, fl)
}

func (f *flights) endLocked(q Query, fl *flight) {
	fl.cancel()
	if f.all[q] == fl { // not another that began since
		delete(f.all, q)
	}
}

// close lets no flight begin and waits for those under way.
func (f *flights) close() {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	f.wg.Wait()
}
