package gossip

import (
	"fmt"

	"github.com/hashicorp/memberlist"
)

// foreignVersion is that metadata is of a version which this node does not read.
type foreignVersion struct{ version byte }

// Error names both versions.
func (e *foreignVersion) Error() string {
	return fmt.Sprintf("metadata of version %d, this node reads version %d", e.version, metaVersion)
}

// foreigner is a member that is refused for that.
type foreigner struct {
	id, addr string // as they came: of any kind
	version  byte
}

// maxForeigners bounds those that are told of. Whoever has the key can make up more: they are
// counted only.
const maxForeigners = 64

// noteForeignLocked has a member be told of that comes for the first time. It comes again and again.
func (t *memberTable) noteForeignLocked(n *memberlist.Node, e *foreignVersion) {
	id := n.Name[:min(len(n.Name), maxText)]
	if t.foreign[id] || len(t.foreign) >= maxForeigners {
		return
	}
	if t.foreign == nil {
		t.foreign = make(map[string]bool)
	}
	t.foreign[id] = true
	t.foreigners = append(t.foreigners, foreigner{id, n.Address(), e.version})
}

// takeForeigners is who is to be told of now.
func (t *memberTable) takeForeigners() []foreigner {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := t.foreigners
	t.foreigners = nil
	return all
}

func (c *Cluster) tellForeigner(f foreigner) {
	c.log.Warn("member refused: its release and this one can't be in one herd: give one of them a release that goes with both",
		"member", clean(f.id), "addr", f.addr, "metadata", f.version, "wanted", metaVersion)
}
