//go:build !linux

package poll

import (
	"errors"
	"net"
	"time"
)

// Poller is not to be had on this system.
type Poller struct{}

// New fails.
func New(int) (*Poller, error) { return nil, errors.ErrUnsupported }

// Close is not to be called.
func (*Poller) Close() error { return errors.ErrUnsupported }

// Wait is not to be called.
func (*Poller) Wait(ready []Ready) []Ready { return ready }

// Look is not to be called.
func (*Poller) Look(ready []Ready) []Ready { return ready }

// Until is not to be called.
func (*Poller) Until(time.Time) {}

// Wake is not to be called.
func (*Poller) Wake() {}

// Add is not to be called.
func (*Poller) Add(Socket) error { return errors.ErrUnsupported }

// Mute is not to be called.
func (*Poller) Mute(Socket) error { return errors.ErrUnsupported }

// Unmute is not to be called.
func (*Poller) Unmute(Socket) error { return errors.ErrUnsupported }

// Remove is not to be called.
func (*Poller) Remove(Socket) error { return errors.ErrUnsupported }

// Socket is not to be had on this system.
type Socket struct{}

// Can tells that Take can't.
func Can(net.Conn) bool { return false }

// Take fails.
func Take(net.Conn) (Socket, error) { return Socket{}, errors.ErrUnsupported }

// Number is not to be called.
func (Socket) Number() int { return 0 }

// RemoteAddr is not to be called.
func (Socket) RemoteAddr() net.Addr { return nil }

// Read is not to be called.
func (Socket) Read([]byte) (int, error) { return 0, errors.ErrUnsupported }

// Write is not to be called.
func (Socket) Write([]byte) (int, error) { return 0, errors.ErrUnsupported }

// Close is not to be called.
func (Socket) Close() error { return errors.ErrUnsupported }

// Conn is not to be called.
func (Socket) Conn() net.Conn { return nil }
