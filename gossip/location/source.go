package location

import (
	"hash/maphash"
	"strings"
	"sync"
	"sync/atomic"
)

// source is what all fixes that a node took in one life have in common: few values
// for many fixes, so a record holds a number instead.
type source struct {
	node      string
	origin    Origin
	takeovers uint32
	number    uint32
}

func (s *source) of(e *Entry) bool {
	return s.origin == e.Dot.Origin && s.takeovers == e.Dot.Takeovers && s.node == e.Node
}

// maxSources bounds the sources of a table. Peers may name as many as they like; fixes of
// further ones are kept whole, and so there are no more of those than clients.
const maxSources = 1 << 17

// sources numbers the sources of a table, from 0. Finding takes no lock. None is
// forgotten: there is one for each life of a node, and one for each node whose fixes
// another took over.
type sources struct {
	seed  maphash.Seed
	all   atomic.Pointer[[]*source]                // by number
	slots atomic.Pointer[[]atomic.Pointer[source]] // open addressing, at most half full
	mu    sync.Mutex                               // held to add one
}

func newSources() *sources {
	s := &sources{seed: maphash.MakeSeed()}
	all, slots := []*source{}, make([]atomic.Pointer[source], 16)
	s.all.Store(&all)
	s.slots.Store(&slots)
	return s
}

// get is the source with a number that find gave out.
func (s *sources) get(number uint32) *source { return (*s.all.Load())[number] }

// find is the source of e, which has its number from the first time on; nil if there are
// too many.
func (s *sources) find(e *Entry) *source {
	if _, found := s.slot(*s.slots.Load(), e); found != nil {
		return found
	}
	return s.add(e)
}

func (s *sources) add(e *Entry) *source {
	s.mu.Lock()
	defer s.mu.Unlock()
	all, slots := *s.all.Load(), *s.slots.Load()
	slot, found := s.slot(slots, e)
	if found != nil {
		return found // somebody was faster
	}
	if len(all) >= maxSources {
		return nil
	}
	added := &source{strings.Clone(e.Node), e.Dot.Origin, e.Dot.Takeovers, uint32(len(all))}
	all = append(all, added)
	s.all.Store(&all) // first, so that whoever finds it can get it
	slot.Store(added)
	if 2*len(all) > len(slots) {
		slots = make([]atomic.Pointer[source], 2*len(slots))
		for _, old := range all {
			slot, _ := s.slot(slots, &Entry{Fix{Node: old.node}, Dot{Takeovers: old.takeovers, Origin: old.origin}})
			slot.Store(old)
		}
		s.slots.Store(&slots)
	}
	return added
}

// slot is where the source of e is, or belongs if found is nil.
func (s *sources) slot(slots []atomic.Pointer[source], e *Entry) (slot *atomic.Pointer[source], found *source) {
	hash := fold(maphash.String(s.seed, e.Node)^uint64(e.Dot.Takeovers), uint64(e.Dot.Origin)^0x9e3779b97f4a7c15)
	for i := hash; ; i++ {
		slot = &slots[i&uint64(len(slots)-1)]
		if found = slot.Load(); found == nil || found.of(e) {
			return slot, found
		}
	}
}
