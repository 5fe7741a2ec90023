//go:build unix

package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// reporters is how many report while settings are reloaded.
const reporters = 8

// reloadCase is a setting that is taken over.
type reloadCase struct {
	name    string
	with    map[string]any // settings that are another way before
	set     map[string]any // then they are so
	before  func()         // called with the settings before
	holds   func() bool    // false before, true in the end
	refused string         // not empty: they have the reload fail, with that in the answer
}

func (r *reloading) cases() []reloadCase {
	return slices.Concat(r.clientCases(), r.httpCases(), r.otherCases(), r.googleCases(), r.overpassCases(), r.placesCases())
}

// one is a case of a single setting.
func one(name string, value any, holds func() bool) reloadCase {
	return reloadCase{name: name, set: map[string]any{name: value}, holds: holds}
}

// refuses tells whether the server closes the connections one too many at an address.
func (r *reloading) refuses(host string, conns int) bool {
	_, port, _ := net.SplitHostPort(r.Ready.Client)
	for range conns {
		conn, err := net.Dial("tcp", net.JoinHostPort(host, port))
		if err != nil {
			r.t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "x\n")
		conn.SetReadDeadline(time.Now().Add(hang))
		if _, err := conn.Read(make([]byte, 9)); err != nil {
			return true
		}
	}
	return false
}

// external is an address of this machine that is not of loopback; none if there is no network.
func external() string {
	addrs, _ := net.InterfaceAddrs()
	for _, a := range addrs {
		if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Is4() && !p.Addr().IsLoopback() {
			return p.Addr().String()
		}
	}
	return ""
}

func (r *reloading) clientCases() []reloadCase {
	says := func(line, prefix string) bool {
		s := r.session()
		defer s.conn.Close()
		fmt.Fprintln(s.conn, line)
		got, err := s.line()
		return err == nil && strings.HasPrefix(got, prefix)
	}
	var silent net.Conn
	perAddr := func() bool { return r.refuses(external(), 3) }
	if external() == "" {
		perAddr = r.once()
	}
	return []reloadCase{
		one("client.max_conns", reporters+2, func() bool { return r.refuses("127.0.0.1", 3) }),
		one("client.max_conns_per_addr", 2, perAddr),
		one("client.max_line", "64B", func() bool {
			s := r.session()
			defer s.conn.Close()
			fmt.Fprintf(s.conn, "%s\nx\n", strings.Repeat("x", 65))
			s.line()
			_, err := s.line()
			return err == io.EOF
		}),
		{
			name: "client.idle_timeout", set: map[string]any{"client.idle_timeout": "5s"}, // the reporters are never silent for so long
			before: func() { silent = r.session().conn },
			holds: func() bool {
				silent.SetReadDeadline(time.Now().Add(time.Millisecond))
				_, err := silent.Read(make([]byte, 1))
				return err == io.EOF
			},
		},
		one("client.max_id", 4, func() bool { return says("IAMAT emu45 +1-1 5", "? ") }),
	}
}

// once is for what can't be seen from here: it holds when it is asked again.
func (r *reloading) once() func() bool {
	asked := false
	return func() bool {
		r.t.Log("this machine has no address but those of loopback")
		was := asked
		asked = true
		return was
	}
}

func (r *reloading) httpCases() []reloadCase {
	get := func(token string, jane bool) int {
		code, _ := r.do("GET", "/v1/self", token, jane, 0)
		return code
	}
	cert, key := r.ca.Sign(30*24*time.Hour, "new.test")
	shows := func() bool {
		_, port, _ := net.SplitHostPort(r.Ready.HTTP)
		conn, err := tls.Dial("tcp", "127.0.0.1:"+port, &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			return false
		}
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0].Subject.CommonName == "new.test"
	}
	pair := map[string]any{"tls.cert_file": cert, "tls.key_file": key}
	return []reloadCase{
		one("http.read_token_file", r.write("read2", readToken+"\n"+otherToken), func() bool { return get(otherToken, true) == 200 }),
		one("http.write_token_file", r.write("write2", writeToken+"\n"+otherToken), func() bool {
			code, _ := r.do("DELETE", "/v1/chaos", otherToken, true, 0)
			return code == 403 && get(otherToken, true) == 200
		}),
		{
			name: "http.insecure_http", set: map[string]any{"http.insecure_http": true, "http.read_token_file": "", "http.write_token_file": ""},
			holds: func() bool { return get("", true) == 200 },
		},
		{name: "tls.cert_file", set: pair, holds: shows},
		{name: "tls.key_file", set: pair, holds: shows},
		one("tls.client_ca_file", r.ca.File, func() bool { return get(readToken, false) == 403 && get(readToken, true) == 200 }),
		one("tls.min_version", "1.2", func() bool {
			code, _ := r.do("GET", "/v1/self", readToken, true, tls.VersionTLS12)
			return code == 200
		}),
	}
}

