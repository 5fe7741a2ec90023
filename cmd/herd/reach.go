package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"strings"
	"time"
)

// reaches tells whether an address that the node says is one for this machine, too. One on
// loopback is the node's own: here it is whatever listens here, unless the node was reached on
// this machine, too.
func (c *client) reaches(addr string) bool {
	if !onLoopback(addr) {
		return true
	}
	asked, err := c.port()
	if err != nil {
		return false
	}
	host, _, _ := net.SplitHostPort(asked)
	ip := net.ParseIP(host) // to dial 0.0.0.0 is to dial this machine
	return onLoopback(asked) || host == "" || ip != nil && ip.IsUnspecified()
}

func onLoopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// elsewhere is the error of a port of clients that is not one from here. instead is what else to
// do, if there is something.
func (c *client) elsewhere(addr, instead string) error {
	return usagef("the node at %s has clients connect to %s, which is on loopback, so here it is this machine: run this on the node's machine%s, or give the node a client.addr that others reach",
		c.addr, addr, instead)
}

// stranger is the error of a port of clients whose node is none of the herd: the asked node was
// reached through a tunnel, and its loopback is that of another machine.
func (c *client) stranger(name string) error {
	return usagef("%s took a report, and is no member of the herd of the node at %s: if that address is a tunnel's, run this on the node's machine",
		printable(name), c.addr)
}

// probeTime bounds a question who answers.
const probeTime = 5 * time.Second

// answersAt asks which node is at a port of clients. Lines tell that only by taking a report: it is
// one of a client that nobody else has.
func answersAt(ctx context.Context, dial dialFunc, addr, client string) (name string, err error) {
	var reply bytes.Buffer
	line := fmt.Sprintf("IAMAT %s +0.0+0.0 %d", client, time.Now().Unix())
	if err := exchange(ctx, dial, addr, []string{line}, probeTime, &reply); err != nil {
		return "", err
	}
	if name, ok := takenBy(reply.String()); ok {
		return name, nil
	}
	return "", fmt.Errorf("ask who is at %s: got %s", addr, printable(fmt.Sprintf("%.100q", reply.String())))
}

// takenBy is the node that an AT line names.
func takenBy(reply string) (name string, ok bool) {
	words := strings.Fields(reply)
	if len(words) < 2 || words[0] != "AT" {
		return "", false
	}
	return words[1], true
}
