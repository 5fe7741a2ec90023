package load

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"herd/node/protocol"
)

var (
	kiwi   = command{key: 42, lat: 34_068_930, lon: -118_445_127, nanos: 1621464827_959498503}
	near   = command{key: 42, query: true}
	origin = command{key: 4_294_967_295, lat: -5, lon: 0, nanos: 1}
)

func dialectOf(p Protocol) dialect {
	c := Config{Protocol: p, Radius: 10, Limit: 2}
	return c.dialect()
}

func TestCommands(t *testing.T) {
	tests := []struct {
		protocol Protocol
		command  command
		want     string
	}{
		{Herd, kiwi, "IAMAT bench-00000000000042 +34.068930-118.445127 1621464827.959498503\n"},
		{Herd, origin, "IAMAT bench-00004294967295 -00.000005+000.000000 0000000000.000000001\n"},
		{Herd, near, "WHATSAT bench-00000000000042 10 2\n"},
		{RedisSet, kiwi, "*3\r\n$3\r\nSET\r\n$20\r\nbench-00000000000042\r\n$42\r\n+34.068930-118.445127 1621464827.959498503\r\n"},
		{RedisSet, near, "*2\r\n$3\r\nGET\r\n$20\r\nbench-00000000000042\r\n"},
		{RedisGeoAdd, kiwi, "*5\r\n$6\r\nGEOADD\r\n$10\r\nherd-bench\r\n$11\r\n-118.445127\r\n$10\r\n+34.068930\r\n$20\r\nbench-00000000000042\r\n"},
		{RedisGeoSearch, near, "*10\r\n$9\r\nGEOSEARCH\r\n$10\r\nherd-bench\r\n$10\r\nFROMMEMBER\r\n$20\r\nbench-00000000000042\r\n" +
			"$8\r\nBYRADIUS\r\n$2\r\n10\r\n$2\r\nkm\r\n$3\r\nASC\r\n$5\r\nCOUNT\r\n$1\r\n2\r\n"},
	}
	for _, tt := range tests {
		if got := string(dialectOf(tt.protocol).append(nil, &tt.command)); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.protocol, got, tt.want)
		}
	}
}

// A node understands every command that is made.
func TestCommandsAreValid(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := Config{
			Protocol: Herd, Seed: rapid.Uint64().Draw(t, "seed"), Clients: rapid.IntRange(1, maxClients).Draw(t, "clients"),
			Updates: 1, Queries: 1, Radius: 50, Limit: 20,
		}
		m := c.maker(0)
		var cmd command
		last := int64(0)
		for range 20 {
			m.next(&cmd, 0, 1_700_000_000_000_000_000)
			line := strings.TrimSuffix(string(c.dialect().append(nil, &cmd)), "\n")
			parsed := protocol.Parse([]byte(line), protocol.Limits{})
			switch {
			case parsed.Verb == protocol.Invalid || (parsed.Verb == protocol.WhatsAt) != cmd.query:
				t.Fatalf("%q is %s: %s", line, parsed.Verb, parsed.Reason)
			case len(parsed.ID) != idWidth || int(cmd.key) >= c.Clients:
				t.Fatalf("%q is about nobody", line)
			case cmd.nanos <= last || !cmd.query && parsed.Time.Nanos() != cmd.nanos:
				t.Fatalf("%q is at %d, after %d", line, cmd.nanos, last)
			}
			last = cmd.nanos
		}
	})
}

const (
	atLine = "AT Clark +0.263873386 bench-00000000000042 +34.068930-118.445127 1621464827.959498503\n"
	nearby = "{\n   \"html_attributions\" : [],\n   \"results\" : [ {}, {} ],\n   \"status\" : \"OK\"\n}\n\n"
	get    = "$42\r\n+34.068930-118.445127 1621464827.959498503\r\n"
)

