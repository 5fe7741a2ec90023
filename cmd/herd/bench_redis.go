package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"herd/node/load"
)

// benchRedis is a Redis that a bench has started, and its replicas: to compare.
type benchRedis struct {
	*children
	app      *app
	binary   string
	maxConns int
	servers  []*redisServer // the first one is the primary
}

// redisServer is a redis-server in a process of its own.
type redisServer struct {
	*child
	addr string
}

// newBenchRedis makes one without servers. The caller owes an end.
func newBenchRedis(a *app, maxConns int) (*benchRedis, error) {
	binary, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, usagef("redis-server is not installed here: install it, or give the ADDR of a Redis")
	}
	c, err := newChildren()
	return &benchRedis{children: c, app: a, binary: binary, maxConns: maxConns}, err
}

// start starts a server, a replica if it is not the first one. It is not waited for.
func (r *benchRedis) start() (*redisServer, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(r.dir, strconv.Itoa(port)) // a replica stores what it is sent
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	cmd := exec.Command(
		r.binary, "--bind", "127.0.0.1", "--port", strconv.Itoa(port), "--dir", dir,
		"--save", "", "--appendonly", "no", "--maxclients", strconv.Itoa(r.maxConns),
		"--repl-diskless-sync", "yes", "--repl-diskless-sync-delay", "0", // waiting for more replicas is no part of a sync
		"--logfile", "redis.log",
	)
	if len(r.servers) > 0 {
		host, port, _ := net.SplitHostPort(r.servers[0].addr)
		cmd.Args = append(cmd.Args, "--replicaof", host+" "+port)
	}
	cmd.Stderr = r.app.stderr
	c, err := r.children.start(cmd)
	if err != nil {
		return nil, err
	}
	s := &redisServer{c, net.JoinHostPort("127.0.0.1", strconv.Itoa(port))}
	r.servers = append(r.servers, s)
	return s, nil
}

// freePort is one that nobody had a moment ago: Redis can't be told to take any.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

func (r *benchRedis) grow(ctx context.Context, n int) error {
	for len(r.servers) < n {
		s, err := r.start()
		if err != nil {
			return err
		}
		if err := s.waitReady(ctx, len(r.servers) > 1); err != nil {
			return err
		}
	}
	return nil
}

// waitReady waits until a server answers and, if it is a replica, has all that its
// primary has.
func (s *redisServer) waitReady(ctx context.Context, replica bool) error {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		info, err := load.RedisAsk(ctx, s.addr, "INFO", "replication")
		if err == nil && (!replica || strings.Contains(info, "master_link_status:up")) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for redis-server at %s: %w", s.addr, errors.Join(ctx.Err(), err))
		case <-s.ended:
			return fmt.Errorf("redis-server at %s has ended: %v", s.addr, s.cmd.ProcessState)
		case <-tick.C:
		}
	}
}

func (r *benchRedis) add(ctx context.Context) (added, error) {
	s, err := r.start()
	if err != nil {
		return added{}, err
	}
	err = s.waitReady(ctx, true)
	return added{s.addr, time.Since(s.begun), s.held}, err
}

// held is how many clients a server has, as members of a sorted set or as keys.
func (s *redisServer) held(ctx context.Context) (int, error) {
	for _, words := range [][]string{{"ZCARD", load.RedisKey}, {"DBSIZE"}} {
		reply, err := load.RedisAsk(ctx, s.addr, words...)
		if err != nil {
			return 0, err
		}
		if n, err := strconv.Atoi(reply); n > 0 || err != nil {
			return n, err
		}
	}
	return 0, nil
}

func (r *benchRedis) addrs() (addrs []string) {
	for _, s := range r.servers {
		addrs = append(addrs, s.addr)
	}
	return addrs
}

func (r *benchRedis) pids() (pids []int) {
	for _, s := range r.servers {
		pids = append(pids, s.cmd.Process.Pid)
	}
	return pids
}