func (r *reloading) otherCases() []reloadCase {
	logged := func(text string) func() bool {
		return func() bool {
			r.session().conn.Close()
			return strings.Contains(r.logText(), text)
		}
	}
	file := filepath.Join(r.dir, "herd.log")
	return []reloadCase{
		one("log.level", "debug", logged("client connected")),
		one("log.file", file, func() bool {
			text, err := os.ReadFile(file)
			return err == nil && strings.Contains(string(text), "the configuration is reloaded")
		}),
		one("herd.ttl", "24h", func() bool {
			s := r.session()
			defer s.conn.Close()
			line, err := s.locate("kiwi")
			if err != nil {
				r.t.Fatal(err)
			}
			return strings.HasPrefix(line, "? ")
		}),
		one("herd.memory_limit", "100MiB", func() bool { return r.metric("go_gc_gomemlimit_bytes") == "1.048576e+08" }),
		one("herd.max_clients", 3, func() bool { return r.metric("herd_table_clients") == "3" }),
		one("gossip.join", []string{r.bona.Ready.Gossip}, func() bool { return len(r.bona.view()) == 2 }),
	}
}

// placesCase is a setting of a provider that is the first one asked.
func placesCase(provider, key string, value any, before func(), holds func() bool) reloadCase {
	return reloadCase{
		name: "places." + provider + "." + key, set: map[string]any{"places." + provider + "." + key: value},
		with: map[string]any{"places_order": []string{provider, "embedded"}}, before: before, holds: holds,
	}
}

// asking tells whether the upstream is asked with a text in the request.
func (r *reloading) asking(text string) func() bool {
	return func() bool {
		r.answers.expect(1)
		r.ask()
		last, _, _ := r.answers.saw()
		return strings.Contains(last, text)
	}
}

// timeoutCase has a server that answers at first, and then only if the node waits for as long as
// it can.
func (r *reloading) timeoutCase(provider string) reloadCase {
	calls := 1
	c := placesCase(provider, "timeout", "50ms", func() { calls = 1 }, func() bool {
		r.answers.expect(calls)
		calls = 2 // nobody else asks
		return strings.Contains(r.ask(), "in place of "+provider+" (timed_out)")
	})
	c.with["places."+provider+".timeout"] = "1m"
	return c
}

// inFlightCase has two questions, each answered when the other one is there too.
func (r *reloading) inFlightCase(provider string) reloadCase {
	c := placesCase(provider, "max_in_flight", 1, nil, func() bool {
		r.answers.expect(2)
		r.asked += 2
		var asking sync.WaitGroup
		for i := range 2 {
			s := r.session()
			asking.Go(func() {
				defer s.conn.Close()
				s.whatsAt("c0", fmt.Sprintf("2.%04d", r.asked-i), 20)
			})
		}
		asking.Wait()
		_, _, most := r.answers.saw()
		return most == 1
	})
	c.with["places."+provider+".timeout"] = "3s" // for the other one to come
	return c
}

