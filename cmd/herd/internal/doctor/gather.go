package doctor

import (
	"context"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"herd/config"
	"herd/node"
)

// World is what [Gather] asks that is not the same everywhere.
type World struct {
	Root       string // of the file system that describes the machine: "/"
	MaxFiles   uint64 // open files that this process may have
	SpareFiles uint64 // of those, for all but clients
	API        API    // of the node that may run
}

// Bounds of what is asked.
const (
	maxProbes = 256 // addresses of seeds, and as many of members
	probers   = 16  // at once
)

// Gather looks at all that [Facts.Judge] is to know. It takes some seconds if nodes do not
// answer; ctx may cut it short.
func Gather(ctx context.Context, loaded *config.Loaded, w World) *Facts {
	c := loaded.Config
	f := &Facts{
		Now: time.Now(), Loaded: loaded, Config: c,
		MaxFiles: w.MaxFiles, SpareFiles: w.SpareFiles,
		Memory:  memoryOf(w.Root),
		Folders: folders(c),
		Root:    lookAsRoot(c),
		KeyKept: c.Gossip.KeyFile != "" && !writable(filepath.Dir(c.Gossip.KeyFile)),
		Own:     ownAddrs(),
	}
	f.Advertised, f.AdvertiseErr = node.AdvertisedAddr(ctx, c.Gossip.AdvertiseAddr, c.Gossip.Addr)
	f.Ports = bindAll(ctx, c, w.Root)
	f.Node = askNode(ctx, w.API)
	f.Disk = lookAtDisk(c.Storage.DataDir, f.Node != nil)

	prober := node.Prober{Name: c.Name, Label: c.Gossip.Label, Keys: loaded.Keys}
	for _, text := range c.Gossip.Join {
		s := Seed{Text: text}
		var addrs []string
		addrs, s.Err = node.ResolveSeed(ctx, text)
		for _, a := range addrs {
			s.Probes = append(s.Probes, node.Probe{Addr: a})
		}
		f.Seeds = append(f.Seeds, s)
	}
	if f.Node != nil {
		for _, m := range f.Node.Members {
			if m.live() && m.Origin != f.Node.Self.Origin && len(f.Members) < maxProbes {
				f.Members = append(f.Members, node.Probe{Addr: m.Gossip})
			}
		}
	}
	probes := make([]*node.Probe, 0, len(f.Members))
	for i := range f.Seeds {
		s := &f.Seeds[i]
		s.Probes = s.Probes[:min(len(s.Probes), max(0, maxProbes-len(probes)))]
		for j := range s.Probes {
			probes = append(probes, &s.Probes[j])
		}
	}
	for i := range f.Members {
		probes = append(probes, &f.Members[i])
	}
	askAll(ctx, prober, probes)
	return f
}

// askAll fills in what was found at each address.
func askAll(ctx context.Context, prober node.Prober, probes []*node.Probe) {
	slots := make(chan struct{}, probers)
	var wg sync.WaitGroup
	for _, p := range probes {
		slots <- struct{}{}
		wg.Go(func() {
			*p = prober.Ask(ctx, p.Addr)
			<-slots
		})
	}
	wg.Wait()
}

// secrets are the files that must be their reader's alone.
func secrets(c config.Config) []Folder {
	return slices.DeleteFunc([]Folder{
		{Setting: "gossip.key_file", Name: c.Gossip.KeyFile},
		{Setting: "http.read_token_file", Name: c.HTTP.ReadTokenFile},
		{Setting: "http.write_token_file", Name: c.HTTP.WriteTokenFile},
		{Setting: "tls.key_file", Name: c.TLS.KeyFile},
		{Setting: "places.google.key_file", Name: c.Places.Google.KeyFile},
	}, func(f Folder) bool { return f.Name == "" })
}

// folders are those of secrets.
func folders(c config.Config) []Folder {
	var all []Folder
	for _, f := range secrets(c) {
		f.Name = filepath.Dir(f.Name)
		info, err := os.Stat(f.Name)
		if err != nil || slices.ContainsFunc(all, func(g Folder) bool { return g.Name == f.Name }) {
			continue
		}
		f.Mode = info.Mode()
		all = append(all, f)
	}
	return all
}

func ownAddrs() []netip.Addr {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	var all []netip.Addr
	for _, a := range addrs {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			all = append(all, p.Addr().Unmap())
		}
	}
	return all
}

// bindAll tries to bind each port as a node does, and lets it go.
func bindAll(ctx context.Context, c config.Config, root string) []Port {
	all := []Port{
		{Setting: "client.addr", Network: "tcp", Addr: c.Client.Addr},
		{Setting: "gossip.addr", Network: "tcp", Addr: c.Gossip.Addr},
		{Setting: "gossip.addr", Network: "udp", Addr: c.Gossip.Addr},
		{Setting: "http.addr", Network: "tcp", Addr: c.HTTP.Addr},
	}
	for i := range all {
		p := &all[i]
		if p.Err = bind(ctx, *p); p.Err != nil {
			p.Holder = holder(root, p.Network, p.Addr)
		}
	}
	return all
}

func bind(ctx context.Context, p Port) error {
	network := p.Network
	if at, err := netip.ParseAddrPort(p.Addr); err == nil && at.Addr().Is4() {
		network += "4" // 0.0.0.0 is all addresses of IPv4
	}
	var lc net.ListenConfig
	if p.Network == "udp" {
		conn, err := lc.ListenPacket(ctx, network, p.Addr)
		if err == nil {
			conn.Close()
		}
		return err
	}
	l, err := lc.Listen(ctx, network, p.Addr)
	if err == nil {
		l.Close()
	}
	return err
}

// goal is GOMEMLIMIT, 0 if there is none.
func goal() uint64 {
	const none = 1<<63 - 1
	if n := debug.SetMemoryLimit(-1); n > 0 && n < none {
		return uint64(n)
	}
	return 0
}
