// Package protocol reads the lines of the client protocol and writes the replies.
// The protocol itself is PROTOCOL.md, beside this file; each of its rules is
// quoted by the test that proves it.
//
// [Lines] cuts the bytes of a connection into lines, [Parse] makes a [Command] of
// a line, AppendAt and its sisters write what goes back. Nothing here reads a
// connection, a clock or a table: how lines are answered is up to package node.
package protocol
