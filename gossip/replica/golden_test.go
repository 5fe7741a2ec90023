package replica

import (
	"bytes"
	"encoding/hex"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"herd/gossip/location"
)

// golden is a message of one kind: its bytes are the same in all releases.
type golden struct {
	kind    kind
	encoded []byte // as this release writes it, the length before it
	decode  func(d *decoder) any
	want    any
}

func goldens(t *testing.T) []golden {
	dot := location.Dot{Origin: 2, Seq: 7}
	kiwi := location.Entry{Fix: mustFix(t, "node-2", 1621464828000000001, "+34.068930-118.445127", "1621464827.959498503"), Dot: dot}
	moa := location.Entry{Fix: mustFix(t, "node-1", 1621464829000000000, "-0+180.000/", "1621464829"), Dot: dot}
	moa.Dot.Takeovers = 3
	both := []record{{"kiwi", kiwi}, {"moa", moa}}
	v := Vector{1: 5, 2: 300, 1 << 63: maxSeq}

	w := chunkWriter{limit: 1 << 20}
	for _, r := range both {
		w.add(r.id, &r.entry)
	}
	w.add("emu", &kiwi) // of a source that has a number
	w.close()

	type batch struct {
		Name      string
		Prev, Seq uint64
		Fixes     []record
	}
	readBatch := func(d *decoder) any {
		b := batch{d.name(), d.uvarint(), d.uvarint(), nil}
		for d.more() {
			id, e := d.batchFix(b.Name, dot)
			b.Fixes = append(b.Fixes, record{string(id), e})
		}
		return b
	}
	readFix := func(d *decoder) record {
		id, e := d.fix()
		return record{string(id), e}
	}
	sent := batch{"node-2", 5, 7, both}
	stored := append([]byte{0, 0, 0, 0, byte(kindStored)}, appendOrigin(nil, 2)...)
	stored = append(stored, appendBatch(nil, "node-2", 5, 7, both)[prefixLen+1:]...)
	return []golden{
		{kindBatch, appendBatch(nil, "node-2", 5, 7, both), readBatch, sent},
		{
			kindAck, appendAck(nil, 5, time.Hour),
			func(d *decoder) any { return []any{d.uvarint(), d.duration()} },
			[]any{uint64(5), time.Hour},
		},
		{
			kindGrant, appendGrant(nil, time.Millisecond, 125*time.Millisecond),
			func(d *decoder) any { return []any{d.duration(), d.duration()} },
			[]any{time.Millisecond, 125 * time.Millisecond},
		},
		{kindBehind, appendBehind(nil), func(*decoder) any { return nil }, nil},
		{
			kindFind, appendFind(nil, 1<<40, []byte("kiwi")),
			func(d *decoder) any { return []any{d.uvarint(), string(d.id())} },
			[]any{uint64(1 << 40), "kiwi"},
		},
		{
			kindFound, appendFound(nil, 1<<40, []byte("kiwi"), &kiwi, true),
			func(d *decoder) any { return []any{d.uvarint(), d.flag(), readFix(d)} },
			[]any{uint64(1 << 40), true, both[0]},
		},
		{
			kindAsk, appendAsk(nil, v, true, false),
			func(d *decoder) any { return []any{d.flag(), d.flag(), d.vector()} },
			[]any{true, false, v},
		},
		{kindChunk, w.buf, func(d *decoder) any {
			var all []record
			for d.more() {
				all = append(all, readFix(d))
			}
			return all
		}, []record{both[0], both[1], {"emu", kiwi}}},
		{kindCommit, appendCommit(nil, v), func(d *decoder) any { return d.vector() }, v},
		{
			kindFloor, appendFloor(nil, location.Floor{Order: 5e9, ID: "kiwi"}),
			func(d *decoder) any { return d.floor() },
			location.Floor{Order: 5e9, ID: "kiwi"},
		},
		{
			kindStored, finish(stored, 0),
			func(d *decoder) any { return []any{d.origin(), readBatch(d)} },
			[]any{location.Origin(2), sent},
		},
		{
			kindSaved, appendSaved(nil, 5e9, v),
			func(d *decoder) any { return []any{d.uvarint(), d.vector()} },
			[]any{uint64(5e9), v},
		},
	}
}

// What 0.2.0 says to other nodes, and keeps on its disk, all later releases read, and say in the
// same bytes to it.
func TestGolden(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "wire", "0.2.0.txt"))
	if err != nil {
		t.Fatal(err)
	}
	kept := make(map[string][]byte)
	for line := range strings.Lines(string(text)) {
		name, digits, _ := strings.Cut(strings.TrimSpace(line), " ")
		if kept[name], err = hex.DecodeString(digits); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	all := goldens(t)
	for _, g := range all {
		b := kept[g.kind.String()]
		if !bytes.Equal(g.encoded, b) {
			t.Errorf("nodes of 0.2.0 do not read this: leave the file as it is, raise sessionVersion of gossip, and write the new form\n"+
				"in sessions of that version only (on the disk: under a kind of its own):\n got %s %x\nwant %s %x", g.kind, g.encoded, g.kind, b)
		}
		if len(b) <= prefixLen {
			continue
		}
		message := b[prefixLen:]
		d := decoder{b: message[1:], names: map[string]string{}}
		if got := g.decode(&d); kind(message[0]) != g.kind || d.end() != nil || !reflect.DeepEqual(got, g.want) {
			t.Errorf("%s of 0.2.0 is not understood any more, and has to be: %v\n got %v\nwant %v", g.kind, d.err, got, g.want)
		}
		c, l := sampled(t)
		if g.kind < kindStored {
			err = c.Receive(time.Second, l, g.kind.lane(), message)
		} else {
			_, err = c.NewReplay().Reader().Read(message)
		}
		if err != nil {
			t.Errorf("%s of 0.2.0 is refused: %v", g.kind, err)
		}
	}
	if len(kept) != len(all) || len(all) != int(kindSaved) {
		t.Errorf("%d kinds are kept, %d are tried, there are %d", len(kept), len(all), kindSaved)
	}
}
