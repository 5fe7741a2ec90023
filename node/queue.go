package node

import (
	"bytes"
	"context"
	"sync"
	"time"

	"herd/gossip/location"
	"herd/node/protocol"
	"herd/places"
)

// How many questions may wait for their answers. Beyond that a connection is not
// read on until one of its own has been answered.
const (
	maxQuestions = 64      // of one connection
	maxWaiting   = 8 << 10 // of all connections, not counting one of each: a goroutine each
)

// batch is replies that leave together.
type batch struct {
	replies []byte
	reports uint64 // IAMATs among them
	ticket  uint64 // the greatest of theirs
}

// add appends b.
func (a *batch) add(b batch) {
	a.replies = append(a.replies, b.replies...)
	a.reports += b.reports
	a.ticket = max(a.ticket, b.ticket)
}

// queue holds what a connection is to be sent, in the order of its commands, from
// the first reply on that has to be waited for. The session goes on taking lines
// in. Each question has a goroutine that awaits its answer, and the one that finds
// a reply at the front sends it, and those after it that are there. While the
// queue is busy nobody else writes to the connection.
//
// Only the session adds, and waits for something to leave.
type queue struct {
	session *session
	ctx     context.Context // done: nobody waits for the answers any more
	cancel  context.CancelFunc
	running sync.WaitGroup // goroutines, all of them started by the session

	mu         sync.Mutex // guards the fields below; held for no wait and no write
	moved      sync.Cond  // something has left, or nothing will any more
	queued     []*queued
	unanswered int       // questions whose reply has not left
	held       int       // bytes of replies that have not left
	sending    bool      // a goroutine sends, and will see what comes to the front
	emptied    time.Time // when the last reply left
	err        error     // why nothing leaves any more
}

// queued is the reply to a question, or to all the lines between two questions.
type queued struct {
	batch
	question bool
	known    bool
}

func newQueue(c *session) *queue {
	q := &queue{session: c}
	q.ctx, q.cancel = context.WithCancel(c.server.alive)
	q.moved.L = &q.mu
	return q
}

// busy tells whether the queue has anything to send. A session that has put
// nothing aside so far has no queue: nil is not busy.
func (q *queue) busy() bool {
	if q == nil {
		return false
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.busyLocked()
}

func (q *queue) busyLocked() bool { return q.sending || len(q.queued) > 0 }

// lastBusy is when the queue has been busy last: now if it is. Before all time if
// it never was.
func (q *queue) lastBusy() time.Time {
	if q == nil {
		return time.Time{}
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.busyLocked() {
		return time.Now()
	}
	return q.emptied
}

// add appends replies, of which it keeps a copy.
func (q *queue) add(b batch) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if n := len(q.queued); n > 0 && !q.queued[n-1].question {
		q.queued[n-1].add(b)
	} else {
		text := &queued{known: true}
		text.add(b)
		q.queued = append(q.queued, text)
		if n == 0 && !q.sending {
			q.running.Go(q.send)
		}
	}
	q.held += len(b.replies)
}

// makeRoom waits until there is room for more.
func (q *queue) makeRoom() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.waitLocked(func() bool { return q.held >= maxReplies })
}

// ask waits until there is room for a question, appends it and has it answered.
// It keeps a copy of the client's ID, and of the line if that is to be logged.
func (q *queue) ask(line, id []byte, fix location.Fix, what places.Query) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if err := q.waitLocked(q.fullLocked); err != nil {
		return err
	}
	r := &queued{question: true}
	q.queued = append(q.queued, r)
	q.unanswered++
	q.session.server.count.unanswered.Add(1)
	id = bytes.Clone(id)
	if q.session.debug {
		line = bytes.Clone(line)
	} else {
		line = nil
	}
	q.running.Go(func() { q.answer(r, line, id, &fix, what) })
	return nil
}

// fullLocked tells whether a question has to wait. The first of a connection never
// has to, so that others can't keep it out.
func (q *queue) fullLocked() bool {
	return q.held >= maxReplies || q.unanswered >= maxQuestions ||
		q.unanswered > 0 && q.session.server.count.unanswered.Load() >= maxWaiting
}

// waitLocked waits while full says so.
func (q *queue) waitLocked(full func() bool) error {
	if q.err == nil && full() {
		q.session.server.count.stopped.Add(1)
	}
	for q.err == nil && full() {
		q.moved.Wait()
	}
	return q.err
}

// answer finds out the reply r to a question. The line is nil unless it is logged.
func (q *queue) answer(r *queued, line, id []byte, fix *location.Fix, what places.Query) {
	c := q.session
	body := c.server.config.Places.Near(q.ctx, what)
	if err := q.ctx.Err(); err != nil {
		q.fail(err)
		return
	}
	reply := make([]byte, 0, len(body)+len(id)+128) // an AT line has rarely more
	reply = protocol.AppendWhatsAt(reply, id, fix, body)
	c.server.count.whatsAt.Add(1)
	if line != nil {
		c.logReply(line, reply, protocol.None)
	}
	q.mu.Lock()
	r.replies, r.known = reply, true
	q.held += len(reply)
	q.mu.Unlock()
	q.send()
}

// send sends what is known at the front of the queue, and what gets there
// meanwhile, unless another goroutine does.
func (q *queue) send() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.sending {
		return
	}
	q.sending = true
	for q.err == nil {
		b, questions := q.takeLocked()
		if len(b.replies) == 0 {
			break
		}
		q.mu.Unlock()
		err := q.session.deliver(q.ctx, b)
		q.mu.Lock()
		if err != nil {
			q.failLocked(err)
		}
		q.held -= len(b.replies)
		q.unanswered -= questions
		q.session.server.count.unanswered.Add(-int64(questions))
		q.moved.Signal()
	}
	q.sending = false
	q.emptied = time.Now()
	q.moved.Signal()
}

// takeLocked takes known replies off the front, as many as leave together, and
// tells to how many questions.
func (q *queue) takeLocked() (b batch, questions int) {
	n := 0
	for n < len(q.queued) && q.queued[n].known && len(b.replies) < maxReplies {
		if n == 0 {
			b = q.queued[0].batch
		} else {
			b.add(q.queued[n].batch)
		}
		if q.queued[n].question {
			questions++
		}
		q.queued[n] = nil
		n++
	}
	q.queued = q.queued[n:]
	if len(q.queued) == 0 {
		q.queued = nil // an idle connection holds no room for more
	}
	return b, questions
}

// settle waits until everything has left.
func (q *queue) settle() error {
	if q == nil {
		return nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.err == nil && q.busyLocked() {
		q.moved.Wait()
	}
	return q.err
}

func (q *queue) fail(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.failLocked(err)
}

// failLocked gives up: what has not left won't. The end of the connection gets
// the session out of a read.
func (q *queue) failLocked(err error) {
	if q.err != nil {
		return
	}
	q.err = err
	cut(q.session.conn)
	q.moved.Signal()
}

// end gives up what has not left, waits for all goroutines and tells why the
// session ends, which it believed to be for the reason why.
func (q *queue) end(why error) error {
	if q == nil {
		return why
	}
	q.mu.Lock()
	if q.err != nil {
		why = q.err
	} else if q.busyLocked() {
		q.failLocked(why)
	}
	q.mu.Unlock()
	q.cancel()
	q.running.Wait()
	q.session.server.count.unanswered.Add(-int64(q.unanswered))
	return why
}
