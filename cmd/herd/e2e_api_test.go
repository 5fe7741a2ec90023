//go:build unix

package main

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// ask sends a request to the HTTP port of a node.
func (p *process) ask(method, path, body string, header ...string) (status int, answer string) {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), method, "http://"+p.Ready.HTTP+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	r.Close = true
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// What is reported over HTTP at one node is at every other one when the answer has come,
// whoever asks and how.
func TestE2EAPI(t *testing.T) {
	herd := startHerd(t, 3)
	a, b := herd[0], herd[1]
	for i := range 20 {
		id := fmt.Sprint("put-", i)
		f := fixNow(id)
		if status, answer := a.ask("PUT", "/v1/clients/"+id, fmt.Sprintf(`{"position":%q,"time":%q}`, f.position, f.time)); status != http.StatusCreated {
			t.Fatalf("PUT: %d %s", status, answer)
		}
		if at, err := b.session().locate(id); err != nil || !f.in(at) {
			t.Errorf("%s reported %s, %s says %q, %v", a.spec.name, f, b.spec.name, at, err)
		}
	}

	// A phone that a node was told of is on the map of another one.
	const phone = `{"_type":"location","lat":48.856826,"lon":2.292713,"tst":1700000001,"tid":"NE"}`
	if status, answer := b.ask("POST", "/pub", phone, "X-Limit-U", "jane", "X-Limit-D", "nexus"); status != http.StatusOK || answer != "[]\n" {
		t.Fatalf("/pub: %d %s", status, answer)
	}
	if status, answer := a.ask("GET", "/v1/clients/jane%2Fnexus", "", "Accept", "application/geo+json"); status != http.StatusOK || !strings.Contains(answer, `"coordinates":[2.292713,48.856826]`) {
		t.Errorf("the phone: %d %s", status, answer)
	}
	if status, answer := a.ask("GET", "/v1/clients/jane%2Fnexus/places?radius=10&limit=1", ""); status != http.StatusOK || !strings.Contains(answer, `"name" : "Paris"`) {
		t.Errorf("near the phone: %d %s", status, answer)
	}
	if status, answer := a.ask("PUT", "/v1/clients/jane%2Fnexus", `{"lat":0,"lon":0,"time":"5"}`); status != http.StatusOK || !strings.Contains(answer, `"stale":true`) || !strings.Contains(answer, `"lat":48.856826`) {
		t.Errorf("an older report: %d %s", status, answer)
	}

	// The verb sees the same at every node that is in sync.
	settle(t, herd)
	for _, p := range herd {
		code, out := herdVerb(t, "clients", "--http-addr", p.Ready.HTTP, "--limit", "0", "--json")
		if code != exitDone || strings.Count(out, "\n") != 21 || !strings.Contains(out, `"id":"jane/nexus"`) {
			t.Errorf("%s: exit code %d:\n%s", p.spec.name, code, out)
		}
	}
	if code, out := herdVerb(t, "clients", "jane/nexus", "--http-addr", a.Ready.HTTP); code != exitDone || !strings.Contains(out, "jane/nexus  +48.856826+2.292713  ") {
		t.Errorf("exit code %d:\n%s", code, out)
	}
	if code, out := herdVerb(t, "clients", "--bbox", "1,2,3", "--http-addr", a.Ready.HTTP); code != exitUsage || !strings.Contains(out, "it must be west,south,east,north") {
		t.Errorf("an area that is none: exit code %d: %s", code, out)
	}
	if code, out := herdVerb(t, "clients", "nobody", "--http-addr", a.Ready.HTTP); code != exitFailed || !strings.Contains(out, "The herd knows of no such client") {
		t.Errorf("exit code %d:\n%s", code, out)
	}

	// Wrong requests change nothing, and are counted.
	if status, answer := a.ask("PUT", "/v1/clients/put-0", `{"lat":91,"lon":0}`); status != http.StatusBadRequest || !strings.Contains(answer, "latitude") {
		t.Errorf("a wrong report: %d %s", status, answer)
	}
	if status, _ := a.ask("POST", "/pub", `{"_type":"location"}`); status != http.StatusBadRequest {
		t.Errorf("a wrong message: %d", status)
	}
	for series, want := range map[string]float64{
		`herd_http_requests_total{class="2xx",route="PUT /v1/clients/{id}"}`: 21,
		`herd_http_requests_total{class="4xx",route="PUT /v1/clients/{id}"}`: 1,
		`herd_http_requests_total{class="4xx",route="POST /pub"}`:            1,
		`herd_http_requests_total{class="5xx",route="POST /pub"}`:            0,
	} {
		if got, ok := a.metrics()[series]; !ok || got != want {
			t.Errorf("%s is %v, %t, want %v", series, got, ok, want)
		}
	}
}
