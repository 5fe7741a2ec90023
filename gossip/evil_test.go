package gossip

import (
	"encoding/binary"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"herd/gossip/location"
)

var (
	abuseTime = flag.Duration("abuse", 10*time.Second, "how long, in virtual time, a peer with the key abuses a herd")
	abuseRest = flag.Duration("abuse-rest", 50*time.Millisecond, "at most so long a session of it lasts, in virtual time: the shorter, the more there are")
	abuseSeed = flag.Uint64("abuse-seed", 1, "of what it does")
)

// Kinds of messages of the core; see its codec.
const (
	evilBatch = 1 + iota
	evilAck
	evilGrant
	evilBehind
	evilFind
	evilFound
	evilAsk
	evilChunk
	evilCommit
)

// lies are messages that a correct peer may not be able to tell from true ones.
type lies struct {
	*rand.Rand
	herd *herd
}

func frame(kind byte, body []byte) []byte {
	return append(append(binary.BigEndian.AppendUint32(nil, uint32(1+len(body))), kind), body...)
}

func short(b []byte, text string) []byte { return append(append(b, byte(len(text))), text...) }

func uvarints(numbers ...uint64) (b []byte) {
	for _, n := range numbers {
		b = binary.AppendUvarint(b, n)
	}
	return b
}

// number is a batch number, a clock, a length: what harms most is at the ends.
func (l *lies) number() uint64 {
	switch l.IntN(4) {
	case 0:
		return 1 + l.Uint64N(5)
	case 1:
		return 1<<62 - l.Uint64N(3)
	case 2:
		return l.Uint64()
	}
	return 1 + l.Uint64N(1<<l.IntN(62))
}

// origin is one of the herd's or nobody's.
func (l *lies) origin() location.Origin {
	if l.IntN(2) == 0 {
		return l.herd.nodes[l.IntN(len(l.herd.nodes))].self.Origin
	}
	return location.Origin(1 + l.Uint64N(1<<63))
}

// fix is of a client that no honest node serves, of a time anywhere.
func (l *lies) fix(node string) (id string, wire []byte) {
	p, _ := location.ParsePosition([]byte("+34.068930-118.445127"))
	at := time.Now().Unix()
	switch l.IntN(4) {
	case 0:
		at = 9223372036
	case 1:
		at += l.Int64N(100 * 3600)
	}
	t, _ := location.ParseTime(fmt.Append(nil, at))
	f := location.NewFix(node, at*1e9, time.Minute, p, t)
	return fmt.Sprint("fake-", l.IntN(1_000_000)), f.AppendWire(nil)
}

func (l *lies) vector() []byte {
	v := map[uint64]uint64{}
	for range l.IntN(50) {
		v[uint64(l.origin())] = 1 + l.number()>>2
	}
	if l.IntN(2) == 0 { // all of everybody's
		for _, n := range l.herd.nodes {
			v[uint64(n.self.Origin)] = 1 << 62
		}
	}
	b := uvarints(uint64(len(v)))
	for last := uint64(0); len(v) > 0; {
		next := ^uint64(0)
		for o := range v {
			if o > last {
				next = min(next, o)
			}
		}
		b = binary.AppendUvarint(binary.BigEndian.AppendUint64(b, next), v[next])
		delete(v, next)
		last = next
	}
	return b
}

// live is a message for the live lane, delta one for the other.
func (l *lies) live() []byte {
	switch l.IntN(11) {
	case 0, 1, 2:
		prev := l.Uint64N(10)
		b := append(short(nil, "evil"), uvarints(prev, prev+1+l.Uint64N(3))...)
		for range l.IntN(100) {
			id, wire := l.fix("evil")
			b = append(append(short(b, id), 0), wire...)
		}
		return frame(evilBatch, append(b, 0))
	case 3:
		return frame(evilAck, uvarints(l.Uint64N(3), l.number()>>1))
	case 4:
		return frame(evilGrant, uvarints(l.Uint64N(2), l.number()>>1))
	case 5:
		return frame(evilBehind, nil)
	case 6:
		return frame(evilFind, short(uvarints(l.number()), "client1"))
	case 7:
		id, wire := l.fix("evil\x1b[2J") // which clears terminals
		return frame(evilFound, append(short(append(binary.BigEndian.AppendUint64([]byte{7, 1, 1}, uint64(l.origin())), short(nil, "evil\x1b[2J")...), id), wire...))
	case 8:
		state := appendState(nil, "calls", make([]byte, maxState))
		return state
	case 9:
		return appendNote(nil, note{clock: time.Duration(l.number() >> 1), wall: l.Int64(), held: time.Duration(l.number() >> 1)})
	}
	junk := make([]byte, l.IntN(200))
	for i := range junk {
		junk[i] = byte(l.Uint32())
	}
	return frame(byte(l.Uint32()), junk)
}