// bounded are the cases that all have who ask a server.
func (r *reloading) bounded(provider string) []reloadCase {
	series := func(name, value string) func() bool {
		return func() bool { return r.metric(name) == value }
	}
	budget := func(period string) string {
		return fmt.Sprintf("herd_places_budget_calls{period=%q,provider=%q}", period, provider)
	}
	other := startAnswerer(r.t)
	elsewhere := func() bool {
		r.ask()
		_, calls, _ := other.saw()
		return calls > 0
	}
	url := other.URL
	if provider == "overpass" {
		url += "/interpreter"
	}
	return []reloadCase{
		placesCase(provider, "enabled", false, nil, func() bool {
			r.answers.expect(1)
			r.ask()
			_, calls, _ := r.answers.saw()
			return calls == 0
		}),
		placesCase(provider, "base_url", url, nil, elsewhere),
		r.timeoutCase(provider),
		placesCase(provider, "rate_per_minute", 1, nil, func() bool {
			r.answers.expect(1)
			r.ask()
			return strings.Contains(r.ask(), "in place of "+provider+" (throttled)")
		}),
		r.inFlightCase(provider),
		placesCase(provider, "budget_day", 700, nil, series(budget("day"), "700")),
		placesCase(provider, "budget_month", 700, nil, series(budget("month"), "700")),
		placesCase(provider, "cache", "1h", nil, func() bool {
			r.asked++
			s := r.session()
			defer s.conn.Close()
			r.answers.expect(1)
			for range 2 {
				r.near(s, fmt.Sprintf("2.%04d", r.asked))
			}
			_, calls, _ := r.answers.saw()
			return calls == 1
		}),
	}
}

func (r *reloading) googleCases() []reloadCase {
	return append(
		r.bounded("google"),
		placesCase("google", "api", "legacy", nil, r.asking("/maps/api/place/")),
		placesCase("google", "fields", "enterprise", nil, r.asking("places.rating")),
		placesCase("google", "key_file", r.write("key2", "second-key\n"), nil, r.asking("second-key")),
		placesCase("google", "language", "de", nil, r.asking(`"languageCode":"de"`)),
		placesCase("google", "rank", "distance", nil, r.asking("DISTANCE")),
	)
}

func (r *reloading) overpassCases() []reloadCase {
	return append(
		r.bounded("overpass"),
		placesCase("overpass", "user_agent", "canaries of test", nil, r.asking("canaries of test")),
		placesCase("overpass", "rank", "distance", nil, func() bool {
			r.answers.expect(1)
			body := r.ask()
			return strings.Index(body, "Near") < strings.Index(body, "Far")
		}),
		placesCase("overpass", "max_radius", 1, nil, r.asking("1000")),
	)
}

func (r *reloading) placesCases() []reloadCase {
	first := ""
	differs := reloadCase{before: func() { first = "" }, holds: func() bool {
		s := r.session()
		defer s.conn.Close()
		body := r.near(s, "50")
		if first == "" {
			first = body
		}
		return body != first
	}}
	rank := func(provider string) reloadCase {
		c := placesCase(provider, "rank", "distance", differs.before, differs.holds)
		c.with["places_order"] = []string{provider}
		return c
	}
	says := func(text string) func() bool {
		return func() bool { return strings.Contains(r.ask(), text) }
	}
	file := func(key string, value any, holds func() bool) reloadCase {
		return placesCase("file.campus", key, value, nil, holds)
	}
	format := file("format", "geojson", func() bool { return false })
	format.refused = "campus.csv"
	return []reloadCase{
		one("places_order", []string{"file.campus"}, says("Powell Library")),
		rank("embedded"),
		rank("file.campus"),
		file("path", r.write("other.csv", "name,lat,lon\nRieber Hall,34.0716,-118.4451\n"), says("Rieber Hall")),
		file("attribution", "of the campus", says("of the campus")),
		format,
	}
}

// TestE2EReloadDrain: a node that leaves takes the time that a reload has brought for that, and
// not the hour that it was started with.
func TestE2EReloadDrain(t *testing.T) {
	file := filepath.Join(t.TempDir(), "herd.hcl")
	drain := func(d string) {
		t.Helper()
		if err := os.WriteFile(file, fmt.Appendf(nil, "client {\n  drain = %q\n}\n", d), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	drain("1h")
	p := start(t, spec{name: "Clark", flags: []string{"--config", file}})
	for range 2 { // the first of an hour's drain may end at once
		s := p.session()
		defer s.conn.Close()
		if _, err := s.report(fixNow("kiwi")); err != nil {
			t.Fatal(err)
		}
	}
	drain("0s")
	if code, out := herdVerb(t, "reload", "--http-addr", p.Ready.HTTP); code != exitDone || !strings.Contains(out, "client.drain  1h   0s   taken over") {
		t.Fatalf("exit code %d: %s", code, out)
	}
	if code, took := p.stop(syscall.SIGTERM); code != exitDone {
		t.Errorf("exit code %d after %v", code, took)
	}
}
