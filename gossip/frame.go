package gossip

import "herd/gossip/replica"

// Messages of ours between the core's, in frames like theirs, of kinds that are none
// of them. goodbye on both lanes, for the end of either ends the link: the sender leaves;
// memberlist alone would have it taken for dead. alive on the delta lane, which may be
// idle for long: a path that is broken for this one of the two streams must not go
// unnoticed. For the others see kindState, kindNote and kindAudit.
const (
	frameHeader = 4
	goodbye     = "\x00\x00\x00\x01\xff"
	alive       = "\x00\x00\x00\x01\xfe"
)

// isOurs tells a message of this package from one of the core's.
func (l *link) isOurs(lane replica.Lane, message []byte) bool {
	if isSign(message) {
		return true
	}
	switch message[0] {
	case kindState:
		return lane == replica.Live && l.version >= sharingVersion
	case kindNote:
		return lane == replica.Live && l.version >= noteVersion
	case kindAudit:
		return lane == replica.Delta && l.version >= firstAudits
	}
	return false
}

// isSign tells whether a message is one of the two of a single byte. Nothing else is
// compared: as a string in a switch a chunk would be copied.
func isSign(message []byte) bool {
	return len(message) == 1 && (message[0] == goodbye[frameHeader] || message[0] == alive[frameHeader])
}

// flagByte is a byte of a message that says yes or no.
func flagByte(yes bool) byte {
	if yes {
		return 1
	}
	return 0
}
