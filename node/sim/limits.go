package sim

import (
	"math"
	"slices"
	"time"

	"herd/gossip"
	"herd/node/history"
)

func (u *Unlike) setTTL(i int, ttl time.Duration) {
	if u.TTL == nil {
		u.TTL = make(map[int]time.Duration)
	}
	u.TTL[i] = ttl
}

func (u *Unlike) setMaxClients(i, most int) {
	if u.MaxClients == nil {
		u.MaxClients = make(map[int]int)
	}
	u.MaxClients[i] = most
}

// limits are what a node is configured to.
func (s *Scenario) limits(i int) gossip.Limits {
	l := gossip.Limits{TTL: s.TTL, MaxClients: s.MaxClients}
	if ttl, ok := s.Unlike.TTL[i]; ok {
		l.TTL = ttl
	}
	if most, ok := s.Unlike.MaxClients[i]; ok {
		l.MaxClients = most
	}
	return l
}

// judge has a history judged by the limits that may, and that must, have been kept.
//
// The herd keeps what most nodes are configured to. But who starts anew knows nobody, and
// those who have left do not count: while the herd was in parts some of them may have kept
// what any node is configured to, and what one has given up is gone for good. As long as the
// one with other limits stays, and nobody takes his leave, nothing may be given up by them.
func (s *Scenario) judge(h *history.Settings) {
	var ttls []time.Duration
	var mosts []int
	for i := range maxNodes {
		if s.runs(i) {
			l := s.limits(i)
			ttls, mosts = append(ttls, noneLast(l.TTL)), append(mosts, noneLast(l.MaxClients))
		}
	}
	slices.Sort(ttls)
	slices.Sort(mosts)
	least := 0
	if s.stays() {
		least = len(ttls) / 2
	}
	h.LeastTTL, h.LeastClients = noneZero(ttls[least]), noneZero(mosts[least])
	last := len(ttls) - 1
	h.TTL, h.MaxClients = noneZero(ttls[last]), noneZero(mosts[last])
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
