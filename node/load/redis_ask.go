package load

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// redisPatience is how long an answer to RedisAsk is waited for.
const redisPatience = 5 * time.Second

// RedisAsk sends one command to a Redis and gives the text of its reply, which must be
// a string or a number.
func RedisAsk(ctx context.Context, addr string, words ...string) (string, error) {
	conn, err := dial(ctx, addr, netip.Addr{})
	if err != nil {
		return "", err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	conn.SetDeadline(time.Now().Add(redisPatience))
	reply, err := redisAsk(conn, words)
	if err != nil {
		return "", fmt.Errorf("ask %s for %s: %w", addr, words[0], err)
	}
	return reply, nil
}

func redisAsk(conn net.Conn, words []string) (string, error) {
	text := "*" + strconv.Itoa(len(words)) + "\r\n" + bulk(words...)
	if _, err := io.WriteString(conn, text); err != nil {
		return "", err
	}
	var d redisDialect
	var reply []byte
	for chunk := make([]byte, 4<<10); ; {
		n, err := conn.Read(chunk)
		reply = append(reply, chunk[:n]...)
		if length := d.frame(nil, reply); length > 0 {
			reply = reply[:length]
			break
		}
		switch {
		case err != nil:
			return "", err
		case len(reply) > maxReply:
			return "", fmt.Errorf("a reply does not end")
		}
	}
	head, body, _ := strings.Cut(string(reply), "\r\n")
	switch reply[0] {
	case '+', ':':
		return head[1:], nil
	case '$':
		return strings.TrimSuffix(body, "\r\n"), nil
	}
	return "", fmt.Errorf("it answers %.80q", reply)
}
