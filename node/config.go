package node

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"math/rand/v2"
	"net"
	"net/netip"
	"path/filepath"
	"time"

	"github.com/hashicorp/go-hclog"

	"herd/config"
	"herd/gossip"
	"herd/gossip/journal"
	"herd/gossip/location"
	"herd/places"
)

// Config is what a [Node] is made of.
type Config struct {
	// Settings have been checked: [config.Load] or [config.Config.Validate] has.
	Settings config.Config

	// Keys is the gossip keyring, the primary first. Empty: none, and any
	// stranger who reaches the gossip port may join.
	Keys [][]byte

	// SaveKeys is to have a restart bring these keys in place of Keys, which the herd has
	// changed: see [gossip.Config]. Nil: it can't be done.
	SaveKeys func(keys [][]byte) error

	Version string       // release of the program: other members are told
	Logger  hclog.Logger // nil: no log

	// PlacesKey is for Google's Places, if the settings ask it.
	PlacesKey config.Secret

	// ReadTokens and WriteTokens are those of the HTTP port. No tokens at all: nobody
	// is asked for one.
	ReadTokens, WriteTokens []config.Secret

	// TLS is what the ports of the settings speak with. Nil: in the clear.
	TLS *tls.Config

	// Sources make the providers of what is near that the settings ask for. Nil: new
	// ones. Nodes of one process should share theirs.
	Sources *Sources

	// Links are asked what is near, in place of what the settings say, if there are
	// any.
	Links []places.Link

	// Load reads the configuration again, for [Node.Reload]. Nil: there is none to be read.
	Load func() (*config.Loaded, error)

	// SetLog has the log be as settings say; an error leaves it as it was. It is called by
	// Reload, and must not wait. Nil: the log stays as it is.
	SetLog func(config.Log) error

	// SetMemory has the collector of this process keep to a number of bytes, 0: to none. It
	// is called as SetLog is. Nil: the process has other bounds.
	SetMemory func(bytes int)

	// Network carries gossip. Nil: the operating system's.
	Network gossip.Network

	slept func() time.Duration // of the machine; nil: the network is simulated, and with it the time

	// Listen binds the client port and the HTTP port. Nil: TCP.
	Listen func(ctx context.Context, addr string) (net.Listener, error)

	// Clock is the wall clock: what reports are received by, and all that people and
	// other nodes are told. Nil: time.Now.
	Clock func() time.Time

	// Files keep what the node knows, in place of the data folder of the settings. Nil:
	// that does, if there is one.
	Files journal.FS

	// Supervisor kills and restarts nodes for the chaos API, if the settings allow that.
	// Nil: nobody does.
	Supervisor Supervisor

	// Table is where fixes go. Nil: a new one.
	Table *location.Table
}

// shards of the table: with 10 million clients a scan holds one for less than a
// millisecond. An empty table costs half a megabyte.
const shards = 4096

func (c Config) withDefaults() Config {
	if c.Logger == nil {
		c.Logger = hclog.NewNullLogger()
	}
	if c.Listen == nil {
		c.Listen = listenTCP
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Sources == nil {
		c.Sources = NewSources(c.Version)
	}
	if c.Network == nil {
		c.Network, c.slept = gossip.OS{}, gossip.Slept
	}
	if c.Table == nil {
		c.Table = location.NewTable(shards, tableSeed(c.Keys))
	}
	return c
}

// tableSeed is the seed of a node's table: the same at all nodes of a herd. What one of
// them scans, shard by shard, then falls into one shard after the other at the next,
// whose index and end stay in the processor's cache. Strangers do not know the key,
// and so no seed either. In a keyless herd, or while keys are changed, seeds differ, and
// a join takes longer.
func tableSeed(keys [][]byte) uint64 {
	if len(keys) == 0 {
		return rand.Uint64()
	}
	m := hmac.New(sha256.New, keys[0])
	m.Write([]byte("herd table"))
	return binary.BigEndian.Uint64(m.Sum(nil))
}

// listenTCP takes 0.0.0.0 for all addresses of IPv4; Go would add those of IPv6.
func listenTCP(ctx context.Context, addr string) (net.Listener, error) {
	network := "tcp"
	if at, err := netip.ParseAddrPort(addr); err == nil && at.Addr().Is4() {
		network = "tcp4"
	}
	var lc net.ListenConfig
	return lc.Listen(ctx, network, addr)
}

// addressBook is the file in which the cluster keeps whom it has met.
func (c Config) addressBook() string {
	if c.Settings.Storage.DataDir == "" {
		return ""
	}
	return filepath.Join(c.Settings.Storage.DataDir, "members.json")
}

// disk is where the cluster keeps its table.
func (c Config) disk() gossip.Disk {
	s := c.Settings.Storage
	mode := gossip.SyncInterval
	switch s.Sync {
	case "always":
		mode = gossip.SyncAlways
	case "none":
		mode = gossip.SyncNone
	}
	switch {
	case c.Files != nil:
		return gossip.Disk{FS: c.Files, Mode: mode, Interval: s.SyncInterval}
	case s.DataDir == "":
		return gossip.Disk{}
	}
	return gossip.DiskAt(s.DataDir, mode, s.SyncInterval)
}

// gossip is the cluster's part. client and http are the bound addresses.
func (c Config) gossip(client, http net.Addr, states ...gossip.State) gossip.Config {
	s := c.Settings
	return gossip.Config{
		Name:           s.Name,
		Network:        c.Network,
		BindAddr:       s.Gossip.Addr,
		AdvertiseAddr:  s.Gossip.AdvertiseAddr,
		Join:           s.Gossip.Join,
		Label:          s.Gossip.Label,
		Profile:        s.Gossip.Profile,
		Keys:           c.Keys,
		SaveKeys:       c.SaveKeys,
		Client:         client.String(),
		HTTP:           http.String(),
		Version:        c.Version,
		NoAcks:         s.Herd.Acks == "none",
		Acks:           s.Herd.AckCount(),
		AckTimeout:     s.Herd.AckTimeout,
		Clock:          c.Clock,
		Slept:          c.slept,
		MaxClientAhead: s.Herd.MaxClientAhead,
		Limits:         limitsOf(s.Herd),
		Table:          c.Table,
		States:         states,
		Disk:           c.disk(),
		AddressBook:    c.addressBook(),
		Logger:         c.Logger.Named("gossip"),
	}
}

// limitsOf are the cluster's limits. The table may take three quarters of the memory: the
// rest is for connections, queues, who is near and the collector.
func limitsOf(h config.Herd) gossip.Limits {
	return gossip.Limits{TTL: h.TTL, MaxClients: int64(h.MaxClients), Bytes: int64(h.MemoryLimit) / 4 * 3}
}
