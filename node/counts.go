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

	unanswered atomic.Int64  // questions that wait for their answer, or behind others; now
	stopped    atomic.Uint64 // times that a connection was not read on, for too much of it was unanswered

	iAmAt, whatsAt atomic.Uint64                   // commands answered
	invalid        [protocol.Reasons]atomic.Uint64 // lines, by reason

	bytesIn, bytesOut atomic.Uint64
}
