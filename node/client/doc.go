// Package client talks to a herd: reports where clients are, asks for them, follows what
// happens. It goes on at another node when one fails or leaves.
//
//	herd, err := client.New(client.Config{Addrs: []string{"10.0.0.1:4131", "10.0.0.2:4131"}})
//	if err != nil {
//		return err
//	}
//	defer herd.Close()
//	fix, err := herd.Report(ctx, "kiwi", client.PositionOf(34.06893, -118.445127), client.SecondsOf(time.Now()))
//	if err != nil {
//		return err
//	}
//	fmt.Println(fix.Node, "knows where kiwi is, and so do all others")
//	places, err := herd.Places(ctx, "kiwi", 10, 5) // within 10 km, five at most
//
// [Client] speaks the client protocol: it is for programs that report and ask all the time.
// Calls of many goroutines share a few connections, and none waits for the answer of another.
// [API] speaks HTTP, for the rest: lists of clients, who is near, members, figures, and
// [API.Events] to follow what happens.
//
// # When nodes fail
//
// A call goes to one node as long as that answers. Its connection may break in the middle, it
// may be silent for [Config.Silence], refuse the connection, answer nonsense, or say over HTTP
// that it leaves: then the call goes to the next one, drawn at random, and so do all after it.
// One that has failed comes last for a second, and longer each time. With all of them down there
// is a pause before each round, growing to a second, drawn at random so that clients don't come
// all at once. A call fails when its context ends, when [Config.Timeout] has passed
// ([UnreachableError], with what each node did), or when the herd refuses it ([InvalidError],
// [StatusError]): no other node would take it.
//
// So a call may be sent twice. That is safe for all there are: questions change nothing, and a
// report carries its time. The herd keeps of each client the report with the latest time; the
// same report again is no news, and one that has been passed by a later one changes nothing.
//
// An answer is checked against its command, so that it is never that of another call.
package client
