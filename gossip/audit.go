package gossip

import (
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"herd/gossip/breath"
	"herd/gossip/location"
	"herd/gossip/replica"
)

// The audit finds fixes that the vectors say are everywhere and are not: what only a
// bug, or bad memory, can bring about. Once in auditEvery a node compares digests of
// its table with a random peer's. A bucket that differs, and a while later differs in
// the very same way, is compared fix by fix, and both ends merge what they lack.
const (
	auditEvery   = time.Minute
	auditAgain   = 10 * time.Second // between the two comparisons
	auditTimeout = 10 * time.Second // for an answer
	auditAge     = 30 * time.Second // younger fixes may be on their way
	auditGap     = 5 * time.Second  // between two questions of a peer that are answered
	auditRest    = 9                // × the time that an answer took
	maxSuspects  = 16               // buckets compared fix by fix in one audit
	maxCompared  = 1 << 12          // fixes of a peer that are
)

// auditLink is how a link stands to audits. It is guarded by cluster.mu.
type auditLink struct {
	out    [][]byte  // to be sent on the delta lane
	asked  time.Time // when a question of the peer for digests was last taken
	wanted time.Time // likewise for fixes
	awaits *audit    // ours that is under way; nil: none
}

// audit is one that this node makes of a peer. Its fields are guarded by cluster.mu
// until done is filled.
type audit struct {
	number  uint64
	wants   byte // the kind of answer
	scope   auditScope
	digests []uint64                // that have come
	fixes   map[string]location.Fix // likewise, of the suspects
	wrong   int                     // of these, how many were greater than ours
	cut     bool                    // the peer had too many to send
	done    chan struct{}           // one slot: all have come
}

// answeredBy tells whether m is of the answer to a; nil: nothing was asked.
func (a *audit) answeredBy(m auditMessage) bool {
	return a != nil && a.number == m.number && a.wants == m.what
}

// makeAudits audits one peer after the other, until Close.
func (c *Cluster) makeAudits() {
	for c.pause(c.auditEvery*9/10 + rand.N(c.auditEvery/5)) {
		if l := c.auditee(); l != nil {
			c.auditPeer(l)
		}
	}
}

// auditee picks a peer that should hold what this node does; nil: there is none.
func (c *Cluster) auditee() *link {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []*link
	for _, l := range c.links {
		if l.version >= auditVersion && l.core.State() == replica.In {
			all = append(all, l)
		}
	}
	if len(all) == 0 || !c.levelLocked() {
		return nil
	}
	return all[rand.IntN(len(all))]
}

// auditPeer makes one audit.
func (c *Cluster) auditPeer(l *link) {
	cutoff := c.wall().Add(-auditAge).UnixNano()
	first := c.compareDigests(l, c.scope(cutoff))
	if !slices.ContainsFunc(first, func(d uint64) bool { return d != 0 }) || !c.pause(auditAgain) {
		return
	}
	// What is updated meanwhile leaves the digests of both: what differs goes on to
	// differ by the same bits.
	second := c.compareDigests(l, c.scope(cutoff))
	var suspects []int
	for bucket := range second {
		if first[bucket] != 0 && first[bucket] == second[bucket] && len(suspects) < maxSuspects {
			suspects = append(suspects, bucket)
		}
	}
	if len(suspects) > 0 {
		c.compareFixes(l, c.scope(cutoff), suspects)
	}
}

// scope is that of an audit made now, of fixes received before the cutoff.
func (c *Cluster) scope(cutoff int64) auditScope {
	c.mu.Lock()
	defer c.mu.Unlock()
	return auditScope{cutoff, c.core.Old()}
}

// compareDigests returns the digests of both ends xored; nil: there was no answer.
func (c *Cluster) compareDigests(l *link, s auditScope) []uint64 {
	a := c.ask(l, s, auditDigests, func(number uint64) []byte { return appendAuditAsk(nil, number, s) })
	if a == nil {
		return nil
	}
	mine := c.table.Digests(s.cutoff, s.old)
	if !c.answered(l, a) {
		return nil
	}
	c.mu.Lock()
	c.stats.audits++
	c.mu.Unlock()
	for i := range mine {
		mine[i] ^= a.digests[i]
	}
	return mine
}

