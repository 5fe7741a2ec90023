package node

import (
	"sync/atomic"

	"herd/node/protocol"
)

// clientCounts count since the server was made. They are read one by one: while
// clients are served they need not add up.
type clientCounts struct {
	accepted     atomic.Uint64 // connections
	refused      atomic.Uint64 // connections, for there were too many
	acceptErrors atomic.Uint64 // failures of the system to accept one
	idle         atomic.Uint64 // connections ended by the idle timeout
	handshakes   atomic.Uint64 // of TLS that failed
	stalled      atomic.Uint64 // connections ended because the client did not read
	drained      atomic.Uint64 // connections ended because the node leaves
	cut          atomic.Uint64 // connections that were busy still when a drain was over

	unanswered atomic.Int64  // questions that wait for their answer, or behind others; now
	stopped    atomic.Uint64 // times that a connection was not read on, for too much of it was unanswered

	iAmAt   turnCount                       // commands answered
	whatsAt atomic.Uint64                   // likewise
	invalid [protocol.Reasons]atomic.Uint64 // lines, by reason

	bytesIn, bytesOut turnCount
}

// turnCount is a count that every turn of a loop adds to. It is in parts, each on cache
// lines of its own, so that loops need not wait for each other's.
type turnCount [8]struct {
	n atomic.Uint64
	_ [120]byte
}

// Add adds n for whoever has that stripe of the herd's.
func (c *turnCount) Add(stripe int, n uint64) { c[stripe%len(c)].n.Add(n) }

// Load is the sum.
func (c *turnCount) Load() (sum uint64) {
	for i := range c {
		sum += c[i].n.Load()
	}
	return sum
}
