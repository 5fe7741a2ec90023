package gossip

import (
	"fmt"
	"time"

	"github.com/hashicorp/memberlist"
)

// profile is how fast the herd notices and how much it gives a slow network.
type profile struct {
	name          string
	probeInterval time.Duration // one member is probed each
	probeTimeout  time.Duration // for a direct answer; then others are asked to probe
	gossip        time.Duration // news of members go out each
	pushPull      time.Duration // whole states are compared each
	stream        time.Duration // longest wait for a dial, and for each read and write, of a push/pull
	suspicionMult int           // a suspect has suspicionMult·log10(n)·probeInterval to refute, at least
	suspicionMax  int           // ×: the wait while nobody else confirms the suspicion
	forget        time.Duration // the dead are told of, and remembered by memberlist, for so long: it believes no member whose incarnation it holds to be old
	settle        time.Duration // after this a death is known to all: twice the wait of one whom nobody confirms, in a small herd
}

// retransmits is how often a node passes on a piece of news, ×log10(n+1). Who is
// suspected has a second to refute it: with memberlist's 4, which loss eats up within
// two rounds of gossip, somebody is declared dead by mistake four times a minute in a
// herd of five that loses 30 % of its packets, and with 12 not once in 50 minutes.
const retransmits = 12

// profiles by name. lan is measured: a kill -9 is seen by all in 1.2-2.6 s, and
// at 30 % packet loss nobody is declared dead by mistake.
func profileNamed(name string) (profile, error) {
	switch name {
	case "local":
		return profile{"local", 200 * time.Millisecond, 100 * time.Millisecond, 20 * time.Millisecond, 2 * time.Second, time.Second, 4, 6, 4 * time.Second, 10 * time.Second}, nil
	case "lan", "":
		return profile{"lan", 250 * time.Millisecond, 100 * time.Millisecond, 50 * time.Millisecond, 5 * time.Second, 2 * time.Second, 4, 6, 4 * time.Second, 12 * time.Second}, nil
	case "wan":
		return profile{"wan", time.Second, 500 * time.Millisecond, 200 * time.Millisecond, 15 * time.Second, 5 * time.Second, 5, 6, 20 * time.Second, 60 * time.Second}, nil
	}
	return profile{}, fmt.Errorf("profile %q: want local, lan or wan", name)
}

// config is the part of memberlist's configuration that the profile decides.
func (p profile) config() *memberlist.Config {
	c := memberlist.DefaultLANConfig()
	c.ProbeInterval, c.ProbeTimeout = p.probeInterval, p.probeTimeout
	c.GossipInterval, c.PushPullInterval = p.gossip, p.pushPull
	c.SuspicionMult, c.SuspicionMaxTimeoutMult = p.suspicionMult, p.suspicionMax
	c.GossipToTheDeadTime = p.forget
	c.TCPTimeout = p.stream
	c.RetransmitMult = retransmits
	// Membership news are few and small: compressing them costs more than it
	// saves. Packets stay at 1,400 bytes: memberlist corrupts larger compounds.
	c.EnableCompression = false
	c.UDPBufferSize = 1400
	// The transport decides what is bound and what is advertised.
	c.BindAddr, c.BindPort, c.AdvertiseAddr, c.AdvertisePort = "", 0, "", 0
	return c
}