// ask sends a question of an audit, which wants an answer of that kind.
func (c *Cluster) ask(l *link, s auditScope, wants byte, question func(number uint64) []byte) *audit {
	a := &audit{number: rand.Uint64(), wants: wants, scope: s, done: make(chan struct{}, 1)}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.links[l.peer] != l || !c.levelLocked() {
		return nil
	}
	l.audit.awaits = a
	l.sendAuditLocked(question(a.number))
	return a
}

// answered waits for the answer.
func (c *Cluster) answered(l *link, a *audit) bool {
	timer := time.NewTimer(auditTimeout)
	defer timer.Stop()
	ok := false
	select {
	case <-a.done:
		ok = true
	case <-timer.C:
	case <-l.done:
	case <-c.ctx.Done():
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	l.audit.awaits = nil
	return ok
}

// compareFixes gets the fixes of some buckets from a peer. Those that are greater than
// ours were merged when they came; those of ours that are greater are sent.
func (c *Cluster) compareFixes(l *link, s auditScope, suspects []int) {
	a := c.ask(l, s, auditFixes, func(number uint64) []byte { return appendAuditWant(nil, number, suspects) })
	if a == nil || !c.answered(l, a) {
		return
	}
	var lacks replica.Chunk
	sent := 0
	if !a.cut {
		c.scanBuckets(suspects, func(id string, e *location.Entry) bool {
			theirs, ok := a.fixes[id]
			if s.has(e) && (!ok || e.Compare(&theirs) > 0) && lacks.Add(id, e) {
				sent++
			}
			return true
		})
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if message := lacks.Message(); message != nil {
		l.sendAuditLocked(message)
	}
	c.stats.auditFixesTaken += uint64(a.wrong)
	c.stats.auditFixesSent += uint64(sent)
	if a.wrong+sent == 0 {
		c.stats.auditsUnfounded++
		return
	}
	c.stats.auditAlarms += uint64(len(suspects))
	c.tell(auditNews{l.name, l.peer, len(suspects), a.wrong, sent})
}

// auditNews is an alarm to be logged.
type auditNews struct {
	name                 string
	origin               location.Origin
	buckets, taken, sent int
}

// scanBuckets calls f for the fixes of some buckets until it returns false.
func (c *Cluster) scanBuckets(buckets []int, f func(id string, e *location.Entry) bool) {
	var wanted [location.Buckets]bool
	for _, b := range buckets {
		wanted[b] = true
	}
	var b []byte
	var between breath.Breath
	more := true
	for i := 0; i < c.table.Shards() && more; i++ {
		between.Take()
		c.table.ScanHeld(i, func(id string, e *location.Entry) {
			b = append(b[:0], id...)
			more = more && (!wanted[location.Bucket(b)] || f(id, e))
		})
	}
}

// auditJob is a question of a peer: for digests, or for the fixes of buckets.
type auditJob struct {
	link    *link
	came    time.Time
	number  uint64
	scope   auditScope
	buckets []int // nil: digests
}

// answerAudits answers peers' questions, one after the other and with rests between
// them, until Close. Questions beyond that have no answer.
func (c *Cluster) answerAudits() {
	for {
		select {
		case <-c.ctx.Done():
			return
		case job := <-c.auditJobs:
			began := c.now()
			c.answerAudit(job)
			if took := c.now() - began; took > 0 && !c.pause(auditRest*took) {
				return
			}
		}
	}
}

func (c *Cluster) answerAudit(job auditJob) {
	c.mu.Lock()
	// When this node is not level, what differs is no wonder. A peer that waits no longer, or
	// does not take what it was sent, is sent nothing.
	waits := c.links[job.link.peer] == job.link && time.Since(job.came) < auditTimeout && len(job.link.audit.out) == 0
	answers := c.levelLocked() && waits
	if !waits {
		c.stats.auditsRefused++
	}
	c.mu.Unlock()
	if !answers {
		return
	}
	var messages [][]byte
	if job.buckets == nil {
		messages = appendAuditDigests(nil, job.number, c.table.Digests(job.scope.cutoff, job.scope.old))
	} else {
		var fixes replica.Chunk
		n, cut := 0, false
		c.scanBuckets(job.buckets, func(id string, e *location.Entry) bool {
			n++
			cut = n > maxCompared || !fixes.Add(id, e)
			return !cut
		})
		messages = [][]byte{appendAuditFixes(nil, job.number, cut, fixes.Message())}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stats.auditsAnswered++
	for _, m := range messages {
		job.link.sendAuditLocked(m)
	}
}

// sendAuditLocked has the delta lane's writer send a message, unless too much waits
// for it.
func (l *link) sendAuditLocked(message []byte) {
	const most = 4 * location.Buckets / digestsInOne // messages
	if len(l.audit.out) < most {
		l.audit.out = append(l.audit.out, message)
		offer(l.out[replica.Delta].wake, struct{}{})
	}
}

// appendAuditLocked appends what is to be sent of audits, about limit bytes.
func (l *link) appendAuditLocked(buf []byte, limit int) []byte {
	for len(l.audit.out) > 0 && len(buf) < limit {
		buf = append(buf, l.audit.out[0]...)
		l.audit.out[0], l.audit.out = nil, l.audit.out[1:]
	}
	return buf
}

// receiveAudit takes a message of an audit off the delta lane, in its reader.
func (l *link) receiveAudit(message []byte) error {
	c := l.cluster
	if l.version < auditVersion { // it knows of no floors
		c.mu.Lock()
		defer c.mu.Unlock()
		c.stats.auditsRefused++
		return nil
	}
	m, err := readAudit(message)
	if err != nil {
		return err
	}
	if m.what == auditFixes {
		return l.receiveAuditFixes(m)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if m.what == auditDigests {
		if a := l.audit.awaits; a.answeredBy(m) && len(a.digests) == m.first {
			a.digests = append(a.digests, m.digests...)
			if len(a.digests) == location.Buckets {
				offer(a.done, struct{}{})
			}
		}
		return nil
	}
	// Fixes are asked for right after digests: each has a gap of its own.
	taken := &l.audit.asked
	if m.what == auditWant {
		taken = &l.audit.wanted
	}
	if time.Since(*taken) < auditGap {
		c.stats.auditsRefused++
		return nil
	}
	*taken = time.Now()
	if !offer(c.auditJobs, auditJob{l, time.Now(), m.number, m.auditScope, m.buckets}) {
		c.stats.auditsRefused++
	}
	return nil
}

// receiveAuditFixes takes note of a peer's fixes, and merges them.
func (l *link) receiveAuditFixes(m auditMessage) error {
	c := l.cluster
	c.mu.Lock()
	a := l.audit.awaits
	c.mu.Unlock()
	if !a.answeredBy(m) || a.fixes != nil {
		return nil
	}
	fixes, wrong := make(map[string]location.Fix), 0
	if len(m.chunk) > 0 {
		err := replica.ReadChunk(m.chunk, func(id []byte, e *location.Entry) {
			fixes[strings.Clone(string(id))] = e.Fix
			if mine, ok := c.table.Held(id); a.scope.has(e) && (!ok || e.Compare(&mine.Fix) > 0) {
				wrong++
			}
		})
		if err != nil {
			return err
		}
		l.core.Prepare(replica.Delta, m.chunk)
		c.mu.Lock()
		err = c.core.Receive(c.now(), l.core, replica.Delta, m.chunk)
		c.afterLocked()
		c.mu.Unlock()
		if err != nil {
			return err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	a.fixes, a.wrong, a.cut = fixes, wrong, m.cut
	offer(a.done, struct{}{})
	return nil
}
