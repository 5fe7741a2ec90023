package gossip

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/memberlist"

	"herd/gossip/replica"
	"herd/gossip/sockerr"
)

// Run makes this node a member of the herd and keeps it one until ctx is done. Then it
// sends what is left, waits until that is acknowledged (for AckTimeout at the most),
// takes its leave and closes. It may be called once.
//
// It returns nil when it has left; a [*NameTakenError], in whatever it is wrapped, if
// another live member has this node's name; what keeps memberlist from starting; or that the node
// is to be started again, for members were told an address that it has no longer.
func (c *Cluster) Run(ctx context.Context) error {
	defer c.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(c.ctx, cancel)()

	if err := c.keeper.load(ctx); err != nil {
		return err
	}
	if c.keeper != nil {
		c.spawn(c.keeper.run)
	}
	c.spawn(c.acceptStreams)
	seeds, err := c.askSeeds(ctx)
	if err != nil {
		return err
	}
	list, err := c.createList()
	if err != nil {
		return err
	}
	c.spawn(c.beat)
	c.spawn(c.flushLate)
	c.spawn(c.tellNews)
	c.spawn(c.shareStates)
	c.spawn(c.mergeStates)
	c.spawn(c.trim)
	c.spawn(c.makeAudits)
	c.spawn(c.answerAudits)
	if c.config.AddressBook != "" {
		c.spawn(func() { c.keepBook(ctx) })
	}
	if err := c.enter(ctx, list, seeds); err != nil {
		c.depart(list)
		return err
	}
	if !c.loaded {
		c.awaitSeeds(ctx, list, seeds.silent)
	}
	c.spawn(func() { c.keepLinks(c.ctx) })
	taken := make(chan error, 1)
	c.spawn(func() {
		if err := c.rejoin(ctx, list); err != nil {
			taken <- err
		}
	})
	select {
	case <-ctx.Done():
	case err = <-taken:
	}
	if c.ctx.Err() != nil {
		return nil // killed: nothing is told to anybody
	}
	c.flushAll()
	c.depart(list)
	c.saveDisk()
	return err
}

// createList starts memberlist.
func (c *Cluster) createList() (*memberlist.Memberlist, error) {
	limits, parting := c.ownLimits(), c.parting.Load()
	config := c.profile.config()
	config.Name = c.self.id()
	config.Transport = c.transport
	if c.ring != nil {
		config.Keyring = c.ring.members
	}
	config.Label = c.config.Label
	config.Delegate = delegate{c.meta}
	config.Events, config.Alive, config.Ping = events{c.members}, events{c.members}, events{c.members}
	bridge := newLogBridge(c.log.Named("memberlist"), &c.transport.lines)
	config.Logger = log.New(suspicions{bridge.Writer(), c.suspect}, "", 0)
	list, err := memberlist.Create(config)
	if err != nil {
		return nil, fmt.Errorf("start membership: %w", err)
	}
	c.mu.Lock()
	closed := c.closed
	c.list = list
	late := c.own != limits || c.parting.Load() != parting
	c.mu.Unlock()
	if closed {
		list.Shutdown()
		return nil, ErrClosed
	}
	if late {
		c.spawn(func() { c.tellMeta(list) })
	}
	return list, nil
}

// suspicions reads memberlist's log, the only place where it says whom it suspects.
type suspicions struct {
	log     io.Writer
	suspect func(id string)
}

func (s suspicions) Write(line []byte) (int, error) {
	if _, rest, ok := strings.Cut(string(line), "memberlist: Suspect "); ok {
		if id, _, ok := strings.Cut(rest, " has failed, no acks received"); ok {
			s.suspect(id)
		}
	}
	return s.log.Write(line)
}

// suspect takes note that memberlist got no answer from a member. One whose stream
// is lively is not shown as suspect for that: a packet was lost, or somebody is busy.
func (c *Cluster) suspect(id string) {
	if !c.lively(id) {
		c.members.suspect(id)
	}
}

// lively tells whether something came lately from the member of that ID.
func (c *Cluster) lively(id string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	ran := time.Duration(c.ran.Load())
	for _, l := range c.links {
		if l.id == id {
			return ran-time.Duration(l.heard[replica.Live].Load()) < 2*c.config.AckTimeout
		}
	}
	return false
}

// enter joins through the seeds that answered and makes sure of the name.
func (c *Cluster) enter(ctx context.Context, list *memberlist.Memberlist, seeds seeds) error {
	for _, addr := range seeds.answered {
		if ctx.Err() == nil {
			c.join(list, addr)
		}
	}
	if err := c.claim(ctx, c.members.holders(c.self.Name)); err != nil {
		return err
	}
	c.inSince.Store(int64(c.now()))
	c.in.Store(true)
	if seeds.alone || c.loaded && len(seeds.answered) == 0 { // after a power cut nobody waits for the others
		c.joined.Store(true)
	}
	return nil
}

// join meets the node at addr.
func (c *Cluster) join(list *memberlist.Memberlist, addr string) bool {
	if _, err := list.Join([]string{addr}); err != nil {
		c.joinsFailed.Add(1)
		c.transport.say(hclog.Debug, "cannot join", "addr", addr, "error", err)
		return false
	}
	c.joins.Add(1)
	c.log.Debug("joined", "through", addr)
	if len(c.members.peers()) > 0 { // else it was this node itself, by another address
		c.joined.Store(true)
	}
	c.nudge()
	return true
}

