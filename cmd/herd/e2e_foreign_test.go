//go:build unix

package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"log"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/memberlist"
)

// later is the version of all that a peer of a release to come says.
const later = 9

// foreigner is such a peer. It is in keyless herds only, and takes no streams.
type foreigner struct{ *memberlist.NetTransport }

// Purposes of streams.
const (
	forMembership = 1
	forLive       = 2
)

// greet opens a stream to a node as each peer does: TLS, then a proof to each other. Of the version
// of that alone all else depends.
func greet(addr string, version, purpose byte) (net.Conn, error) {
	conn, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS13})
	if err != nil {
		return nil, err
	}
	conn.SetDeadline(time.Now().Add(hang))
	state := conn.ConnectionState()
	session, err := state.ExportKeyingMaterial("EXPORTER-herd-gossip", []byte{}, sha256.Size)
	if err != nil {
		conn.Close()
		return nil, err
	}
	const name = "Later"
	proof := hmac.New(sha256.New, []byte("no key"))
	proof.Write(session)
	proof.Write([]byte{'D', purpose})
	io.WriteString(proof, name)
	hello := append([]byte{version, purpose, byte(len(name)), 1}, name...)
	conn.Write(proof.Sum(hello)) // if it is not taken there is no answer
	answer := make([]byte, 4)
	if _, err = io.ReadFull(conn, answer); err == nil {
		_, err = io.ReadFull(conn, make([]byte, int(answer[2])+sha256.Size*int(answer[3])))
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// DialTimeout opens a stream for memberlist.
func (f foreigner) DialTimeout(addr string, _ time.Duration) (net.Conn, error) {
	return greet(addr, 1, forMembership)
}

// DialAddressTimeout opens a stream for memberlist.
func (f foreigner) DialAddressTimeout(a memberlist.Address, _ time.Duration) (net.Conn, error) {
	return greet(a.Addr, 1, forMembership)
}

// foreignMeta is what it says of itself.
type foreignMeta struct{}

func (foreignMeta) NodeMeta(int) []byte             { return []byte{later, 1, 1, 5, 'L', 'a', 't', 'e', 'r'} }
func (foreignMeta) NotifyMsg([]byte)                {}
func (foreignMeta) GetBroadcasts(int, int) [][]byte { return nil }
func (foreignMeta) LocalState(bool) []byte          { return nil }
func (foreignMeta) MergeRemoteState([]byte, bool)   {}

// joinForeigner has a foreigner join, who says again and again that it is there.
func joinForeigner(t *testing.T, seed string) {
	t.Helper()
	quiet := log.New(io.Discard, "", 0)
	wire, err := memberlist.NewNetTransport(&memberlist.NetTransportConfig{BindAddrs: []string{"127.0.0.1"}, Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	c := memberlist.DefaultLocalConfig()
	c.Name, c.BindAddr, c.BindPort = "Later-0000000000000009", "127.0.0.1", wire.GetAutoBindPort()
	c.Transport, c.Delegate, c.Logger = foreigner{wire}, foreignMeta{}, quiet
	c.EnableCompression = false
	c.PushPullInterval = 100 * time.Millisecond
	list, err := memberlist.Create(c)
	if err != nil {
		wire.Shutdown()
		t.Fatal(err)
	}
	t.Cleanup(func() { list.Shutdown() })
	if _, err := list.Join([]string{seed}); err != nil {
		t.Fatal(err)
	}
}

// A peer whose metadata, sessions or proofs are of a version that this release does not know is
// refused each time, counted, and told of once, with the versions; and the herd goes on.
func TestE2EForeignVersions(t *testing.T) {
	herd := []*process{start(t, spec{name: "Bailey"})}
	herd = append(herd, start(t, spec{name: "Clark", join: []string{herd[0].Ready.Gossip}}))
	settle(t, herd)
	p, before := herd[0], logLines(herd)
	origin, err := strconv.ParseUint(p.self().Origin, 16, 64)
	if err != nil {
		t.Fatal(err)
	}
	hail := binary.BigEndian.AppendUint64([]byte{later}, 9) // of a session: whose, with whom, which
	hail = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(hail, origin), 1)
	for _, c := range []struct {
		what   string
		metric string
		line   string
		comes  func(t *testing.T)
	}{
		{
			"metadata", "herd_members_refused_total",
			"member refused: its release and this one can't be in one herd: give one of them a release that goes with both: member=Later-0000000000000009",
			func(t *testing.T) { joinForeigner(t, p.Ready.Gossip) },
		},
		{
			"session", "herd_sessions_refused_total",
			"session refused: its release and this one speak no version in common: give one of them a release that goes with both: peer=Later",
			func(t *testing.T) {
				for range 3 {
					conn, err := greet(p.Ready.Gossip, 1, forLive)
					if err != nil {
						t.Fatal(err)
					}
					conn.Write(hail)
					if _, err := conn.Read(make([]byte, 1)); err != nil {
						t.Errorf("it is not told why: %v", err)
					}
					conn.Close()
				}
			},
		},
		{
			"proof", `herd_gossip_streams_refused_total{reason="junk"}`,
			"gossip stream refused: not a peer: addr=",
			func(t *testing.T) {
				for range 3 {
					if conn, err := greet(p.Ready.Gossip, later, forMembership); err == nil {
						t.Error("it is let in")
						conn.Close()
					}
				}
			},
		},
	} {
		t.Run(c.what, func(t *testing.T) {
			from := p.metrics()[c.metric]
			c.comes(t)
			until(t, "it is refused again and again", func() bool { return p.metrics()[c.metric] >= from+3 })
			p.waitLog(c.line)
			text := p.logText()
			if n := strings.Count(text, c.line); n != 1 {
				t.Errorf("%d lines say %q, want 1", n, c.line)
			}
			_, rest, _ := strings.Cut(text, c.line)
			rest, _, _ = strings.Cut(rest, "\n")
			t.Log(c.line + rest)
			if !strings.Contains(rest, fmt.Sprint(later)) {
				t.Errorf("the line does not name version %d: %s", later, rest)
			}
		})
	}
	unharmed(t, herd, before)
}
