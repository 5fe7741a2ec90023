// Package load puts load on servers and measures what comes of it: nodes of a herd
// and, to compare, Redis. It knows sockets and what travels on them, and nothing of
// the program that it is part of.
//
// [Run] drives connections in one of two ways. In the open loop every command has a
// time at which it is due, whatever was answered before, and its latency counts from
// then: a server that stalls is charged for all that should have been sent meanwhile
// (coordinated omission). In the closed loop a connection sends so many commands at
// once, and as many again when the last of them is answered; latency counts from the
// write.
//
// [Converge] writes at one server and polls the others until they show it.
//
// [Reconnect] sends each command on a connection of its own. [Hold] makes connections that
// do nothing.
//
// Every reply is checked against the command that it answers.
package load
