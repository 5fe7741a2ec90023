package metrics

import (
	"runtime"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"herd/gossip"
	"herd/node/protocol"
)

// all lists every family that a node shows.
func all() []metric {
	return slices.Concat(process(), requests(), server(), fixes(), acks(), membership(), members(), transport(), streams(), faults(), questions(), limits(), disk())
}

func process() []metric {
	return []metric{
		family(prometheus.GaugeValue, "build_info", "1; the labels say what runs here.", []string{"version", "go"},
			func(s *Stats, to sink) { to(1, s.Version, runtime.Version()) }),
		gauge("ready", "1 while the node serves clients.", func(s *Stats) int { return flag(s.Ready) }),
		gauge("leaving", "1 while the node leaves: it drains its clients, hands over and ends.", func(s *Stats) int { return flag(s.Leaving) }),
		gauge("caught_up", "1 once the table has what the herd had.", func(s *Stats) int { return flag(s.CaughtUp) }),
		gauge("table_bytes", "Bytes of memory that the table of fixes takes.", func(s *Stats) int { return s.TableBytes }),
		gauge("table_clients", "Clients whose fixes this node holds.", func(s *Stats) int { return s.Clients }),
		histogram("near_seconds", "Time that questions who is near a point took in the table. The first one after a while has to go through all of it.",
			func(s *Stats) gossip.Spread { return s.Near.Took }),
		gauge("near_index_bytes", "Memory that knows who is where; 0 if nobody has asked who is near lately.", func(s *Stats) int { return s.Near.Bytes }),
		counter("log_lines_suppressed_total", "Log lines kept back because too many like them came.", func(s *Stats) uint64 { return s.Gossip.LinesKeptBack }),
		counters("config_reloads_total", "Reloads of the configuration, by result: a failed one changes nothing.", "result",
			part{"ok", func(s *Stats) uint64 { return s.Reloads.Good }},
			part{"failed", func(s *Stats) uint64 { return s.Reloads.Failed }}),
		gauge("config_last_reload_failed", "1 if the last reload failed: the node runs with the configuration before it.", func(s *Stats) int { return flag(s.Reloads.LastFailed) }),
		gauge("config_last_reload_success_timestamp_seconds", "Seconds since 1970 at the last good reload, or at the start.", func(s *Stats) int { return int(s.Reloads.LastGood) }),
	}
}

