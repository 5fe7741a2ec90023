package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"herd/node/load"
)

// runNear asks who is near points.
func (b *benchVerb) runNear(ctx context.Context) error {
	end, err := b.startServers(ctx, b.alone())
	if err != nil {
		return err
	}
	defer end()
	if b.load.Protocol == load.Herd {
		if err := b.findPorts(ctx); err != nil {
			return err
		}
	}
	report, err := b.measure(ctx)
	if err != nil {
		return err
	}
	return b.show(report)
}

// findPorts has clients stored at the clients' ports of the nodes, and HTTP asked.
func (b *benchVerb) findPorts(ctx context.Context) error {
	c := &b.load
	if b.own != nil {
		c.Store, c.Addrs = c.Addrs, nil
		for _, n := range b.own.nodes {
			c.Addrs = append(c.Addrs, n.HTTP)
		}
		return nil
	}
	b.node.http.Timeout = startPatience
	if c.TLS != nil {
		b.node.scheme = "https://"
	}
	for _, addr := range c.Addrs {
		node := b.node.at(addr)
		body, err := node.do(ctx, http.MethodGet, "/v1/self")
		if err != nil {
			return err
		}
		var self struct{ Client string }
		if err := json.Unmarshal(body, &self); err != nil || self.Client == "" {
			return fmt.Errorf("%s does not say at which address it takes clients", addr)
		}
		if !node.reaches(self.Client) {
			return node.elsewhere(self.Client, "")
		}
		if err := b.allow(ctx, self.Client); err != nil {
			return err
		}
		c.Store = append(c.Store, self.Client)
	}
	c.Authorization = b.node.access.authorization()
	return nil
}
