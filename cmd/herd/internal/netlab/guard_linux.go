package netlab

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// rtentry is struct rtentry of linux/route.h on 64-bit systems.
type rtentry struct {
	_       uint64
	dst     unix.RawSockaddrInet4
	gateway unix.RawSockaddrInet4
	mask    unix.RawSockaddrInet4
	flags   uint16
	_       [3]uint16
	_       [2]uint64 // with paddings: not used
	metric  int16
	_       [3]uint16
	dev     *byte
	_       [3]uint64
}

// guard finds a network that no other lab has, and has this machine refuse to send to
// it: whoever dials it from outside of the lab is told that it can't be reached.
func guard() (netip.Addr, error) {
	const networks = 512 // of 24 bits, in 198.18.0.0/15
	for i := range networks {
		n := (os.Getpid() + i) % networks
		addr := netip.AddrFrom4([4]byte{198, byte(18 + n/256), byte(n % 256), 0})
		if err := reject(unix.SIOCADDRT, addr); !errors.Is(err, unix.EEXIST) {
			return addr, err
		}
	}
	return netip.Addr{}, fmt.Errorf("all %d networks are taken", networks)
}

// unguard takes the route away again.
func unguard(network netip.Addr) error { return reject(unix.SIOCDELRT, network) }

// reject adds or deletes the route of a network that is refused.
func reject(request uintptr, network netip.Addr) error {
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(s)
	r := rtentry{
		dst:     unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: network.As4()},
		gateway: unix.RawSockaddrInet4{Family: unix.AF_INET},
		mask:    unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: [4]byte{255, 255, 255, 0}},
		flags:   unix.RTF_UP | unix.RTF_REJECT,
	}
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(s), request, uintptr(unsafe.Pointer(&r))); errno != 0 {
		return errno
	}
	return nil
}