func (l *lies) delta() []byte {
	switch l.IntN(8) {
	case 0, 1:
		return frame(evilAsk, append([]byte{byte(l.IntN(2)), byte(l.IntN(2))}, l.vector()...))
	case 2, 3, 4:
		return frame(evilCommit, l.vector())
	case 5, 6:
		var b []byte
		for range l.IntN(200) {
			b = binary.BigEndian.AppendUint64(append(b, 1), uint64(location.Origin(1+l.Uint64N(1<<63))))
			b = append(short(b, "evil"), uvarints(1+l.number()>>2, l.Uint64N(1<<30))...)
			id, wire := l.fix("evil")
			b = append(short(b, id), wire...)
		}
		return frame(evilChunk, append(b, 0))
	}
	return frame(byte(l.Uint32()), l.vector())
}

// A peer with the key that lies about everything, opens and ends sessions as fast as it
// can, and has hundreds of names, harms nobody but itself: reports are acknowledged and
// are at all honest nodes, none of these shuns another, and nothing is kept of it all.
//
// What it costs grows with the square of the lies of a minute: honest nodes tell each other of
// origins that nobody knows until these are taken over.
//
//	go test ./gossip -run Abuse -v -abuse 10m -abuse-rest 300ms -timeout 2h
func TestAbuse(t *testing.T) {
	inBubble(t, func(t *testing.T, h *herd) {
		all := h.startFive()
		e := h.evil(t, "10.0.0.66")
		defer e.Shutdown()
		l := &lies{rand.New(rand.NewPCG(*abuseSeed, 1)), h}
		sessions, reports := 0, 0
		type fix struct {
			id  string
			fix location.Fix
		}
		var acked []fix
		limit := *abuseTime
		if testing.Short() {
			limit /= 4
		}
		for began := time.Now(); time.Since(began) < limit; {
			victim := all[l.IntN(5)]
			live, delta, ok := e.trySession(victim, location.Origin(1+l.Uint64N(300)))
			if ok {
				sessions++
				for range 1 + l.IntN(20) {
					live.Write(l.live())
					delta.Write(l.delta())
				}
				time.Sleep(time.Duration(l.Int64N(int64(*abuseRest))))
				live.Close()
				delta.Close()
			}
			for range 3 {
				n := all[l.IntN(5)]
				id := fmt.Sprint("client", l.IntN(100))
				acked = append(acked, fix{id, n.report(t, id, 1000+reports)})
				reports++
			}
		}
		t.Logf("%d sessions, %d reports", sessions, reports)
		h.await("one view", 10*time.Second, h.oneView)
		time.Sleep(3 * time.Second)
		for _, n := range all {
			for _, a := range acked {
				if got, ok := n.Get([]byte(a.id)); !ok || got.Compare(&a.fix) < 0 {
					t.Fatalf("%s has %v of %s, want %v or newer", n.name, got, a.id, a.fix)
				}
			}
			s := n.Stats()
			if s.Links != 4 || s.MembersByState["alive"] != 5 {
				t.Errorf("%s: %d links, members %v", n.name, s.Links, s.MembersByState)
			}
			t.Logf("%s: %d in quarantine, doubts: %d fixes, %d vectors; %d clients", n.name, s.Quarantined, s.Replica.Incredible, s.Replica.Unfounded, n.Table().Len())
		}
		h.log.mu.Lock()
		defer h.log.mu.Unlock()
		for _, line := range h.log.lines {
			if strings.Contains(line, "quarantine") && !strings.Contains(line, "peer=evil") {
				t.Errorf("an honest node is shunned: %s", line)
			}
			if strings.ContainsRune(line, 0x1b) {
				t.Errorf("an escape is in the log: %q", line)
			}
		}
	})
}
