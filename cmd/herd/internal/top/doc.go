// Package top is what herd top shows: a model of the herd as one node sees it, fed by
// samples of the node's HTTP API, and drawings of it for a terminal.
//
// Nothing here reads a clock, a network or a terminal. A [Model] is told of what came, and
// when; a [Snapshot] of it and a [View] are drawn by [Draw], which is a pure function.
//
// IDs, names and texts come from strangers. They are kept as they are, and become harmless
// where they are drawn: a [Line] holds no control character, and is as wide as was asked
// for or less.
package top