func fixes() []metric {
	return []metric{
		family(prometheus.CounterValue, "updates_total", "Fixes that came, from clients or from other nodes, by what became of them. Applied: readers see it. Stale: the table held a newer one. Duplicate: it held this one. Refused: it had expired, or is older than what there is room for. Invalid: not taken.",
			[]string{"source", "result"}, updates),
		counter("updates_accepted_total", "Reports taken from clients.", func(s *Stats) uint64 { return s.Gossip.Replica.Accepted }),
		counter("updates_mailed_total", "Of those, reports sent on to the other nodes. The others were replaced by a newer one of their client before they left, or lost to one.", func(s *Stats) uint64 { return s.Gossip.Replica.Mailed }),
		counter("updates_stale_total", "Reports taken from clients that were not newer than what the table held.", func(s *Stats) uint64 { return s.Gossip.Replica.Stale }),
		counter("updates_clamped_total", "Reports taken from clients whose time was too far ahead to order by.", func(s *Stats) uint64 { return s.Gossip.Replica.Clamped }),
		counters("updates_received_total", "Fixes that came from other nodes, by whether they were news.", "result",
			part{"applied", func(s *Stats) uint64 { return s.Gossip.Replica.Applied }},
			part{"redundant", func(s *Stats) uint64 { return s.Gossip.Replica.Redundant }}),
		histogram("propagation_seconds", "Age of fixes when the batches that brought them had been merged: from their receipt by another node. Off by what the two machines' clocks differ.",
			func(s *Stats) gossip.Spread { return s.Gossip.Propagation }),
		counter("takeovers_total", "Fixes adopted from nodes that are gone for good.", func(s *Stats) uint64 { return s.Gossip.Replica.Takeovers }),
		counters("vectors_answered_total", "Vectors of other nodes answered, by whether the table had to be searched for what they lack.", "how",
			part{"delta", func(s *Stats) uint64 { return s.Gossip.Replica.Deltas }},
			part{"compared", func(s *Stats) uint64 { return s.Gossip.Replica.Compared }}),
		counter("audits_total", "Comparisons of the whole table with another node's, by digests, that this node made.", func(s *Stats) uint64 { return s.Gossip.Audits }),
		counters("audits_served_total", "Questions of other nodes that compare tables, by whether they were answered: not if there were too many, or the asker took no answers.", "result",
			part{"answered", func(s *Stats) uint64 { return s.Gossip.AuditsAnswered }},
			part{"refused", func(s *Stats) uint64 { return s.Gossip.AuditsRefused }}),
		counter("audit_alarms_total", "Parts of the table, of 65,536, in which fixes differed that should not have: a bug or bad memory. They were repaired.", func(s *Stats) uint64 { return s.Gossip.AuditAlarms }),
		counter("audits_unfounded_total", "Comparisons in which digests differed and no fix did: the other node counts wrongly.", func(s *Stats) uint64 { return s.Gossip.AuditsUnfounded }),
		counters("audit_fixes_total", "Fixes that an audit repaired: taken from the other node, or sent to it.", "direction",
			part{"taken", func(s *Stats) uint64 { return s.Gossip.AuditFixesTaken }},
			part{"sent", func(s *Stats) uint64 { return s.Gossip.AuditFixesSent }}),
		counter("queue_overflows_total", "Queues to slow members that were dropped; the member catches up.", func(s *Stats) uint64 { return s.Gossip.Replica.Overflows }),
		counter("lookups_sent_total", "Questions to other nodes about clients that this one does not know.", func(s *Stats) uint64 { return s.Gossip.LookupsSent }),
		counters("lookups_total", "Looking up clients at other nodes, by outcome.", "result",
			part{"found", func(s *Stats) uint64 { return s.Gossip.LookupsFound }},
			part{"timed_out", func(s *Stats) uint64 { return s.Gossip.LookupsTimedOut }},
			part{"refused", func(s *Stats) uint64 { return s.Gossip.LookupsRefused }}),
		counters("lookups_served_total", "Questions of other nodes about clients, by whether they were answered or were too many.", "result",
			part{"answered", func(s *Stats) uint64 { return s.Gossip.Replica.Lookups }},
			part{"refused", func(s *Stats) uint64 { return s.Gossip.Replica.LookupsOff }}),
		counters("peer_doubts_total", "What peers said and this node did not believe, by kind: fixes of a time to come or taken over too often, batches that their origin never sealed.", "kind",
			part{"fix", func(s *Stats) uint64 { return s.Gossip.Replica.Incredible }},
			part{"vector", func(s *Stats) uint64 { return s.Gossip.Replica.Unfounded }}),
	}
}

// updates sorts all fixes that came.
func updates(s *Stats, to sink) {
	r, invalid := &s.Gossip.Replica, &s.Server.Invalid
	to(float64(r.Accepted-r.Stale-r.Refused), "client", "applied")
	to(float64(r.Refused), "client", "refused")
	to(float64(r.Stale-r.Repeated), "client", "stale")
	to(float64(r.Repeated), "client", "duplicate")
	to(float64(invalid[protocol.BadPosition]+invalid[protocol.BadTime]), "client", "invalid")
	to(float64(r.Applied), "node", "applied")
	to(float64(r.Redundant-r.Duplicate), "node", "stale")
	to(float64(r.Duplicate), "node", "duplicate")
	to(float64(r.Incredible), "node", "invalid")
}

func acks() []metric {
	return []metric{
		counter("batches_sealed_total", "Batches of this node's fixes.", func(s *Stats) uint64 { return s.Gossip.Replica.Batches }),
		counter("batches_alone_total", "Batches acknowledged while no member was in sync: a kill of this node loses them until it is back.", func(s *Stats) uint64 { return s.Gossip.Replica.Alone }),
		counter("batches_short_total", "With acks = a number: batches acknowledged while fewer members had them. So few were in sync, or a member did not answer in time.", func(s *Stats) uint64 { return s.Gossip.Replica.Short }),
		histogram("ack_wait_seconds", "Time that clients' sessions waited for other nodes' acks, if they had to wait.",
			func(s *Stats) gossip.Spread { return s.Gossip.AckTook }),
		counter("ack_waits_total", "Waits of clients' sessions for other nodes' acks.", func(s *Stats) uint64 { return s.Gossip.AckWaits }),
		counter("sync_entries_total", "Members that came into this node's in-sync set.", func(s *Stats) uint64 { return s.Gossip.Replica.Entries }),
		counter("sync_outs_total", "Members put out of this node's in-sync set, for they did not acknowledge in time.", func(s *Stats) uint64 { return s.Gossip.Replica.Outs }),
		seconds("member_seconds_total", "Time that members were there, added up over them.", func(s *Stats) time.Duration { return s.Gossip.MemberTime }),
		seconds("member_out_of_sync_seconds_total", "Of herd_member_seconds_total, the time in which the member was not in this node's in-sync set.", func(s *Stats) time.Duration { return s.Gossip.OutOfSyncTime }),
	}
}

