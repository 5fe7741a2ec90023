package load

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func nearOf(p Protocol, clients int) dialect {
	c := Config{Protocol: p, Near: true, Clients: clients, Radius: 10, Limit: 2, Queries: 1, Seed: 1}
	c.truth = newTruth(&c)
	return c.dialect()
}

func TestNearCommands(t *testing.T) {
	west := command{lat: -1, lon: -118_445_127, query: true}
	east := command{lat: 34_068_930, lon: 5_000_001, query: true}
	for _, tt := range []struct {
		protocol Protocol
		command  command
		want     string
	}{
		{Herd, west, "GET /v1/near?lat=-00.000001&lon=-118.445127&radius=10000&limit=2 HTTP/1.1\r\nHost: localhost\r\n\r\n"},
		{Herd, east, "GET /v1/near?lat=34.068930&lon=005.000001&radius=10000&limit=2 HTTP/1.1\r\nHost: localhost\r\n\r\n"},
		{RedisGeoSearch, east, "*11\r\n$9\r\nGEOSEARCH\r\n$10\r\nherd-bench\r\n$10\r\nFROMLONLAT\r\n$11\r\n+005.000001\r\n$10\r\n+34.068930\r\n" +
			"$8\r\nBYRADIUS\r\n$2\r\n10\r\n$2\r\nkm\r\n$3\r\nASC\r\n$5\r\nCOUNT\r\n$1\r\n2\r\n"},
	} {
		if got := string(nearOf(tt.protocol, 1).append(nil, &tt.command)); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}

// What the header says goes with each question, and is one header.
func TestNearAuthorization(t *testing.T) {
	c := Config{Protocol: Herd, Near: true, Radius: 10, Limit: 2, Queries: 1, Authorization: "Bearer kiwi"}
	const want = "GET /v1/near?lat=00.000000&lon=000.000000&radius=10000&limit=2 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer kiwi\r\n\r\n"
	if got := string(c.dialect().append(nil, &command{query: true})); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := misfit(c.dialect(), &command{query: true}, []byte("HTTP/1.1 503"), "no"); strings.Contains(got, "kiwi") || !strings.Contains(got, "/v1/near?lat=") {
		t.Errorf("a sample is %s", got)
	}
	c.Addrs, c.Connections, c.Clients, c.Duration = []string{"127.0.0.1:1"}, 1, 1, 1
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
	c.Authorization += "\r\nX: y"
	if err := c.Validate(); err == nil {
		t.Error("a line feed is no part of a header")
	}
}

// answered is a node's answer with such a body.
func answered(body string) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

func TestNearReplies(t *testing.T) {
	lat, lon := home(1, 0)
	here, away := command{lat: lat, lon: lon, query: true}, command{lat: -89_000_000, query: true}
	const nobody, one = `{"center":{},"clients":[` + "]}\n", `{"id":"bench-00000000000000","distance_m":0}`
	list := func(clients ...string) string {
		return answered(strings.TrimSuffix(nobody, "]}\n") + strings.Join(clients, ",") + "]}\n")
	}
	for _, tt := range []struct {
		protocol Protocol
		command  command
		reply    string
		wrong    string
	}{
		{Herd, here, list(one), ""},
		{Herd, away, list(), ""},
		{Herd, here, list(), "0 results, of 1 that are near"},
		{Herd, away, list(one), "1 results, of 0 that are near"},
		{Herd, here, list(one, one), "2 results, of 1"},
		{Herd, here, list(one, one, one), "more results than were asked for"},
		{Herd, here, list(strings.Replace(one, "0000", "0001", 1)), "is no client"},
		{Herd, here, list(strings.Replace(one, "{", "", 1)), "can't be decoded"},
		{Herd, here, answered("{}\n"), "no list of clients"},
		{Herd, here, strings.Replace(list(one), "200", "503", 1), "the status is not 200"},
		{Herd, here, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "no Content-Length"},
		{RedisGeoSearch, here, "*1\r\n$20\r\nbench-00000000000000\r\n", ""},
		{RedisGeoSearch, away, "*0\r\n", ""},
		{RedisGeoSearch, here, "*0\r\n", "0 results, of 1 that are near"},
		{RedisGeoSearch, here, "*1\r\n$20\r\nbench-00000000000001\r\n", "is no client"},
	} {
		d := nearOf(tt.protocol, 1)
		b := []byte(tt.reply + "next")
		if n := d.frame(&tt.command, b); n != len(tt.reply) {
			t.Errorf("%q: the reply has %d bytes, want %d", tt.reply, n, len(tt.reply))
			continue
		}
		for i := range len(tt.reply) {
			if n := d.frame(&tt.command, b[:i]); n != 0 {
				t.Errorf("%q is a whole reply", b[:n])
			}
		}
		got := d.check(&tt.command, b[:len(tt.reply)], make([]byte, 128))
		if (got == "") != (tt.wrong == "") || !strings.Contains(got, tt.wrong) {
			t.Errorf("%q: %q, want %q", tt.reply, got, tt.wrong)
		}
	}
}

// Of all answers to a question, only the right one is taken for right.
func TestTruth(t *testing.T) {
	c := Config{Clients: 1000, Radius: 50, Limit: 2, Seed: 3}
	truth := newTruth(&c)
	rapid.Check(t, func(t *rapid.T) {
		r := random(rapid.Uint64().Draw(t, "point"))
		q := command{query: true}
		q.lat, q.lon = r.place()
		type client struct {
			id   string
			away float64
		}
		var all []client
		for key := range uint32(c.Clients) {
			lat, lon := home(c.Seed, key)
			all = append(all, client{string(appendID(nil, key)), distance(q.lat, q.lon, lat, lon)})
		}
		slices.SortFunc(all, func(a, b client) int { return cmp.Compare(a.away, b.away) })
		var ids []string
		for _, x := range all[:c.Limit+1] {
			if x.away <= 50_000 {
				ids = append(ids, x.id)
			}
		}
		right := ids[:min(len(ids), c.Limit)]
		if why := truth.check(&q, right, 1e-3, 0); why != "" {
			t.Fatal(why)
		}
		if len(right) == 0 {
			return
		}
		i := rapid.IntRange(0, len(right)-1).Draw(t, "wrong one")
		for name, wrong := range map[string][]string{
			"missing":   slices.Delete(slices.Clone(right), i, i+1),
			"far":       append(slices.Delete(slices.Clone(right), i, i+1), all[len(all)-1].id),
			"twice":     append(slices.Clone(right[:len(right)-1]), right[0]),
			"one more":  append(slices.Clone(right), all[c.Limit+1].id),
			"no client": append(slices.Clone(right[:len(right)-1]), "bench-99999999999999"),
		} {
			if name == "twice" && len(right) == 1 {
				continue
			}
			if truth.check(&q, wrong, 1e-3, 0) == "" {
				t.Fatalf("%s: %v is as good as %v", name, wrong, right)
			}
		}
	})
}
