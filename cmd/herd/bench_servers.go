package main

import (
	"context"
	"time"

	"herd/node/load"
)

// servers are what a bench has started: a herd, or a Redis and its replicas.
type servers interface {
	grow(ctx context.Context, n int) error // starts so many in all, and waits for them
	add(ctx context.Context) (added, error)
	addrs() []string
	pids() []int
	end()
}

// added is a server that was added to others.
type added struct {
	addr  string
	ready time.Duration                          // from the start of its process
	held  func(ctx context.Context) (int, error) // clients that it has
}

// startServers starts n servers if there is no ADDR, and fills in their addresses. The
// caller owes a call of end.
func (b *benchVerb) startServers(ctx context.Context, n int) (end func(), err error) {
	if len(b.load.Addrs) > 0 {
		return func() {}, nil
	}
	s, err := b.newServers()
	if err != nil {
		return nil, err
	}
	if err := s.grow(ctx, n); err != nil {
		s.end()
		return nil, err
	}
	b.load.Addrs, b.pids, b.started = s.addrs(), s.pids(), n
	b.own, _ = s.(*benchHerd)
	return s.end, nil
}

func (b *benchVerb) newServers() (servers, error) {
	conns, err := b.maxConns(maxFiles())
	if err != nil {
		return nil, err
	}
	if b.load.Protocol == load.Herd {
		return newBenchHerd(b.app, conns)
	}
	return newBenchRedis(b.app, conns)
}

// writable are the servers that take writes: the first one of Redis.
func (b *benchVerb) writable() []string {
	if b.load.Protocol == load.Herd {
		return b.load.Addrs
	}
	return b.load.Addrs[:1]
}

// alone is how many servers to start where replicas have nothing to do.
func (b *benchVerb) alone() int {
	if b.load.Protocol == load.Herd {
		return b.nodes
	}
	return 1
}

// maxConns is how many connections a server is to take that may have so many open files:
// more than there will be if it can, for it may see late that some have ended.
func (b *benchVerb) maxConns(limit uint64) (int, error) {
	const others = 64 // those that store the clients, and the lively one beside idle ones
	need := b.load.Connections + others
	if b.mode == modeConverge {
		need += min(b.load.Burst, b.load.Connections)
	}
	if files := need + spareFiles; uint64(files) > limit {
		return 0, usagef("--connections %d needs %d open files, and %d are allowed: raise that limit (ulimit -n), or lower --connections",
			b.load.Connections, files, limit)
	}
	return int(min(uint64(2*need+load.MaxBurst), limit-spareFiles)), nil
}
