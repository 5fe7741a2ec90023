package node

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"herd/config"
	"herd/gossip"
	"herd/node/client"
)

// readOpenAPI is the description of the API, which is a good one, examples included.
func readOpenAPI(t *testing.T) *openapi3.T {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData([]byte(openAPI))
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return doc
}

// Every route is described, with its parameters, and every path that is described is there.
func TestOpenAPIRoutes(t *testing.T) {
	doc := readOpenAPI(t)
	routes := append(newTestNode(t).routes(), route{method: "GET", path: "/"})
	described := map[string]bool{}
	ids := map[string]bool{}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			described[method+" "+path] = true
			if op.Summary == "" || op.OperationID == "" || len(op.Tags) != 1 || doc.Tags.Get(op.Tags[0]) == nil || op.Responses.Default() == nil {
				t.Errorf("%s %s needs a summary, an operationId, a tag of those above, and a default response", method, path)
			}
			if ids[op.OperationID] {
				t.Errorf("there are two of %s", op.OperationID)
			}
			ids[op.OperationID] = true
		}
	}
	for _, r := range routes {
		if !described[r.name()] {
			t.Errorf("openapi.yaml does not describe %s", r.name())
			continue
		}
		delete(described, r.name())
		item := doc.Paths.Value(r.path)
		in := map[string][]string{"path": {}, "query": {}}
		for _, p := range append(item.Parameters, item.Operations()[r.method].Parameters...) {
			in[p.Value.In] = append(in[p.Value.In], p.Value.Name)
		}
		slices.Sort(in["query"])
		may := slices.Sorted(slices.Values(strings.Fields(r.query)))
		if r.query != anyQuery && !slices.Equal(in["query"], may) {
			t.Errorf("%s takes the parameters %q; openapi.yaml says %q", r.name(), may, in["query"])
		}
		for _, name := range in["path"] {
			if !strings.Contains(r.path, "{"+name+"}") {
				t.Errorf("openapi.yaml has a parameter %q in the path of %s", name, r.name())
			}
		}
	}
	for name := range described {
		t.Errorf("openapi.yaml describes %s, which is not there", name)
	}
}

// Who asks through node/client misses nothing of what is described.
func TestOpenAPIClient(t *testing.T) {
	doc := readOpenAPI(t)
	for name, v := range map[string]any{"Member": client.Member{}, "Self": client.Self{}, "Stats": client.Stats{}} {
		wantFields(t, name, doc.Components.Schemas[name].Value, reflect.TypeOf(v))
	}
}

// wantFields has a Go type hold all that a schema describes.
func wantFields(t *testing.T, name string, schema *openapi3.Schema, in reflect.Type) {
	t.Helper()
	if in.Kind() == reflect.Pointer {
		in = in.Elem()
	}
	for _, part := range schema.AllOf {
		wantFields(t, name, part.Value, in)
	}
	switch values := schema.AdditionalProperties.Schema; {
	case in.Kind() == reflect.Slice && schema.Items != nil:
		wantFields(t, name+"[]", schema.Items.Value, in.Elem())
	case in.Kind() == reflect.Map && values != nil:
		wantFields(t, name+"[]", values.Value, in.Elem())
	}
	if in.Kind() != reflect.Struct {
		return
	}
	fields := map[string]reflect.Type{}
	for _, f := range reflect.VisibleFields(in) {
		key, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		fields[key] = f.Type
	}
	for key, property := range schema.Properties {
		if fields[key] == nil {
			t.Errorf("%v has no field for %s.%s", in, name, key)
			continue
		}
		wantFields(t, name+"."+key, property.Value, fields[key])
	}
}

// exercise is a request, and the status of its answer.
type exercise struct {
	route        string // as openapi.yaml has it
	target, body string
	status       int
	accept       string
	token        string
	stream       bool              // the answer has no end: what comes first is looked at
	on           func(n *testNode) // done before
	config       func(c *Config)
}

