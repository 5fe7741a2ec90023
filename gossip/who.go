package gossip

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"herd/gossip/location"
)

// A stream of [purposeWho] carries one question and its answer: "who is called so,
// as far as you know?", as a byte of length and a name. The answer begins with
// the answerer's own origin and its age; then the number of live members of that
// name, and for each its origin and its address; then, since 0.2.0, the answerer's wall
// clock, nanoseconds since the epoch in eight bytes.
const maxHolders = 8

// Holder is a member that has a name.
type Holder struct {
	Origin location.Origin
	Gossip string // host:port

	since time.Time // when this node last saw its state change
}

// identity is what a node answers of itself.
type identity struct {
	origin location.Origin
	age    time.Duration // since it started: unlike clocks, ages can be compared
	in     bool          // it has made sure of its name and is a member
}

// sameAge is how close two ages must be for chance to decide: an age is older by
// the time that its news took.
const sameAge = time.Second

// before tells which of two nodes has the better right to a name: a member before
// one that has yet to come in, then the older one, then, if they started together,
// the one with the smaller origin. Two nodes that ask each other come to the same
// result.
func (i identity) before(j identity) bool {
	if i.in != j.in {
		return i.in
	}
	if d := i.age - j.age; d < -sameAge || d > sameAge {
		return d > 0
	}
	return i.origin < j.origin
}

// NameTakenError is why a node does not start: its name has a live holder.
type NameTakenError struct {
	Name   string
	Holder Holder
}

// Error says who holds the name and what to do.
func (e *NameTakenError) Error() string {
	return fmt.Sprintf("the name %q is taken by a live member at %s: choose another name, or end that node first", e.Name, e.Holder.Gossip)
}

func appendAnswer(b []byte, me identity, holders []Holder) []byte {
	b = binary.BigEndian.AppendUint64(b, uint64(me.origin))
	b = binary.BigEndian.AppendUint64(b, uint64(me.age))
	holders = holders[:min(len(holders), maxHolders)]
	b = append(b, flagByte(me.in), byte(len(holders)))
	for _, h := range holders {
		b = binary.BigEndian.AppendUint64(b, uint64(h.Origin))
		b = append(append(b, byte(len(h.Gossip))), h.Gossip...)
	}
	return b
}

func readAnswer(r io.Reader) (who identity, holders []Holder, err error) {
	var b [256]byte
	if _, err := io.ReadFull(r, b[:18]); err != nil {
		return who, nil, fmt.Errorf("read answer: %w", err)
	}
	who = identity{location.Origin(binary.BigEndian.Uint64(b[:])), time.Duration(binary.BigEndian.Uint64(b[8:])), b[16] == 1}
	n := int(b[17])
	if who.age < 0 {
		return who, nil, errors.New("read answer: negative age")
	}
	if n > maxHolders {
		return who, nil, fmt.Errorf("read answer: %d holders, at most %d are allowed", n, maxHolders)
	}
	for range n {
		if _, err := io.ReadFull(r, b[:9]); err != nil {
			return who, nil, fmt.Errorf("read answer: %w", err)
		}
		h := Holder{Origin: location.Origin(binary.BigEndian.Uint64(b[:]))}
		text := b[:b[8]]
		if _, err := io.ReadFull(r, text); err != nil {
			return who, nil, fmt.Errorf("read answer: %w", err)
		}
		h.Gossip = string(text)
		holders = append(holders, h)
	}
	return who, holders, nil
}

// answerWho serves one stream of purposeWho. It closes it.
func (c *Cluster) answerWho(s *stream) {
	defer s.Close()
	s.SetDeadline(time.Now().Add(c.transport.config.HandshakeTimeout))
	var b [256]byte
	if _, err := io.ReadFull(s, b[:1]); err != nil {
		return
	}
	name := b[:b[0]]
	if _, err := io.ReadFull(s, name); err != nil {
		return
	}
	holders := c.members.holders(string(name))
	if string(name) == c.self.Name { // first: others may not fit
		me := Holder{Origin: c.self.Origin, Gossip: c.transport.Advertised().String()}
		holders = append([]Holder{me}, holders...)
	}
	s.Write(binary.BigEndian.AppendUint64(appendAnswer(nil, c.identity(), holders), uint64(c.wall().UnixNano())))
}

func (c *Cluster) identity() identity {
	return identity{c.self.Origin, c.now(), c.in.Load()}
}

// errNoAnswer is that a node of the herd was asked, and has ended the stream or answered nonsense.
var errNoAnswer = errors.New("it gives no answer")

// askWho asks the node at addr who is called name. A node that reads its disk takes the question
// at once, and answers when it has read it; if too many wait for that it gives no answer.
func (c *Cluster) askWho(ctx context.Context, addr, name string) (identity, []Holder, error) {
	dial, cancel := context.WithTimeout(ctx, c.profile.stream)
	defer cancel()
	s, err := c.transport.DialPeer(dial, addr, purposeWho)
	if err != nil {
		return identity{}, nil, err
	}
	defer s.Close()
	defer context.AfterFunc(ctx, func() { s.Close() })()
	if _, err := s.Write(append([]byte{byte(len(name))}, name...)); err != nil {
		return identity{}, nil, fmt.Errorf("ask %s who is %q: %w: %w", addr, name, errNoAnswer, err)
	}
	who, holders, err := readAnswer(s)
	if err != nil {
		return identity{}, nil, fmt.Errorf("ask %s who is %q: %w: %w", addr, name, errNoAnswer, err)
	}
	return who, holders, nil
}

// holderTimeout is how long the holder of a name has to answer for it.
const holderTimeout = 500 * time.Millisecond

// claim finds out whether one of the holders is alive and has the better right to
// this node's name.
func (c *Cluster) claim(ctx context.Context, holders []Holder) error {
	ctx, cancel := context.WithTimeout(ctx, holderTimeout)
	defer cancel()
	taken := make([]error, len(holders))
	var wg sync.WaitGroup
	for i, h := range holders {
		if h.Origin == c.self.Origin {
			continue
		}
		wg.Go(func() {
			who, _, err := c.askWho(ctx, h.Gossip, c.self.Name)
			if err != nil || who.origin != h.Origin {
				return // dead, or another one lives there now: superseded
			}
			if who.before(c.identity()) {
				taken[i] = &NameTakenError{c.self.Name, h}
			}
		})
	}
	wg.Wait()
	return errors.Join(taken...)
}
