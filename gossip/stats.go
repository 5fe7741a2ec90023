package gossip

import (
	"time"

	"herd/gossip/replica"
)

// counts are the cluster's own; see [Stats].
type counts struct {
	sessions, sessionsLost, sessionsRefused, quarantined uint64
	strangersEnded                                       uint64
	lookupsSent, lookupsTimedOut, lookupsRefused         uint64
	ackWaits                                             uint64
	statesSent, statesReceived                           uint64
	statesRefused, statesUnknown, statesTooLarge         uint64
	stateBytesSent, stateBytesReceived                   uint64
	audits, auditsAnswered, auditsRefused                uint64
	auditAlarms, auditsUnfounded                         uint64
	auditFixesTaken, auditFixesSent                      uint64
	memberTime, outOfSyncTime                            time.Duration
}

// Self is this node as a member.
func (c *Cluster) Self() Member {
	for _, m := range c.Members() {
		if m.Self {
			return m
		}
	}
	return Member{Meta: c.self, Gossip: c.transport.Advertised().String(), Since: c.self.Started, Self: true}
}

// Members is the herd as this node sees it, by name. A name stands twice only if two
// live members have it.
func (c *Cluster) Members() []Member {
	all := c.members.list()
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	for i := range all {
		m := &all[i]
		l := c.links[m.Origin]
		if l == nil {
			continue
		}
		m.Linked = true
		m.InSync = l.core.State() == replica.In
		m.Leased = l.core.Leased(now)
		m.Acked, m.Queued, m.Lagging = l.core.Acked(), l.core.Queued(), l.core.Lagging()
		m.Overflows = l.core.Overflows()
		m.Clock, m.ClockKnown = l.clock.offset()
		m.Unseen = l.unseenLocked()
	}
	return all
}

// Vector says which batches of each origin the table has, with all before them.
func (c *Cluster) Vector() replica.Vector {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.core.Vector()
}

// Stats counts since New.
type Stats struct {
	Replica   replica.Stats
	Transport TransportStats

	Sessions        uint64 // links opened
	SessionsLost    uint64 // links ended
	SessionsRefused uint64
	Quarantined     uint64 // links ended because the peer sent what no correct node sends
	Links           int    // now
	Strangers       int    // of those, with peers that are no live members
	StrangersEnded  uint64 // links ended because the peer became none

	Joins          uint64 // successful, the first and those after
	JoinsFailed    uint64
	SeedsBeyond    uint64 // addresses of seeds that were left out: too many
	BookErrors     uint64 // times that the address book could not be read or written
	Refreshes      uint64 // times that this node told the herd anew that it is alive, for a peer did not see it
	MembersRefused uint64 // announcements of members that make no sense
	MembersByState map[string]int
	MembersBack    uint64 // times that a member that did not answer, or was gone, was back

	Keys          int    // of the ring, now
	KeysUnsaved   bool   // the ring is in memory only, now
	KeysChanged   uint64 // orders of the herd to change the ring that have
	KeysUnchanged uint64 // that found it so
	KeysRefused   uint64 // that this node refused, malformed ones included

	LookupsSent     uint64 // client IDs that peers were asked for
	LookupsFound    uint64 // callers that got a fix so
	LookupsTimedOut uint64
	LookupsRefused  uint64 // not asked: too many at once
	AckWaits        uint64 // callers of Wait that had to wait
	AckTook         Spread // how long those waited to whom the ack came

	// Propagation is how old fixes were when their batches had been merged here: from the
	// receipt by their origin, on its wall clock, to this node's. Between machines
	// it is off by what their clocks differ.
	Propagation Spread

	StatesSent         uint64 // messages with a shared state, to all peers
	StatesReceived     uint64 // well-formed ones
	StatesUnknown      uint64 // of those, of states that this node does not have
	StatesRefused      uint64 // not well-formed, or not a state in the eyes of its Merge; such a link ends
	StatesTooLarge     uint64 // times that a Local was too large to be sent
	StateBytesSent     uint64 // of the messages sent
	StateBytesReceived uint64 // of the messages received

	MemberTime    time.Duration // added up over the live members but this node
	OutOfSyncTime time.Duration // of that, the time in which the member was not in sync with this node

	Audits          uint64 // comparisons of digests with a peer that this node made
	AuditsAnswered  uint64 // questions of peers
	AuditsRefused   uint64 // questions of peers that were too many, or of those that take no answers
	AuditAlarms     uint64 // buckets of which some fixes differed though they should not have
	AuditsUnfounded uint64 // audits in which digests differed and no fix did
	AuditFixesTaken uint64 // fixes that this node lacked
	AuditFixesSent  uint64 // fixes that its peers lacked

	Limits       Limits        // that hold now
	Most         int           // clients that may be in the table by them, and by its memory; 0: any number
	LimitsDiffer int           // live members that are configured to others than this node
	Floor        time.Duration // since the epoch: order time of the greatest fix that there was no room for

	Clock Clock // now

	Disk DiskStats

	LinesKeptBack uint64 // log lines over their limit
}

