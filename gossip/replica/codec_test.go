package replica

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"herd/gossip/location"
)

func records(t testing.TB, node string, dot location.Dot) []record {
	t.Helper()
	fixes := []location.Fix{
		mustFix(t, node, 1621464828000000001, "+34.068930-118.445127", "1621464827.959498503"),
		mustFix(t, node, 0, "-0+180.000/", "0"),
		mustFix(t, node, 1, "+1-1", "9223372036.854775807"), // clamped
		mustFix(t, node, 1<<62, "+1."+strings.Repeat("3", 40)+"-1", "0001."+strings.Repeat("4", 40)),
		mustFix(t, "elsewhere", 1, "+1-1", "1"),
		mustFix(t, "elsewhere", 2, "+1-1", "2"),
	}
	var r []record
	for i, f := range fixes {
		d := dot
		if f.Node != node {
			d.Takeovers = 3
		}
		r = append(r, record{fmt.Sprint("client-", i), location.Entry{Fix: f, Dot: d}})
	}
	r[0].id = strings.Repeat("\xff", location.MaxID)
	return r
}

// One message of each kind that node 2 may send to node 1, whose last batch is 5.
func samples(t testing.TB) map[kind][]byte {
	t.Helper()
	r := records(t, "node-2", location.Dot{Origin: 2, Seq: 7})
	w := chunkWriter{limit: 1 << 20}
	for i, x := range append(r, records(t, "node-3", location.Dot{Origin: 3, Seq: 9})...) {
		x.entry.Dot.Seq += uint64(i)
		w.add(x.id, &x.entry)
	}
	w.add("ours", &location.Entry{Fix: r[1].entry.Fix, Dot: location.Dot{Origin: 1, Seq: 6}})
	w.close()
	v := Vector{1: 5, 2: 300, 1 << 63: maxSeq}
	framed := map[kind][]byte{
		kindBatch:  appendBatch(nil, "node-2", 5, 7, r),
		kindAck:    appendAck(nil, 5, time.Hour),
		kindGrant:  appendGrant(nil, time.Millisecond, 125*time.Millisecond),
		kindBehind: appendBehind(nil),
		kindFind:   appendFind(nil, 1<<40, []byte("kiwi")),
		kindFound:  appendFound(nil, 1<<40, []byte("kiwi"), &r[0].entry, true),
		kindAsk:    appendAsk(nil, v, true, false),
		kindChunk:  w.buf,
		kindCommit: appendCommit(nil, v),
		kindFloor:  appendFloor(nil, location.Floor{Order: 5e9, ID: "kiwi"}),
	}
	for k, b := range framed {
		framed[k] = messages(t, b)[0]
	}
	return framed
}

// sampled is a core that takes the samples.
func sampled(t testing.TB) (*Core, *Link) {
	t.Helper()
	b := newLab(t)
	c := b.core(1, Config{})
	for range 5 {
		b.report(c, "ours", 1)
	}
	return c, c.Open(b.now, 2)
}

func TestSamples(t *testing.T) {
	for k, m := range samples(t) {
		c, l := sampled(t)
		if err := c.Receive(time.Second, l, k.lane(), m); err != nil {
			t.Errorf("%s: %v", k, err)
		}
		if err := c.Receive(time.Second, l, Delta-k.lane(), m); !errors.Is(err, ErrMessage) {
			t.Errorf("%s on the other lane: %v", k, err)
		}
	}
}

// A message that is cut at any byte, or that goes on after its end, is an error.
func TestTruncated(t *testing.T) {
	for k, m := range samples(t) {
		for n := range len(m) {
			c, l := sampled(t)
			if err := c.Receive(time.Second, l, k.lane(), m[:n]); !errors.Is(err, ErrMessage) {
				t.Errorf("%s, %d bytes of %d: %v", k, n, len(m), err)
			}
		}
		c, l := sampled(t)
		if err := c.Receive(time.Second, l, k.lane(), append(slices.Clip(m), 0)); !errors.Is(err, ErrMessage) {
			t.Errorf("%s and a byte: %v", k, err)
		}
	}
}

func TestBatchRoundTrip(t *testing.T) {
	dot := location.Dot{Origin: 2, Seq: 7}
	want := records(t, "node-2", dot)
	m := samples(t)[kindBatch]
	d := decoder{b: m[1:], names: map[string]string{}}
	node, prev, seq := d.name(), d.uvarint(), d.uvarint()
	if node != "node-2" || prev != 5 || seq != 7 {
		t.Errorf("batch of %s, %d after %d", node, seq, prev)
	}
	var got []record
	for d.more() {
		id, e := d.batchFix(node, dot)
		got = append(got, record{string(id), e})
	}
	if err := d.end(); err != nil || !slices.Equal(got, want) {
		t.Errorf("err %v\n got %v\nwant %v", err, got, want)
	}
}

