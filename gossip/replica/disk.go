package replica

import (
	"time"

	"herd/gossip/location"
)

// Disk is this node's own disk: one more peer, that lags and catches up. It gets what a
// peer gets, as messages, and every batch that is merged here, of whatever origin. Read
// back in order they raise a vector to what it was; see [Replay].
//
// One goroutine writes it. It asks Next for more, writes that behind what it wrote before,
// and says by Synced or Failed what came of it. All methods but Scan are called under
// the caller's lock.
type Disk struct {
	core  *Core
	link  *Link // as the core keeps it of a peer; in no list, and without lanes
	waits bool  // see OpenDisk

	queue    []byte        // what was taken and has not been given to the writer
	lacking  time.Duration // run time since when there is something that was not given
	unsure   time.Duration // run time since when something that was given is not known to be there
	idle     time.Duration // run time before which nothing is tried; 0: it works
	given    mark
	kept     mark          // of given, what is known to be there
	savedAt  time.Duration // when a vector was last given
	owesSave bool
	catching bool   // the answer under way is of what was dropped
	unsaid   bool   // the answer under way goes by a vector that was taken back
	turn     uint64 // joining: it is in when a later one is kept
}

// mark is how far the disk has come.
type mark struct {
	seq    uint64 // our batches up to here are there
	vector Vector // and of each origin those up to here; of a disk that is waited for
	saved  Vector // the last vector given
	turn   uint64 // calls of Next after which it lacked nothing
}

// never is no run time.
const never = time.Duration(-1)

// OpenDisk begins to write to the disk, which has all that was replayed: only news are
// given, batches of this node that were sealed before among them. waits has this node
// acknowledge nothing, to clients or to peers, before it is on the disk, as long as the disk
// keeps up with AckTimeout. A core has one disk in its life.
func (c *Core) OpenDisk(now time.Duration, waits bool) *Disk {
	c.step(now)
	d := &Disk{core: c, waits: waits, lacking: never, unsure: never, owesSave: true, savedAt: now}
	d.link = &Link{core: c, knowsFloors: true, floor: c.Floor()}
	d.given.saved = c.vector.clone()
	delete(d.given.saved, c.cfg.Self)
	d.kept = d.given
	c.disk = d
	if c.seq > 0 {
		d.lose() // what was reported while it was read
	}
	return d
}

// Behind tells whether the disk lacks what was dropped, and has not been given it again.
func (d *Disk) Behind() bool { return d.link.lag || d.catching }

// State is In while this node acknowledges nothing that is not on the disk.
func (d *Disk) State() State { return d.link.state }

// Queued is the size in bytes of what waits for the writer.
func (d *Disk) Queued() int { return len(d.queue) }

// Lacks is how many of this node's own batches are not known to be on the disk.
func (d *Disk) Lacks() uint64 { return d.core.seq - min(d.core.seq, d.kept.seq) }

// Save has our vector be given with what there is, and not some time later.
func (d *Disk) Save() { d.owesSave = true }

// Scan does ahead, without the lock, what of the next call of Next may take longest. It is
// the writer's, as [Link.Scan].
func (d *Disk) Scan(buf []byte, limit int) []byte { return d.link.Scan(buf, limit) }

