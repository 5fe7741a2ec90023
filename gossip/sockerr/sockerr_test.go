package sockerr

import (
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"syscall"
	"testing"
)

// What a system gives has the name that is asked for.
func TestOfSystem(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	if _, err := net.Listen("tcp", addr); !Is(err, syscall.EADDRINUSE) {
		t.Errorf("a port that is bound: %v", err)
	}
	l.Close()
	if _, err := net.Dial("tcp", addr); !Is(err, syscall.ECONNREFUSED) || Is(err, syscall.ECONNRESET) {
		t.Errorf("a port that nobody listens at: %v", err)
	}
	if _, err := net.Listen("tcp", "192.0.2.1:0"); !Is(err, syscall.EADDRNOTAVAIL) {
		t.Errorf("an address of others: %v", err)
	}
}

// The numbers of Windows count there, and there alone; what was made up counts everywhere.
func TestIs(t *testing.T) {
	for name, number := range map[syscall.Errno]syscall.Errno{
		syscall.ECONNREFUSED: 10061, syscall.ECONNRESET: 10054, syscall.EADDRINUSE: 10048,
		syscall.EADDRNOTAVAIL: 10049, syscall.EACCES: 10013, syscall.ETIMEDOUT: 10060, syscall.EMFILE: 10024,
	} {
		if got := winsock(name); got != error(number) {
			t.Errorf("%v is %v to Windows, want %v", name, got, number)
		}
		wrapped := &net.OpError{Op: "dial", Err: os.NewSyscallError("connectex", number)}
		if got := Is(wrapped, name); got != (runtime.GOOS == "windows") {
			t.Errorf("%d is %v: %t", number, name, got)
		}
		if !Is(fmt.Errorf("dial: %w", name), name) {
			t.Errorf("%v is not itself", name)
		}
	}
	if !Is(io.EOF, io.EOF) || Is(nil, syscall.ECONNREFUSED) || Is(io.EOF, syscall.EPIPE) || !Is(syscall.EPIPE, syscall.EPIPE) {
		t.Error("what has no other number is not as errors.Is has it")
	}
}
