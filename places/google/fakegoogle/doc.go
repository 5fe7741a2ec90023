// Package fakegoogle is a Google to test against: both Nearby Searches on a real
// or a given listener, with made-up places and every way to go wrong.
//
// It needs no testing package, so that programs can be tested with it too. It is
// as strict as Google about what it is asked: key, field mask, bounds. Faults are
// switched at any time, for all calls ([Server.SetFault]) or one by one
// ([Server.Script]).
package fakegoogle
