// Package fault puts faults into a node's network on command: cuts, loss, delay, a
// slow line. A [Net] stands between the node and the network it had before, and does
// nothing until a [Rule] is added. One node's rules are what that node suffers: a
// cut that must hold whoever dials is added at both ends.
//
// # What a cut is
//
// A cut is silence, as when a cable is pulled: packets vanish, what streams carry is
// held back and flows after the heal, dials wait, and no stream ends; not even one that
// the other end has closed meanwhile. With Reset the streams break and dials are refused, as
// when a firewall answers for the peer.
//
// # Who a peer is
//
// A rule names its peer by the name of the node or by its gossip address. The address of
// a dial and of a packet says who it is for. Who has dialed is known
// once a key is proved (SetPeer); until then such a stream obeys only the rules
// for every peer. So the end that dials must have the rule too.
//
// # Who runs
//
// A stream has a goroutine while something that was written to it waits, and packets
// that are late have timers. [Net.Close] waits for the first and stops the others.
//
// # What repeats
//
// The n-th packet to or from a peer that a rule may lose draws the n-th number of a source
// made from the seed. Which packet that is is up to the world.
package fault
