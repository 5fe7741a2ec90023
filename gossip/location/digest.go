package location

import "herd/gossip/breath"

// Buckets is the number of parts into which clients fall by their IDs, the same on
// all nodes.
const Buckets = 1 << 16

// bucketKeys are the same on all nodes: so whoever likes can choose IDs that share
// a bucket, which makes it a larger one and no more.
var bucketKeys = newHashKeys(0x68657264)

// Bucket is the part to which a client belongs, below Buckets.
func Bucket(id []byte) int { return int(bucketKeys.sum(id) >> 48) }

// Digests returns for each bucket the hashes of its clients' fixes, dots left out, xored:
// two tables whose digests are equal hold equal fixes, but for chance. All times are in
// nanoseconds since the epoch. Fixes that their nodes received at before or later are not
// in it: they may be on their way to the other table. Nor are those of the order time old
// and earlier ones: one of the tables may have given them up.
//
// It goes through the table as [Table.ScanHeld] does, shard by shard, and is not of one
// instant.
func (t *Table) Digests(before, old int64) []uint64 {
	all := make([]uint64, Buckets)
	var b []byte
	var between breath.Breath
	for i := range t.shards {
		between.Take()
		t.ScanHeld(i, func(id string, e *Entry) {
			if e.Received >= before || e.Order <= old {
				return
			}
			b = append(append(b[:0], byte(len(id))), id...)
			bucket := Bucket(b[1:])
			b = append(append(b, byte(len(e.Node))), e.Node...)
			all[bucket] ^= bucketKeys.sum(e.AppendWire(b))
		})
	}
	return all
}