// exercises are what every route does, with every status and media type that is described.
func exercises() []exercise {
	serve := func(n *testNode) { n.phase.Store(int32(serving)) }
	leave := func(n *testNode) { n.phase.Store(int32(leaving)) }
	const geo = "application/geo+json"
	const one, there = "/v1/clients/{id}", "/v1/clients/kiwi"
	supervised := func(c *Config) {
		chaosAllowed(c)
		c.Supervisor = &fakeSupervisor{}
	}
	all := []exercise{
		{route: "GET /", target: "/", status: 200},
		{route: "GET /", target: "/", status: 200, accept: "text/html"},
		{route: "GET /web/{file}", target: "/web/main.js", status: 200},
		{route: "GET /web/{file}", target: "/web/style.css", status: 200},
		{route: "GET /web/{file}", target: "/web/icon.svg", status: 200},
		{route: "GET /web/{file}", target: "/web/world.bin", status: 200},
		{route: "GET /web/{file}", target: "/web/nothing", status: 404},
		{route: "GET /v1/map", target: "/v1/map?bbox=-180,-90,180,90&limit=5", status: 200},
		{route: "GET /v1/map", target: "/v1/map?since=x", status: 400},
		{route: "GET /livez", target: "/livez", status: 200},
		{route: "GET /readyz", target: "/readyz?verbose", status: 503},
		{route: "GET /readyz", target: "/readyz?verbose=1", status: 200, on: serve},
		{route: "GET /metrics", target: "/metrics", status: 200},
		{route: "GET /debug/pprof/{name}", target: "/debug/pprof/heap", status: 200, token: "write-0123456789abcdef", config: tokens},
		{route: "GET /v1/openapi.yaml", target: "/v1/openapi.yaml", status: 200},
		{route: "GET /v1/self", target: "/v1/self", status: 200},
		{route: "GET /v1/members", target: "/v1/members", status: 200},
		{route: "POST /v1/reload", target: "/v1/reload", status: 409},
		{route: "POST /v1/reload", target: "/v1/reload", status: 422, config: func(c *Config) {
			c.Load = func() (*config.Loaded, error) { return nil, errors.New("no") }
		}},
		{route: "POST /v1/reload", target: "/v1/reload", status: 200, config: func(c *Config) {
			to := *c
			to.Settings.Client.MaxLine, to.Settings.Name, to.Settings.HTTP.Insecure = 77, "Other", true
			to.Settings.Gossip.Join = []string{"10.0.0.2:4132"}
			c.Load = func() (*config.Loaded, error) { return &config.Loaded{Config: to.Settings}, nil }
		}},
		{route: "POST /v1/leave", target: "/v1/leave", status: 202},
		{route: "POST /v1/leave", target: "/v1/leave?drain=30s", status: 202},
		{route: "POST /v1/leave", target: "/v1/leave?drain=30", status: 400},
		{route: "GET /v1/stats", target: "/v1/stats", status: 200},
		{route: "GET /v1/keyring", target: "/v1/keyring", status: 200, on: func(n *testNode) { n.cluster.keys = twoRings() }},
		{route: "POST /v1/keyring", target: "/v1/keyring", body: `{"action":"use","fingerprint":"0a00000000000000"}`, status: 200, on: func(n *testNode) { n.cluster.keys = twoRings() }},
		{route: "POST /v1/keyring", target: "/v1/keyring", body: `{"action":"use","fingerprint":"0a00000000000000"}`, status: 409, on: func(n *testNode) { n.cluster.keysErr = gossip.ErrKeyless }},
		{route: "GET /v1/events", target: "/v1/events?kinds=fix&prefix=k&bbox=-180,-90,180,90&every=1s", status: 200, stream: true},
		{route: "GET /v1/events", target: "/v1/events?every=1", status: 400},
		{route: "GET /v1/clients", target: "/v1/clients?limit=1&prefix=&bbox=-180,-90,180,90", status: 200},
		{route: "GET /v1/clients", target: "/v1/clients", status: 200, accept: geo},
		{route: "GET /v1/clients", target: "/v1/clients?limit=0", status: 400},
		{route: "GET /v1/clients", target: "/v1/clients?cursor=" + cursor{1, "a"}.text(0xc2), status: 410},
		{route: "GET " + one, target: there, status: 200},
		{route: "GET " + one, target: "/v1/clients/%FF", status: 200},
		{route: "GET " + one, target: there, status: 200, accept: geo},
		{route: "GET " + one, target: there + "?format=no", status: 400},
		{route: "GET " + one, target: "/v1/clients/nobody", status: 404},
		{route: "PUT " + one, target: there, body: `{"lat":1,"lon":2}`, status: 200, on: serve},
		{route: "PUT " + one, target: there, body: `{"position":"+1-1","time":"5"}`, status: 200, on: serve, accept: geo},
		{route: "PUT " + one, target: "/v1/clients/emu", body: `{"lat":1,"lon":2}`, status: 201, on: serve},
		{route: "PUT " + one, target: "/v1/clients/emu", body: `{"lat":1,"lon":2}`, status: 201, on: serve, accept: geo},
		{route: "PUT " + one, target: there, body: `{"lat":1}`, status: 400, on: serve},
		{route: "PUT " + one, target: there, body: `{"time":"` + strings.Repeat("1", maxReport) + `"}`, status: 413, on: serve},
		{route: "PUT " + one, target: there, body: `{"lat":1,"lon":2}`, status: 503},
		{route: "GET " + one + "/places", target: there + "/places?radius=1.5&limit=3&offline=0", status: 200},
		{route: "GET " + one + "/places", target: there + "/places?radius=x", status: 400},
		{route: "GET " + one + "/places", target: "/v1/clients/nobody/places", status: 404},
		{route: "GET /v1/near", target: "/v1/near?client=kiwi&radius=20015115", status: 200},
		{route: "GET /v1/near", target: "/v1/near?lat=34.06893&lon=-118.445127&limit=1", status: 200, accept: geo},
		{route: "GET /v1/near", target: "/v1/near?lat=34", status: 400},
		{route: "GET /v1/near", target: "/v1/near?client=nobody", status: 404},
		{route: "POST /pub", target: "/pub?u=jane&d=nexus", body: `{"_type":"location","lat":48.856826,"lon":2.292713,"tst":1700000001,"tid":"NE","acc":18}`, status: 200, on: serve},
		{route: "POST /pub", target: "/pub", body: `{"_type":"location"}`, status: 400, on: serve},
		{route: "POST /pub", target: "/pub", body: strings.Repeat(" ", maxReport+1), status: 413, on: serve},
		{route: "POST /pub", target: "/pub", body: `{"_type":"location"}`, status: 503},
		{route: "GET /v1/chaos", target: "/v1/chaos", status: 200, config: chaosAllowed, on: func(n *testNode) {
			n.faults.Add((&faultInfo{Peers: []string{"Bona"}, Cut: true, Way: "in"}).rule(), time.Minute)
			n.faults.Add((&faultInfo{Loss: 0.5, Delay: span(time.Second), Rate: 5}).rule(), 0)
		}},
		{route: "POST /v1/chaos", target: "/v1/chaos", body: `{"seed":1,"faults":[{"peers":["Bona"],"cut":true,"for":"20s"}]}`, status: 200, config: chaosAllowed},
		{route: "POST /v1/chaos", target: "/v1/chaos", body: `{}`, status: 400, config: chaosAllowed},
		{route: "DELETE /v1/chaos", target: "/v1/chaos", status: 200, config: chaosAllowed},
		{route: "DELETE /v1/chaos", target: "/v1/chaos?id=x", status: 400, config: chaosAllowed},
		{route: "DELETE /v1/chaos", target: "/v1/chaos?id=5", status: 404, config: chaosAllowed},
		{route: "POST /v1/chaos/kill", target: "/v1/chaos/kill", body: `{"for":"5s"}`, status: 202, config: supervised},
		{route: "POST /v1/chaos/kill", target: "/v1/chaos/kill", body: `{"for":"-5s"}`, status: 400, config: supervised},
		{route: "POST /v1/chaos/kill", target: "/v1/chaos/kill", status: 501, config: chaosAllowed},
		{route: "POST /v1/chaos/restart", target: "/v1/chaos/restart", body: `{"node":"Bona"}`, status: 501, config: chaosAllowed},
		{route: "POST /v1/chaos/restart", target: "/v1/chaos/restart", body: `{"node":"Bona"}`, status: 202, config: supervised},
		{route: "POST /v1/chaos/restart", target: "/v1/chaos/restart", body: `{"node":"nobody"}`, status: 409, config: supervised},
	}
	for _, name := range []string{"GET /v1/chaos", "POST /v1/chaos", "DELETE /v1/chaos", "POST /v1/chaos/kill", "POST /v1/chaos/restart"} {
		_, path, _ := strings.Cut(name, " ")
		all = append(all, exercise{route: name, target: path, status: 403})
	}
	return append(all, exercise{route: "PUT " + one, target: there, body: `{"lat":1,"lon":2}`, status: 503, on: leave})
}

