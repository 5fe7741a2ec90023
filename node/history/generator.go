package history

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// generator makes the commands of a workload. The same seed makes the same ones, but
// for the time that clients' clocks show and for which worker is given which.
//
// What it does on purpose, since a check that has not met it proves little:
//
//   - a third of the writes repeats the time of the client's last report at another
//     node, most with the same position: equal times must be ordered by content;
//   - half of the writes follow the last by a few nanoseconds: a time that is kept as a
//     float64 steps by 238;
//   - one in sixteen clients has a clock that is far ahead, all now and then go back;
//   - half of the writes are followed by a read of that client elsewhere.
type generator struct {
	w *Workload

	mu      sync.Mutex // guards what follows
	rand    *rand.Rand
	clients []clientState
}

type clientState struct {
	id       string
	offset   int64 // of its clock
	nanos    int64 // the time of its last report
	position string
	node     int // that took it
	reported bool
}

const (
	farAhead    = int64(24 * time.Hour)  // of a client whose clock is wrong
	stepBack    = int64(time.Minute)     // of any client's clock
	clockSpread = int64(2 * time.Second) // of the clocks of others
)

func newGenerator(w *Workload) *generator {
	g := &generator{w: w, rand: rand.New(rand.NewPCG(w.Seed, 0x6865726473))}
	for i := range w.Clients {
		c := clientState{id: fmt.Sprintf("%s%d", w.Prefix, i), offset: g.rand.Int64N(2*clockSpread) - clockSpread}
		if i%16 == 15 {
			c.offset = farAhead
		}
		g.clients = append(g.clients, c)
	}
	return g
}

// worker is one worker's part of a generator. It is not for concurrent use.
type worker struct {
	g      *generator
	rand   *rand.Rand
	client int // written last and to be read next; -1: none
}

func (g *generator) worker(i int) *worker {
	return &worker{g: g, rand: rand.New(rand.NewPCG(g.w.Seed, uint64(i))), client: -1}
}

// pause is how long to wait before the next command.
func (w *worker) pause() time.Duration {
	return time.Duration(w.rand.Int64N(2 * int64(w.g.w.Pause)))
}

// next makes a command, with all that is known before it is sent.
func (w *worker) next(now time.Time) Op {
	g := w.g
	g.mu.Lock()
	defer g.mu.Unlock()
	if i := w.client; i >= 0 {
		w.client = -1
		if g.rand.IntN(2) == 0 {
			return g.read(i)
		}
	}
	i := min(g.rand.IntN(len(g.clients)), g.rand.IntN(len(g.clients))) // some report more often
	if g.rand.IntN(3) == 0 {
		return g.read(i)
	}
	w.client = i
	return g.write(i, now.UnixNano())
}

func (g *generator) read(i int) Op {
	return Op{Kind: Read, Client: g.clients[i].id, At: Process{Node: g.w.Nodes[g.rand.IntN(len(g.w.Nodes))]}}
}

func (g *generator) write(i int, wall int64) Op {
	c := &g.clients[i]
	n := len(g.w.Nodes)
	switch x := g.rand.IntN(96); {
	case c.reported && x < 32: // again, elsewhere
		if n > 1 {
			c.node = (c.node + 1 + g.rand.IntN(n-1)) % n
		}
		if x < 8 {
			c.position = g.place()
		}
	default:
		switch {
		case c.reported && x < 64:
			c.nanos += 1 + g.rand.Int64N(300)
		case c.reported && x < 68:
			c.nanos = wall + c.offset - g.rand.Int64N(stepBack)
		default:
			c.nanos = max(c.nanos+1, wall+c.offset)
		}
		c.node, c.position = g.rand.IntN(n), g.place()
	}
	c.nanos = max(c.nanos, 0)
	c.reported = true
	text := fmt.Sprintf("%d.%09d", c.nanos/1e9, c.nanos%1e9)
	return Op{Kind: Write, Client: c.id, At: Process{Node: g.w.Nodes[c.node]}, Position: c.position, Time: text}
}

// place is somewhere, in ISO 6709 decimal degrees.
func (g *generator) place() string {
	const micro = 1_000_000
	lat, lon := g.rand.IntN(180*micro+1)-90*micro, g.rand.IntN(360*micro+1)-180*micro
	return degrees(lat, 2) + degrees(lon, 3)
}

// degrees writes millionths of a degree.
func degrees(n, width int) string {
	sign := '+'
	if n < 0 {
		sign, n = '-', -n
	}
	return fmt.Sprintf("%c%0*d.%06d", sign, width, n/1e6, n%1e6)
}
