package gossip

import (
	"bufio"
	"errors"
	"fmt"
	"testing"
	"time"

	"herd/gossip/location"
	"herd/gossip/replica"
	"herd/gossip/simnet"
)

// slip puts a fix into one node's table by a way that no vector knows of.
func (n *testNode) slip(t *testing.T, id string, seconds int, dot location.Dot) {
	t.Helper()
	p, _ := location.ParsePosition([]byte("+1-1"))
	when, err := location.ParseTime(fmt.Append(nil, seconds))
	if err != nil {
		t.Fatal(err)
	}
	f := location.NewFix("slip", time.Now().Add(-time.Hour).UnixNano(), 0, p, when)
	n.table.Merge([]byte(id), location.Entry{Fix: f, Dot: dot})
}

func (h *herd) sum(of func(s Stats) uint64) (n uint64) {
	for _, node := range h.nodes {
		n += of(node.Stats())
	}
	return n
}

// What one node has and no vector shows, and what one node lacks, is found by the
// audit, repaired and counted; then it is quiet.
func TestAuditRepairs(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		h.audits = 5 * time.Second
		three := h.startFirst(3)
		for i := range 100 {
			three[i%3].report(t, fmt.Sprint("client", i), 1000+i)
		}
		time.Sleep(auditAge)
		dot := location.Dot{Origin: three[0].self.Origin, Seq: 1}
		three[2].slip(t, "client7", 2000, dot)
		for _, n := range three[1:] {
			n.slip(t, "lost", 1000, dot)
		}
		took := h.await("equal tables", 5*time.Minute, func() bool {
			time.Sleep(100 * time.Millisecond) // to compare tables takes long
			return h.equal()
		})
		alarms := h.sum(func(s Stats) uint64 { return s.AuditAlarms })
		repaired := h.sum(func(s Stats) uint64 { return s.AuditFixesTaken + s.AuditFixesSent })
		t.Logf("repaired after %v: %d alarms, %d fixes", took, alarms, repaired)
		if alarms < 2 || repaired < alarms || h.log.count("tables differed though") == 0 {
			t.Errorf("%d alarms, %d fixes", alarms, repaired)
		}
		time.Sleep(2 * auditAgain) // an audit may be under way
		alarms = h.sum(func(s Stats) uint64 { return s.AuditAlarms })
		time.Sleep(auditAge)
		if more := h.sum(func(s Stats) uint64 { return s.AuditAlarms }) - alarms; more != 0 {
			t.Errorf("%d more alarms", more)
		}
		if h.sum(func(s Stats) uint64 { return s.AuditsUnfounded + s.Quarantined }) != 0 {
			t.Error("unfounded, or somebody is in quarantine")
		}
	})
}

// Under load, loss and a restart there is no alarm.
func TestAuditNoAlarm(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		h.audits = 3 * time.Second
		five := h.startFive()
		h.net.SetLinks(simnet.Link{Latency: time.Millisecond, Jitter: 5 * time.Millisecond, Loss: 0.02})
		steps := 240 // 2 minutes
		if testing.Short() {
			steps = 80
		}
		for step := range steps {
			n := h.nodes[step%len(h.nodes)]
			for i := range 3 {
				n.report(t, fmt.Sprint("client", (7*step+i*i)%500), 1000+step)
			}
			time.Sleep(500 * time.Millisecond)
			if step == steps/2 {
				h.kill(five[4])
			}
			if step == steps/2+20 {
				h.start(4, five[0].addr())
			}
		}
		audits := h.sum(func(s Stats) uint64 { return s.Audits })
		alarms := h.sum(func(s Stats) uint64 { return s.AuditAlarms + s.AuditsUnfounded })
		t.Logf("%d audits", audits)
		if audits < uint64(steps/12) || alarms != 0 {
			t.Errorf("%d audits, %d alarms", audits, alarms)
		}
	})
}

// liar is a peer without a table that answers the audits of a node as it likes. It
// returns its end of the delta lane, and the node's link.
func (h *herd) liar(t *testing.T, to *testNode, answer func(delta *stream, m auditMessage)) (*stream, *link) {
	t.Helper()
	e := h.evil(t, "10.0.0.66")
	live, delta := e.session(to, 66, 1)
	t.Cleanup(func() {
		live.Close()
		delta.Close()
		e.Shutdown()
	})
	go func() { // ends with the session
		r := bufio.NewReader(delta)
		for {
			message, err := replica.ReadMessage(r, nil)
			if err != nil {
				return
			}
			if message[0] != kindAudit {
				continue
			}
			m, err := readAudit(message)
			if err != nil {
				return
			}
			answer(delta, m)
		}
	}()
	go func() { // the session would be given up as silent
		for {
			if _, err := live.Write([]byte(alive)); err != nil {
				return
			}
			if _, err := delta.Write([]byte(alive)); err != nil {
				return
			}
			time.Sleep(time.Second)
		}
	}()
	to.mu.Lock()
	defer to.mu.Unlock()
	return delta, to.links[66]
}

