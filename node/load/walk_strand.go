package load

import (
	"context"
	"math"
	"net"
	"time"
)

const (
	// How long after its home did not answer a strand tries it again: longer each time.
	leastAway = 5 * time.Second
	mostAway  = 15 * time.Second
	// How long it waits when no node can be reached, or none answers.
	leastLost = 50 * time.Millisecond
	mostLost  = time.Second

	mostReports = 256 // in one write
)

// strand is clients that share a connection, neighbours in the crowd, and the connection.
// One goroutine has it.
type strand struct {
	walk       *walk
	number     int
	first, len int // of the crowd's clients, these are the strand's
	speak      walkDialect

	round  int64 // the next report is of this round,
	member int   // of this one of the strand's clients

	ask     *asker // nil: not connected
	at      string // where the connection leads to
	home    string // as it was when last looked at
	goHome  int64  // when to try home again, if the strand is elsewhere
	pause   time.Duration
	batch   []command
	last    int64 // the greatest time given out
	settled bool  // home has answered since the strand is there
}

// run reports until ctx is done.
func (s *strand) run(ctx context.Context) {
	defer s.leave()
	for ctx.Err() == nil {
		now := s.walk.clock()
		if due := s.due(); due > now || due >= s.walk.group.to {
			pause(ctx, time.Duration(max(due-now, nanosInSec/1000)))
			continue
		}
		s.gather(now)
		if len(s.batch) > 0 {
			s.homeward(ctx, now)
			s.send(ctx)
		}
	}
}

// pause waits so long; false if ctx is done before.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// newStrand gives each connection its share of the clients.
func newStrand(w *walk, number int) *strand {
	each, more := w.config.Crowd.Len()/len(w.homes.of), w.config.Crowd.Len()%len(w.homes.of) // so many have one more
	s := &strand{
		walk: w, number: number, first: number*each + min(number, more), len: each,
		pause: leastAway, speak: walkDialect{crowd: w.config.Crowd},
	}
	if number < more {
		s.len++
	}
	return s
}

// due is when the next report is due, by the clock. Strands take turns.
func (s *strand) due() int64 {
	every, turn := int64(s.walk.config.Every), int64(s.member*len(s.walk.homes.of)+s.number)
	return s.round*every + turn*every/int64(s.walk.config.Crowd.Len())
}

// gather makes the reports that are due. One whose client has to report anew already is
// left out, but counts.
func (s *strand) gather(now int64) {
	s.batch = s.batch[:0]
	crowd, wall := s.walk.config.Crowd, time.Now().UnixNano()
	unsent := uint64(0)
	for due := s.due(); due <= now && due < s.walk.group.to && len(s.batch) < mostReports; due = s.due() {
		client := s.first + s.member
		if now-due >= int64(s.walk.config.Every) {
			unsent++
		} else {
			s.last = max(s.last+1, wall) // no two reports of a client have the same time
			lat, lon := crowd.At(client, time.Duration(due))
			s.batch = append(s.batch, command{due: due, nanos: s.last, key: uint32(client), lat: micro(lat), lon: micro(lon)})
		}
		if s.member++; s.member == s.len {
			s.member = 0
			s.round++
		}
	}
	if unsent > 0 {
		s.walk.mu.Lock()
		s.walk.unsent += unsent
		s.walk.mu.Unlock()
	}
}

func micro(degrees float64) int32 { return int32(math.Round(degrees * 1e6)) }

// homeward takes a strand to its home if it is elsewhere, and it is time to try.
func (s *strand) homeward(ctx context.Context, now int64) {
	if home := s.walk.homes.home(s.number); home != s.home {
		s.home, s.goHome, s.pause = home, 0, leastAway
	}
	if s.ask == nil || s.at == s.home || now < s.goHome {
		return
	}
	conn, err := s.walk.connect(ctx, s.home)
	if err != nil {
		s.away()
		return
	}
	s.leave()
	s.arrive(conn, s.home)
}

// away puts off the next try of home.
func (s *strand) away() {
	s.goHome = s.walk.clock() + int64(s.pause)
	s.pause = min(2*s.pause, mostAway)
}

