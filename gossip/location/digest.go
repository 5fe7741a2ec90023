package location

// Buckets is the number of parts into which clients fall by their IDs, the same on
// all nodes.
const Buckets = 1 << 16

// bucketKeys are the same on all nodes: so whoever likes can choose IDs that share
// a bucket, which makes it a larger one and no more.
var bucketKeys = newHashKeys(0x68657264)

// Bucket is the part to which a client belongs, below Buckets.
func Bucket(id []byte) int { return int(bucketKeys.sum(id) >> 48) }

// Digests returns for each bucket the hashes of its clients' fixes, dots left out, xored:
// two tables whose digests are equal hold equal fixes, but for chance. Fixes that
// their nodes received at before or later, in nanoseconds since the epoch, are not
// in it: they may be on their way to the other table.
//
// It goes through the table as [Table.Scan] does, shard by shard, and is not of one
// instant.
func (t *Table) Digests(before int64) []uint64 {
	all := make([]uint64, Buckets)
	var b []byte
	for i := range t.shards {
		t.Scan(i, func(id string, e *Entry) {
			if e.Received >= before {
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
