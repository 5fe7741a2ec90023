package gossip

import "container/heap"

// waiter is somebody who waits for a batch to be acknowledged.
type waiter struct {
	ticket uint64
	done   chan struct{} // closed when it is, or when the cluster closes
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

func (q *waitQueue) add(ticket uint64) *waiter {
	w := &waiter{ticket: ticket, done: make(chan struct{})}
	heap.Push(q, w)
	return w
}

// remove takes out a waiter that waits no longer, if it is still in.
func (q *waitQueue) remove(w *waiter) {
	if w.at >= 0 {
		heap.Remove(q, w.at)
	}
}

// release lets go all whose ticket is not beyond released.
func (q *waitQueue) release(released uint64) {
	for len(*q) > 0 && (*q)[0].ticket <= released {
		close(heap.Pop(q).(*waiter).done)
	}
}