// Every route is asked, and its answers are what openapi.yaml says: no name is missing and
// none is there that is not described. Every status and media type that is described comes.
func TestOpenAPIAnswers(t *testing.T) {
	doc := readOpenAPI(t)
	for _, schema := range doc.Components.Schemas {
		exact(schema.Value)
	}
	come := map[string]bool{}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			for status, r := range op.Responses.Map() {
				for media, content := range r.Value.Content {
					exact(content.Schema.Value)
					if status != "default" {
						come[fmt.Sprint(method, " ", path, " ", status, " ", media)] = false
					}
				}
			}
		}
	}
	for _, e := range exercises() {
		if err := e.run(t, doc, come); err != nil {
			t.Errorf("%s %s: %v", e.route, e.target, err)
		}
	}
	for _, what := range slices.Sorted(maps.Keys(come)) {
		if !come[what] {
			t.Errorf("no exercise has %s for an answer", what)
		}
	}
}

// run asks a node of its own.
func (e exercise) run(t *testing.T, doc *openapi3.T, come map[string]bool) error {
	method, path, _ := strings.Cut(e.route, " ")
	item := doc.Paths.Value(path)
	if item == nil || item.Operations()[method] == nil {
		return fmt.Errorf("it is not described")
	}
	op := item.Operations()[method]
	if e.body != "" && e.status < 300 {
		if err := visit(op.RequestBody.Value.Content.Get("application/json"), []byte(e.body)); err != nil {
			return fmt.Errorf("its body: %w", err)
		}
	}
	n := newTestNode(t, func(c *Config) {
		if e.config != nil {
			e.config(c)
		}
	})
	n.put(t, "kiwi", "+34.068930-118.445127")
	n.put(t, "\xff", "+1-1")
	if e.on != nil {
		e.on(&n)
	}
	w := &first{ResponseRecorder: httptest.NewRecorder()}
	r := httptest.NewRequest(method, "http://10.0.0.1:4133"+e.target, strings.NewReader(e.body))
	if e.stream {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		w.written = cancel
		r = r.WithContext(ctx)
	}
	if e.token != "" {
		r.Header.Set("Authorization", "Bearer "+e.token)
	}
	if e.accept != "" {
		r.Header.Set("Accept", e.accept)
	}
	n.api.Handler.ServeHTTP(w, r)
	if w.Code != e.status {
		return fmt.Errorf("got %d, want %d: %s", w.Code, e.status, w.Body)
	}
	media, _, err := mime.ParseMediaType(w.Header().Get("Content-Type"))
	if err != nil {
		return err
	}
	what := fmt.Sprint(e.route, " ", e.status, " ", media)
	if _, described := come[what]; !described {
		return fmt.Errorf("an answer %d %s is not described", e.status, media)
	}
	come[what] = true
	return visit(op.Responses.Status(e.status).Value.Content.Get(media), w.Body.Bytes())
}