// Next appends to buf what is to be written now: messages for [Replay], each with its
// length before it. It may be a good deal more than limit. more says that there is, or
// may be, more. Without it, wait until TakeDirty names the link of peer 0, or for some
// time if nobody waits for the disk, but not for ever: one that is behind is not named.
func (d *Disk) Next(now time.Duration, buf []byte, limit int) (out []byte, more bool) {
	c, l := d.core, d.link
	c.step(now)
	a, scanned := l.answer, l.scan.ahead
	if a != nil && (c.silent || d.unsaid) { // see nextDelta
		l.answer, a = nil, nil
		l.lag, l.rest = true, 0
		d.queue = d.queue[:0]
	}
	l.scan, d.unsaid = scan{answer: a}, false
	if a != nil && !scanned {
		buf = c.scanOn(a, buf, limit)
	}
	buf = d.unqueue(buf)
	switch {
	case a != nil && a.shard < c.table.Shards():
		more = true
	case a != nil:
		buf = d.caughtUp(buf, a)
	case l.lag:
		more = d.catchUp()
	case !c.silent && (d.owesSave || c.now-d.savedAt >= c.cfg.CompareEvery && len(buf) > 0):
		buf = d.save(buf, c.vector)
	}
	if !d.Behind() {
		d.given.seq = c.seq
		d.given.turn++
		if d.waits {
			// The vector covers what this node refused for its floor, or a peer gave up: without that
			// floor the disk would have neither the fix nor what says that it is gone.
			buf = l.appendFloor(buf, c.floor.Load())
			d.given.vector = c.vector.clone()
		}
	}
	l.dirty = [2]bool{} // its writer is here
	return buf, more
}

// keepQueue bounds the room that is kept for what waits.
const keepQueue = 1 << 20

func (d *Disk) unqueue(buf []byte) []byte {
	buf = append(buf, d.queue...)
	if d.queue = d.queue[:0]; cap(d.queue) > keepQueue {
		d.queue = nil
	}
	if d.unsure == never {
		d.unsure = d.lacking
	}
	d.lacking = never
	return buf
}

// catchUp begins to give what was dropped, and tells whether it does.
func (d *Disk) catchUp() bool {
	c, l := d.core, d.link
	if c.silent || c.now < l.rest {
		return false
	}
	d.catching, l.lag = true, false
	l.answer = &answer{theirs: d.given.saved, vector: c.vector.clone(), began: c.now}
	return true
}

// caughtUp ends what catchUp began. All that has been merged since then was given
// before, unless some was dropped: so the vector is ours as it is now.
func (d *Disk) caughtUp(buf []byte, a *answer) []byte {
	c, l := d.core, d.link
	l.answer, l.scan = nil, scan{}
	l.rest = c.now + min(c.now-a.began, c.cfg.CompareEvery)
	if l.lag {
		return d.save(buf, a.vector)
	}
	d.catching = false
	return d.save(buf, c.vector)
}

// save gives a vector, and before it the floor.
func (d *Disk) save(buf []byte, v Vector) []byte {
	c, l := d.core, d.link
	d.savedAt, d.owesSave = c.now, false
	d.given.saved = v.clone()
	l.committed = !l.lag
	return appendSaved(l.appendFloor(buf, c.floor.Load()), c.latest, v)
}

// Synced: all that Next has given is on the disk.
func (d *Disk) Synced(now time.Duration) {
	c, l := d.core, d.link
	c.step(now)
	d.kept, d.idle = d.given, 0
	if !d.Behind() {
		d.unsure = never
	}
	if !d.waits {
		return
	}
	l.acked = max(l.acked, d.kept.seq)
	c.settle() // if it is late it goes out before it might come in
	switch {
	case l.state == Out && l.committed && l.acked >= l.need && !d.Behind():
		// Peers may have been acknowledged what has come since the writer was here.
		l.state, l.mark, d.turn = Joining, c.seq, d.given.turn
		l.touch(Live)
	case l.state == Joining && l.acked >= l.mark && d.kept.turn > d.turn:
		l.state = In
		c.stats.DiskEntries++
		c.events = append(c.events, Event{Kind: DiskIn})
	}
	for _, other := range c.links {
		other.oweAckSoon()
	}
}

// Failed: what Next has given since the last Synced is not there. all says that what it gave
// before that may not be there either. Nothing will be there before pause is over.
func (d *Disk) Failed(now time.Duration, all bool, pause time.Duration) {
	c, l := d.core, d.link
	c.step(now)
	d.idle = c.ran + pause
	if all {
		d.kept.seq, d.kept.vector, d.kept.saved = 0, nil, nil
	}
	turn := d.given.turn
	d.given = d.kept
	d.given.turn = turn
	d.drop()
	l.answer, l.scan, l.rest = nil, scan{}, 0
	l.floor.Order, l.floor.ID = 0, "" // it may be among what is lost
	if d.lacking == never {
		d.lacking = c.ran
	}
	c.settle()
}

