package gossip

import (
	"encoding/binary"
	"fmt"

	"herd/gossip/replica"
)

// Bounds of what is shared besides fixes.
const (
	maxStates    = 16
	maxStateName = 64       // bytes
	maxState     = 64 << 10 // bytes of one state: what an ack waits for at the most
)

// State is something small besides fixes that all nodes of a herd share, whatever
// each of them adds to it: counters that only grow, merged by maximum, say. The
// cluster carries it and knows nothing of what it means.
//
// Merging must be commutative, associative and idempotent, and a node must not forget
// what it has sent or merged (but all may forget what none of them would merge any
// more): a state comes by many ways, in any order, and more than once.
//
// Local and Merge are called without any lock of the cluster, each by one goroutine
// at a time, but the one beside the other, and beside whatever else uses the
// state. They must not wait for anything: what they delay is all states, and Close.
type State interface {
	// Name tells states apart, between nodes too: printable, no white space, 1..64
	// bytes, always the same.
	Name() string
	// Local is all that this node knows, its own and what it has merged, 64 KiB at
	// the most: what is longer is not sent. Equal states ought to give equal bytes,
	// else more is sent than need be. It must not be written to afterwards.
	Local() []byte
	// Merge takes in what Local gave at another node, maybe of another release, and
	// tells whether any of it was news: that goes on to others. It may keep
	// theirs. An error says that no correct node sends that: the peer is shunned for
	// half a minute, with the fixes that it has. What is only not understood is no error.
	Merge(theirs []byte) (changed bool, err error)
}

// shared is a state and what the cluster knows of it.
type shared struct {
	State
	name string // static

	// Guarded by cluster.mu.
	version  uint64 // of what this node knows: raised whenever that changes
	news     bool   // what was merged has yet to go on
	message  []byte // the last Local, to be sent; nil: none, or too large. Never written to
	sealed   uint64 // version that message has, at least
	hash     uint64 // of that Local
	tooLarge bool   // it was said
}

// stateLink is how a peer stands to a state. It is guarded by cluster.mu.
type stateLink struct {
	owed bool   // the peer is to be sent the state as it will be next
	due  bool   // the live writer is to send the message there is
	told uint64 // version that the peer was sent
	got  uint64 // hash of what it sent last

	came  []byte // of what it sent last, what waits to be merged
	comes bool   // there is that
}

// has tells whether the peer has what is in the message.
func (p *stateLink) has(s *shared) bool { return p.told >= s.sealed || p.got == s.hash }

// share makes the states ready, or tells what is wrong with them.
func share(states []State) ([]*shared, error) {
	if len(states) > maxStates {
		return nil, fmt.Errorf("%d shared states, at most %d are allowed", len(states), maxStates)
	}
	var all []*shared
	for _, state := range states {
		name := state.Name()
		if name == "" || len(name) > maxStateName || !printable(name) {
			return nil, fmt.Errorf("name of a shared state %q: want 1 to %d bytes, all printable", name, maxStateName)
		}
		for _, other := range all {
			if other.name == name {
				return nil, fmt.Errorf("two shared states are called %q", name)
			}
		}
		all = append(all, &shared{State: state, name: name, version: 1})
	}
	return all, nil
}

// A state is a message on the live lane of a kind that the core has none of: its kind,
// the length of its name, the name, the rest.
const kindState = 0xfd

func appendState(b []byte, name string, local []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(2+len(name)+len(local)))
	b = append(b, kindState, byte(len(name)))
	return append(append(b, name...), local...)
}

// splitState reads what appendState wrote, without the length before it. What it
// returns is part of message.
func splitState(message []byte) (name, local []byte, err error) {
	switch {
	case len(message) < 2 || message[1] == 0 || len(message)-2 < int(message[1]):
		return nil, nil, fmt.Errorf("%w: state without a name", replica.ErrMessage)
	case message[1] > maxStateName:
		return nil, nil, fmt.Errorf("%w: state with a name of %d bytes, at most %d are allowed", replica.ErrMessage, message[1], maxStateName)
	}
	name, local = message[2:2+message[1]], message[2+message[1]:]
	if len(local) > maxState {
		return nil, nil, fmt.Errorf("%w: state of %d bytes, at most %d are allowed", replica.ErrMessage, len(local), maxState)
	}
	return name, local, nil
}
