package web

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// fakeNode has the HTTP API as far as the page uses it, of a herd that does what a test
// says.
type fakeNode struct {
	*httptest.Server

	mu      sync.Mutex // guards the fields below
	clients []fakeClient
	changes int               // of clients, so far
	states  map[string]string // of members, by name
	asked   []string          // paths and queries
	drawn   int               // of clients, in the last full drawing
	sampled bool              // it says that it has a million clients, and draws but a part of the world
	pages   []int             // how many clients each page of the list has; nil: there is one page
	silent  bool              // it refuses streams of events

	tell  chan string   // events for who listens
	ended chan struct{} // a stream of events has ended
}

type fakeClient struct {
	id       string
	lat, lon float64
	node     string
	received time.Time
	changed  int // number of the change it came with
}

var fakeStart = time.Now()

func newFakeNode(t testing.TB) *fakeNode {
	t.Helper()
	f := &fakeNode{
		states: map[string]string{"Bailey": "alive", "Bona": "alive", "Clark": "alive"},
		tell:   make(chan string, 16),
		ended:  make(chan struct{}, 16),
	}
	page := Handler(http.NotFoundHandler())
	mux := http.NewServeMux()
	mux.Handle("/", page)
	mux.Handle("/test/", http.StripPrefix("/test/", http.FileServer(http.Dir("testdata"))))
	mux.HandleFunc("/v1/members", f.json(f.members))
	mux.HandleFunc("/v1/self", f.json(func(*http.Request) any {
		return map[string]any{"name": "Clark", "ready": true, "behind": []string{}, "clients": len(f.clients)}
	}))
	mux.HandleFunc("/v1/stats", f.json(f.stats))
	mux.HandleFunc("/v1/clients", f.json(f.page))
	mux.HandleFunc("/v1/near", f.json(func(*http.Request) any { return map[string]any{"clients": f.list()} }))
	mux.HandleFunc("/v1/clients/{id}", f.json(f.client))
	mux.HandleFunc("/v1/clients/{id}/places", f.json(f.places))
	mux.HandleFunc("/v1/map", f.drawing)
	mux.HandleFunc("/v1/events", f.events)
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		f.asked = append(f.asked, r.URL.RequestURI())
		f.mu.Unlock()
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(f.CloseClientConnections)
	return f
}

// json answers with what of says; nil is not found. The lock is held meanwhile.
func (f *fakeNode) json(of func(*http.Request) any) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		defer f.mu.Unlock()
		v := of(r)
		w.Header().Set("Content-Type", "application/json")
		if v == nil {
			w.WriteHeader(http.StatusNotFound)
			v = map[string]any{"status": http.StatusNotFound, "detail": "The herd knows of no such client."}
		}
		json.NewEncoder(w).Encode(v)
	}
}

func (f *fakeNode) members(*http.Request) any {
	var all []map[string]any
	for name, state := range f.states {
		leaving := state == "leaving" // is one of those alive
		if leaving {
			state = "alive"
		}
		all = append(all, map[string]any{
			"name": name, "origin": name + "-1", "state": state, "since": fakeStart, "http": "127.0.0.1:1" + fmt.Sprint(len(name)),
			"gossip": "127.0.0.1:2", "in_sync": state == "alive", "linked": state == "alive" && name != "Clark", "leaving": leaving,
		})
	}
	slices.SortFunc(all, func(a, b map[string]any) int { return strings.Compare(a["name"].(string), b["name"].(string)) })
	return map[string]any{"self": "Clark", "members": all}
}

func (f *fakeNode) stats(*http.Request) any {
	seconds := time.Since(fakeStart).Seconds()
	return map[string]any{
		"now": time.Now().UTC(), "accepted": int(100 * seconds), "iamat": 0, "received": int(5000 * seconds), "whatsat": 0, "bytes_out": int(1e6 * seconds),
		"propagation_us": map[string]any{"p50": 850, "p99": 12500, "count": 5},
		"vector": map[string]any{
			"Clark": map[string]any{"here": 12, "lag": map[string]int{"Bailey": 0, "Bona": 3}},
			"Bona":  map[string]any{"here": 7, "lag": map[string]int{"Clark": 0}},
		},
	}
}

func (c *fakeClient) describe() map[string]any {
	return map[string]any{
		"id": c.id, "lat": c.lat, "lon": c.lon, "node": c.node, "received": c.received.UTC(),
		"at_line": fmt.Sprintf("AT %s +0.1 %s %+f%+f 1.5", c.node, c.id, c.lat, c.lon),
	}
}

func (f *fakeNode) list() []map[string]any {
	all := []map[string]any{}
	for i := range f.clients {
		if all = append(all, f.clients[i].describe()); len(all) == 50 {
			break
		}
	}
	return all
}

// page is a page of the list; the cursor is its number.
func (f *fakeNode) page(r *http.Request) any {
	all, number := f.list(), 0
	fmt.Sscan(r.URL.Query().Get("cursor"), &number)
	if f.pages == nil {
		return map[string]any{"clients": all, "next": ""}
	}
	from := 0
	for _, n := range f.pages[:number] {
		from += n
	}
	next := ""
	if number+1 < len(f.pages) {
		next = fmt.Sprint(number + 1)
	}
	return map[string]any{"clients": all[from : from+f.pages[number]], "next": next}
}

func (f *fakeNode) client(r *http.Request) any {
	for i := range f.clients {
		if f.clients[i].id == r.PathValue("id") {
			return f.clients[i].describe()
		}
	}
	return nil
}

