package node

import "sync"

// gate lets goroutines in until it is shut. The zero value is open. It is safe for
// concurrent use.
type gate struct {
	mu     sync.Mutex // guards isShut, and Add of inside; held for no wait
	isShut bool
	inside sync.WaitGroup
}

// enter tells whether the caller is in; then it owes a leave.
func (g *gate) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.isShut {
		return false
	}
	g.inside.Add(1)
	return true
}

func (g *gate) leave() { g.inside.Done() }

// shut lets nobody in any more, and returns when all have left.
func (g *gate) shut() {
	g.mu.Lock()
	g.isShut = true
	g.mu.Unlock()
	g.inside.Wait()
}
