package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
)

// relay is a command of tests: it listens on the Unix socket that its argument
// names, and connects whoever comes to the address that their first line says.
// Run inside a network namespace it lets a test outside talk to nodes inside.
func relay() {
	l, err := net.Listen("unix", os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(exitFailed)
	}
	for {
		conn, err := l.Accept()
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(exitFailed)
		}
		go relayTo(conn) // ends with the process at the latest
	}
}

func relayTo(conn net.Conn) {
	defer conn.Close()
	r := bufio.NewReader(conn)
	addr, err := r.ReadString('\n')
	if err != nil {
		return
	}
	to, err := net.Dial("tcp", strings.TrimSpace(addr))
	if err != nil {
		return
	}
	defer to.Close()
	var both sync.WaitGroup
	both.Go(func() {
		io.Copy(to, r)
		to.(*net.TCPConn).CloseWrite()
	})
	both.Go(func() {
		io.Copy(conn, to)
		conn.(*net.UnixConn).CloseWrite()
	})
	both.Wait()
}
