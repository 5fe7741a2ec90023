// Package events keeps the last that happened at a node, numbered, for readers who
// follow it: fixes that took their place in the table, from own clients and from other
// nodes, clients that are shown no more, and changes of members' states.
//
// # One log, many readers
//
// An event is written once, in a ring, and no reader has a queue: each has its place
// in the ring and goes on from there at its own pace. However many there are, what
// happens costs the same, and one that stands still holds up nobody. When the ring has
// turned past its place it has lost something: it is told so, and ends.
//
//	      oldest                    newest
//	        ▼                         ▼
//	fixes   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
//	             ▲         ▲          ▲
//	          a slow    a reader   a reader that
//	          reader               has all
//
// Each kind has a ring, with one count over all: a change of a member is not pushed out
// by the fixes of a second.
//
// # Nobody listens
//
// As long as nobody asked for fixes none is written, and whoever brings them is told
// not to: see [Config]. When the last reader has gone, writing goes on until
// the ring has turned once. Until then that reader may come back and miss nothing;
// after that it could not anyway. So it is with clients that are gone, apart from fixes.
//
// # IDs
//
// An event's ID is the node's incarnation and the number, "00c1a5b20e6f7d93-42". One of
// another incarnation, or whose next events are not in the ring any more, is not
// resumed from: the reader begins with what happens now and is told that it has to fetch
// the rest anew.
package events
