package node

import (
	"fmt"
	"net/http"
	"time"

	"herd/config"
	"herd/gossip"
)

// memberInfo is a member in the answers of the API. Names are a contract: add,
// never change.
type memberInfo struct {
	Name    string    `json:"name"`
	Origin  string    `json:"origin"` // its incarnation, 16 hexadecimal digits
	State   string    `json:"state"`  // alive, suspect, failed, left
	Since   time.Time `json:"since"`  // when the state began, by this node's clock
	Started time.Time `json:"started"`
	Client  string    `json:"client"`
	Gossip  string    `json:"gossip"`
	HTTP    string    `json:"http"`
	Version string    `json:"version"`
	InSync  bool      `json:"in_sync"`        // answers of this node wait for it
	Leased  bool      `json:"leased"`         // this node holds all that it has acknowledged
	Linked  bool      `json:"linked"`         // both streams stand
	Acked   uint64    `json:"acked"`          // this node's last batch that it has, with all before
	Queued  int       `json:"queued"`         // bytes that wait for it
	Lagging bool      `json:"lagging"`        // its queue overflowed; it catches up
	Unseen  bool      `json:"unseen"`         // it says that it does not see this node among the living
	Leaving bool      `json:"leaving"`        // it says that it is about to leave: it takes no new clients
	Clock   *int64    `json:"clock_ahead_us"` // how far its clock is ahead of this node's, in microseconds; null: not measured
}

func describeMember(m gossip.Member) memberInfo {
	i := memberInfo{
		Name: m.Name, Origin: fmt.Sprintf("%016x", uint64(m.Origin)),
		State: m.State.String(), Since: m.Since.UTC(), Started: m.Started.UTC(),
		Client: m.Client, Gossip: m.Gossip, HTTP: m.HTTP, Version: m.Version,
		InSync: m.InSync, Leased: m.Leased, Linked: m.Linked,
		Acked: m.Acked, Queued: m.Queued, Lagging: m.Lagging, Unseen: m.Unseen, Leaving: m.Leaving,
	}
	if m.ClockKnown {
		us := m.Clock.Microseconds()
		i.Clock = &us
	}
	return i
}

// getMembers lists the herd as this node sees it, by name.
func (n *Node) getMembers(w http.ResponseWriter, _ *http.Request) {
	answer := struct {
		Self    string       `json:"self"`
		Members []memberInfo `json:"members"`
	}{n.config.Settings.Name, []memberInfo{}}
	for _, m := range n.cluster.Members() {
		answer.Members = append(answer.Members, describeMember(m))
	}
	writeJSON(w, http.StatusOK, answer)
}

// getSelf describes this node.
func (n *Node) getSelf(w http.ResponseWriter, _ *http.Request) {
	sync := n.cluster.Sync()
	writeJSON(w, http.StatusOK, struct {
		memberInfo
		Ready    bool     `json:"ready"`
		CaughtUp bool     `json:"caught_up"`
		Behind   []string `json:"behind"`  // names of live members that know what this node does not
		Clients  int      `json:"clients"` // whose fixes this node holds
	}{describeMember(n.cluster.Self()), n.in(serving), sync.CaughtUp, append([]string{}, sync.Behind...), n.table.Len()})
}

// postLeave begins the end of the node, or has one that has begun come sooner. The HTTP port is
// open until it has left.
func (n *Node) postLeave(w http.ResponseWriter, r *http.Request) {
	p := readParams(r)
	drain := p.span("drain", 0, config.MaxDrain, n.usualDrain())
	if p.bad(w) {
		return
	}
	n.log.Info("asked over HTTP to leave", "drain", drain)
	writeJSON(w, http.StatusAccepted, struct {
		State string `json:"state"`
		Drain string `json:"drain"`
	}{"leaving", drain.String()})
	n.leaveWithin(drain)
}
