package node

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"pgregory.net/rapid"

	"herd/gossip/location"
	"herd/gossip/replica"
)

// dot is a client in a drawing as the page has it.
type dot struct {
	lon, lat float64
	age      uint32
	node     string
}

// readDrawing reads what the page reads.
func readDrawing(t fataler, b []byte) (head drawingHead, dots map[uint64]dot, left map[uint64]bool) {
	t.Helper()
	if len(b) < 16 || string(b[:8]) != drawingMagic {
		t.Fatalf("not a drawing: %.100q", b)
	}
	length, n := int(binary.LittleEndian.Uint32(b[8:])), int(binary.LittleEndian.Uint32(b[12:]))
	if len(b) < 16+length {
		t.Fatalf("%d bytes with a head of %d", len(b), length)
	}
	if err := json.Unmarshal(b[16:16+length], &head); err != nil {
		t.Fatalf("head: %v", err)
	}
	if len(b) != 16+length+22*n+8*head.Left || length%8 != 0 {
		t.Fatalf("%d bytes with a head of %d, %d clients and %d that left", len(b), length, n, head.Left)
	}
	b = b[16+length:]
	left = make(map[uint64]bool)
	for i := range head.Left {
		left[binary.LittleEndian.Uint64(b[8*(n+i):])] = true
	}
	keys, b := b[:8*n], b[8*(n+head.Left):]
	four := func(column, i int) uint32 { return binary.LittleEndian.Uint32(b[4*(column*n+i):]) }
	dots = make(map[uint64]dot)
	for i := range n {
		dots[binary.LittleEndian.Uint64(keys[8*i:])] = dot{
			float64(int32(four(0, i))) / 1e6, float64(int32(four(1, i))) / 1e6, four(2, i),
			head.Nodes[binary.LittleEndian.Uint16(b[12*n+2*i:])],
		}
	}
	return head, dots, left
}

func (n testNode) drawing(t fataler, query string) (drawingHead, map[uint64]dot) {
	t.Helper()
	head, dots, _ := n.drawingOf(t, query)
	return head, dots
}

// drawingOf is drawing with the keys of those that are elsewhere now.
func (n testNode) drawingOf(t fataler, query string) (drawingHead, map[uint64]dot, map[uint64]bool) {
	t.Helper()
	w := httptest.NewRecorder()
	n.api.Handler.ServeHTTP(w, httptest.NewRequest("GET", "http://10.0.0.1:4133/v1/map"+query, nil))
	if w.Code != 200 || w.Header().Get("Content-Type") != "application/octet-stream" {
		t.Fatalf("%s: %d %s %s", query, w.Code, w.Header(), w.Body)
	}
	return readDrawing(t, w.Body.Bytes())
}

func TestMap(t *testing.T) {
	n := newTestNode(t)
	n.put(t, "kiwi", "+34.068930-118.445127")
	n.put(t, "fiji", "-17.5+179.9")
	head, dots := n.drawing(t, "")
	if head.Self != "Clark" || !head.Full || head.Level != 0 || head.Clients != 2 || head.Cursor == "" {
		t.Errorf("head %+v", head)
	}
	d := dots[drawingKey("kiwi")]
	if len(dots) != 2 || d.lat != 34.06893 || d.lon != -118.445127 || d.node == "" || d.age == 0 {
		t.Errorf("got %v", dots)
	}
	for query, want := range map[string]string{"?bbox=170,-20,-170,-10": "fiji", "?bbox=-119,34,-118,35": "kiwi"} {
		if _, dots := n.drawing(t, query); len(dots) != 1 || dots[drawingKey(want)].node == "" {
			t.Errorf("%s: got %v", query, dots)
		}
	}
	if code, body := n.get(t, "GET", "/v1/map?bbox=1,2,3"); code != 400 || !strings.Contains(body, "bbox") {
		t.Errorf("a bad box: %d %s", code, body)
	}
	for _, query := range []string{"?limit=0", "?limit=100001", "?since=%21", "?since=AA", "?since=" + strings.Repeat("A", 9000), "?since=AAAAAAAAAAAAAA", "?x=1"} {
		if code, body := n.get(t, "GET", "/v1/map"+query); code != 400 || !strings.Contains(body, `"status":400`) {
			t.Errorf("%.40s: %d %s", query, code, body)
		}
	}
}