func TestReplies(t *testing.T) {
	tests := []struct {
		protocol Protocol
		command  command
		reply    string
		wrong    string
	}{
		{Herd, kiwi, atLine, ""},
		{Herd, kiwi, strings.Replace(atLine, "+0.2", "-12345.2", 1), ""},
		{Herd, kiwi, strings.Replace(atLine, "Clark ", "", 1), "a name and a difference"},
		{Herd, kiwi, strings.Replace(atLine, "Clark", "", 1), "a name and a difference"},
		{Herd, kiwi, strings.Replace(atLine, "+0.26", "0.26", 1), "a name and a difference"},
		{Herd, kiwi, strings.Replace(atLine, "+0.26", "+.26", 1), "a name and a difference"},
		{Herd, kiwi, strings.Replace(atLine, "386", "38", 1), "a name and a difference"},
		{Herd, kiwi, strings.Replace(atLine, "386", "38x", 1), "a name and a difference"},
		{Herd, kiwi, strings.Replace(atLine, "Clark", "Clark Kent", 1), "a name and a difference"},
		{Herd, kiwi, strings.Replace(atLine, "503\n", "504\n", 1), "does not end with what was sent"},
		{Herd, kiwi, strings.Replace(atLine, "0042", "0043", 1), "does not end with what was sent"},
		{Herd, kiwi, strings.Replace(atLine, "AT", "at", 1), "no AT line"},
		{Herd, kiwi, "? IAMAT\n", "no AT line"},
		{Herd, kiwi, "\n", "no AT line"},
		{Herd, kiwi, "AT \n", "does not end with what was sent"},

		{Herd, near, atLine + nearby, ""},
		{Herd, near, atLine + strings.Replace(nearby, "OK", "ZERO_RESULTS", 1), ""},
		{Herd, near, "? WHATSAT bench-00000000000042 10 2\n", "not known"},
		{Herd, near, strings.Replace(atLine, "0042", "0043", 1) + nearby, "no AT line of the client"},
		{Herd, near, strings.Replace(atLine, "0042", "00421", 1) + nearby, "no AT line of the client"},
		{Herd, near, "AT \n" + nearby, "no AT line of the client"},
		{Herd, near, atLine + "\n", "no JSON object"},
		{Herd, near, atLine + "[]\n\n", "no JSON object"},
		{Herd, near, atLine + strings.Replace(nearby, "OK", "OVER_QUERY_LIMIT", 1), "neither OK nor ZERO_RESULTS"},
		{Herd, near, atLine + strings.Replace(nearby, "status", "state", 1), "neither OK nor ZERO_RESULTS"},
		{Herd, near, atLine + strings.Replace(nearby, "{}, {}", "{}, {}, {}", 1), "more results"},
		{Herd, near, atLine + strings.Replace(nearby, "{}, {}", "{}, {", 1), "can't be decoded"},

		{RedisSet, kiwi, "+OK\r\n", ""},
		{RedisSet, kiwi, "+NO\r\n", "not +OK"},
		{RedisSet, kiwi, "-ERR\r\n", "an error"},
		{RedisGeoAdd, kiwi, ":0\r\n", ""},
		{RedisGeoAdd, kiwi, ":1\r\n", ""},
		{RedisGeoAdd, kiwi, ":2\r\n", "neither"},
		{RedisGeoSearch, near, "*0\r\n", ""},
		{RedisGeoSearch, near, "*2\r\n$20\r\nbench-00000000000042\r\n$20\r\nbench-00000000000043\r\n", ""},
		{RedisGeoSearch, near, "*1\r\n$20\r\nbanch-00000000000042\r\n", "not clients"},
		{RedisGeoSearch, near, "*1\r\n$3\r\nfoo\r\n", "not clients"},
		{RedisGeoSearch, near, "*1\r\n:1\r\n", "not clients"},
		{RedisGeoSearch, near, "*3\r\n$1\r\na\r\n$1\r\na\r\n$1\r\na\r\n", "more results"},
		{RedisGeoSearch, near, "*-1\r\n", "no array"},
		{RedisGeoSearch, near, "*x\r\n", "no array"},
		{RedisGeoSearch, near, "-ERR could not decode requested zset member\r\n", "an error"},
	}
	for _, tt := range tests {
		d := dialectOf(tt.protocol)
		b := []byte(tt.reply + "next")
		if n := d.frame(&tt.command, b); n != len(tt.reply) {
			t.Errorf("%s: %q: the reply has %d bytes, want %d", tt.protocol, tt.reply, n, len(tt.reply))
			continue
		}
		for i := range len(tt.reply) {
			if n := d.frame(&tt.command, b[:i]); n != 0 {
				t.Errorf("%s: %q is a whole reply", tt.protocol, b[:n])
			}
		}
		got := d.check(&tt.command, b[:len(tt.reply)], make([]byte, 128))
		if (got == "") != (tt.wrong == "") || !strings.Contains(got, tt.wrong) {
			t.Errorf("%s: %q: %q, want %q", tt.protocol, tt.reply, got, tt.wrong)
		}
	}
}

