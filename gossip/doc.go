// Package gossip makes one herd of many nodes: it finds the other members,
// notices who comes and goes, and carries fixes between them.
//
//	Cluster  all of it: bind, join, report, wait, look up, leave
//	State    something small besides fixes that the herd shares
//	Prober   asks nodes who they are, without being one
//	Network  what it needs of the world; simnet has one for tests, fault one that breaks
//
// memberlist (SWIM) says who is there. It carries no fixes: those go from each
// node to each other one over streams of our own, a [replica.Core] says what and
// to whom, and this package moves the bytes. Membership decides whom to dial; who
// is in sync depends on the streams alone.
//
// # Its files
//
// Begin with cluster.go, which has the fields and their owners, and run.go, which
// starts the goroutines.
//
//	members, meta, seen          who is there, as memberlist and the peers' notes say
//	seeds, resolve, book, who    joining, and again after a cut; names that are taken
//	transport, inbound, lobby,   one port: TLS and proof of a key before anybody reads,
//	auth, guard, keyring         and what memberlist is kept from
//	dial, session, link, stream  from a member to two streams that live and die together
//	send, outlet, frame, beat    what goes over them, and how it is noticed that they are dead
//	report, wait, lookup         what clients wait for
//	caught_up, clock, note       what a node knows of how it stands to the others
//	limits                       what the herd keeps
//	disk                         the journal, as one more peer
//	state, share                 small states
//	audit                        tables held against each other
//	rotate                       changes of the ring, at the herd's command
//	stats, progress, spread      figures; news and logbridge have the log's lines
//
// See DESIGN.md beside this file for the reasons.
package gossip
