package load

import (
	"slices"
	"sync"
)

// homes says which address each connection is for, as long as that answers.
type homes struct {
	mu    sync.Mutex // guards the fields below
	addrs []string
	of    []string // by connection
}

func newHomes(connections int, addrs []string) *homes {
	h := &homes{of: make([]string, connections)}
	h.set(addrs)
	return h
}

// home is the address that connection i is for.
func (h *homes) home(i int) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.of[i]
}

// others are all addresses, from one on that depends on i: those whose node is gone do not
// all go to the same one.
func (h *homes) others(i int) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	at := i % len(h.addrs)
	return slices.Concat(h.addrs[at:], h.addrs[:at])
}

// set has the connections spread over these addresses, at least one, as evenly as can be,
// and moves as few as that needs.
func (h *homes) set(addrs []string) {
	addrs = slices.Compact(slices.Sorted(slices.Values(addrs)))
	h.mu.Lock()
	defer h.mu.Unlock()
	h.addrs = addrs
	has := make([]int, len(addrs))
	var free []int
	least, more := len(h.of)/len(addrs), len(h.of)%len(addrs) // so many have one more than least
	for i, addr := range h.of {
		n, known := slices.BinarySearch(addrs, addr)
		switch {
		case known && has[n] < least:
			has[n]++
		case known && has[n] == least && more > 0:
			has[n]++
			more--
		default:
			free = append(free, i)
		}
	}
	for n := 0; len(free) > 0; n++ {
		// First all up to least; a second time round those that have one more.
		at, most := n%len(addrs), least
		if n >= len(addrs) && has[at] == least {
			most++
		}
		for ; has[at] < most && len(free) > 0; has[at]++ {
			h.of[free[0]], free = addrs[at], free[1:]
		}
	}
}