func TestChunkRoundTrip(t *testing.T) {
	want := append(records(t, "node-2", location.Dot{Origin: 2, Seq: 7}), records(t, "node-3", location.Dot{Takeovers: 1, Origin: 3, Seq: maxSeq})...)
	for _, limit := range []int{1, 300, 1 << 20} {
		w := chunkWriter{limit: limit}
		for i := range want {
			w.add(want[i].id, &want[i].entry)
		}
		w.close()
		var got []record
		for _, m := range messages(t, w.buf) {
			d := decoder{b: m[1:], names: map[string]string{}}
			n := 0
			for ; d.more(); n++ {
				id, e := d.fix()
				got = append(got, record{string(id), e})
			}
			if err := d.end(); err != nil {
				t.Fatal(err)
			}
			if len(m) > limit && n > 1 {
				t.Errorf("a chunk of %d fixes has %d bytes, the limit is %d", n, len(m), limit)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("limit %d\n got %v\nwant %v", limit, got, want)
		}
	}
}

func TestVectorRoundTrip(t *testing.T) {
	full := Vector{}
	for i := range location.Origin(maxOrigins) {
		full[i+1] = maxSeq
	}
	for _, want := range []Vector{{}, {1: 5, 2: 300, 1 << 63: maxSeq}, full} {
		d := decoder{b: appendVector(nil, want)}
		if got := d.vector(); d.end() != nil || got == nil || !maps.Equal(got, want) {
			t.Errorf("err %v, got %v, want %v", d.err, got, want)
		}
		if n := len(appendCommit(nil, want)); n > MaxMessage {
			t.Errorf("%d origins take %d bytes", len(want), n)
		}
	}
}

// A fix with an ID of 20 bytes costs at most 60 bytes in a batch, and little more in a
// chunk.
func TestWireSize(t *testing.T) {
	const n = 100
	var fixes []record
	w := chunkWriter{limit: 1 << 20}
	for i := range n {
		f := mustFix(t, "Clark", 1621464828000000001, "+34.068930-118.445127", "1621464827.959498503")
		e := location.Entry{Fix: f, Dot: location.Dot{Origin: 1 << 60, Seq: 1 << 20}}
		fixes = append(fixes, record{fmt.Sprintf("client-%013d", i), e})
		w.add(fixes[i].id, &e)
	}
	w.close()
	batch, chunk := len(appendBatch(nil, "Clark", 1<<20, 1<<20+1, fixes)), len(w.buf)
	t.Logf("%d bytes a fix in a batch, %d in a chunk", batch/n, chunk/n)
	if batch > 60*n || chunk > 65*n {
		t.Errorf("%d fixes take %d bytes in a batch, %d in a chunk", n, batch, chunk)
	}
}

// The size of a batch is known before it is encoded.
func TestEncodedLen(t *testing.T) {
	all := records(t, "node-2", location.Dot{Origin: 2, Seq: 7})
	all = append(all, records(t, "node-2", location.Dot{Origin: 2, Seq: 7, Takeovers: maxTakeovers})...)
	for _, r := range all {
		empty, one := appendBatch(nil, "node-2", 1, 2, nil), appendBatch(nil, "node-2", 1, 2, []record{r})
		if got, want := len(one)-len(empty), encodedLen("node-2", r.id, &r.entry); got != want {
			t.Errorf("%v takes %d bytes, was said to take %d", r, got, want)
		}
		if len(empty) > batchOverhead+len("node-2") {
			t.Errorf("a batch takes %d bytes beside fixes, was said to take %d", len(empty), batchOverhead)
		}
	}
}

// What no correct peer sends is refused, in all its forms.
func TestBadMessages(t *testing.T) {
	uvarints := func(k kind, x ...uint64) []byte {
		b := []byte{byte(k)}
		for _, x := range x {
			b = binary.AppendUvarint(b, x)
		}
		return b
	}
	fix := mustFix(t, "node-2", 1, "+1-1", "1")
	chunk := func(id string, node string, dot location.Dot) []byte {
		w := chunkWriter{limit: 1 << 20}
		f := fix
		f.Node = node
		w.add(id, &location.Entry{Fix: f, Dot: dot})
		w.close()
		return w.buf[prefixLen:]
	}
	batch := func(prev, seq uint64, id, name string) []byte {
		e := location.Entry{Fix: fix, Dot: location.Dot{Origin: 2, Seq: seq}}
		e.Node = name
		return appendBatch(nil, name, prev, seq, []record{{id, e}})[prefixLen:]
	}
	replaced := func(m []byte, from, to string) []byte {
		out := bytes.Replace(m, []byte(from), []byte(to), 1)
		if bytes.Equal(m, out) {
			t.Fatalf("%x is not in %x", from, m)
		}
		return out
	}
	wire := string(fix.AppendWire(nil))
	ours := location.Dot{Origin: 1, Seq: 7}
	other := location.Dot{Origin: 3, Seq: 7}
	vector := func(n uint64, entries ...uint64) []byte {
		b := binary.AppendUvarint([]byte{byte(kindCommit)}, n)
		for i := 0; i < len(entries); i += 2 {
			b = binary.AppendUvarint(binary.BigEndian.AppendUint64(b, entries[i]), entries[i+1])
		}
		return b
	}
	for name, m := range map[string][]byte{
		"empty":                              {},
		"kind 0":                             {0},
		"kind 11":                            {11},
		"floor out of bounds":                append(uvarints(kindFloor, 1<<63), 1, 'a'),
		"floor without an id":                append(uvarints(kindFloor, 5), 0),
		"floor with white space in its id":   append(uvarints(kindFloor, 5), 1, ' '),
		"floor that goes on":                 append(uvarints(kindFloor, 5), 1, 'a', 0),
		"ack of what was not sealed":         uvarints(kindAck, 6, 1),
		"ack with a clock below zero":        uvarints(kindAck, 5, 1<<63),
		"ack with a long integer":            {byte(kindAck), 0x85, 0x00, 1},
		"grant of a clock ahead of ours":     uvarints(kindGrant, uint64(time.Hour), 1),
		"batch that does not advance":        batch(7, 7, "kiwi", "node-2"),
		"batch with a number out of bounds":  batch(7, maxSeq+1, "kiwi", "node-2"),
		"batch with an empty id":             batch(6, 7, "", "node-2"),
		"batch with white space in an id":    batch(6, 7, "ki\vwi", "node-2"),
		"batch of a node without a name":     batch(6, 7, "kiwi", ""),
		"batch of a node with white space":   batch(6, 7, "kiwi", "node 2"),
		"batch of a node with an escape":     batch(6, 7, "kiwi", "node\x1b[2J"),
		"batch of a node that is no text":    batch(6, 7, "kiwi", "node\xff"),
		"batch with a flag of 2":             replaced(batch(6, 7, "kiwi", "node-2"), "kiwi\x00", "kiwi\x02"),
		"batch with too many takeovers":      replaced(batch(6, 7, "kiwi", "node-2"), "kiwi\x00", "kiwi\x01\xff\xff\xff\xff\x0f\x01n"),
		"batch with a fix that is none":      replaced(batch(6, 7, "kiwi", "node-2"), wire, "\xfe"+wire),
		"find of nobody":                     append(uvarints(kindFind, 1), 0),
		"find of white space":                append(uvarints(kindFind, 1), "\x01\n"...),
		"found, perhaps":                     append(uvarints(kindFound, 1), 2),
		"chunk with our next batch but one":  chunk("kiwi", "node-1", ours),
		"chunk with a fix of no origin":      chunk("kiwi", "node-3", location.Dot{Seq: 7}),
		"chunk with a fix of no batch":       chunk("kiwi", "node-3", location.Dot{Origin: 3}),
		"chunk with a number out of bounds":  chunk("kiwi", "node-3", location.Dot{Origin: 3, Seq: maxSeq + 1}),
		"chunk with too many takeovers":      chunk("kiwi", "node-3", location.Dot{Takeovers: maxTakeovers + 1, Origin: 3, Seq: 1}),
		"chunk with white space in a name":   chunk("kiwi", "node\r3", other),
		"chunk with a source not yet named":  replaced(chunk("kiwi", "node-3", other), "\x08\x01", "\x08\x02"),
		"vector that is longer than it is":   vector(3, 1, 1, 2, 1),
		"vector longer than vectors are":     vector(maxOrigins+1, 1, 1),
		"vector longer than memory":          vector(1<<62, 1, 1),
		"vector out of order":                vector(2, 2, 1, 1, 1),
		"vector with an origin twice":        vector(2, 2, 1, 2, 1),
		"vector with no origin":              vector(1, 0, 1),
		"vector with no batch":               vector(1, 2, 0),
		"vector with a number out of bounds": vector(1, 2, maxSeq+1),
	} {
		c, l := sampled(t)
		lane := Live
		if len(m) > 0 {
			lane = kind(m[0]).lane()
		}
		if err := c.Receive(time.Second, l, lane, m); !errors.Is(err, ErrMessage) {
			t.Errorf("%s: %v", name, err)
		}
		if c.table.Len() != 1 {
			t.Errorf("%s: something of it is in the table", name)
		}
	}
	c, l := sampled(t)
	if err := c.Receive(time.Second, l, Delta, chunk("kiwi", "node-1", location.Dot{Origin: 1, Seq: 6})); err != nil {
		t.Errorf("a fix of our open batch: %v", err)
	}
}

// allocated is how many bytes f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// Short messages that announce much do not make the reader allocate much.
func TestAllocation(t *testing.T) {
	huge := binary.AppendUvarint(nil, 1<<62)
	var hostile [][]byte
	for _, m := range samples(t) {
		for n := 1; n < min(len(m), 120); n++ {
			hostile = append(hostile, append(slices.Clip(m[:n]), huge...), append(slices.Clip(m[:n]), bytes.Repeat([]byte{0xff}, 40)...))
		}
	}
	for _, m := range hostile {
		c, l := sampled(t)
		got := allocated(func() { c.Receive(time.Second, l, kind(m[0]).lane(), m) })
		if most := uint64(100*len(m) + 16<<10); got > most {
			t.Errorf("%x: %d bytes allocated", m, got)
		}
	}
	frame := binary.BigEndian.AppendUint32(nil, MaxMessage)
	r := bufio.NewReader(bytes.NewReader(append(frame, 1, 2, 3)))
	if got := allocated(func() { ReadMessage(r, nil) }); got > 128<<10 {
		t.Errorf("three bytes of a long message: %d bytes allocated", got)
	}
}

func TestReadMessage(t *testing.T) {
	var stream []byte
	var want [][]byte
	for _, n := range []int{1, 5, 64 << 10, 300_000, 2, MaxMessage} {
		m := bytes.Repeat([]byte{byte(n)}, n)
		want = append(want, m)
		stream = append(binary.BigEndian.AppendUint32(stream, uint32(n)), m...)
	}
	r := bufio.NewReader(iotest.HalfReader(bytes.NewReader(stream)))
	var buf []byte
	for i := range want {
		m, err := ReadMessage(r, buf)
		if err != nil || !bytes.Equal(m, want[i]) {
			t.Fatalf("message %d: %d bytes, %v", i, len(m), err)
		}
		buf = m
	}
	if m, err := ReadMessage(r, buf); m != nil || err != io.EOF {
		t.Errorf("at the end: %d bytes, %v", len(m), err)
	}
	whole := append(binary.BigEndian.AppendUint32(nil, 9), "123456789"...)
	for n := 1; n < len(whole); n++ {
		_, err := ReadMessage(bufio.NewReader(bytes.NewReader(whole[:n])), nil)
		if err != io.ErrUnexpectedEOF {
			t.Errorf("%d bytes of %d: %v", n, len(whole), err)
		}
	}
	for _, n := range []uint32{0, MaxMessage + 1, 1<<32 - 1} {
		frame := append(binary.BigEndian.AppendUint32(nil, n), "123456789"...)
		if _, err := ReadMessage(bufio.NewReader(bytes.NewReader(frame)), nil); !errors.Is(err, ErrMessage) {
			t.Errorf("length %d: %v", n, err)
		}
	}
	broken := errors.New("broken")
	if _, err := ReadMessage(bufio.NewReader(iotest.ErrReader(broken)), nil); !errors.Is(err, broken) {
		t.Errorf("a broken reader: %v", err)
	}
}

// Reading into the buffer of the last message costs no allocation.
// Split gives what is there whole.
func TestSplit(t *testing.T) {
	whole := appendAck(appendBehind(nil), 7, 8)
	b := append(slices.Clone(whole), 0, 0, 0, 9, 1)
	for _, want := range messages(t, whole) {
		var m []byte
		if m, b = Split(b); !bytes.Equal(m, want) {
			t.Fatalf("got %q, want %q", m, want)
		}
	}
	for _, b := range []string{string(b), "\x00\x00\x00", "\x00\x00\x00\x00\x04", "\xff\xff\xff\xff\x04"} {
		if m, rest := Split([]byte(b)); m != nil || string(rest) != b {
			t.Errorf("%q: got %q and %q", b, m, rest)
		}
	}
}

func TestReadMessageReuses(t *testing.T) {
	stream := append(binary.BigEndian.AppendUint32(nil, 1000), make([]byte, 1000)...)
	source := bytes.NewReader(nil)
	r, buf := bufio.NewReader(source), make([]byte, 0, 1000)
	if n := testing.AllocsPerRun(100, func() {
		source.Reset(stream)
		buf, _ = ReadMessage(r, buf)
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestNames(t *testing.T) {
	for k := kindBatch; k <= kindFloor; k++ {
		if s := k.String(); s == "" || s != strings.ToLower(s) || s == kind(0).String() {
			t.Errorf("kind %d is %q", k, s)
		}
	}
	for s, want := range map[State]string{Out: "out", Joining: "joining", In: "in", 9: "in"} {
		if s.String() != want {
			t.Errorf("state %d is %q", s, s)
		}
	}
}
