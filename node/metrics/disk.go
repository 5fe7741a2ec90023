package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// disk is what of the table is on disk. Without a data folder all is 0.
func disk() []metric {
	return []metric{
		gauge("journal_on", "1 if this node keeps what it knows on disk: storage.data_dir is set.", func(s *Stats) int { return flag(s.Gossip.Disk.On) }),
		gauge("journal_degraded", "1 while the disk fails, or catches up with what could not be written: the node serves all the same, and what it takes is not safe on this disk.", func(s *Stats) int { return flag(s.Gossip.Disk.Trouble) }),
		gauge("journal_in_sync", "1 while reports are acknowledged only when they are on this disk: storage.sync is always, and the disk keeps up.", func(s *Stats) int { return flag(s.Gossip.Disk.InSync) }),
		gauge("journal_queue_bytes", "Bytes that wait to be written.", func(s *Stats) int { return s.Gossip.Disk.Queue }),
		gauge("journal_lag_batches", "Batches of this node that are not known to be safe on its disk.", func(s *Stats) int { return int(s.Gossip.Disk.Lacks) }),
		gauge("journal_bytes", "Bytes that the journal takes on disk, snapshots included.", func(s *Stats) int { return int(s.Gossip.Disk.Bytes) }),
		gauge("journal_snapshot_bytes", "Bytes of that which the newest snapshot takes.", func(s *Stats) int { return int(s.Gossip.Disk.Snapshot) }),
		counter("journal_written_bytes_total", "Bytes written, snapshots included.", func(s *Stats) uint64 { return uint64(s.Gossip.Disk.Written) }),
		counter("journal_syncs_total", "Times that what was written was made safe from a crash of the machine, before a snapshot too.", func(s *Stats) uint64 { return s.Gossip.Disk.Syncs }),
		seconds("journal_sync_seconds_total", "Time that making it safe took.", func(s *Stats) time.Duration { return s.Gossip.Disk.SyncTime }),
		counter("journal_failures_total", "Writes, syncs and snapshots that failed.", func(s *Stats) uint64 { return s.Gossip.Disk.Failures }),
		counter("journal_snapshots_total", "Snapshots of the table completed: what is older is removed.", func(s *Stats) uint64 { return s.Gossip.Disk.Snapshots }),
		counter("journal_overflows_total", "Times that what waited to be written was dropped since there was too much of it: the disk catches up.", func(s *Stats) uint64 { return s.Gossip.Replica.DiskOverflows }),
		counter("journal_outs_total", "Times that reports were acknowledged without the disk from then on, since it had not kept up for ack_timeout.", func(s *Stats) uint64 { return s.Gossip.Replica.DiskOuts }),
		counter("journal_entries_total", "Times that reports waited for the disk from then on.", func(s *Stats) uint64 { return s.Gossip.Replica.DiskEntries }),
		gauge("journal_loaded_fixes", "Fixes that were read from disk at the start.", func(s *Stats) int { return int(s.Gossip.Disk.Loaded) }),
		family(prometheus.GaugeValue, "journal_load_seconds", "Time that reading the journal took at the start.", nil, func(s *Stats, to sink) { to(s.Gossip.Disk.LoadTime.Seconds()) }),
		gauge("journal_damaged", "1 if the journal was damaged at the start: what is before the damage was loaded, the herd had the rest.", func(s *Stats) int { return flag(s.Gossip.Disk.Damaged) }),
	}
}
