package poll

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// Poller tells which of its sockets are ready, again and again until they have been
// read empty. One goroutine calls Wait and Look; the other methods are safe for concurrent use.
type Poller struct {
	file *os.File // epoll
	raw  syscall.RawConn
	look func(fd uintptr) bool // of Wait; made once
	see  func(fd uintptr)      // of Look, likewise

	// Owned by Wait and Look.
	events []syscall.EpollEvent
	found  int
	err    error
}

// New makes a poller without sockets, of whose Wait up to most are the result. The
// caller owes a Close.
func New(most int) (*Poller, error) {
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	// An epoll is ready when one of its sockets is. So the runtime's own poller can
	// wait for it, and no thread is held while nothing happens.
	if err := syscall.SetNonblock(fd, true); err != nil {
		syscall.Close(fd)
		return nil, os.NewSyscallError("fcntl", err)
	}
	p := &Poller{file: os.NewFile(uintptr(fd), "epoll"), events: make([]syscall.EpollEvent, most)}
	p.look = p.lookOnce
	p.see = func(fd uintptr) { p.lookOnce(fd) }
	if p.raw, err = p.file.SyscallConn(); err == nil {
		err = p.file.SetReadDeadline(time.Time{})
	}
	if err != nil {
		p.file.Close()
		return nil, fmt.Errorf("epoll: %w", err)
	}
	return p, nil
}

// Close frees what the poller holds; its sockets stay open. A Wait returns.
func (p *Poller) Close() error { return p.file.Close() }

// Wait appends to ready the sockets that are, once there are any. If it appends none
// the time has come that Until or Wake has set. It panics on a closed poller.
func (p *Poller) Wait(ready []Ready) []Ready {
	p.found, p.err = 0, nil
	err := p.raw.Read(p.look)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return ready
	}
	return p.appendFound(ready, err)
}

// Look is Wait that appends nothing if no socket is ready, whatever Until and Wake have
// set: that is left for the next Wait.
func (p *Poller) Look(ready []Ready) []Ready {
	p.found, p.err = 0, nil
	return p.appendFound(ready, p.raw.Control(p.see))
}

func (p *Poller) appendFound(ready []Ready, err error) []Ready {
	if err := errors.Join(err, p.err); err != nil {
		panic(fmt.Sprintf("wait for sockets: %v", err)) // no system is short of anything here
	}
	for _, e := range p.events[:p.found] {
		ready = append(ready, Ready{int(e.Fd), e.Events&(syscall.EPOLLERR|syscall.EPOLLHUP) != 0})
	}
	return ready
}

// lookOnce tells whether Wait is over.
func (p *Poller) lookOnce(fd uintptr) bool {
	n, err := epollNow(int(fd), p.events)
	for err == syscall.EINTR {
		n, err = epollNow(int(fd), p.events)
	}
	p.found, p.err = max(n, 0), err
	return n > 0 || err != nil
}

// Until ends Wait at a time, and each one after it until a later time is set; the
// zero time is never.
func (p *Poller) Until(t time.Time) { p.file.SetReadDeadline(t) }

// Wake ends Wait, or the next one, and each one after it until Until is called. So
// whoever waits calls Until before it looks what it was woken for.
func (p *Poller) Wake() { p.file.SetReadDeadline(time.Unix(1, 0)) }

// Add has s waited for.
func (p *Poller) Add(s Socket) error {
	return p.control(syscall.EPOLL_CTL_ADD, s, syscall.EPOLLIN)
}

// Mute leaves input of s alone. It is found Ready all the same when it is broken.
func (p *Poller) Mute(s Socket) error { return p.control(syscall.EPOLL_CTL_MOD, s, 0) }

// Unmute undoes Mute.
func (p *Poller) Unmute(s Socket) error {
	return p.control(syscall.EPOLL_CTL_MOD, s, syscall.EPOLLIN)
}

// Remove has s waited for no longer. A socket that is closed needs no Remove.
func (p *Poller) Remove(s Socket) error { return p.control(syscall.EPOLL_CTL_DEL, s, 0) }

func (p *Poller) control(op int, s Socket, events uint32) error {
	var inner error
	err := p.raw.Control(func(fd uintptr) {
		inner = syscall.EpollCtl(int(fd), op, s.fd, &syscall.EpollEvent{Events: events, Fd: int32(s.fd)})
	})
	return os.NewSyscallError("epoll_ctl", errors.Join(err, inner))
}
