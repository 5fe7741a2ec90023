package gossip

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/hashicorp/memberlist"

	"herd/gossip/location"
	"herd/gossip/replica"
	"herd/gossip/simnet"
)

// still is a cluster that does not run, for inputs by the million.
func still(f *testing.F, states ...State) *Cluster {
	f.Helper()
	c, err := New(Config{Name: "Clark", Network: simnet.New(1).Host("10.0.0.1"), BindAddr: "10.0.0.1:4132", States: states})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { c.Close() })
	return c
}

// Whatever opens a session: one that is welcome is for this node, from another one, of
// a version that both speak, and its streams match only each other.
func FuzzHail(f *testing.F) {
	c := still(f)
	const shunned = 7
	c.quarantines[shunned] = time.Now().Add(time.Hour)
	f.Add(hail{sessionVersion, 5, c.self.Origin, 1}.append(nil))
	f.Add(hail{sessionVersion, shunned, c.self.Origin, 1}.append(nil))
	f.Add(hail{sessionVersion, c.self.Origin, c.self.Origin, 1}.append(nil))
	f.Add(hail{oldestVersion, 0, c.self.Origin, 1}.append(nil))
	f.Fuzz(func(t *testing.T, in []byte) {
		var b [sessionHello]byte
		if _, err := io.ReadFull(bytes.NewReader(in), b[:]); err != nil {
			return
		}
		h := readHail(&b)
		if !bytes.Equal(h.append(nil), b[:]) {
			t.Fatalf("%x was read as %+v", b, h)
		}
		h.to = c.self.Origin // which no input can know
		wanted := h.version >= oldestVersion && h.version <= sessionVersion && h.from != 0 && h.from != c.self.Origin && h.from != shunned
		if v := c.judge(h); (v == welcome) != wanted {
			t.Fatalf("%+v: %v", h, v)
		}
		if h.to ^= 1; c.judge(h) == welcome {
			t.Fatalf("%+v is welcome at another node", h)
		}
		for v := range verdict(b[0]) {
			if v.String() == "" {
				t.Fatalf("verdict %d has no words", v)
			}
		}
	})
}

// Whatever memberlist tells of members, in whatever order: those that are shown have
// metadata that makes sense, under their own ID, and this node is among them. Who is to be dialed
// is shown, but for the dead of a name that is alive, whom memberlist has alive again.
func FuzzMembers(f *testing.F) {
	metas := []Meta{{Name: "Clark", Origin: 1}, {Name: "Bona", Origin: 2}, {Name: "Bona", Origin: 3, Client: "10.0.0.2:4131"}, {Name: "x", Origin: 4}}
	f.Add([]byte{0, 0, 0, 1, 1, 0, 2, 1, 0, 0, 1, 0})
	f.Add(append([]byte{0, 1, byte(len(metas[2].encode()))}, metas[2].encode()...))
	f.Add([]byte{0, 3, 0, 5, 3, 0, 3, 3, 0, 1, 3, 0, 6, 3, 0})
	f.Add([]byte{0, 2, 0, 1, 1, 0, 2, 1, 0, 0, 1, 0})
	f.Fuzz(func(t *testing.T, in []byte) {
		table := newMemberTable(metas[0], time.Now)
		e := events{table}
		e.NotifyJoin(&memberlist.Node{Name: metas[0].id(), Meta: metas[0].encode()})
		for len(in) >= 3 {
			op, m, n := in[0]%7, metas[in[1]%4], min(int(in[2]), len(in)-3)
			node := &memberlist.Node{Name: m.id(), Meta: m.encode()}
			if n > 0 {
				node.Meta = in[3:][:n]
			}
			in = in[3+n:]
			switch op {
			case 0: // as memberlist does: it asks first
				if e.NotifyAlive(node) == nil {
					e.NotifyJoin(node)
				}
			case 1:
				if e.NotifyAlive(node) == nil {
					e.NotifyUpdate(node)
				}
			case 2:
				e.NotifyLeave(node)
			case 3:
				table.suspect(node.Name)
			case 4:
				e.NotifyPingComplete(node, time.Second, node.Meta)
			case 5:
				table.leaves(m.Origin)
			case 6:
				table.takeNews(map[location.Origin]bool{m.Origin: true})
			}
		}
		list := table.list()
		for _, m := range list {
			if err := m.check(); err != nil || m.Self != (m.Meta.id() == metas[0].id()) || m.State > Left {
				t.Errorf("%+v: %v", m, err)
			}
		}
		if !slices.ContainsFunc(list, func(m Member) bool { return m.Self }) {
			t.Error("this node is not in its own list")
		}
		for _, m := range table.peers() {
			if m.Self || !m.said && !slices.ContainsFunc(list, func(l Member) bool { return l.Origin == m.Origin }) {
				t.Errorf("%+v is to be dialed", m)
			}
		}
	})
}

// whatever is a state that takes all that comes.
type whatever struct{}

func (whatever) Name() string               { return "calls" }
func (whatever) Local() []byte              { return nil }
func (whatever) Merge([]byte) (bool, error) { return true, nil }

// Whatever message of this package's own kinds comes, an answer to a question of ours
// or not: it is taken, left alone, or a bad message.
func FuzzOurs(f *testing.F) {
	c := still(f, whatever{})
	f.Add(appendNote(nil, note{true, 1, 2, 3, 4})[frameHeader:])
	f.Add(appendState(nil, "calls", []byte("12"))[frameHeader:])
	f.Add(appendAuditAsk(nil, 1, auditScope{2, 1})[frameHeader:])
	f.Add(appendAuditWant(nil, 1, []int{3, 4})[frameHeader:])
	f.Add(appendAuditDigests(nil, 1, make([]uint64, location.Buckets))[0][frameHeader:])
	p, _ := location.ParsePosition([]byte("+1-1"))
	at, _ := location.ParseTime([]byte("5"))
	var fixes replica.Chunk
	fixes.Add("kiwi", &location.Entry{Fix: location.NewFix("Bona", 1, 0, p, at), Dot: location.Dot{Origin: 5, Seq: 1}})
	f.Add(appendAuditFixes(nil, 1, true, fixes.Message())[frameHeader:])
	f.Add([]byte(goodbye[frameHeader:]))
	f.Fuzz(func(t *testing.T, message []byte) {
		l := &link{cluster: c, peer: 9, version: sessionVersion, states: make([]stateLink, 1)}
		for lane := range l.out {
			l.out[lane].wake = make(chan struct{}, 1)
		}
		for _, lane := range []replica.Lane{replica.Live, replica.Delta} {
			if len(message) == 0 || !l.isOurs(lane, message) {
				continue
			}
			l.core = c.core.Open(c.now(), l.peer)
			if len(message) >= auditHead {
				l.audit.awaits = &audit{number: binary.BigEndian.Uint64(message[2:]), wants: message[1], done: make(chan struct{}, 1)}
			}
			for range 2 {
				if err := l.receiveOurs(message); err != nil && !errors.Is(err, replica.ErrMessage) {
					t.Fatalf("%x: error of another kind: %v", message, err)
				}
			}
			c.core.Close(c.now(), l.core, true)
			for c.mergeNext() {
				continue
			}
		}
	})
}
