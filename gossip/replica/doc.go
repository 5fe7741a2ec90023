// Package replica keeps the tables of a herd equal, and knows who holds what.
//
// It is a pure step function: no goroutines, no clock, no sockets. Messages,
// time and the opening and closing of links go in; messages, events and the
// number of the last acknowledged batch come out. Whoever calls it owns the
// lock, the connections and the clock. The same calls give the same results, bit
// for bit, which is how a seeded model tests it.
//
// What costs most needs no lock of the caller's: Accept puts a report in the table and in
// the open batch, parts of which have locks of their own, Prepare merges what came, and Scan
// writes what a peer lacks. All that is decided is decided under the one lock: to seal a
// batch, to raise a vector, to acknowledge.
//
// # In one page
//
// A node seals the fixes it accepted into numbered batches and sends each, encoded
// once, to every peer. A vector says, per origin, up to which batch a node has
// everything. A delta is every fix whose dot a vector does not cover, of any
// origin, and then a commit that raises the vector. Catching up, repair and the
// first fill of an empty node are the same exchange.
//
// Each pair of nodes has one link, made of two ordered lanes: Live carries
// batches, acks, grants and look-ups; Delta carries vectors, chunks and commits,
// so that a snapshot never delays news. A link lives and dies with both lanes.
//
// As an origin, a node sorts its peers by what it may promise of them:
//
//	           acknowledged a commit           acknowledged the mark
//	   ┌─────┐ ───────────────────▶ ┌─────────┐ ───────────────────▶ ┌────┐
//	──▶│ out │                      │ joining │                      │ in │
//	   └─────┘ ◀─────────────────── └─────────┘                      └────┘
//	      ▲      a batch unacknowledged for ack_timeout                 │
//	      └─────────────────────────────────────────────────────────────┘
//
// It acknowledges a batch to its clients when every member that is in, and every
// joining member whose mark the batch comes after, has acknowledged it; or, if it is
// told to wait for a number of peers, when so many have. A member knows that it is in
// while its lease runs: it sends its own clock with each ack, the origin echoes it in a
// grant, and the lease ends after that instant of the member's clock when the origin would
// put it out for what it has yet to acknowledge, or for a batch sealed at once.
//
// # Rules
//
// Each is necessary: a mutant that breaks it breaks a promise in the model.
//
//  1. A fix gets its dot (this origin, number of the open batch in its stripe) when
//     it is accepted: one step for table and stripe. Deltas carry dots, sealed or
//     not; commits cover sealed batches only.
//  2. A delta holds fixes of every origin. Survivors compare vectors. A vector
//     never jumps a gap. A commit carries the vector from when the answer began.
//  3. A batch holds, for each client, the greatest fix accepted while it was open,
//     even if the table has since taken a greater one from elsewhere, and perhaps
//     lesser ones. Coalescing happens only there, never in a numbered batch.
//  4. A report that loses to a fix of another origin still enters the open batch
//     and waits like a winner; one that loses to this node's own fix waits for
//     that fix's batch, which may be a later one than its stripe's.
//  5. Equal times are ordered by content; of two equal fixes the greater dot stays.
//  6. A fix of an origin that is gone, whose dot the vector does not cover, is taken
//     over into the own open batch. A vector entry goes only if no fix carries its
//     dot and no link from that origin stands, and comes back only with such a fix.
//  7. A member comes in by way of joining, goes out only by time, and leases end
//     before it is out: each is shorter by what the oldest batch has waited; a link
//     given up holds acks until its lease has ended. A node is ready when all live
//     members it knows have answered, and are in.
//  8. What a look-up brings is merged with its dot before it is shown.
//  9. A node refuses what is at its floor, the greatest place at which it gave up a
//     client, or below. A commit comes after the floor from when the answer ended, and who
//     takes it takes the floor if that is higher. An expired fix is hidden at its deadline
//     and removed a grace later; a node with a wrong clock answers no vectors.
//  10. What a disk has kept is a delta to oneself: read back, a vector counts only if
//     nothing is missing before it.
//
// # The disk
//
// A [Disk] is one more peer, that lags and catches up; the table knows nothing of it. It
// gets every batch that is merged here, of whatever origin, in one order, so what is written
// raises a vector when it is read back ([Replay]) just as it did when it came. If its queue
// overflows, or a write fails, what was dropped is given again by a delta against the last
// vector that is known to be there. A [Snapshot] is a delta against nothing: what was written
// before is of no use any more.
//
// If it is waited for, the disk comes in and goes out like a member, but on the count of all
// that it has yet to keep, of others too: as long as it is in, this node acknowledges
// nothing, to clients or to peers, that is not there.
package replica