// The page computes keys too: node/web/testdata/unit.js has the same ones.
func TestDrawingKey(t *testing.T) {
	for id, want := range map[string]uint64{"kiwi.cs.ucla.edu": 9866531450011820237, "Grüße": 2392130116098282103} {
		if got := drawingKey(id); got != want {
			t.Errorf("%s: got %d, want %d", id, got, want)
		}
	}
}

// A drawing that nobody takes keeps no other from being made, nor who asks who is near.
func TestMapUntaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newTestNode(t)
		n.put(t, "kiwi", "+34.068930-118.445127")
		read := make(chan struct{})
		var reading sync.WaitGroup
		ask := func(path string, w http.ResponseWriter) {
			reading.Go(func() { n.api.Handler.ServeHTTP(w, httptest.NewRequest("GET", "http://10.0.0.1:4133"+path, nil)) })
		}
		for range maxDrawers + maxSeekers {
			ask("/v1/map", untaken{httptest.NewRecorder(), read})
			ask("/v1/near?lat=34&lon=-118", untaken{httptest.NewRecorder(), read})
		}
		synctest.Wait()
		if head, _ := n.drawing(t, ""); head.Clients != 1 {
			t.Errorf("drew %+v", head)
		}
		if got := n.near(t, "lat=34&lon=-118&radius=100000"); len(got.Clients) != 1 {
			t.Errorf("near are %+v", got)
		}
		for range maxAnswers { // but there are not any number of them
			ask("/v1/map", untaken{httptest.NewRecorder(), read})
		}
		synctest.Wait()
		if held := len(n.answers); held != maxAnswers {
			t.Errorf("%d answers are held, want %d", held, maxAnswers)
		}
		close(read)
		reading.Wait()
		if held := len(n.answers) + len(n.drawers) + len(n.Node.near.seekers); held != 0 {
			t.Errorf("%d places were not given back", held)
		}
	})
}

// untaken takes what is written when it is told to.
type untaken struct {
	*httptest.ResponseRecorder
	read <-chan struct{}
}

func (u untaken) Write(b []byte) (int, error) {
	<-u.read
	return u.ResponseRecorder.Write(b)
}

// With its cursor a page gets what has come since, and nothing else.
func TestMapSince(t *testing.T) {
	n := newTestNode(t)
	report := func(id string, origin location.Origin, seq uint64) {
		n.table.Merge([]byte(id), location.Entry{
			Fix: fixAt(t, "+1.0+1.0", fmt.Sprint(seq), 1621464828223371889), Dot: location.Dot{Origin: origin, Seq: seq},
		})
	}
	report("old", 7, 1)
	n.cluster.vector = replica.Vector{7: 1, 0xffffffffffffffff: 1 << 63}
	head, dots := n.drawing(t, "")
	if len(dots) != 1 {
		t.Errorf("got %v", dots)
	}
	since := "?since=" + url.QueryEscape(head.Cursor)
	if head, dots := n.drawing(t, since); len(dots) != 0 || head.Full || head.Clients != 1 {
		t.Errorf("nothing has come: %+v, %v", head, dots)
	}
	report("new", 7, 2)
	report("other", 8, 1)
	if _, dots := n.drawing(t, since); len(dots) != 2 || dots[drawingKey("old")] != (dot{}) {
		t.Errorf("two have come: %v", dots)
	}
	n.cluster.members[0].Origin++ // a restart
	if head, dots := n.drawing(t, since); len(dots) != 3 || !head.Full {
		t.Errorf("a cursor of another life: %+v, %v", head, dots)
	}
}

// Who has moved out of an area is told of, by all drawings but those of all there is.
func TestMapLeft(t *testing.T) {
	n := newTestNode(t)
	seq := uint64(0)
	report := func(id, position string) {
		seq++
		n.table.Merge([]byte(id), location.Entry{
			Fix: fixAt(t, position, fmt.Sprint(seq), 1621464828223371889), Dot: location.Dot{Origin: 7, Seq: seq},
		})
	}
	report("kiwi", "+34.0-118.0")
	report("emu", "+34.1-118.0")
	report("far", "+1.0+1.0")
	n.cluster.vector = replica.Vector{7: seq}
	const area = "?bbox=-119,33,-117,35"
	head, dots, left := n.drawingOf(t, area)
	if len(dots) != 2 || len(left) != 0 {
		t.Errorf("all of an area: %+v, %v, and left have %v", head, dots, left)
	}
	report("kiwi", "+34.0-110.0")
	report("emu", "+34.2-118.0")
	since := "&since=" + url.QueryEscape(head.Cursor)
	head, dots, left = n.drawingOf(t, area+since)
	if head.Full || head.Cursor == "" || len(dots) != 1 || dots[drawingKey("emu")].lat != 34.2 || len(left) != 1 || !left[drawingKey("kiwi")] {
		t.Errorf("one has left: %+v, %v, and left have %v", head, dots, left)
	}
	if _, dots, left := n.drawingOf(t, "?limit=5"+since); len(dots) != 2 || len(left) != 0 {
		t.Errorf("nobody leaves the world: %v, and left have %v", dots, left)
	}
}

