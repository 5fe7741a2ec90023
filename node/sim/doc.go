// Package sim plays schedules of faults on whole herds: real nodes with real
// memberlist on a simulated network, in a bubble of testing/synctest where minutes pass in a
// moment, under a load of clients whose every answer is recorded and checked.
//
// # Scenarios
//
// A [Scenario] is a herd and what happens to it. As text, one thing a line:
//
//	# Clark dies behind a cut and is back at another address.
//	nodes 5
//	run 1m
//	at 10s cut Bailey Bona | Campbell Clark for 20s
//	at 12s kill Clark
//	at 15s loss 30% for 10s
//	at 16s start Clark elsewhere
//
// Lines before the first "at" describe the herd; each has a default:
//
//	nodes 5            how many start, 1 to 9: Bailey Bona Campbell Clark Jaquez Node6 ...
//	run 5m             until the quiet phase
//	seed 1             of the network's dice and the clients
//	rate 20            commands of clients a second
//	ack-timeout 250ms  as in the settings
//	profile lan        likewise: local, lan, wan
//	ttl 0s             likewise: 0s is for ever
//	max-clients 0      likewise: 0 is all
//	memory-for 0       memory_limit is what about so many clients take; 0 is no limit
//	disks always       nodes keep what they know over a kill, with that as their sync:
//	                   always, interval, none. Without it they keep nothing
//	ttl 5s Clark       those nodes are configured to another one, by mistake
//	max-clients 2 Bona likewise
//	memory-for 3 Bona  likewise
//
// After "at" and a time, since all nodes are ready, comes what happens. Most ends by
// itself if "for" and a duration stand at the end; else with the quiet phase:
//
//	cut A B | C D      neither side hears the other
//	cut A B > C D      the right side does not hear the left one
//	loss 30%           packets are lost; segments of streams come late
//	duplicate 25%      packets come twice
//	reorder 25%        packets are overtaken by later ones
//	delay 50ms         all comes later
//	jitter 50ms        and by up to this much more
//	pause A B          their networks stand still both ways, their clients' too
//	clock -4m A B      their wall clocks are off by so much
//	kill A B           kill -9, at once; no "for". With disks their machines lose power
//	stop A             it leaves, as at SIGTERM; no "for"
//	start A            one that was killed, has left or has never run, empty or from its
//	                   disk; no "for"
//	start A elsewhere  at an address that nobody has had
//
// Loss and the four below it are of all links, unless sides stand before "for", as in cut. "rest"
// in place of a side's names is all nodes that the line does not name: "cut Clark > rest" is a
// node that hears and is not heard. What overlaps adds up.
//
// A pause is not quite SIGSTOP: in a bubble a node's timers can't be stopped. It
// finds that nobody answers, and nothing is lost.
//
// # What repeats
//
// A scenario decides what happens when, and the dice of each link; but goroutines of
// a process run in no fixed order. So a run is not repeated bit for bit, and a schedule that
// has found something is played many times.
package sim