func membership() []metric {
	return []metric{
		family(prometheus.GaugeValue, "members", "Members of the herd as this node sees them, itself included.", []string{"state"},
			func(s *Stats, to sink) {
				for state := gossip.Alive; state <= gossip.Left; state++ {
					to(float64(s.Gossip.MembersByState[state.String()]), state.String())
				}
			}),
		gauge("links", "Peers that both streams stand to.", func(s *Stats) int { return s.Gossip.Links }),
		gauge("strangers", "Sessions with peers that are no live members, of herd_links: few are allowed, for a minute.", func(s *Stats) int { return s.Gossip.Strangers }),
		counter("strangers_ended_total", "Sessions that ended because the peer did not become a member.", func(s *Stats) uint64 { return s.Gossip.StrangersEnded }),
		counter("sessions_total", "Sessions with members that came about.", func(s *Stats) uint64 { return s.Gossip.Sessions }),
		counter("sessions_lost_total", "Sessions with members that ended.", func(s *Stats) uint64 { return s.Gossip.SessionsLost }),
		counter("quarantined_total", "Members refused for a while, for a bad message.", func(s *Stats) uint64 { return s.Gossip.Quarantined }),
		counter("sessions_refused_total", "Sessions that this node or a member refused to open.", func(s *Stats) uint64 { return s.Gossip.SessionsRefused }),
		family(prometheus.GaugeValue, "clock_ahead_seconds", "How far this node's clock is ahead of the median of its peers', negative if it is behind; 0 without peers.", nil,
			func(s *Stats, to sink) { to(s.Gossip.Clock.Ahead.Seconds()) }),
		family(prometheus.GaugeValue, "clock_ahead_limit_seconds", "How far that may be, either way: half of max_client_ahead.", nil,
			func(s *Stats, to sink) { to(s.Gossip.Clock.Limit.Seconds()) }),
		gauge("clock_peers", "Members whose clocks were measured.", func(s *Stats) int { return s.Gossip.Clock.Peers }),
		gauge("clock_astray", "1 while herd_clock_ahead_seconds is more than herd_clock_ahead_limit_seconds, either way.", func(s *Stats) int { return flag(s.Gossip.Clock.Astray()) }),
		counters("joins_total", "Attempts to join through a seed or a missing member, the first and those after, by result.", "result",
			part{"joined", func(s *Stats) uint64 { return s.Gossip.Joins }},
			part{"failed", func(s *Stats) uint64 { return s.Gossip.JoinsFailed }}),
		counter("seed_addresses_ignored_total", "Addresses of seeds that were left out, at each look-up: no more than 64 of one are tried.", func(s *Stats) uint64 { return s.Gossip.SeedsBeyond }),
		counter("address_book_errors_total", "Times that the address book could not be read from the disk or written to it.", func(s *Stats) uint64 { return s.Gossip.BookErrors }),
		counter("refreshes_total", "Times that this node told the herd anew that it is alive, for a peer that hears it did not see it.", func(s *Stats) uint64 { return s.Gossip.Refreshes }),
		counter("members_returned_total", "Times that a member that did not answer, had failed or had left was alive again.", func(s *Stats) uint64 { return s.Gossip.MembersBack }),
		counter("members_refused_total", "Announcements of members that make no sense.", func(s *Stats) uint64 { return s.Gossip.MembersRefused }),
	}
}

