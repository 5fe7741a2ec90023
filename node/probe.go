package node

import (
	"context"
	"net/netip"

	"herd/gossip"
)

// A Prober asks nodes by gossip who they are, and is none. What it learns of one is a Probe;
// a Holder is a member that has a name.
type (
	Prober = gossip.Prober
	Probe  = gossip.Probe
	Holder = gossip.Holder
)

// KeyError tells that a node has another gossip key, or label.
type KeyError = gossip.KeyError

// ResolveSeed turns a seed into the addresses that it stands for now.
func ResolveSeed(ctx context.Context, seed string) ([]string, error) {
	return gossip.Resolve(ctx, seed)
}

// AdvertisedAddr is the address that members would be told of a node whose gossip port is bound
// to bind and that is configured to advertise; empty is nothing.
func AdvertisedAddr(ctx context.Context, advertise, bind string) (netip.AddrPort, error) {
	return gossip.Advertised(ctx, advertise, bind)
}
