package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// serveConns serves every connection to a port of its own until the test ends.
func serveConns(t *testing.T, serve func(r *bufio.Reader, w io.Writer) error) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	t.Cleanup(func() {
		l.Close()
		serving.Wait() // the clients are gone
	})
	serving.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer c.Close()
				for r := bufio.NewReader(c); serve(r, c) == nil; {
				}
			})
		}
	})
	return l.Addr().String()
}

// serveLines answers every line.
func serveLines(t *testing.T, answer func(line string) string) (addr string) {
	return serveConns(t, func(r *bufio.Reader, w io.Writer) error {
		line, err := r.ReadString('\n')
		if err == nil {
			_, err = io.WriteString(w, answer(strings.TrimSuffix(line, "\n")))
		}
		return err
	})
}

// serveRedis is as much of Redis as bench talks to.
func serveRedis(t *testing.T) (addr string) {
	var mu sync.Mutex // guards the fields below
	texts := map[string]string{}
	members := map[string]bool{}
	bulk := func(s string) string { return fmt.Sprintf("$%d\r\n%s\r\n", len(s), s) }
	answer := func(words []string) string {
		mu.Lock()
		defer mu.Unlock()
		switch words[0] {
		case "SET":
			texts[words[1]] = words[2]
			return "+OK\r\n"
		case "GET":
			if v, ok := texts[words[1]]; ok {
				return bulk(v)
			}
			return "$-1\r\n"
		case "GEOADD":
			members[words[4]] = true
			return ":1\r\n"
		case "GEOSEARCH":
			if !members[words[3]] {
				return "-ERR could not decode requested zset member\r\n"
			}
			return "*1\r\n" + bulk(words[3])
		}
		return "-ERR unknown command\r\n"
	}
	return serveConns(t, func(r *bufio.Reader, w io.Writer) error {
		words, err := readWords(r)
		if err == nil {
			_, err = io.WriteString(w, answer(words))
		}
		return err
	})
}

// readWords reads an array of bulk strings.
func readWords(r *bufio.Reader) (words []string, err error) {
	number := func(mark byte) (n int) {
		var line string
		if err == nil {
			line, err = r.ReadString('\n')
		}
		if err == nil && line[0] != mark {
			err = fmt.Errorf("%q where %q begins a line", line, mark)
		}
		if err == nil {
			n, err = strconv.Atoi(strings.TrimSpace(line[1:]))
		}
		return n
	}
	for range number('*') {
		word := make([]byte, number('$')+len("\r\n"))
		if err == nil {
			_, err = io.ReadFull(r, word)
		}
		words = append(words, string(word[:len(word)-len("\r\n")]))
	}
	return words, err
}