// Stats is a snapshot; its numbers need not be of one instant.
func (c *Cluster) Stats() Stats {
	s := Stats{
		Transport:      c.transport.Stats(),
		Joins:          c.joins.Load(),
		JoinsFailed:    c.joinsFailed.Load(),
		SeedsBeyond:    c.book.beyond.Load(),
		Refreshes:      c.refreshes.Load(),
		BookErrors:     c.bookErrors.Load(),
		MembersRefused: c.members.refusals(),
		MembersByState: c.members.byState(),
		MembersBack:    c.members.returns(),
		LookupsFound:   c.lookupsFound.Load(),
		Propagation:    c.propagation.load(),
		AckTook:        c.ackTook.load(),
		LinesKeptBack:  c.transport.lines.total(),
	}
	s.Keys = len(c.ring.keys())
	s.KeysUnsaved = c.rotation.unsaved.Load()
	s.KeysChanged, s.KeysUnchanged, s.KeysRefused = c.rotation.changed.Load(), c.rotation.unchanged.Load(), c.rotation.refused.Load()
	c.mu.Lock()
	defer c.mu.Unlock()
	s.Replica = c.core.Stats()
	s.Disk = c.keeper.statsLocked()
	s.Sessions, s.SessionsLost, s.SessionsRefused = c.stats.sessions, c.stats.sessionsLost, c.stats.sessionsRefused
	s.Quarantined, s.Links = c.stats.quarantined, len(c.links)
	s.Strangers, s.StrangersEnded = c.strangersLocked(), c.stats.strangersEnded
	s.LookupsSent, s.LookupsTimedOut, s.LookupsRefused = c.stats.lookupsSent, c.stats.lookupsTimedOut, c.stats.lookupsRefused
	s.AckWaits = c.stats.ackWaits
	s.Audits, s.AuditsAnswered, s.AuditsRefused = c.stats.audits, c.stats.auditsAnswered, c.stats.auditsRefused
	s.AuditAlarms, s.AuditsUnfounded = c.stats.auditAlarms, c.stats.auditsUnfounded
	s.AuditFixesTaken, s.AuditFixesSent = c.stats.auditFixesTaken, c.stats.auditFixesSent
	s.Clock = c.compareClocksLocked()
	s.Most = c.core.Most()
	s.Limits, s.LimitsDiffer, s.Floor = c.limits, c.limitsDiffer, time.Duration(c.core.Floor().Order)
	s.StatesSent, s.StatesReceived = c.stats.statesSent, c.stats.statesReceived
	s.StatesRefused, s.StatesUnknown, s.StatesTooLarge = c.stats.statesRefused, c.stats.statesUnknown, c.stats.statesTooLarge
	s.StateBytesSent, s.StateBytesReceived = c.stats.stateBytesSent, c.stats.stateBytesReceived
	s.MemberTime, s.OutOfSyncTime = c.stats.memberTime, c.stats.outOfSyncTime
	return s
}