// first is a recorder that tells when something has been written.
type first struct {
	*httptest.ResponseRecorder
	written func()
}

func (f *first) SetReadDeadline(time.Time) error  { return nil }
func (f *first) SetWriteDeadline(time.Time) error { return nil }

func (f *first) Write(b []byte) (int, error) {
	if f.written != nil {
		defer f.written()
	}
	return f.ResponseRecorder.Write(b)
}

// visit holds a body against its schema. What is no JSON is one text.
func visit(media *openapi3.MediaType, body []byte) error {
	var value any = string(body)
	if media.Schema.Value.Type == nil || !media.Schema.Value.Type.Is("string") {
		dec := json.NewDecoder(bytes.NewReader(body))
		if err := dec.Decode(&value); err != nil {
			return err
		}
		if _, err := dec.Token(); err != io.EOF {
			return fmt.Errorf("there is more than one value: %s", body)
		}
	}
	return media.Schema.Value.VisitJSON(value, openapi3.VisitAsResponse(), openapi3.EnableFormatValidation())
}

// exact has a schema refuse what it does not name: the description says that more may
// come, but this release has to describe all that it has.
func exact(s *openapi3.Schema) {
	for _, part := range s.AllOf {
		if s.Properties == nil {
			s.Properties = openapi3.Schemas{}
		}
		maps.Copy(s.Properties, part.Value.Properties)
		s.Required = append(s.Required, part.Value.Required...)
	}
	s.AllOf = nil
	if len(s.Properties) > 0 && s.AdditionalProperties.Schema == nil && s.AdditionalProperties.Has == nil {
		no := false
		s.AdditionalProperties.Has = &no
	}
	for _, p := range s.Properties {
		exact(p.Value)
	}
	if s.Items != nil {
		exact(s.Items.Value)
	}
	if more := s.AdditionalProperties.Schema; more != nil {
		exact(more.Value)
	}
}

// The description is served as it is.
func TestOpenAPIFile(t *testing.T) {
	code, body := newTestNode(t).get(t, "GET", "/v1/openapi.yaml")
	if code != http.StatusOK || body != openAPI {
		t.Errorf("got %d, %d bytes", code, len(body))
	}
}