// What another server shows is the very fix, not an older one.
func TestShows(t *testing.T) {
	later := kiwi
	later.nanos++
	for _, tt := range []struct {
		protocol Protocol
		command  command
		reply    string
		want     bool
	}{
		{Herd, kiwi, atLine + nearby, true},
		{Herd, later, atLine + nearby, false},
		{Herd, kiwi, "? WHATSAT bench-00000000000042 0 0\n", false},
		{RedisSet, kiwi, get, true},
		{RedisSet, later, get, false},
		{RedisSet, kiwi, "$-1\r\n", false},
	} {
		d := dialectOf(tt.protocol)
		if n := d.frame(&near, []byte(tt.reply+"next")); n != len(tt.reply) {
			t.Errorf("%q: the reply has %d bytes", tt.reply, n)
		}
		if got := d.shows(&tt.command, []byte(tt.reply), make([]byte, 128)); got != tt.want {
			t.Errorf("%q shows %d: %t", tt.reply, tt.command.nanos, got)
		}
	}
}

// Whatever a server sends, a reply is no longer than what has come, and can be checked.
func TestStrangeReplies(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pieces := rapid.SliceOf(rapid.OneOf(
			rapid.SampledFrom([]string{"*", "$", ":", "HTTP/1.1 200 OK", "\r\nContent-Length: ", "\r\n\r\n", "]}\n", "-", "+", "1", "20", "-1", "9999999999", "\r\n", "\n", "\n\n", "AT ", "? ", " ", "{", "}", `"status"`, `"OK"`, "bench-"}),
			rapid.StringOf(rapid.Rune()),
		)).Draw(t, "pieces")
		b := []byte(strings.Join(pieces, ""))
		dialects := []dialect{nearOf(Herd, 1), nearOf(RedisGeoSearch, 1)}
		for _, p := range Protocols() {
			dialects = append(dialects, dialectOf(p))
		}
		for _, d := range dialects {
			for _, c := range []command{kiwi, near} {
				n := d.frame(&c, b)
				if n < 0 || n > len(b) {
					t.Fatalf("%T: %q has a reply of %d bytes", d, b, n)
				}
				if n > 0 {
					d.check(&c, b[:n], make([]byte, 128))
					d.shows(&c, b[:n], make([]byte, 128))
				}
			}
		}
	})
}

// Digits agree with the simplest way to write them.
func TestDigits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v, width := rapid.Uint64().Draw(t, "v"), rapid.IntRange(1, 20).Draw(t, "width")
		want := fmt.Sprintf("%020d", v)
		if got := string(appendDigits([]byte("x"), v, width)); got != "x"+want[20-width:] {
			t.Fatalf("the last %d digits of %d are %q", width, v, got)
		}
	})
}

// A GEOADD shows by the position, which comes back rounded to a cell.
func TestGeoPos(t *testing.T) {
	d := dialectOf(RedisGeoAdd)
	query := kiwi
	query.query = true
	const want = "*3\r\n$6\r\nGEOPOS\r\n$10\r\nherd-bench\r\n$20\r\nbench-00000000000042\r\n"
	if got := string(d.append(nil, &query)); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	for reply, shown := range map[string]bool{
		"*1\r\n*2\r\n$21\r\n-118.4451287388801575\r\n$20\r\n34.06893142081508984\r\n": true,
		"*1\r\n*2\r\n$21\r\n-118.4451487388801575\r\n$20\r\n34.06893142081508984\r\n": false, // elsewhere
		"*1\r\n*-1\r\n": false,
	} {
		for i := range reply {
			if n := d.frame(&query, []byte(reply[:i])); n != 0 {
				t.Errorf("%q is a whole reply", reply[:i])
			}
		}
		if n := d.frame(&query, []byte(reply+"*1")); n != len(reply) {
			t.Errorf("%q: %d bytes are the reply", reply, n)
		}
		if got := d.shows(&kiwi, []byte(reply), nil); got != shown {
			t.Errorf("%q: shown %t", reply, got)
		}
		if known := d.check(&query, []byte(reply), nil) == ""; known != strings.Contains(reply, "*2") {
			t.Errorf("%q: known %t", reply, known)
		}
	}
}
