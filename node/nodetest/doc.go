// Package nodetest is a whole herd in a test: real nodes on a simulated network,
// in one process.
//
// All ports are in memory, so that in a [Bubble] the minutes of a cut pass in a
// moment and any wait is exact. It works outside of bubbles too, in real time.
//
//	nodetest.Bubble(t, func(t *testing.T) {
//		h := nodetest.Start(t, 5)
//		h.Send(0, "IAMAT kiwi +34-118 1")
//		h.Kill(0)
//		h.Send(3, "WHATSAT kiwi 10 0")
//	})
//
// A herd's methods are for the test's goroutine, but for Ask, Dial, Node and Life, which are for
// any. What goes wrong fails the test, with the logs of the nodes.
package nodetest
