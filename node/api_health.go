package node

import (
	"fmt"
	"net/http"
	"strings"

	"herd/gossip"
)

// getLivez says that this process is alive. It never depends on other nodes: a
// supervisor that restarts a node because its peers are ill makes two ill.
func (n *Node) getLivez(w http.ResponseWriter, _ *http.Request) {
	plain(w, http.StatusOK, "alive\n")
}

// getReadyz says whether clients should be sent to this node. Whoever has shown nothing of what
// is asked for elsewhere learns no names, addresses or figures of the herd.
func (n *Node) getReadyz(w http.ResponseWriter, r *http.Request) {
	status, sync, known := http.StatusOK, n.cluster.Sync(), n.knows(r)
	verdict := "ready"
	switch {
	case n.in(leaving):
		status, verdict = http.StatusServiceUnavailable, "not ready: leaving"
	case !known && !n.in(serving) && sync.CaughtUp && sync.Clock.Astray():
		status, verdict = http.StatusServiceUnavailable, "not ready: its clock is astray"
	case !known && !n.in(serving):
		status, verdict = http.StatusServiceUnavailable, "not ready: catching up"
	case !n.in(serving) && sync.CaughtUp && sync.Clock.Astray():
		status, verdict = http.StatusServiceUnavailable, "not ready: its clock is "+sync.Clock.Difference()
	case !n.in(serving):
		status, verdict = http.StatusServiceUnavailable, "not ready: catching up"+with(sync)
	}
	var b strings.Builder
	if known && r.URL.Query().Has("verbose") {
		n.checks(&b, sync)
	}
	plain(w, status, b.String()+verdict+"\n")
}

// checks writes a line for each thing that is as it should be, [+], or not, [-].
// Those about members are for people: they don't make this node unready.
func (n *Node) checks(b *strings.Builder, sync gossip.Sync) {
	line := func(ok bool, what, yes, no string) {
		sign, text := "+", yes
		if !ok {
			sign, text = "-", no
		}
		fmt.Fprintf(b, "[%s] %s: %s\n", sign, what, text)
	}
	a := n.Addrs()
	line(n.in(serving), "clients", "served at "+a.Client, "not served at "+a.Client)
	line(sync.CaughtUp, "table", "caught up", "catching up"+with(sync))
	if clock := sync.Clock; clock.Peers > 0 {
		line(!clock.Astray(), "clock", clock.Difference(),
			fmt.Sprintf("%s, more than %s", clock.Difference(), clock.Limit))
	}
	if disk := n.cluster.Stats().Disk; disk.On {
		trouble := journalTrouble(disk)
		line(trouble == "", "journal", journalText(disk), trouble)
	}
	for _, m := range n.cluster.Members() {
		if m.Self || m.State != gossip.Alive && m.State != gossip.Suspect {
			continue
		}
		insync, leased := "in sync", "leased"
		if !m.InSync {
			insync = "not in sync"
		}
		if !m.Leased {
			leased = "not leased"
		}
		state := m.State.String()
		if m.Leaving && m.State == gossip.Alive {
			state = "leaving"
		}
		text := fmt.Sprintf("%s, %s, %s", state, insync, leased)
		if m.Unseen {
			text += ", does not see this node"
		}
		line(m.InSync && m.Leased && !m.Unseen && m.State == gossip.Alive, "member "+m.Name, text, text)
	}
}

// journalTrouble says what is wrong with the disk; empty: nothing.
func journalTrouble(d gossip.DiskStats) string {
	switch {
	case d.Trouble && d.Why != "":
		return "behind: " + d.Why
	case d.Trouble:
		return "behind: the disk is slow"
	case d.Waits && !d.InSync:
		return "the disk does not keep up: reports are acknowledged without it"
	}
	return ""
}

// journalText says what a disk does that is well.
func journalText(d gossip.DiskStats) string {
	if d.InSync {
		return "every acknowledged report is on disk"
	}
	return "on disk"
}

// with is " with" and whom the node waits for, if that is known.
func with(s gossip.Sync) string {
	if who := whom(s); who != "" {
		return " with " + who
	}
	return ""
}

// whom names whom the node is behind of.
func whom(s gossip.Sync) string {
	if len(s.Behind) == 0 && s.Awaits {
		return "seeds that have yet to answer"
	}
	return strings.Join(s.Behind, ", ")
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	fmt.Fprint(w, text)
}
