package main

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"herd/gossip/location"
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

// fakeRedis is as much of Redis as bench talks to.
type fakeRedis struct {
	mu      sync.Mutex // guards the fields below
	texts   map[string]string
	members map[string][2]string // longitude, latitude
}

func newFakeRedis() *fakeRedis {
	return &fakeRedis{texts: map[string]string{}, members: map[string][2]string{}}
}

func (f *fakeRedis) answer(words []string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	bulk := func(s string) string { return fmt.Sprintf("$%d\r\n%s\r\n", len(s), s) }
	switch words[0] {
	case "SET":
		f.texts[words[1]] = words[2]
		return "+OK\r\n"
	case "GET":
		if v, ok := f.texts[words[1]]; ok {
			return bulk(v)
		}
		return "$-1\r\n"
	case "GEOADD":
		f.members[words[4]] = [2]string{words[2], words[3]}
		return ":1\r\n"
	case "GEOPOS":
		at, ok := f.members[words[2]]
		if !ok {
			return "*1\r\n*-1\r\n"
		}
		return "*1\r\n*2\r\n" + bulk(at[0]) + bulk(at[1])
	case "GEOSEARCH":
		if words[2] == "FROMLONLAT" {
			ids := f.near(words[3], words[4], words[6], words[10])
			text := fmt.Sprintf("*%d\r\n", len(ids))
			for _, id := range ids {
				text += bulk(id)
			}
			return text
		}
		if _, ok := f.members[words[3]]; !ok {
			return "-ERR could not decode requested zset member\r\n"
		}
		return "*1\r\n" + bulk(words[3])
	case "ZCARD":
		return fmt.Sprintf(":%d\r\n", len(f.members))
	case "DBSIZE":
		return fmt.Sprintf(":%d\r\n", len(f.texts))
	case "INFO":
		return bulk("# Replication\r\nrole:master\r\n")
	}
	return "-ERR unknown command\r\n"
}

// near is the members within some kilometres of a point, the nearest first.
func (f *fakeRedis) near(lon, lat, radius, count string) (ids []string) {
	number := func(text string) float64 {
		n, _ := strconv.ParseFloat(text, 64)
		return n
	}
	away := map[string]float64{}
	for id, at := range f.members {
		if d := location.Distance(number(lat), number(lon), number(at[1]), number(at[0])); d <= 1000*number(radius) {
			away[id] = d
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b string) int { return cmp.Compare(away[a], away[b]) })
	return ids[:min(len(ids), int(number(count)))]
}

// serveRedis serves a fakeRedis.
func serveRedis(t *testing.T) (addr string) {
	f := newFakeRedis()
	return serveConns(t, func(r *bufio.Reader, w io.Writer) error {
		words, err := readWords(r)
		if err == nil {
			_, err = io.WriteString(w, f.answer(words))
		}
		return err
	})
}

// fakeRedisServer is the program redis-server to tests. A replica asks its primary.
func fakeRedisServer() {
	options := map[string]string{}
	for i := 1; i+1 < len(os.Args); i += 2 {
		options[os.Args[i]] = os.Args[i+1]
	}
	l, err := net.Listen("tcp", net.JoinHostPort(options["--bind"], options["--port"]))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	f := newFakeRedis()
	primary := strings.Replace(options["--replicaof"], " ", ":", 1)
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		if primary == "" {
			go fakeRedisConn(c, func(words []string) string { return f.answer(words) })
		} else {
			go fakeRedisConn(c, func(words []string) string { return askPrimary(primary, words) })
		}
	}
}

func fakeRedisConn(c net.Conn, answer func(words []string) string) {
	defer c.Close()
	for r := bufio.NewReader(c); ; {
		words, err := readWords(r)
		if err == nil {
			_, err = io.WriteString(c, answer(words))
		}
		if err != nil {
			return
		}
	}
}

// askPrimary gives what a replica answers.
func askPrimary(primary string, words []string) string {
	if words[0] == "INFO" {
		const info = "role:slave\r\nmaster_link_status:up\r\n"
		return fmt.Sprintf("$%d\r\n%s\r\n", len(info), info)
	}
	c, err := net.Dial("tcp", primary)
	if err != nil {
		return "-ERR the primary is gone\r\n"
	}
	defer c.Close()
	text := fmt.Sprintf("*%d\r\n", len(words))
	for _, w := range words {
		text += fmt.Sprintf("$%d\r\n%s\r\n", len(w), w)
	}
	io.WriteString(c, text)
	c.(*net.TCPConn).CloseWrite()
	reply, err := io.ReadAll(c)
	if err != nil {
		return "-ERR the primary is gone\r\n"
	}
	return string(reply)
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
