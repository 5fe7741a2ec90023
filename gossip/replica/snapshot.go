package replica

import "time"

// Snapshot is a delta against nothing, for the disk: all that there is, and then the
// vector as it was when it began. What is given by [Disk.Next] from then on follows it, and
// nothing that was given before is needed any more.
type Snapshot struct {
	core *Core
	link *Link // of nobody: the answer is sent to it
}

// Snapshot begins one, under the caller's lock. It is used by one goroutine.
func (c *Core) Snapshot(now time.Duration) *Snapshot {
	c.step(now)
	a := &answer{vector: c.vector.clone(), began: c.now}
	return &Snapshot{c, &Link{core: c, knowsFloors: true, answer: a}}
}

// Scan appends a part of it to buf, about limit bytes. It needs no lock.
func (s *Snapshot) Scan(buf []byte, limit int) (out []byte, more bool) {
	a := s.link.answer
	buf = s.core.scanOn(a, buf, limit)
	return buf, a.shard < s.core.table.Shards()
}

// End appends, under the caller's lock, what comes last when Scan has no more. It refuses
// while this node's clock is wrong and fixes expire: then what was scanned may lack
// what others show. Abandon it, and try again later.
func (s *Snapshot) End(now time.Duration, buf []byte) (out []byte, ok bool) {
	c := s.core
	c.step(now)
	if c.silent {
		return buf, false
	}
	buf = s.link.appendFloor(buf, c.floor.Load())
	return appendSaved(buf, c.latest, s.link.answer.vector), true
}
