// Package simnet is a network in memory, for tests of many nodes in one process.
// It does to packets and streams what real networks do: delay, lose, duplicate, reorder and
// cut; and it pauses and kills hosts. It is made of mutexes, conditions and timers alone,
// so in a testing/synctest bubble hours of it pass in a moment.
//
// A [Host] has the three methods that a cluster needs of the world: Listen,
// ListenPacket and Dial. Addresses are "10.0.0.1:4132"; names are not resolved.
//
// # What is cut
//
// A cut is silence, as when a cable is pulled: packets vanish, what streams carry is held
// back until the cut is healed and flows then, dials wait until their context
// is done. [Net.Partition] cuts both ways between groups of hosts, [Net.Cut] one
// way between two, [Net.Heal] mends all. A stream that is cut one way still
// flows the other way; a dial needs both. No stream ends by itself, however long
// the cut.
//
// # What a pause is
//
// [Net.Pause] is as much of SIGSTOP as a network can do. What comes to the host waits until
// [Net.Resume], packets in their queue and streams under way; what the host writes to streams
// waits too, and packets that it sends are dropped: a process that stands still sends none. Its
// kernel goes on: dials to it succeed, and are heard of later. Its timers go on too, which is
// unlike SIGSTOP.
//
// # What a kill is
//
// [Host.Kill] is kill -9: the machine stays up and speaks for the dead process. Streams are
// reset, dials refused, packets vanish. The handle of a killed host is dead for good, so what
// still runs of the "process" cannot touch the network; [Net.Host] gives a fresh
// handle of the same address for the next process.
//
// # What repeats
//
// The random sources of each direction of each pair of hosts come from the seed: the n-th
// packet from one host to another meets the same fate in every run, whatever
// streams carry meanwhile and whatever is cut. Which packet is the n-th is up to the
// program under test.
package simnet
