// Package location holds what the herd is about: a client's fix, the total
// order on the fixes of one client, and the table of the greatest fix of each.
//
// It knows nothing of the network. Every other package may import it.
//
// # The order
//
// "Newest" must mean the same on every node, whatever order the reports arrive
// in and whatever the nodes are configured to. [Fix.Compare] is therefore a
// total order on content alone, and merging is taking the greater, which is
// commutative, associative and idempotent. Read from the top; the first line
// that decides, decides:
//
//	have          offered                         the table then holds
//	nothing       any fix                         offered    (Added)
//	order time 1  order time 2, later             offered    (Replaced)
//	order time 2  order time 1                    have       (Stale)
//	equal         later client's time             offered    (Replaced)
//	equal         earlier client's time           have       (Stale)
//	equal         node name that sorts after      offered    (Replaced)
//	equal         node name that sorts before     have       (Stale)
//	equal         greater clock difference        offered    (Replaced)
//	equal         smaller clock difference        have       (Stale)
//	equal         position text that sorts after  offered    (Replaced)
//	equal         position text that sorts before have       (Stale)
//	equal         time text that sorts after      offered    (Replaced)
//	equal         time text that sorts before     have       (Stale)
//	equal         the same, with a greater dot    the greater dot (Retagged)
//	equal         the same, dot not greater       have       (Duplicate)
//
// The order time is the client's time, clamped by the node that took the
// report to max_client_ahead past that node's clock. It is computed once, there,
// and travels with the fix: a device with a clock in the year 9999 is served
// like any other and can silence its client for max_client_ahead at the most.
package location
