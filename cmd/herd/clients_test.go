package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
)

// clientsServer has so many clients, c1 and up, and gives pages of 300 at the most.
func clientsServer(t *testing.T, n int) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q, geo := r.URL.Query(), r.URL.Query().Get("format") == "geojson"
		one := func(id string) string {
			text, err := json.Marshal(id)
			if err != nil {
				t.Error(err)
			}
			if geo {
				return fmt.Sprintf(`{"type":"Feature","id":%s}`, text)
			}
			return fmt.Sprintf(`{"id":%s,"position":"+1-2","received":"2020-01-02T03:04:05Z","node":"Clark","new":1}`, text)
		}
		if id, ok := strings.CutPrefix(r.URL.Path, "/v1/clients/"); ok {
			fmt.Fprintln(w, one(id))
			return
		}
		from, _ := strconv.Atoi(q.Get("cursor"))
		limit, _ := strconv.Atoi(q.Get("limit"))
		to := min(from+min(limit, 300), n)
		var all []string
		for i := from; i < to; i++ {
			all = append(all, one(q.Get("prefix")+fmt.Sprint("c", i+1)))
		}
		next := ""
		if to < n {
			next = strconv.Itoa(to)
		}
		list := "clients"
		if geo {
			list = "features"
		}
		fmt.Fprintf(w, `{%q:[%s],"next":%q}`, list, strings.Join(all, ","), next)
	}))
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

func TestClients(t *testing.T) {
	for _, c := range []struct {
		have       int
		args       []string
		lines      int
		has, wants string
	}{
		{0, nil, 1, "ID  POSITION  AGE  NODE\n", ""},
		{2, nil, 3, "\nc2  +1-2  ", ""},
		{150, nil, 101, "\nc100  +1-2 ", "There may be more: these are 100. --limit 0 lists all.\n"},
		{100, nil, 101, "\nc100  +1-2 ", ""},
		{1250, []string{"--limit", "0"}, 1251, "\nc1250  +1-2 ", ""},
		{1250, []string{"--limit", "700", "--json"}, 700, `{"id":"c700","position":"+1-2",`, "There may be more: these are 700. --limit 0 lists all.\n"},
		{5, []string{"--prefix", "x/", "--json"}, 5, `{"id":"x/c5","position":"+1-2","received":"2020-01-02T03:04:05Z","node":"Clark","new":1}` + "\n", ""},
		{2, []string{"--geojson"}, 3, `{"type":"FeatureCollection","features":[` + "\n" + `{"type":"Feature","id":"c1"},` + "\n" + `{"type":"Feature","id":"c2"}]}` + "\n", ""},
		{0, []string{"--geojson"}, 2, `{"type":"FeatureCollection","features":[` + "\n]}\n", ""},
		{650, []string{"--geojson", "--limit", "0"}, 651, `{"type":"Feature","id":"c650"}]}`, ""},
		{0, []string{"kiwi"}, 2, "\nkiwi  +1-2  ", ""},
		{0, []string{"a/b%"}, 2, "\na/b%  +1-2  ", ""},
		{0, []string{".."}, 2, "\n..  +1-2  ", ""},
		{0, []string{"\x1b[2J\"é"}, 2, "\n" + `[2J"é  +1-2  `, ""},
		{0, []string{"kiwi", "--json"}, 1, `{"id":"kiwi","position":"+1-2","received":"2020-01-02T03:04:05Z","node":"Clark","new":1}` + "\n", ""},
		{0, []string{"kiwi", "--geojson"}, 1, `{"type":"Feature","id":"kiwi"}` + "\n", ""},
	} {
		f := newFakeApp(fine)
		code := f.run(t.Context(), append([]string{"clients", "--http-addr", clientsServer(t, c.have)}, c.args...))
		out := f.out.String()
		if code != exitDone || strings.Count(out, "\n") != c.lines || !strings.Contains(out, c.has) || f.err.String() != c.wants {
			t.Errorf("%d clients, %q: exit code %d, %q, %d lines:\n%.2000s", c.have, c.args, code, &f.err, strings.Count(out, "\n"), out)
		}
	}
}

func TestClientsUsage(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"a", "b"}, "accepts at most 1 arg"},
		{[]string{"--limit", "-1"}, "--limit is -1, it must be 0 or more"},
		{[]string{"--json", "--geojson"}, "json geojson"},
		{[]string{"kiwi", "--prefix", "k"}, "--prefix is for a list of clients, not for one"},
	} {
		f := newFakeApp(fine)
		if code := f.run(t.Context(), append([]string{"clients"}, c.args...)); code != exitUsage || !strings.Contains(f.err.String(), c.want) {
			t.Errorf("%q: exit code %d, %q", c.args, code, &f.err)
		}
	}
}

// What a node has under the path of a client is that client.
func TestClientPath(t *testing.T) {
	for _, id := range []string{"kiwi.cs.ucla.edu", "a/b", ".", "..", "...", "%2F", "a?b#c", "\xff\x00", "é", "+"} {
		path := clientPath(id)
		u, err := url.Parse("http://x" + path)
		if err != nil || u.Path != "/v1/clients/"+id || strings.Count(u.EscapedPath(), "/") != 3 || strings.HasSuffix(path, "/.") || strings.HasSuffix(path, "/..") {
			t.Errorf("%q: %s, %v", id, path, err)
		}
	}
}
