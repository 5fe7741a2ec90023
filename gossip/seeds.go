package gossip

import (
	"context"
	"errors"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/hashicorp/memberlist"

	"herd/gossip/sockerr"
)

// seeds is what the seeds said when they were asked first.
type seeds struct {
	answered []string // addresses that can be joined
	silent   []string // addresses that neither answered nor refused
	alone    bool     // there is nobody to wait for
}

// askAtOnce is how many addresses of one seed are asked at a time, at the start: one that
// hangs must not use up the time of the others.
const askAtOnce = 16

// SetJoin has these be the seeds from now on: see [Config.Join]. It may be called at any
// time. Members stay, whoever brought them.
func (c *Cluster) SetJoin(seeds []string) { c.book.give(slices.Clone(seeds)) }

// patience is how long the other seeds are waited for when one has answered.
const patience = 100 * time.Millisecond

// askSeeds asks all seeds, and whom the address book has, at once who has this node's name.
// A seed that hangs holds up nobody when another one answers.
func (c *Cluster) askSeeds(ctx context.Context) (seeds, error) {
	type reply struct {
		addr    string
		err     error
		holders []Holder
		self    bool
	}
	ctx, cancel := context.WithTimeout(ctx, c.profile.stream)
	defer cancel()
	replies := make(chan reply)
	var asking sync.WaitGroup
	for _, seed := range slices.Concat(c.book.given(), c.book.recalled) {
		asking.Go(func() {
			addrs, err := c.book.dns.addresses(ctx, seed)
			if err != nil {
				replies <- reply{addr: seed, err: err}
			}
			slots := make(chan struct{}, askAtOnce)
			for _, addr := range addrs { // in their order
				slots <- struct{}{}
				asking.Go(func() {
					defer func() { <-slots }()
					who, holders, err := c.askWho(ctx, addr, c.self.Name)
					replies <- reply{addr, err, holders, err == nil && who.origin == c.self.Origin}
				})
			}
		})
	}
	go func() { // ends with the last of them, which askSeeds awaits
		asking.Wait()
		close(replies)
	}()
	found := seeds{alone: true}
	var holders []Holder
	for r := range replies {
		switch {
		case r.self:
			// This node by another address. Behind that there may be others too.
			found.alone = found.alone && c.book.owns(r.addr)
		case r.err == nil:
			if len(found.answered) == 0 {
				time.AfterFunc(patience, cancel)
			}
			found.answered, found.alone = append(found.answered, r.addr), false
			holders = append(holders, r.holders...)
		case sockerr.Is(r.err, syscall.ECONNREFUSED):
			c.log.Info("seed refuses the connection", "addr", r.addr)
		case ctx.Err() == nil || len(found.answered) == 0:
			found.silent, found.alone = append(found.silent, r.addr), false
			c.log.Warn("seed does not answer", "addr", r.addr, "error", r.err)
		default:
			found.silent, found.alone = append(found.silent, r.addr), false
		}
	}
	return found, c.claim(context.WithoutCancel(ctx), holders)
}

const (
	awaitTime  = time.Minute           // how long a node with nothing waits for a seed that is there and does not answer
	awaitPause = 50 * time.Millisecond // between questions to one that has read its disk and is not a member yet
	awaitAgain = 2 * time.Second       // to one that answers nothing: so many wait in a large herd that it takes no more
)

// awaitSeeds has a node with nothing wait for seeds that did not answer: they may be reading
// what the herd knew before all of it died. It is not ready before they have let it fill
// itself, unless others do, nobody is there, or awaitTime has passed. One with something is
// enough, so no more are asked than at the start of one seed.
func (c *Cluster) awaitSeeds(ctx context.Context, list *memberlist.Memberlist, silent []string) {
	silent = silent[:min(len(silent), askAtOnce)]
	c.awaited.Add(int64(len(silent)))
	for _, addr := range silent {
		c.spawn(func() {
			defer c.nudge()
			defer c.awaited.Add(-1)
			ctx, cancel := context.WithTimeout(ctx, awaitTime)
			defer cancel()
			for {
				who, _, err := c.askWho(ctx, addr, c.self.Name)
				pause := awaitPause
				switch {
				case ctx.Err() != nil, err != nil && !errors.Is(err, errNoAnswer), err == nil && who.origin == c.self.Origin:
					return
				case err != nil:
					pause = awaitAgain
				case who.in:
					if c.join(list, addr) {
						return
					}
					pause = awaitAgain
				}
				if !c.pause(pause) {
					return
				}
			}
		})
	}
}