// Of more than a drawing tells of, the area is drawn anew.
func TestMapLeftIsBounded(t *testing.T) {
	d := newDrawing(5, 0, 1e18)
	for i := range maxLeft {
		d.leave(fmt.Sprint(i))
	}
	head := drawingHead{Cursor: "c"}
	for _, want := range []struct {
		left   int
		cursor string
	}{{maxLeft, "c"}, {0, ""}, {0, ""}} {
		b, err := d.encode(head)
		if err != nil {
			t.Fatal(err)
		}
		if got, _, left := readDrawing(t, b); got.Left != want.left || len(left) != want.left || got.Cursor != want.cursor {
			t.Errorf("%d left, the cursor is %q, want %v", got.Left, got.Cursor, want)
		}
		d.leave("one more")
	}
	d = newDrawing(5, 3, 1e18)
	for i := range 800 {
		d.leave(fmt.Sprint(i))
	}
	if n := len(d.left); n < 50 || n > 150 {
		t.Errorf("of a sample of an eighth %d of 800 left", n)
	}
}

// A cursor means what it meant, whatever it holds; other text is refused, or at least no
// harm.
func TestMapCursor(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := drawn{
			location.Origin(rapid.Uint64Min(1).Draw(t, "by")), rapid.IntRange(0, 63).Draw(t, "level"),
			rapid.MapOf(rapid.Custom(func(t *rapid.T) location.Origin { return location.Origin(rapid.Uint64().Draw(t, "origin")) }), rapid.Uint64()).Draw(t, "vector"),
		}
		got, err := parseDrawn(d.String())
		if err != nil || got.by != d.by || got.level != d.level || !got.vector.Covers(d.vector) || !replica.Vector(d.vector).Covers(got.vector) {
			t.Fatalf("%v became %v, %v", d, got, err)
		}
	})
	many := drawn{by: 1, vector: replica.Vector{}}
	for i := range location.Origin(1000) {
		many.vector[i] = 1
	}
	if s := many.String(); s != "" {
		t.Errorf("a cursor of %d bytes", len(s))
	}
}

// A drawing of too many clients is a sample of them that depends on nothing but their IDs.
func TestDrawingIsASample(t *testing.T) {
	f := fixAt(t, "+1.0+1.0", "1", 1)
	draw := func(limit, level int, ids []int) *drawing {
		d := newDrawing(limit, level, 1e18)
		for _, i := range ids {
			d.add(fmt.Sprint("client-", i), 1, 1, &f)
		}
		return d
	}
	ids := make([]int, 20_000)
	for i := range ids {
		ids[i] = i
	}
	all := draw(1000, 0, ids)
	if n := len(all.keys); n < 500 || n > 1000 || all.level < 4 {
		t.Errorf("%d clients at level %d", n, all.level)
	}
	slices.Reverse(ids)
	again := draw(1000, 0, ids)
	slices.Sort(all.keys)
	slices.Sort(again.keys)
	if again.level != all.level || !slices.Equal(again.keys, all.keys) {
		t.Errorf("in another order: %d at level %d, not %d at level %d", len(again.keys), again.level, len(all.keys), all.level)
	}
	few := draw(1000, all.level, ids[:100])
	for _, key := range few.keys {
		if _, ok := slices.BinarySearch(all.keys, key); !ok {
			t.Errorf("%x is in the change and not in the whole", key)
		}
	}
	if len(few.keys) == 100 || few.level != all.level {
		t.Errorf("a change holds %d of 100 at level %d", len(few.keys), few.level)
	}
	if n := len(draw(1, 0, ids).keys); n > 1 {
		t.Errorf("%d clients where 1 is allowed", n)
	}
}

func BenchmarkDraw(b *testing.B) {
	n := newTestNode(b)
	const clients = 100_000
	for i := range clients {
		n.put(b, fmt.Sprint("client-", i), "+34.068930-118.445127")
	}
	for b.Loop() {
		if _, err := n.draw(b.Context(), world, maxDrawn, drawn{}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/clients, "ns/client")
}
