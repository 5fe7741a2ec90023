package gossip

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/memberlist"

	"herd/gossip/location"
)

// Bounds of the member table.
const (
	maxMembers = 1024           // members known at once, dead ones included
	remember   = 72 * time.Hour // how long one that is gone is shown, and its address tried
)

// MemberState is what this node believes of a member.
type MemberState uint8

// The states of a member.
const (
	Alive   MemberState = iota
	Suspect             // it did not answer lately; memberlist still counts it as alive
	Failed              // declared dead by the herd
	Left                // said that it leaves
)

// String is the state's name in lower case.
func (s MemberState) String() string {
	return [...]string{"alive", "suspect", "failed", "left"}[min(s, Left)]
}

// live tells whether the member has to be reckoned with.
func (s MemberState) live() bool { return s <= Suspect }

// Member is a node of the herd as this node sees it. One that starts again is
// another member of the same name.
type Member struct {
	Meta
	Gossip string // address of its gossip port, host:port
	State  MemberState
	Since  time.Time // when State began, by this node's clock
	Self   bool

	since      time.Time // Since, by a clock that nobody sets
	seen       time.Time // when this node learned of it
	superseded bool      // see peers
	said       bool      // it is gone for this node, and memberlist has it alive again; see alive

	Linked    bool   // both streams to it stand
	InSync    bool   // this node's AT lines wait for it
	Leased    bool   // this node holds all that it has acknowledged
	Acked     uint64 // last batch of this node that it has, with all before it
	Queued    int    // bytes of batches that wait for it
	Overflows uint64 // times that its queue was dropped since the streams stand
	Lagging   bool   // its queue overflowed and it has not come back yet

	Unseen bool // it says that it does not see this node among the living

	Clock      time.Duration // how far its wall clock is ahead of this node's
	ClockKnown bool          // that has been measured
}

// memberTable is the herd as memberlist's events tell it. memberlist hides who is
// suspect and who left; the table shows them. It is safe for concurrent use.
type memberTable struct {
	self    string           // ID
	wall    func() time.Time // for people
	changed chan struct{}    // one slot: something a peer manager wants to know of

	mu      sync.Mutex // guards the fields below; nothing is called under it
	byID    map[string]*Member
	view    *view                    // of byID; nil: to be made anew
	leaving map[location.Origin]bool // said goodbye; memberlist does not tell left from dead
	news    []MemberChange           // to be logged, outside of memberlist's lock
	back    uint64                   // times that one that was not alive was again
	refused uint64                   // members whose metadata is no good, or too many

	foreign    map[string]bool // IDs of those of another major version, at most maxForeigners
	foreigners []foreigner     // of them, to be logged
}

// MemberChange is a member with its new state, and the one before.
type MemberChange struct {
	Member
	Was   MemberState
	Fresh bool // it was not known before: Was says nothing

	parting bool // it says that it is about to leave, and that is all
}

func newMemberTable(self Meta, wall func() time.Time) *memberTable {
	return &memberTable{
		self:    self.id(),
		wall:    wall,
		changed: make(chan struct{}, 1),
		byID:    make(map[string]*Member),
		leaving: make(map[location.Origin]bool),
	}
}

// events is what memberlist calls, under its own lock: copy, and call nothing back.
type events struct{ *memberTable }

var (
	_ memberlist.EventDelegate = events{}
	_ memberlist.AliveDelegate = events{}
	_ memberlist.PingDelegate  = events{}
)

