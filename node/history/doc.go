// Package history judges what a herd has done: it records the commands of clients and
// their answers, and checks them against what the herd promises.
//
//	r := history.NewRecorder(history.Settings{Ahead: 5 * time.Minute}, 0)
//	w := history.Workload{Nodes: []string{"Bona", "Clark"}, Seed: 1}
//	err := w.Run(ctx, r, transport)     // while faults begin and end: r.Fault
//	r.DumpTable(process, table)         // of all nodes that live
//	h, err := r.History()
//	report := history.Check(h)
package history