func (s *strand) arrive(conn net.Conn, addr string) {
	s.ask, s.at, s.settled = newAsker(conn, &s.speak), addr, false
	s.walk.sit(addr, 1)
}

func (s *strand) leave() {
	if s.ask != nil {
		s.ask.conn.Close()
		s.ask = nil
		s.walk.sit(s.at, -1)
	}
}

// connect leads the strand to its home, or else to any node that can be reached but for
// the one that it has just left. It returns false when ctx is done.
func (s *strand) connect(ctx context.Context, left string) bool {
	for lost := leastLost; ; lost = min(2*lost, mostLost) {
		addrs := s.walk.homes.others(s.number)
		if s.home != left && s.walk.clock() >= s.goHome {
			addrs = append([]string{s.home}, addrs...)
		}
		for _, addr := range addrs {
			if addr == left && len(addrs) > 1 {
				continue
			}
			conn, err := s.walk.connect(ctx, addr)
			if err == nil {
				s.arrive(conn, addr)
				return true
			}
			if ctx.Err() != nil {
				return false
			}
			s.walk.broke(err)
			if addr == s.home {
				s.away()
			}
		}
		left = "" // it may be back
		if !pause(ctx, lost) {
			return false
		}
	}
}

// send sends the batch, to one node after the other until all of it is answered. Nodes that
// take connections and answer nothing are given time.
func (s *strand) send(ctx context.Context) {
	left, lost := "", leastLost
	for rest := s.batch; len(rest) > 0; {
		dialed := s.ask == nil
		if dialed && !s.connect(ctx, left) {
			s.giveUp(rest)
			return
		}
		answered, err := s.report(ctx, rest)
		rest = rest[answered:]
		if err == nil {
			break
		}
		if left = s.at; left == s.home {
			s.away()
		}
		s.leave()
		if ctx.Err() != nil {
			s.giveUp(rest)
			return
		}
		s.walk.broke(err)
		s.walk.mu.Lock()
		s.walk.repeated += uint64(len(rest))
		s.walk.mu.Unlock()
		if dialed && answered == 0 {
			pause(ctx, lost)
			lost = min(2*lost, mostLost)
		}
	}
	if s.at == s.home && !s.settled {
		s.settled, s.pause = true, leastAway
	}
}

// giveUp counts the reports that are given up.
func (s *strand) giveUp(rest []command) {
	s.walk.mu.Lock()
	defer s.walk.mu.Unlock()
	s.walk.missing += uint64(len(rest))
}

// report sends reports where the strand is, and gives how many were answered.
func (s *strand) report(ctx context.Context, reports []command) (answered int, err error) {
	conn := s.ask.conn
	conn.SetDeadline(time.Now().Add(s.walk.config.Timeout))
	defer context.AfterFunc(ctx, func() { conn.SetDeadline(time.Now().Add(min(drainGrace, s.walk.config.Timeout))) })()
	t := &s.walk.group.tally
	err = s.ask.ask(reports, func(i int, reply []byte) {
		why := s.speak.check(&reports[i], reply, s.ask.scratch[:])
		t.mu.Lock()
		defer t.mu.Unlock()
		if why == "" {
			t.updates++
			t.latency.record(s.walk.clock() - reports[i].due)
		} else {
			t.wrong++
			if len(t.samples) < maxSamples {
				t.sample(misfit(&s.speak, &reports[i], reply, why))
			}
		}
		answered++
	})
	s.walk.mu.Lock()
	s.walk.nodes[s.at] += uint64(answered)
	s.walk.mu.Unlock()
	return answered, err
}

// walkDialect has the clients' own names. It knows IAMAT alone.
type walkDialect struct {
	herdDialect
	crowd Crowd
}

func (d *walkDialect) append(b []byte, c *command) []byte {
	return d.appendReport(append(b, "IAMAT"...), c)
}

func (d *walkDialect) appendReport(b []byte, c *command) []byte {
	return appendWhere(d.crowd.AppendID(append(b, ' '), int(c.key)), c)
}

func (d *walkDialect) check(c *command, reply, scratch []byte) string {
	return checkReport(d.appendReport(scratch[:0], c), reply)
}
