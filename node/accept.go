package node

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"herd/node/access"
)

// accept takes connections until the server stops: then it returns nil. Only a listener
// that somebody else has closed is given up.
func (s *clientServer) accept() error {
	for {
		conn, err := s.config.Listener.Accept()
		switch {
		case err == nil:
			s.hold()
			s.admit(conn)
		case s.open.Err() != nil:
			return nil
		default:
			return err
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

// persistent is a listener whose errors (no file descriptors left, as a rule) pass: the next
// try is made later each time. Only its end is an error of Accept.
type persistent struct {
	net.Listener
	open   context.Context // done: it is closed, or about to be
	stop   context.CancelFunc
	failed *atomic.Uint64
	log    hclog.Logger
	whom   string // in the log
}

// newPersistent makes one of l until ctx is done. Errors are counted by failed.
func newPersistent(ctx context.Context, l net.Listener, failed *atomic.Uint64, log hclog.Logger, whom string) *persistent {
	open, stop := context.WithCancel(ctx)
	return &persistent{l, open, stop, failed, log, whom}
}

// Accept waits for the next connection.
func (l *persistent) Accept() (net.Conn, error) {
	var pause acceptPause
	for {
		conn, err := l.Listener.Accept()
		switch {
		case err == nil:
			return conn, nil
		case errors.Is(err, net.ErrClosed) || l.open.Err() != nil:
			return nil, err
		}
		l.failed.Add(1)
		if pause == 0 { // once for all errors in a row
			l.log.Warn("cannot accept "+l.whom, "error", err)
		}
		pause.wait(l.open)
	}
}

// Close ends a pause, too.
func (l *persistent) Close() error {
	l.stop()
	return l.Listener.Close()
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
