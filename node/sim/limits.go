package sim

import (
	"math"
	"slices"
	"time"

	"herd/node/history"
)

// set has node i have a limit of its own.
func set[T time.Duration | int](unlike *map[int]T, i int, limit T) {
	if *unlike == nil {
		*unlike = make(map[int]T)
	}
	(*unlike)[i] = limit
}

// limits are what a node is configured to; 0: none.
type limits struct {
	ttl        time.Duration
	maxClients int
	memoryFor  int // clients
}

func (s *Scenario) limits(i int) limits {
	l := limits{s.TTL, s.MaxClients, s.MemoryFor}
	if ttl, ok := s.Unlike.TTL[i]; ok {
		l.ttl = ttl
	}
	if most, ok := s.Unlike.MaxClients[i]; ok {
		l.maxClients = most
	}
	if n, ok := s.Unlike.MemoryFor[i]; ok {
		l.memoryFor = n
	}
	return l
}

// judge has a history judged by the limits that may, and that must, have been kept.
//
// The herd keeps what most nodes are configured to. But who starts anew knows nobody, and
// those who have left do not count: while the herd was in parts some of them may have kept
// what any node is configured to, and what one has given up is gone for good. As long as the
// one with other limits stays, and nobody takes his leave, nothing may be given up by them.
//
// It returns for how many clients there is memory in any case, 0 for all.
func (s *Scenario) judge(h *history.Settings) (memoryFor int) {
	var ttls []time.Duration
	var mosts, memories []int
	for i := range maxNodes {
		if s.runs(i) {
			l := s.limits(i)
			ttls, mosts = append(ttls, noneLast(l.ttl)), append(mosts, noneLast(l.maxClients))
			memories = append(memories, noneLast(l.memoryFor))
		}
	}
	slices.Sort(ttls)
	slices.Sort(mosts)
	slices.Sort(memories)
	least := 0
	if s.stays() {
		least = len(ttls) / 2
	}
	h.LeastTTL, h.LeastClients = noneZero(ttls[least]), noneZero(min(mosts[least], fewest(memories[least])))
	last := len(ttls) - 1
	h.TTL, h.MaxClients = noneZero(ttls[last]), noneZero(min(mosts[last], memories[last]))
	return noneZero(memories[last])
}

// stays tells whether the one with other limits never starts anew, and nobody leaves; of two
// with other limits, whether nobody does.
func (s *Scenario) stays() bool {
	unlike := make(map[int]bool)
	for i := range s.Unlike.TTL {
		unlike[i] = true
	}
	for i := range s.Unlike.MaxClients {
		unlike[i] = true
	}
	for i := range s.Unlike.MemoryFor {
		unlike[i] = true
	}
	return !slices.ContainsFunc(s.Faults, func(f Fault) bool {
		anew := f.Kind == Start && (len(unlike) > 1 || slices.ContainsFunc(f.Nodes, func(i int) bool { return unlike[i] }))
		return f.Kind == Stop || anew
	})
}

// noneLast is a limit as a number by which limits can be sorted: none is the greatest.
func noneLast[T time.Duration | int](limit T) T {
	if limit == 0 {
		return math.MaxInt
	}
	return limit
}

// noneZero takes noneLast back.
func noneZero[T time.Duration | int](limit T) T {
	if limit == math.MaxInt {
		return 0
	}
	return limit
}