// unsay has the disk be given a vector anew: those it was given claim what nobody has of an
// origin, and how much of it they do not is not known. Else the claim would come back with a
// restart, and what was dropped of that origin would not be given again.
func (d *Disk) unsay(o location.Origin) {
	if d == nil {
		return
	}
	for _, m := range []*mark{&d.given, &d.kept} { // a scan may read what they are now
		m.vector, m.saved = m.vector.without(o), m.saved.without(o)
	}
	d.unsaid = d.link.answer != nil
	d.Save()
	d.link.touch(Live)
}

// drop forgets what waits.
func (d *Disk) drop() {
	d.queue = nil
	d.link.lag, d.link.committed = true, false
}

// late is for how long, in run time, something has not come to be on the disk, or will not
// have when the disk is tried again. Peers put this node out as soon as it is late: who waits
// on, though he knows that it is in vain, is not in sync when he acknowledges alone.
func (d *Disk) late() time.Duration {
	since := d.unsure
	if since == never {
		since = d.lacking
	}
	if since == never {
		return 0
	}
	return max(d.core.ran, d.idle) - since
}

// putOut puts the disk out if it is late.
func (d *Disk) putOut() {
	c, l := d.core, d.link
	if l.state == Out || d.late() <= c.cfg.AckTimeout {
		return
	}
	l.state, l.need = Out, c.seq
	c.stats.DiskOuts++
	c.events = append(c.events, Event{Kind: DiskOut})
	for _, other := range c.links { // they waited for it
		other.oweAck()
	}
}

// level is up to where batches may be acknowledged, of those up to level.
func (d *Disk) level(level uint64) uint64 {
	d.putOut()
	switch d.link.state {
	case In:
		return min(level, d.link.acked)
	case Joining:
		return min(level, d.link.mark)
	}
	return level
}

// holdsBack tells whether peers are acknowledged only what is on the disk.
func (d *Disk) holdsBack() bool { return d != nil && d.waits && d.link.state != Out }

// takes tells whether a batch is to be stored.
func (d *Disk) takes() bool { return d != nil && !d.link.lag }

// store takes a message that was merged, without its kind.
func (d *Disk) store(k kind, from location.Origin, body []byte) {
	d.lacks()
	if !d.takes() {
		return
	}
	if 1+8+len(body) > MaxMessage {
		d.lose()
		return
	}
	c := d.core
	if len(d.queue)+len(body) > diskQueues*c.cfg.QueueBytes {
		d.drop()
		c.stats.DiskOverflows++
		c.events = append(c.events, Event{Kind: DiskOverflow})
		return
	}
	start := len(d.queue)
	d.queue = begin(d.queue, k)
	if k == kindStored {
		d.queue = appendOrigin(d.queue, from)
	}
	d.queue = finish(append(d.queue, body...), start)
	if d.waits || len(d.queue) > c.cfg.QueueBytes {
		d.link.touch(Live)
	}
}

// storeFix takes a fix that was merged and came by itself.
func (d *Disk) storeFix(id []byte, e *location.Entry) {
	if d == nil {
		return
	}
	var one Chunk
	one.Add(string(id), e)
	d.store(kindChunk, 0, one.Message()[prefixLen+1:])
}

// diskQueues is how many peers' queues the disk's is as long as: it may stand still for a
// second, and be well.
const diskQueues = 4

// Nothing is a message for [Replay] that says nothing, a chunk of no fixes: to try whether a
// disk works again.
func Nothing() []byte { return []byte{byte(kindChunk), 0} }

// lacks takes note that there is something which the disk does not have.
func (d *Disk) lacks() {
	if d != nil && d.lacking == never {
		d.lacking = d.core.ran
	}
}

// lose has a message that was merged be given from the table: not all of it was taken.
func (d *Disk) lose() {
	if d.lacks(); d.takes() {
		d.drop()
	}
}
