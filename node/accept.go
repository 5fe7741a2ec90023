package node

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"time"

	"herd/node/access"
)

// accept takes connections until the server stops: then it returns nil. An error
// of the listener (no file descriptors left, as a rule) passes, and the next try
// is made later each time; only a listener that somebody else has closed is
// given up.
func (s *clientServer) accept() error {
	var pause acceptPause
	for {
		conn, err := s.config.Listener.Accept()
		switch {
		case err == nil:
			pause = 0
			s.hold()
			s.admit(conn)
		case s.open.Err() != nil:
			return nil
		case errors.Is(err, net.ErrClosed):
			return err
		default:
			s.count.acceptErrors.Add(1)
			if pause == 0 { // once for all errors in a row
				s.log.Warn("cannot accept clients", "error", err)
			}
			pause.wait(s.open)
		}
	}
}

// admit starts a session, if there is room for one: in a loop if the connection and
// the system allow it, else in a goroutine.
func (s *clientServer) admit(conn net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	addr, b := bounded(conn), s.bounds.Load()
	if s.open.Err() != nil || len(s.sessions) >= b.MaxConns || addr.IsValid() && b.MaxPerAddr > 0 && s.addrs[addr] >= b.MaxPerAddr {
		s.count.refused.Add(1)
		conn.Close()
		return
	}
	s.count.accepted.Add(1)
	c := newSession(s, conn)
	s.sessions[c] = struct{}{}
	if c.addr = addr; addr.IsValid() {
		s.addrs[addr]++
	}
	c.log("client connected")
	if !s.seatLocked(c, time.Now()) {
		s.running.Go(c.run)
	}
}

// leave takes out a session that has ended.
func (s *clientServer) leave(c *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sessions, c)
	if !c.addr.IsValid() {
		return
	}
	if s.addrs[c.addr]--; s.addrs[c.addr] == 0 {
		delete(s.addrs, c.addr)
	}
}

// bounded is the host at the other end if its connections are bounded in number, so that
// one can't keep all others out; else no address. That of loopback is shared by
// all clients on this machine.
func bounded(conn net.Conn) netip.Addr {
	at, err := netip.ParseAddrPort(conn.RemoteAddr().String())
	if err != nil || at.Addr().Unmap().IsLoopback() {
		return netip.Addr{}
	}
	return access.Host(at.Addr())
}

// acceptPause is the pause after the last of some errors in a row.
type acceptPause time.Duration

// wait pauses for 5 ms, twice as long each time, 1 s at most, or until ctx is done.
func (p *acceptPause) wait(ctx context.Context) {
	*p = min(max(*p*2, acceptPause(5*time.Millisecond)), acceptPause(time.Second))
	timer := time.NewTimer(time.Duration(*p))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
