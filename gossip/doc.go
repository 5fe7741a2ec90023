// Package gossip makes one herd of many nodes: it finds the other members,
// notices who comes and goes, and carries fixes between them.
//
//	Cluster  all of it: bind, join, report, wait, look up, leave
//	State    something small besides fixes that the herd shares
//	Network  what it needs of the world; simnet has one for tests, fault one that breaks
//
// memberlist (SWIM) says who is there. It carries no fixes: those go from each
// node to each other one over streams of our own, a [replica.Core] says what and
// to whom, and this package moves the bytes. Membership decides whom to dial; who
// is in sync depends on the streams alone.
//
// See DESIGN.md beside this file for the reasons.
package gossip