func transport() []metric {
	return []metric{
		counters("gossip_packets_total", "Packets that came to the gossip port, by what became of them.", "result",
			part{"accepted", func(s *Stats) uint64 { return s.Gossip.Transport.Packets }},
			part{"junk", func(s *Stats) uint64 { return s.Gossip.Transport.PacketsJunk }},
			part{"dropped", func(s *Stats) uint64 { return s.Gossip.Transport.PacketsDropped }},
			part{"failed", func(s *Stats) uint64 { return s.Gossip.Transport.PacketErrors }}),
		counter("gossip_streams_accepted_total", "Streams to the gossip port that proved a key.", func(s *Stats) uint64 { return s.Gossip.Transport.Accepted }),
		counters("gossip_streams_refused_total", "Streams to the gossip port that were refused, by reason.", "reason",
			part{"wrong_key", func(s *Stats) uint64 { return s.Gossip.Transport.WrongKey }},
			part{"junk", func(s *Stats) uint64 { return s.Gossip.Transport.Junk }},
			part{"slow", func(s *Stats) uint64 { return s.Gossip.Transport.Slow }},
			part{"evicted", func(s *Stats) uint64 { return s.Gossip.Transport.Evicted }},
			part{"abandoned", func(s *Stats) uint64 { return s.Gossip.Transport.Abandoned }},
			part{"dropped", func(s *Stats) uint64 { return s.Gossip.Transport.StreamsDropped }}),
		gauge("gossip_keys", "Gossip keys of this node's ring: one, but while the herd's key is changed.", func(s *Stats) int { return s.Gossip.Keys }),
		gauge("gossip_keys_unsaved", "1 while the ring is in memory only: a restart brings other keys, and the herd may refuse them.", func(s *Stats) int { return flag(s.Gossip.KeysUnsaved) }),
		counters("gossip_key_changes_total", "Orders to change the ring, by what came of them: made, found made before, refused.", "result",
			part{"made", func(s *Stats) uint64 { return s.Gossip.KeysChanged }},
			part{"repeated", func(s *Stats) uint64 { return s.Gossip.KeysUnchanged }},
			part{"refused", func(s *Stats) uint64 { return s.Gossip.KeysRefused }}),
		counter("gossip_messages_refused_total", "Membership messages that would have harmed this node.", func(s *Stats) uint64 { return s.Gossip.Transport.MessagesRefused }),
		counter("gossip_states_sent_total", "Messages with a shared state sent to other nodes.", func(s *Stats) uint64 { return s.Gossip.StatesSent }),
		counters("gossip_states_received_total", "Messages with a shared state that came from other nodes: all, those of a state unknown here, those that no correct node sends.", "kind",
			part{"all", func(s *Stats) uint64 { return s.Gossip.StatesReceived }},
			part{"unknown", func(s *Stats) uint64 { return s.Gossip.StatesUnknown }},
			part{"refused", func(s *Stats) uint64 { return s.Gossip.StatesRefused }}),
		counter("gossip_states_too_large_total", "Times that a shared state was too large to be sent.", func(s *Stats) uint64 { return s.Gossip.StatesTooLarge }),
		counters("gossip_state_bytes_total", "Bytes of messages with a shared state.", "direction",
			part{"sent", func(s *Stats) uint64 { return s.Gossip.StateBytesSent }},
			part{"received", func(s *Stats) uint64 { return s.Gossip.StateBytesReceived }}),
		counter("gossip_accept_errors_total", "Failures of the system to accept a stream.", func(s *Stats) uint64 { return s.Gossip.Transport.AcceptErrors }),
		counters("gossip_dials_total", "Streams to other nodes, by result.", "result",
			part{"proved", func(s *Stats) uint64 { return s.Gossip.Transport.Dialed }},
			part{"failed", func(s *Stats) uint64 { return s.Gossip.Transport.DialsFailed }}),
		gauge("gossip_streams", "Streams that have proved a key and are open, either way.", func(s *Stats) int { return s.Gossip.Transport.Open }),
		gauge("gossip_streams_unproved", "Streams to the gossip port that have not proved a key yet.", func(s *Stats) int { return s.Gossip.Transport.Unproved }),
	}
}

// faults are those on command, which somebody allows and then forgets.
func faults() []metric {
	return []metric{
		gauge("chaos_faults", "Faults that act on this node on command (herd chaos).", func(s *Stats) int { return s.Faults.Active }),
		counter("chaos_faults_total", "Faults added on command.", func(s *Stats) uint64 { return s.Faults.Faults }),
		counters("chaos_packets_total", "Gossip packets that met a fault on command, either way, by what became of them.", "result",
			part{"cut", func(s *Stats) uint64 { return s.Faults.PacketsCut }},
			part{"lost", func(s *Stats) uint64 { return s.Faults.PacketsLost }},
			part{"late", func(s *Stats) uint64 { return s.Faults.PacketsLate }},
			part{"doubled", func(s *Stats) uint64 { return s.Faults.PacketsDoubled }}),
		counters("chaos_streams_total", "Gossip streams that met a fault on command: fell silent for a while, or broke.", "result",
			part{"held", func(s *Stats) uint64 { return s.Faults.StreamsHeld }},
			part{"reset", func(s *Stats) uint64 { return s.Faults.StreamsReset }}),
		counters("chaos_dials_total", "Dials to other nodes that met a fault on command: had to wait, or were refused.", "result",
			part{"held", func(s *Stats) uint64 { return s.Faults.DialsHeld }},
			part{"refused", func(s *Stats) uint64 { return s.Faults.DialsRefused }}),
	}
}
