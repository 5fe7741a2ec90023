package fault

import "sync/atomic"

// counters count since the Net was made.
type counters struct {
	faults                                               atomic.Uint64
	packetsCut, packetsLost, packetsLate, packetsDoubled atomic.Uint64
	streamsHeld, streamsReset, dialsHeld, dialsRefused   atomic.Uint64
}

// Stats is what a Net has done since it was made. Its numbers need not be of one
// instant.
type Stats struct {
	Active int    // rules that act now
	Faults uint64 // rules that were added

	PacketsCut     uint64 // dropped by a cut, either way
	PacketsLost    uint64 // dropped by chance, before a slow line, or for too many were late
	PacketsLate    uint64 // sent later
	PacketsDoubled uint64 // sent twice

	StreamsHeld  uint64 // times that a stream fell silent
	StreamsReset uint64 // broken
	DialsHeld    uint64 // times that a dial had to wait
	DialsRefused uint64
}

// Stats is what happened so far.
func (n *Net) Stats() Stats {
	c := &n.count
	return Stats{
		Active:         int(n.acting.Load()),
		Faults:         c.faults.Load(),
		PacketsCut:     c.packetsCut.Load(),
		PacketsLost:    c.packetsLost.Load(),
		PacketsLate:    c.packetsLate.Load(),
		PacketsDoubled: c.packetsDoubled.Load(),
		StreamsHeld:    c.streamsHeld.Load(),
		StreamsReset:   c.streamsReset.Load(),
		DialsHeld:      c.dialsHeld.Load(),
		DialsRefused:   c.dialsRefused.Load(),
	}
}
