// Package history judges what a herd has done: it records the commands of clients and
// their answers, and checks them against what the herd promises.
//
//	r := history.NewRecorder(history.Settings{Ahead: 5 * time.Minute}, 0)
//	w := history.Workload{Nodes: []string{"Bona", "Clark"}, Seed: 1}
//	err := w.Run(ctx, r, transport) // meanwhile: r.Fault, r.Hold
//	r.DumpTable(process, table)     // of each node that lives when all is quiet
//	h, err := r.History()
//	report := history.Check(h)
//
// It asks the nodes nothing that a client could not ask, so that the same judge serves
// a simulation, real processes and a herd in production.
//
// # What is recorded
//
// Each command has the instants before it was sent and after it was answered, on one
// monotonic clock: what lies between is when it may have taken effect. A write without
// an answer may take effect at any time, or never; it says nothing of what must be
// shown, and all of what may be. Besides, as far as they are known: who was in sync
// at an ack; who was seen to be up to date with whom ([Hold]); what was done to the
// herd ([Fault]); and what every node that lives holds in the end ([Dump]).
//
// A node that restarts is another [Process]. A transport that does not tell the lives
// of a node apart makes a restart look like reads that go back.
//
// # How it is judged
//
// A client's fixes are in one total order, that of [location.Fix.Compare], so that a
// process is for each client a max-register: writes raise it, and so may gossip, at
// any time; nothing lowers it. To search for an order of all commands in which each
// answer is right, as a check of linearizability does, is not needed: it is enough
// that no read is below a floor that stood when it began. There are three: what the
// process had acknowledged (read your writes), what it had shown (monotonic reads),
// and what others had acknowledged while it was in sync with them. Events at one
// instant count as concurrent. Sorting is the most that it costs: O(n log n).
//
//	promise           is broken when
//	convergence       two dumps differ
//	no acked loss     no dump has a fix that was acknowledged, or a newer one, though one
//	                  who held it lives, or had passed it on to one who does
//	in sync           a process is below what was acknowledged by those it was in sync with
//	caught up         a process is below what those held whom it had caught up with
//	read your writes  a process is below what it has acknowledged
//	monotonic reads   a process is below what it has shown
//	no invention      a line is shown that is not, byte for byte, the answer to a command
//	                  sent earlier; where that had no answer, any clock difference will do
//	no resurrection   a fix is shown where it, or a newer one, had expired; or past its
//	                  deadline by more than clocks may differ, but by a newcomer that
//	                  took it so late and had met nobody
//
// Dumps are judged as one more read of every client. A promise that was never put to
// the test is reported as that, not as kept.
//
// Staleness is that of Jepsen's set-full checker: of each acknowledged write and each
// other process, the time from the ack to the last read that missed it, as quantiles.
//
// A check proves as much as what it has met. The [Workload] repeats times at other
// nodes in a third of its writes, and lets others follow each other by nanoseconds:
// without that, times kept as floating-point numbers and ties decided by arrival go
// unseen. Each check has a herd with a bug, in the tests, that it has to find.
//
// # Sources
//
//   - Jepsen's set-full checker, https://jepsen-io.github.io/jepsen/jepsen.checker.html,
//     for what is stable, lost or stale.
//   - Gibbons and Korach, Testing Shared Memories, SIAM J. Comput. 26 (1997), for why a
//     general check is hard and one with a known order of the writes is not.
//   - Aspnes, Attiya and Censor, Max registers, counters, and monotone circuits, PODC
//     2009, for the object that a process is.
package history