// places has names that would be markup if the page took them for it.
func (f *fakeNode) places(r *http.Request) any {
	place := func(name string) any {
		return map[string]any{"name": name, "vicinity": "<b>x</b>", "geometry": map[string]any{"location": map[string]any{"lat": 34.1, "lng": -118.3}}}
	}
	if r.URL.Query().Get("offline") != "1" {
		return map[string]any{"results": []any{place("Not for this map")}}
	}
	return map[string]any{
		"results":           []any{place("Beverly Hills"), place(`<img src=x onerror="throw 1">`)},
		"html_attributions": []string{`Places by <a href="https://www.geonames.org/">GeoNames</a>, CC BY 4.0`},
	}
}

// report has the herd hear of a client.
func (f *fakeNode) report(id, node string, lat, lon float64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.changes++
	f.clients = slices.DeleteFunc(f.clients, func(c fakeClient) bool { return c.id == id })
	f.clients = append(f.clients, fakeClient{id, lat, lon, node, time.Now(), f.changes})
}

// drop has clients be gone, and tells nobody.
func (f *fakeNode) drop(ids ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.clients = slices.DeleteFunc(f.clients, func(c fakeClient) bool { return slices.Contains(ids, c.id) })
}

// forget has clients be gone and tells who listens.
func (f *fakeNode) forget(reason string, ids ...string) {
	f.drop(ids...)
	var told strings.Builder
	for _, id := range ids {
		fmt.Fprintf(&told, "event: gone\ndata: {\"id\":%q,\"reason\":%q}\n\n", id, reason)
	}
	f.tell <- told.String()
}

// become changes a member's state and tells who listens.
func (f *fakeNode) become(name, state string) {
	f.mu.Lock()
	was := f.states[name]
	f.states[name] = state
	f.mu.Unlock()
	f.tell <- fmt.Sprintf("event: member\ndata: {\"name\":%q,\"origin\":%q,\"state\":%q,\"was\":%q,\"since\":%q}\n\n",
		name, name+"-1", state, was, time.Now().UTC().Format(time.RFC3339Nano))
}

func (f *fakeNode) events(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	silent := f.silent
	f.mu.Unlock()
	if silent {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	defer func() { f.ended <- struct{}{} }()
	w.Header().Set("Content-Type", "text/event-stream")
	fmt.Fprint(w, "retry: 100\nevent: hello\ndata: {\"node\":\"Clark\"}\n\n")
	for {
		http.NewResponseController(w).Flush()
		select {
		case e := <-f.tell:
			fmt.Fprint(w, e)
		case <-r.Context().Done():
			return
		}
	}
}

// questions are the requests so far whose path holds part.
func (f *fakeNode) questions(part string) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []string
	for _, q := range f.asked {
		if strings.Contains(q, part) {
			all = append(all, q)
		}
	}
	return all
}

// drawing is as a node packs it; the cursor is the number of the last change.
func (f *fakeNode) drawing(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	since := 0
	fmt.Sscan(r.URL.Query().Get("since"), &since)
	var keys, left, low, node []byte
	area := [4]float64{-180, -90, 180, 90} // none of a test is over the antimeridian
	fmt.Sscanf(r.URL.Query().Get("bbox"), "%f,%f,%f,%f", &area[0], &area[1], &area[2], &area[3])
	var lons, lats, ages []byte
	names := []string{"Bailey", "Bona", "Clark"}
	last, count := since, uint32(0)
	for _, c := range f.clients {
		last = max(last, c.changed)
		if c.changed <= since {
			continue
		}
		if c.lon < area[0] || c.lat < area[1] || c.lon > area[2] || c.lat > area[3] {
			if since > 0 {
				left = binary.LittleEndian.AppendUint64(left, fakeKey(c.id))
			}
			continue
		}
		count++
		keys = binary.LittleEndian.AppendUint64(keys, fakeKey(c.id))
		lons = binary.LittleEndian.AppendUint32(lons, uint32(int32(math.Round(c.lon*1e6))))
		lats = binary.LittleEndian.AppendUint32(lats, uint32(int32(math.Round(c.lat*1e6))))
		ages = binary.LittleEndian.AppendUint32(ages, uint32(time.Since(c.received).Milliseconds()))
		node = binary.LittleEndian.AppendUint16(node, uint16(slices.Index(names, c.node)))
	}
	if since == 0 {
		f.drawn = int(count)
	}
	level, total := 0, len(f.clients)
	if f.sampled {
		if total = 1_000_000; !r.URL.Query().Has("bbox") {
			level = 4
		}
	}
	head, _ := json.Marshal(map[string]any{
		"self": "Clark", "now": time.Now(), "nodes": names, "level": level, "full": since == 0,
		"cursor": fmt.Sprint(last), "clients": total, "left": len(left) / 8, "took_us": 1,
	})
	for len(head)%8 != 0 {
		head = append(head, ' ')
	}
	low = append(low, "herd.map"...)
	low = binary.LittleEndian.AppendUint32(low, uint32(len(head)))
	low = binary.LittleEndian.AppendUint32(low, count)
	w.Write(slices.Concat(low, head, keys, left, lons, lats, ages, node))
}

func fakeKey(id string) uint64 {
	sum := fnv.New64a()
	sum.Write([]byte(id))
	h := sum.Sum64()
	h ^= h >> 32
	h *= 0x9e3779b97f4a7c15
	return h ^ h>>32
}
