package gossip

import (
	"encoding/binary"
	"fmt"
	"time"

	"herd/gossip/replica"
)

// A note is a message on the live lane of a kind that the core has none of. It rides
// with an ack that is due anyway, about once a second:
//
//	kind, whether the sender sees the receiver among the living,
//	sender's clock, its wall clock, the receiver's clock that is echoed, how long that was held
//
// Clocks and times are nanoseconds in eight bytes. An echo of zero is none.
const (
	kindNote    = 0xfc
	noteVersion = 3 // since this one of the session the live lane carries notes
	noteSize    = 1 + 1 + 4*8
	noteEvery   = time.Second
)

// note is what one end tells the other of its clocks, and of the other.
type note struct {
	sees  bool          // the receiver among the living, as the sender knows them
	clock time.Duration // of the sender, as now gives it
	wall  int64         // of the sender, nanoseconds since the epoch
	echo  time.Duration // clock of the last note that came to the sender
	held  time.Duration // since that came
}

func appendNote(b []byte, n note) []byte {
	b = binary.BigEndian.AppendUint32(b, noteSize)
	b = append(b, kindNote, flagByte(n.sees))
	for _, x := range [...]int64{int64(n.clock), n.wall, int64(n.echo), int64(n.held)} {
		b = binary.BigEndian.AppendUint64(b, uint64(x))
	}
	return b
}

// readNote reads what appendNote wrote, without the length before it, at the
// receiver's clock now.
func readNote(message []byte, now time.Duration) (n note, err error) {
	if len(message) != noteSize {
		return n, fmt.Errorf("%w: note of %d bytes, want %d", replica.ErrMessage, len(message), noteSize)
	}
	if message[1] > 1 {
		return n, fmt.Errorf("%w: note that sees %d", replica.ErrMessage, message[1])
	}
	var x [4]int64
	for i := range x {
		if x[i] = int64(binary.BigEndian.Uint64(message[2+8*i:])); x[i] < 0 {
			return n, fmt.Errorf("%w: note with a time before all times", replica.ErrMessage)
		}
	}
	n = note{message[1] == 1, time.Duration(x[0]), x[1], time.Duration(x[2]), time.Duration(x[3])}
	if n.echo > now {
		return n, fmt.Errorf("%w: note of a clock that is ahead of ours", replica.ErrMessage)
	}
	return n, nil
}

// appendNoteLocked appends a note to what the live lane is sent, if it is time.
func (c *Cluster) appendNoteLocked(l *link, buf []byte) []byte {
	now, k := c.now(), &l.clock
	due := k.owed || len(buf) > 0 && now-k.sent >= noteEvery
	if l.version < noteVersion || !due {
		return buf
	}
	n := note{sees: c.seesLocked(l.peer), clock: now, wall: c.wall().UnixNano(), echo: k.echo}
	if k.heard > 0 {
		n.held = now - k.heard
	}
	k.owed, k.sent = false, now
	return appendNote(buf, n)
}

// receiveNote takes a note off the live lane.
func (l *link) receiveNote(message []byte) error {
	c := l.cluster
	c.mu.Lock()
	defer c.mu.Unlock()
	now, wall, k := c.now(), c.wall().UnixNano(), &l.clock
	n, err := readNote(message, now)
	if err != nil {
		return err
	}
	if k.heard == 0 { // both want to know before they say that they are ready
		k.owed = true
		offer(l.out[replica.Live].wake, struct{}{})
	}
	k.heard, k.echo = now, n.clock
	l.unseen = !n.sees
	if n.echo == 0 {
		return nil
	}
	rtt := max(now-n.echo-n.held, 0) // two clocks may tick a little differently
	k.samples[k.taken%len(k.samples)] = sample{rtt, time.Duration(n.wall - max(wall-int64(rtt/2), 0)), n.wall - int64(now-rtt/2)}
	k.taken++
	c.judgeByLocked()
	if k.taken == 1 {
		c.nudge()
	}
	return nil
}