// NotifyAlive refuses a member that tells no sense of itself.
func (t events) NotifyAlive(n *memberlist.Node) error {
	m, err := decodeMeta(n.Meta)
	if err == nil && m.id() != n.Name {
		err = fmt.Errorf("metadata of %q under the name %q", m.id(), n.Name)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, known := t.byID[n.Name]; err == nil && !known && len(t.byID) >= maxMembers && !t.forgetOldestLocked() {
		err = errors.New("too many members")
	}
	if err != nil {
		t.refused++
	}
	if other := new(foreignVersion); errors.As(err, &other) {
		t.noteForeignLocked(n, other)
	}
	return err
}

// NotifyJoin is a member that is new, or back from the dead.
func (t events) NotifyJoin(n *memberlist.Node) { t.alive(n) }

// NotifyUpdate is a member with other metadata.
func (t events) NotifyUpdate(n *memberlist.Node) { t.alive(n) }

// NotifyLeave is a member that is dead, or has left.
func (t events) NotifyLeave(n *memberlist.Node) {
	t.mu.Lock()
	defer t.mu.Unlock()
	m := t.byID[n.Name]
	switch {
	case m == nil:
	case m.said: // it was a ghost
		m.said = false
		t.changedLocked()
	case t.leaving[m.Origin], m.Self:
		t.setLocked(m, Left)
	default:
		t.setLocked(m, Failed)
	}
}

// AckPayload adds nothing to memberlist's acks.
func (t events) AckPayload() []byte { return nil }

// NotifyPingComplete is a member that has answered: no suspect any more.
func (t events) NotifyPingComplete(n *memberlist.Node, _ time.Duration, _ []byte) {
	t.clear(n.Name)
}

// alive takes note of a member that memberlist has alive. Of one that was gone that may be
// what somebody has recorded when it lived, and sends again: a packet proves no more than that
// its sender had the key once. So it stays gone until it answers.
func (t *memberTable) alive(n *memberlist.Node) {
	meta, err := decodeMeta(n.Meta)
	if err != nil {
		return // NotifyAlive has refused it
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	m := t.byID[n.Name]
	if m == nil {
		now := time.Now()
		m = &Member{Since: t.wall(), since: now, seen: now, Self: n.Name == t.self}
		t.byID[n.Name] = m
		m.Meta, m.Gossip = meta, n.Address()
		t.tellLocked(MemberChange{Member: *m, Fresh: true})
		return
	}
	parting := meta.Leaving && !m.Leaving
	m.Meta, m.Gossip = meta, n.Address()
	if !m.State.live() && !m.Self {
		m.said = true // and is to be dialed
		t.changedLocked()
		return
	}
	t.setLocked(m, Alive)
	if parting {
		t.tellLocked(MemberChange{Member: *m, Was: Alive, parting: true})
	}
}

// answered takes note of those that a session stands with.
func (t *memberTable) answered(linked map[location.Origin]bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, m := range t.byID {
		if m.said && linked[m.Origin] {
			t.setLocked(m, Alive)
		}
	}
}

// suspect takes note that a member, by its ID, did not answer.
func (t *memberTable) suspect(id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if m := t.byID[id]; m != nil && m.State == Alive && !m.Self {
		t.setLocked(m, Suspect)
	}
}

// clear takes note that a member has answered.
func (t *memberTable) clear(id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if m := t.byID[id]; m != nil && (m.State == Suspect || m.said) {
		t.setLocked(m, Alive)
	}
}

// leaves takes note that a member has said goodbye.
func (t *memberTable) leaves(o location.Origin) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, m := range t.byID {
		if m.Origin == o && !m.Self {
			t.leaving[o] = true
			if m.State == Failed { // memberlist was quicker
				t.setLocked(m, Left)
			}
		}
	}
}

// setLocked changes a member's state.
func (t *memberTable) setLocked(m *Member, s MemberState) {
	was := m.State
	m.said = false
	if was != s && s == Alive {
		t.back++
	}
	if was != s {
		m.State, m.Since, m.since = s, t.wall(), time.Now()
	}
	t.tellLocked(MemberChange{Member: *m, Was: was})
}

// maxNews bounds the transitions that wait to be logged.
const maxNews = 4 * maxMembers

// tellLocked wakes whoever acts on changes, and notes what is to be logged.
func (t *memberTable) tellLocked(n MemberChange) {
	if (n.Fresh || n.parting || n.Was != n.State) && !n.Self && len(t.news) < maxNews {
		t.news = append(t.news, n)
	}
	t.changedLocked()
}

// changedLocked is to be called after any change of byID or of a member in it.
func (t *memberTable) changedLocked() {
	t.view = nil
	offer(t.changed, struct{}{})
}

// takeNews is what is to be logged now. That a member has failed waits while it is
// among linked: it may have said goodbye, which is read before its link ends, and then
// it has not failed.
func (t *memberTable) takeNews(linked map[location.Origin]bool) []MemberChange {
	t.mu.Lock()
	defer t.mu.Unlock()
	var now, later []MemberChange
	next := make(map[location.Origin]MemberState) // of each, what comes after
	for _, n := range slices.Backward(t.news) {
		after, more := next[n.Origin]
		next[n.Origin] = n.State
		switch {
		case n.State != Failed:
			now = append(now, n)
		case !more && linked[n.Origin]:
			later = append(later, n)
		case !more || after != Left:
			now = append(now, n)
		default:
			for i := len(now) - 1; i >= 0; i-- { // the one that comes after
				if now[i].Origin == n.Origin {
					now[i].Was = n.Was
					break
				}
			}
		}
	}
	slices.Reverse(now)
	slices.Reverse(later)
	t.news = later
	return now
}

// log tells of the change.
func (n *MemberChange) log(log hclog.Logger) {
	args := []any{"member", n.Name, "addr", n.Gossip, "origin", originText(n.Origin)}
	switch {
	case n.parting:
		log.Info("member is about to leave", args...)
	case n.State == Alive && n.Was == Suspect:
		log.Info("member answers again", args...)
	case n.State == Alive && !n.Fresh:
		log.Info("member is back", args...)
	case n.State == Alive:
		log.Info("member is alive", args...)
	case n.State == Suspect:
		log.Info("member does not answer", args...)
	case n.State == Failed:
		log.Warn("member has failed", args...)
	case n.State == Left:
		log.Info("member has left", args...)
	}
}

// originText is an origin as logs and the API show it.
func originText(o location.Origin) string { return fmt.Sprintf("%016x", uint64(o)) }

// pruneLocked forgets who is gone for long.
func (t *memberTable) pruneLocked() {
	for id, m := range t.byID {
		if !m.State.live() && time.Since(m.since) > remember {
			t.dropLocked(id, m)
		}
	}
}

// forgetOldestLocked makes room by the member that is gone longest.
func (t *memberTable) forgetOldestLocked() bool {
	var oldest string
	for id, m := range t.byID {
		if !m.State.live() && (oldest == "" || m.since.Before(t.byID[oldest].since)) {
			oldest = id
		}
	}
	if oldest == "" {
		return false
	}
	t.dropLocked(oldest, t.byID[oldest])
	return true
}

func (t *memberTable) dropLocked(id string, m *Member) {
	delete(t.byID, id)
	delete(t.leaving, m.Origin)
	t.changedLocked()
}

func (t *memberTable) returns() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.back
}

func (t *memberTable) refusals() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.refused
}

// delegate gives memberlist this node's metadata as it is and nothing to carry: fixes have
// streams of their own.
type delegate struct{ meta func() []byte }

var _ memberlist.Delegate = delegate{}

func (d delegate) NodeMeta(int) []byte             { return d.meta() }
func (delegate) NotifyMsg([]byte)                  {}
func (delegate) GetBroadcasts(int, int) [][]byte   { return nil }
func (delegate) LocalState(join bool) []byte       { return nil }
func (delegate) MergeRemoteState(_ []byte, _ bool) {}