// lieOfDigests says that all buckets differ.
func lieOfDigests(delta *stream, m auditMessage) {
	lies := make([]uint64, location.Buckets)
	for i := range lies {
		lies[i] = uint64(i + 1)
	}
	for _, b := range appendAuditDigests(nil, m.number, lies) {
		delta.Write(b)
	}
}

// A peer that lies about its digests, or asks without end, costs little.
func TestAuditOfLiar(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		two := h.startFirst(2)
		two[0].report(t, "client", 1000)
		time.Sleep(auditAge)
		wanted := make(chan int, 10)
		delta, l := h.liar(t, two[0], func(delta *stream, m auditMessage) {
			switch m.what {
			case auditAsk:
				lieOfDigests(delta, m)
			case auditWant:
				wanted <- len(m.buckets)
				delta.Write(appendAuditFixes(nil, m.number, false, nil))
			}
		})
		two[0].auditPeer(l)
		if s := two[0].Stats(); s.AuditsUnfounded+s.AuditAlarms != 1 {
			t.Errorf("%d unfounded, %d alarms", s.AuditsUnfounded, s.AuditAlarms)
		}
		if n := <-wanted; n != maxSuspects {
			t.Errorf("%d buckets wanted, want %d", n, maxSuspects)
		}
		for range 300 {
			delta.Write(appendAuditAsk(nil, 1, auditScope{}))
			delta.Write(appendAuditWant(nil, 1, []int{1, 2}))
			time.Sleep(20 * time.Millisecond)
		}
		if s := two[0].Stats(); s.AuditsAnswered == 0 || s.AuditsAnswered > 10 || s.AuditsRefused < 500 {
			t.Errorf("%d answered, %d refused", s.AuditsAnswered, s.AuditsRefused)
		}
		if !h.oneView() {
			t.Error("the herd was disturbed")
		}
	})
}

// A peer that answers another question than was asked has not answered.
func TestAuditAnswersOfTheWrongKind(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		h.audits = time.Hour // but those that are made here
		two := h.startFirst(2)
		two[0].report(t, "client", 1000)
		time.Sleep(auditAge)
		asked := 0
		_, l := h.liar(t, two[0], func(delta *stream, m auditMessage) {
			if asked++; asked == 1 {
				delta.Write(appendAuditFixes(nil, m.number, false, nil))
			} else {
				lieOfDigests(delta, m)
			}
		})
		for range 2 { // asks; asks twice, and wants
			two[0].auditPeer(l)
		}
		if s := two[0].Stats(); asked != 4 || s.Audits != 2 || s.AuditsUnfounded+s.AuditAlarms != 0 {
			t.Errorf("%d questions, %d audits, %d unfounded, %d alarms", asked, s.Audits, s.AuditsUnfounded, s.AuditAlarms)
		}
	})
}

// Answers do not pile up for a peer that takes none.
func TestAuditOfOneThatTakesNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		h.audits = time.Hour
		two := h.startFirst(2)
		delta, l := h.liar(t, two[0], func(*stream, auditMessage) {})
		two[0].mu.Lock()
		l.out[replica.Delta].taken = true // by a writer that waits
		two[0].mu.Unlock()
		for range 5 {
			delta.Write(appendAuditAsk(nil, 1, auditScope{}))
			time.Sleep(auditGap)
		}
		two[0].mu.Lock()
		defer two[0].mu.Unlock()
		if n := len(l.audit.out); n != location.Buckets/digestsInOne || two[0].stats.auditsRefused != 4 {
			t.Errorf("%d messages wait, %d questions refused", n, two[0].stats.auditsRefused)
		}
	})
}

func TestReadAuditRefuses(t *testing.T) {
	for _, junk := range [][]byte{
		{kindAudit},
		{kindAudit, auditAsk, 0, 0, 0, 0, 0, 0, 0, 1},
		appendAuditWant(nil, 1, nil)[frameHeader:],
		appendAuditWant(nil, 1, make([]int, maxSuspects+1))[frameHeader:],
		append(appendAuditAsk(nil, 1, auditScope{2, 1})[frameHeader:], 0),
		beginAudit(nil, auditFixes, 1, 0)[frameHeader:],
		append(beginAudit(nil, auditFixes, 1, 1), 2)[frameHeader:],
		append(beginAudit(nil, 9, 1, 8), make([]byte, 8)...)[frameHeader:],
	} {
		if _, err := readAudit(junk); !errors.Is(err, replica.ErrMessage) {
			t.Errorf("%x: %v", junk, err)
		}
	}
}
