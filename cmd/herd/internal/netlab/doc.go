// Package netlab makes a small network in this kernel, for tests that break it: hosts
// are network namespaces, each with one interface that leads to a switch in this
// process. What the switch lets through is set for each pair of hosts and each way.
//
// It needs Linux, root and /dev/net/tun, and no program. A namespace has no name: it is
// gone with the last process in it, and processes started in a host are killed by the
// kernel when this one ends, however it ends.
//
// The interfaces carry IPv4 and have no neighbours to look up, so that a cut is
// silence, as when a cable far away is pulled, and nothing tells the sender. Addresses
// are of 198.18.0.0/15, which is set aside for such tests (RFC 2544). Outside of the
// hosts they are refused by a route, so that a program that dials one of them by
// mistake reaches nobody.
package netlab
