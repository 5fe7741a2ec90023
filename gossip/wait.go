package gossip

import "container/heap"

// waiter is somebody who waits for a batch to be acknowledged.
type waiter struct {
	ticket uint64
	done   chan struct{} // one slot: it is, or the cluster closes
	at     int           // its place in the queue; -1: not in it
}

// waitQueue is the waiters, the one with the lowest ticket first. A heap: there may be
// one for each connection, and each acknowledgement asks for the first.
type waitQueue []*waiter

func (q waitQueue) Len() int           { return len(q) }
func (q waitQueue) Less(i, j int) bool { return q[i].ticket < q[j].ticket }
func (q waitQueue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].at, q[j].at = i, j
}

// Push is for package heap.
func (q *waitQueue) Push(x any) {
	w := x.(*waiter)
	w.at = len(*q)
	*q = append(*q, w)
}

// Pop is for package heap.
func (q *waitQueue) Pop() any {
	last := len(*q) - 1
	w := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	w.at = -1
	return w
}

func newWaiter() any { return &waiter{done: make(chan struct{}, 1), at: -1} }

// add has w, which is in no queue, wait for a ticket.
func (q *waitQueue) add(w *waiter, ticket uint64) {
	w.ticket = ticket
	heap.Push(q, w)
}

// remove takes out a waiter that waits no longer, if it is still in. It may be added
// again.
func (q *waitQueue) remove(w *waiter) {
	if w.at >= 0 {
		heap.Remove(q, w.at)
		return
	}
	<-w.done
}

// release lets go all whose ticket is not beyond released.
func (q *waitQueue) release(released uint64) {
	for len(*q) > 0 && (*q)[0].ticket <= released {
		heap.Pop(q).(*waiter).done <- struct{}{}
	}
}
