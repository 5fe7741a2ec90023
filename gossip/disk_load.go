package gossip

import (
	"runtime"
	"sync"

	"herd/gossip/replica"
)

const (
	loadBytes  = 256 << 10 // of messages that one goroutine merges at a time
	maxLoaders = 8         // such goroutines
	trimAfter  = 4096      // clients more that are looked at
)

// loaders merge what a journal holds, several groups of messages at a time, and have the
// replay take them in order.
type loaders struct {
	bytes   int // of a group
	todo    chan *loadGroup
	inOrder chan *loadGroup // the same ones
	spare   chan *loadGroup
	group   *loadGroup // being filled
	running sync.WaitGroup
	refused int // messages that are none; the taker's until end has returned
	trimmed int // clients that there were when the table was last trimmed; the taker's
}

// loadGroup is some messages, one after the other.
type loadGroup struct {
	b    []byte
	ends []int
	came []replica.Replayed
	bad  int           // of them
	done chan struct{} // one slot: they are merged
}

func (c *Cluster) startLoaders(r *replica.Replay, bytes int) *loaders {
	n := min(runtime.GOMAXPROCS(0), maxLoaders)
	p := &loaders{
		bytes:   bytes,
		todo:    make(chan *loadGroup, 2*n),
		inOrder: make(chan *loadGroup, 2*n),
		spare:   make(chan *loadGroup, 4*n),
	}
	for range 4 * n {
		p.spare <- &loadGroup{done: make(chan struct{}, 1)}
	}
	p.group = <-p.spare
	for range n {
		reader := r.Reader()
		p.running.Go(func() {
			for g := range p.todo {
				g.merge(reader)
			}
		})
	}
	p.running.Go(func() {
		for g := range p.inOrder {
			<-g.done
			for _, m := range g.came {
				r.Take(m)
			}
			p.refused += g.bad
			c.trimLoaded(p)
			g.b, g.ends, g.came, g.bad = g.b[:0], g.ends[:0], g.came[:0], 0
			p.spare <- g
		}
	})
	return p
}

// trimLoaded deletes from time to time what was given up by what was read so far: the snapshot has
// those who were given up since, too, and a node has no memory for twice as many as may be.
func (c *Cluster) trimLoaded(p *loaders) {
	if n := c.table.Len(); n > p.trimmed+max(p.trimmed/4, trimAfter) {
		for c.core.Trim(c.now()) == 0 {
		}
		p.trimmed = c.table.Len()
	}
}

func (g *loadGroup) merge(r *replica.ReplayReader) {
	start := 0
	for _, end := range g.ends {
		m, err := r.Read(g.b[start:end])
		if err != nil {
			g.bad++
		}
		g.came = append(g.came, m)
		start = end
	}
	g.done <- struct{}{}
}

// add takes a message, of which it keeps nothing.
func (p *loaders) add(message []byte) {
	g := p.group
	g.b = append(g.b, message...)
	g.ends = append(g.ends, len(g.b))
	if len(g.b) >= p.bytes {
		p.send()
	}
}

func (p *loaders) send() {
	p.todo <- p.group
	p.inOrder <- p.group
	p.group = <-p.spare
}

// end waits until all is merged, and tells how many messages were none.
func (p *loaders) end() (refused int) {
	p.send()
	close(p.todo)
	close(p.inOrder)
	p.running.Wait()
	return p.refused
}
