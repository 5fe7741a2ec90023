package netlab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	tunDevice = "/dev/net/tun"
	device    = "eth0" // its name in each host
)

// Host is a network namespace, and one of mounts.
type Host struct {
	Addr netip.Addr

	ns   *os.File    // its namespace
	tun  *os.File    // the other end of its interface
	work chan func() // done by the thread that lives there
	done chan struct{}
}

func newHost(addr netip.Addr) (*Host, error) {
	h := &Host{Addr: addr, work: make(chan func()), done: make(chan struct{})}
	made := make(chan error)
	go h.live(made)
	if err := <-made; err != nil {
		return nil, errors.Join(err, h.close())
	}
	return h, nil
}

// live is the thread of the host. It makes the namespace and stays there: a process is
// killed when the thread that started it ends, which is to be when the host ends.
func (h *Host) live(made chan<- error) {
	defer close(h.done)
	runtime.LockOSThread() // for ever: the thread ends with the goroutine
	made <- h.make()
	for do := range h.work {
		do()
	}
}

// make makes the namespace and its interface.
func (h *Host) make() (err error) {
	if err := unix.Unshare(unix.CLONE_NEWNET | unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("make a namespace: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("keep its mounts to itself: %w", err)
	}
	if h.ns, err = os.Open("/proc/thread-self/ns/net"); err != nil {
		return err
	}
	// The device is made in the namespace of whoever opens it.
	fd, err := unix.Open(tunDevice, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open %s: %w", tunDevice, err)
	}
	r, err := unix.NewIfreq(device)
	if err == nil {
		r.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
		err = unix.IoctlIfreq(fd, unix.TUNSETIFF, r)
	}
	if err != nil {
		unix.Close(fd)
		return fmt.Errorf("make %s: %w", device, err)
	}
	h.tun = os.NewFile(uintptr(fd), tunDevice) // not before: without a device it can't be polled
	return h.up()
}

// up gives the interfaces their addresses and turns them on.
func (h *Host) up() error {
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(s)
	a, mask := h.Addr.As4(), [4]byte{255, 255, 255, 0}
	for _, do := range []struct {
		name    string
		request uint
		set     func(r *unix.Ifreq) error
	}{
		{"lo", unix.SIOCSIFFLAGS, flagsUp},
		{device, unix.SIOCSIFADDR, func(r *unix.Ifreq) error { return r.SetInet4Addr(a[:]) }},
		{device, unix.SIOCSIFNETMASK, func(r *unix.Ifreq) error { return r.SetInet4Addr(mask[:]) }},
		{device, unix.SIOCSIFFLAGS, flagsUp},
	} {
		r, err := unix.NewIfreq(do.name)
		if err == nil {
			err = do.set(r)
		}
		if err == nil {
			err = unix.IoctlIfreq(s, do.request, r)
		}
		if err != nil {
			return fmt.Errorf("set up %s with %s: %w", do.name, h.Addr, err)
		}
	}
	return nil
}

func flagsUp(r *unix.Ifreq) error {
	r.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return nil
}

// Start starts a command in the host. It is killed when the lab is closed, and when
// this process ends. The caller waits for it.
func (h *Host) Start(cmd *exec.Cmd) (err error) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	h.do(func() { err = cmd.Start() })
	return err
}

// Dial connects from the host to an address, like [net.Dialer.DialContext] with an IP
// address. The connection may be used anywhere.
func (h *Host) Dial(ctx context.Context, network, addr string) (conn net.Conn, err error) {
	done := make(chan struct{})
	go func() { // the thread has to end: it is in the host
		defer close(done)
		runtime.LockOSThread()
		if err = unix.Setns(int(h.ns.Fd()), unix.CLONE_NEWNET); err != nil {
			err = fmt.Errorf("netlab: enter the host %s: %w", h.Addr, err)
			return
		}
		var d net.Dialer
		conn, err = d.DialContext(ctx, network, addr)
	}()
	<-done
	return conn, err
}

// ListenPacket listens in the host, for packets of UDP.
func (h *Host) ListenPacket(addr string) (conn net.PacketConn, err error) {
	h.do(func() { conn, err = net.ListenPacket("udp4", addr) })
	return conn, err
}

// Listen listens in the host, for streams of TCP.
func (h *Host) Listen(addr string) (l net.Listener, err error) {
	h.do(func() { l, err = net.Listen("tcp4", addr) })
	return l, err
}

// Disk puts a disk of its own over a folder: processes of the host find it there, and
// nobody else. It is of memory, and gone with the host.
func (h *Host) Disk(folder string, bytes int64) (err error) {
	h.do(func() { err = unix.Mount("netlab", folder, "tmpfs", 0, fmt.Sprintf("size=%d", bytes)) })
	if err != nil {
		return fmt.Errorf("netlab: mount a disk at %s: %w", folder, err)
	}
	return nil
}

// WriteFile is [os.WriteFile] as a process of the host would do it. No data removes the
// file.
func (h *Host) WriteFile(name string, data []byte) (err error) {
	h.do(func() {
		if data == nil {
			err = os.Remove(name)
			return
		}
		err = os.WriteFile(name, data, 0o600)
	})
	return err
}

// Do has the host do something short with files and mounts, which are its own. It starts no goroutine that
// outlasts it.
func (h *Host) Do(short func() error) (err error) {
	h.do(func() { err = short() })
	return err
}

// do has the host's thread do something short, and waits for it.
func (h *Host) do(short func()) {
	done := make(chan struct{})
	h.work <- func() {
		defer close(done)
		short()
	}
	<-done
}

// close ends the host's thread, and with it its processes.
func (h *Host) close() error {
	close(h.work)
	<-h.done
	var errs []error
	for _, f := range []*os.File{h.tun, h.ns} {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	return errors.Join(errs...)
}