// rejoin looks for members that are known but missing, one address a second, until
// ctx is done. It fails if a node that started at the same time has the better right
// to this node's name, or if this node is not seen and found twice in a row at the same other address:
// a member's address is for its life, but for a restart, which is another member.
func (c *Cluster) rejoin(ctx context.Context, list *memberlist.Memberlist) error {
	const tries = 8 // at once: more than begin while one hangs, for 5 s
	slots := make(chan struct{}, tries)
	refreshed := -refreshEvery
	looked := make(chan netip.AddrPort, 1)
	var moved netip.AddrPort // as of the last look
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case to := <-looked:
			if to.IsValid() && to == moved {
				return fmt.Errorf("members were told that this node is at %v, and it is at %v now: start it again", c.transport.Advertised(), to)
			}
			moved = to
			continue
		case <-timer.C:
			timer.Reset(750*time.Millisecond + rand.N(500*time.Millisecond))
		}
		members := c.members.list()
		c.book.note(c.members.all())
		for _, m := range members {
			if m.State == Suspect && c.lively(m.id()) {
				c.members.clear(m.id())
			}
		}
		alone := len(c.members.peers()) == 0
		if !alone {
			c.joined.Store(true)
		}
		if err := c.checkName(ctx); err != nil {
			return err
		}
		if !offer(slots, struct{}{}) {
			continue
		}
		unseenBy := ""
		if c.now()-refreshed > refreshEvery {
			unseenBy = c.unseenBy(members)
		}
		if unseenBy != "" {
			refreshed = c.now()
		}
		c.wg.Go(func() {
			defer func() { <-slots }()
			if unseenBy != "" {
				offer(looked, c.movedTo(ctx))
				c.refresh(ctx, list, unseenBy)
				return
			}
			addr := c.book.missing(ctx, members)
			if addr != "" && !c.join(list, addr) && alone && ctx.Err() == nil {
				c.warn("no other node answers: serving alone, and trying on", "seeds", strings.Join(c.book.given(), " "))
			}
		})
	}
}

// youth is the age up to which a node gives way to one of its name: it may have
// started together with that one, through another seed. Older ones have met after a
// cut, and both stay.
const youth = 5 * time.Second

// checkName looks whether others have this node's name.
func (c *Cluster) checkName(ctx context.Context) error {
	holders := c.members.holders(c.self.Name)
	if len(holders) == 0 {
		return nil
	}
	if c.now()-time.Duration(c.inSince.Load()) < youth {
		return c.claim(ctx, holders)
	}
	for _, h := range holders {
		if time.Since(h.since) > c.profile.settle { // else it may be one that was killed
			c.warn("another live member has this node's name: clients can't tell the two apart", "name", c.self.Name, "addr", h.Gossip)
		}
	}
	return nil
}

// acceptStreams serves the streams of peers, each in its own goroutine, until Close.
func (c *Cluster) acceptStreams() {
	slots := make(chan struct{}, maxHalves) // handshakes at once
	for {
		select {
		case <-c.ctx.Done():
			return
		case s := <-c.transport.Streams():
			if !offer(slots, struct{}{}) {
				c.mu.Lock()
				c.stats.sessionsRefused++
				c.mu.Unlock()
				c.wg.Go(func() { s.Close() })
				continue
			}
			c.wg.Go(func() {
				defer func() { <-slots }()
				switch s.Purpose() {
				case purposeWho:
					c.answerWho(s)
				case purposeKeyring:
					c.answerKeyring(s)
				case purposeLive, purposeDelta:
					c.acceptLane(s)
				default:
					s.Close()
				}
			})
		}
	}
}

// nudge has keepLinks look around now.
func (c *Cluster) nudge() { offer(c.nudged, struct{}{}) }

// levelOf is how loud a failed dial is: what memberlist or the transport tells
// better is not worth a warning.
func levelOf(err error) hclog.Level {
	var key *KeyError
	if errors.As(err, &key) || sockerr.Is(err, syscall.ECONNREFUSED) || errors.Is(err, net.ErrClosed) {
		return hclog.Debug
	}
	return hclog.Warn
}

// flushAll sends what was reported and waits until it is acknowledged.
func (c *Cluster) flushAll() {
	c.Flush()
	c.mu.Lock()
	last := c.core.Last()
	c.mu.Unlock()
	ctx, cancel := context.WithTimeout(c.ctx, c.config.AckTimeout)
	defer cancel()
	if err := c.Wait(ctx, last); err != nil {
		c.log.Warn("left before the last reports were acknowledged", "error", err)
	}
}

// saveDisk has the disk hold all that this node does: then it begins from there.
func (c *Cluster) saveDisk() {
	ctx, cancel := context.WithTimeout(c.ctx, 500*time.Millisecond)
	defer cancel()
	c.keeper.finish(ctx)
}

// depart says goodbye to peers, then to memberlist's herd.
func (c *Cluster) depart(list *memberlist.Memberlist) {
	c.leaving <- struct{}{}
	defer func() { <-c.leaving }()
	if c.ctx.Err() != nil {
		return // closed: memberlist would panic
	}
	ctx, cancel := context.WithTimeout(c.ctx, 100*time.Millisecond)
	told := c.sayGoodbye(ctx)
	cancel()
	if err := list.Leave(max(250*time.Millisecond, 4*c.profile.gossip)); err != nil && !told {
		c.log.Warn("the herd may take this node for failed", "error", err)
	}
}
