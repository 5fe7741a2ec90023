package netlab

import (
	"container/heap"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"
)

// Link is what happens to packets from one host to another. The zero Link passes all
// of them on at once.
type Link struct {
	Cut       bool          // nothing passes, not even what was delayed and is under way
	Loss      float64       // share of packets that vanish, 0 to 1
	Duplicate float64       // share that comes twice
	Delay     time.Duration // of each packet
	Jitter    time.Duration // up to so much more, at random; packets overtake each other
	Reorder   float64       // share that has no delay, and so overtakes others
	Rate      int           // bytes a second, one after the other; 0: no limit
}

// linkQueue is how many packets wait on a link; more are dropped, as a router does.
const linkQueue = 1000

// Counts are what became of packets.
type Counts struct {
	Passed     uint64 // copies included
	Cut        uint64
	Lost       uint64
	Duplicated uint64
	Overflowed uint64 // dropped since too many waited
}

// port is one link, one way.
type port struct {
	Link
	free   time.Time // when a link with a rate has sent what waits
	queued int
}

// swtch passes packets between hosts.
type swtch struct {
	hosts []*Host
	tasks sync.WaitGroup
	wake  chan struct{} // something waits that is due before all else
	stop  chan struct{}

	mu     sync.Mutex // guards what follows
	ports  [][]port   // by sender and receiver
	queue  queue
	seq    uint64
	rand   *rand.Rand
	counts Counts
}

func newSwitch(hosts []*Host, seed uint64) *swtch {
	s := &swtch{
		hosts: hosts, wake: make(chan struct{}, 1), stop: make(chan struct{}),
		ports: make([][]port, len(hosts)), rand: rand.New(rand.NewPCG(seed, 0)),
	}
	for i := range hosts {
		s.ports[i] = make([]port, len(hosts))
		s.tasks.Go(func() { s.read(i) })
	}
	s.tasks.Go(s.deliver)
	return s
}

// close ends the switch. The hosts are closed.
func (s *swtch) close() {
	close(s.stop)
	s.tasks.Wait()
}

func (s *swtch) set(from, to int, link Link) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ports[from][to].Link = link
}

func (s *swtch) total() Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts
}

// read takes what a host sends, until the host is closed.
func (s *swtch) read(from int) {
	buf := make([]byte, 1<<16)
	for {
		n, err := s.hosts[from].tun.Read(buf)
		if err != nil {
			return
		}
		if to := s.receiver(buf[:n]); to >= 0 && to != from {
			s.send(from, to, buf[:n])
		}
	}
}

// receiver is the host that a packet is for; -1: none, as of all that is not IPv4 to
// one host.
func (s *swtch) receiver(b []byte) int {
	const header, version, dst = 20, 4, 16
	if len(b) < header || b[0]>>4 != version {
		return -1
	}
	to := netip.AddrFrom4([4]byte(b[dst : dst+4]))
	i := int(b[dst+3]) - 1
	if i < 0 || i >= len(s.hosts) || s.hosts[i].Addr != to {
		return -1
	}
	return i
}

// send passes a packet on, or has it wait.
func (s *swtch) send(from, to int, b []byte) {
	s.mu.Lock()
	p := &s.ports[from][to]
	copies := 1
	switch {
	case p.Cut:
		s.counts.Cut++
		copies = 0
	case s.hit(p.Loss):
		s.counts.Lost++
		copies = 0
	case s.hit(p.Duplicate):
		s.counts.Duplicated++
		copies = 2
	}
	now := 0 // copies that pass at once
	for range copies {
		if p.Delay == 0 && p.Jitter == 0 && p.Rate == 0 && p.queued == 0 {
			s.counts.Passed++
			now++
			continue
		}
		s.enqueue(p, to, b)
	}
	s.mu.Unlock()
	for range now {
		s.hosts[to].tun.Write(b) // a packet that the host does not take is lost
	}
}

func (s *swtch) hit(share float64) bool { return share > 0 && s.rand.Float64() < share }

// enqueue has a packet wait. s.mu is held.
func (s *swtch) enqueue(p *port, to int, b []byte) {
	if p.queued >= linkQueue {
		s.counts.Overflowed++
		return
	}
	at := time.Now()
	if p.Rate > 0 {
		if p.free.Before(at) {
			p.free = at
		}
		p.free = p.free.Add(time.Second * time.Duration(len(b)) / time.Duration(p.Rate))
		at = p.free
	}
	if !s.hit(p.Reorder) {
		at = at.Add(p.Delay)
		if p.Jitter > 0 {
			at = at.Add(time.Duration(s.rand.Int64N(int64(p.Jitter))))
		}
	}
	s.seq++
	p.queued++
	heap.Push(&s.queue, packet{at, s.seq, p, to, append([]byte(nil), b...)})
	if s.queue[0].seq == s.seq {
		select {
		case s.wake <- struct{}{}:
		default: // it will look anyway
		}
	}
}

// deliver passes on what waits when it is due.
func (s *swtch) deliver() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-s.wake:
		case <-timer.C:
		}
		due, next := s.due()
		for _, p := range due {
			s.hosts[p.to].tun.Write(p.data)
		}
		timer.Reset(next)
	}
}

// due takes the packets that are due, and says when to look again.
func (s *swtch) due() (due []packet, next time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	for len(s.queue) > 0 {
		if wait := s.queue[0].at.Sub(now); wait > 0 {
			return due, wait
		}
		p := heap.Pop(&s.queue).(packet)
		p.port.queued--
		if p.port.Cut {
			s.counts.Cut++
			continue
		}
		s.counts.Passed++
		due = append(due, p)
	}
	return due, time.Hour
}

// packet is one that waits.
type packet struct {
	at   time.Time
	seq  uint64 // orders those of one instant
	port *port
	to   int
	data []byte
}

// queue are packets, the next that is due first.
type queue []packet

func (q queue) Len() int { return len(q) }
func (q queue) Less(i, j int) bool {
	if q[i].at.Equal(q[j].at) {
		return q[i].seq < q[j].seq
	}
	return q[i].at.Before(q[j].at)
}
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)   { *q = append(*q, x.(packet)) }

// Pop takes the last.
func (q *queue) Pop() any {
	old := *q
	x := old[len(old)-1]
	old[len(old)-1] = packet{}
	*q = old[:len(old)-1]
	return x
}
