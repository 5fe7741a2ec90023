// Package node is one node of a herd: it owns the ports, joins the parts and has
// their life cycle.
//
// # Parts
//
//	clients ──▶ client server ──▶ gossip.Cluster ◀──▶ other nodes
//	                   │                │
//	                   ▼                ▼
//	             places.Chain    location.Table
//
//	operators ─▶ HTTP API: health, metrics, members, leave
//
// [New] binds all three ports, so that a clash is an error at once and addresses
// are known before anything is served.
//
// # Connections
//
// On Linux a loop serves many connections in one goroutine: a silent one costs neither
// a goroutine nor a buffer. From the first moment at which there is something to wait
// for that is no input and no acknowledgement, a connection has a goroutine of its
// own, as all have on other systems, until it has had nothing to do for a second. Both
// run the same session.
//
// # Questions that wait
//
// A WHATSAT that a provider in memory answers is answered at once. One that has to wait
// for an upstream runs beside the connection's goroutine: the lines behind it are
// read and taken in, a report is in the herd at once, and replies leave in the order of
// the lines. With 64 questions of a connection unanswered, or 256 KiB of replies held
// behind one, the connection is not read on until there is room.
//
// # Start
//
//  1. The HTTP API is up and says "not ready".
//  2. The cluster joins and catches up.
//  3. The client port accepts. Clients that have connected before are served now.
//  4. The node is ready.
//
// A node that has not caught up within ready_timeout goes on with step 3 all the
// same, and says so.
//
// # Stop
//
//  1. Not ready.
//  2. The client port is closed; what clients have sent is answered.
//  3. The cluster sends what it owes, waits for acks, tells the herd and leaves.
//  4. The HTTP API is closed: whoever watches has seen all of it.
//
// Every wait is bounded, and what was given up is said. A part that ends unasked
// ends the node: [Node.Run] returns an error.
package node
