package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

const maxBenchNodes = 20

// benchHerd is a herd that a bench has started. Each node is a process, so that what
// the nodes spend and what the load itself spends are told apart, and a pause of one's
// collector is not one of the other.
type benchHerd struct {
	*children
	app      *app
	binary   string
	environ  []string
	maxConns int
	nodes    []*benchNode
}

// benchNode is a node in a process of its own.
type benchNode struct {
	readyNode
	*child
	file string
}

// newBenchHerd makes a herd without nodes. The caller owes an end.
func newBenchHerd(a *app, maxConns int) (*benchHerd, error) {
	binary, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	h := &benchHerd{app: a, binary: binary, maxConns: maxConns}
	for _, e := range a.environ { // settings of other nodes are none of these nodes'
		if !strings.HasPrefix(e, "HERD_") || strings.HasPrefix(e, "HERD_PLACES_") {
			h.environ = append(h.environ, e)
		}
	}
	h.environ = append(h.environ, "HERD_GOSSIP_KEY="+base64.StdEncoding.EncodeToString(newKey()))
	h.children, err = newChildren()
	return h, err
}

// start starts a node; it joins through the one before it. It is not waited for.
func (h *benchHerd) start() (*benchNode, error) {
	name := devName(len(h.nodes))
	file := filepath.Join(h.dir, name+".json")
	args := []string{
		"node", "--name", name, "--ready-file", file, "--gossip-profile", "local", "--log-level", "warn",
		"--client-addr", "127.0.0.1:0", "--gossip-addr", "127.0.0.1:0", "--http-addr", "127.0.0.1:0",
		"--client-max-conns", strconv.Itoa(h.maxConns), "--client-idle-timeout", "0s",
	}
	args = append(args, lifeFlags...)
	if len(h.nodes) > 0 {
		args = append(args, "--join", h.nodes[len(h.nodes)-1].Gossip)
	}
	cmd := exec.Command(h.binary, args...)
	cmd.Env, cmd.Stderr = h.environ, h.app.stderr
	c, err := h.children.start(cmd)
	if err != nil {
		return nil, err
	}
	n := &benchNode{child: c, file: file}
	n.Name = name
	h.nodes = append(h.nodes, n)
	return n, nil
}

// grow starts nodes until there are so many, and waits until all are in sync.
func (h *benchHerd) grow(ctx context.Context, nodes int) error {
	for len(h.nodes) < nodes {
		n, err := h.start()
		if err != nil {
			return err
		}
		if err := n.waitReady(ctx); err != nil {
			return err
		}
	}
	return h.settle(ctx)
}

func (h *benchHerd) add(ctx context.Context) (added, error) {
	n, err := h.start()
	if err != nil {
		return added{}, err
	}
	err = n.waitReady(ctx)
	return added{n.Client, time.Since(n.begun), n.held}, err
}

// waitReady waits for the ready file, and sees it within a millisecond or so.
func (n *benchNode) waitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		text, err := os.ReadFile(n.file)
		if err == nil {
			return json.Unmarshal(text, &n.readyNode)
		}
		if !errors.Is(err, os.ErrNotExist) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", n.Name, ctx.Err())
		case <-n.ended:
			return fmt.Errorf("%s has ended: %v", n.Name, n.cmd.ProcessState)
		case <-tick.C:
		}
	}
}

func (n *benchNode) client() client {
	return client{addr: n.HTTP, http: http.Client{Timeout: 5 * time.Second}}
}

// settle waits until every node sees every other one in sync.
func (h *benchHerd) settle(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	for range ticks(ctx, 20*time.Millisecond) {
		settled := 0
		for _, n := range h.nodes {
			m := membersVerb{client: n.client()}
			list, _, err := m.ask(ctx)
			if err != nil {
				break
			}
			inSync := 0
			for _, other := range list.Members {
				if other.InSync || other.Name == list.Self {
					inSync++
				}
			}
			if inSync == len(h.nodes) {
				settled++
			}
		}
		if settled == len(h.nodes) {
			return nil
		}
	}
	return fmt.Errorf("wait until all nodes are in sync: %w", ctx.Err())
}

func (h *benchHerd) addrs() (addrs []string) {
	for _, n := range h.nodes {
		addrs = append(addrs, n.Client)
	}
	return addrs
}

func (h *benchHerd) pids() (pids []int) {
	for _, n := range h.nodes {
		pids = append(pids, n.PID)
	}
	return pids
}
