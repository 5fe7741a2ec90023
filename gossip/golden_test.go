package gossip

import (
	"bytes"
	"encoding/hex"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// golden is something that nodes say to each other: its bytes are the same in all releases.
type golden struct {
	name    string
	encoded []byte // as this release writes it
	decode  func(b []byte) (any, error)
	want    any
}

func goldens() []golden {
	meta := Meta{
		Name: "Clark", Origin: 0x0102030405060708, Started: time.Unix(1621464828, 9), Client: "10.0.0.1:4131",
		HTTP: "10.0.0.1:4133", Version: "0.2.0", Protocol: 4,
		Limits: Limits{TTL: time.Hour, MaxClients: 100_000, Bytes: 1 << 30}, Leaving: true,
	}
	ofMeta := func(b []byte) (any, error) { return decodeMeta(b) }
	greeting := hello{purpose: purposeLive, name: "Clark"}
	greeting.proofs = [][macSize]byte{
		proof(testKey(1), bytes.Repeat([]byte{7}, 32), roleDialer, greeting),
		proof(testKey(2), bytes.Repeat([]byte{7}, 32), roleAcceptor, greeting),
	}
	opening := hail{version: 4, from: 2, to: 1, id: 1 << 40}
	told := note{sees: true, clock: time.Hour, wall: 1621464828e9, echo: time.Second, held: time.Millisecond}
	f := FingerprintOf(testKey(1))
	order := keyOrder{action: KeyUse, key: f[:], by: "10.0.0.9"}
	report := keyAnswer{outcome: KeyRefused, unsaved: true, note: "no", keys: []Fingerprint{f}}
	who := identity{origin: 1, age: time.Hour, in: true}
	holders := []Holder{{Origin: 2, Gossip: "10.0.0.2:4132"}}
	ofAudit := func(b []byte) (any, error) { return readAudit(b[frameHeader:]) }
	return []golden{
		{"meta", meta.encode(), ofMeta, meta},
		{"meta_least", Meta{Name: "Clark", Origin: 9}.encode(), ofMeta, Meta{Name: "Clark", Origin: 9}},
		{"hello", greeting.append(nil), func(b []byte) (any, error) { return readHello(bytes.NewReader(b)) }, greeting},
		{"session", opening.append(nil), func(b []byte) (any, error) { return readHail((*[sessionHello]byte)(b)), nil }, opening},
		{
			"session_reply", appendReply(nil, 4, refusedFull, 1),
			func(b []byte) (any, error) { return verdict(b[1]), nil }, refusedFull,
		},
		{"goodbye", []byte(goodbye), func(b []byte) (any, error) { return string(b), nil }, goodbye},
		{"alive", []byte(alive), func(b []byte) (any, error) { return string(b), nil }, alive},
		{"state", appendState(nil, "budget", []byte("7")), func(b []byte) (any, error) {
			name, local, err := splitState(b[frameHeader:])
			return []string{string(name), string(local)}, err
		}, []string{"budget", "7"}},
		{"note", appendNote(nil, told), func(b []byte) (any, error) { return readNote(b[frameHeader:], time.Hour) }, told},
		{
			"audit_ask", appendAuditAsk(nil, 9, auditScope{cutoff: 5, old: 3}), ofAudit,
			auditMessage{what: auditAsk, number: 9, auditScope: auditScope{cutoff: 5, old: 3}},
		},
		{
			"audit_want", appendAuditWant(nil, 9, []int{1, 300}), ofAudit,
			auditMessage{what: auditWant, number: 9, buckets: []int{1, 300}},
		},
		{
			"audit_fixes", appendAuditFixes(nil, 9, true, []byte("\x00\x00\x00\x02\x08\x00")), ofAudit,
			auditMessage{what: auditFixes, number: 9, cut: true, chunk: []byte{8, 0}},
		},
		{"key_order", order.append(nil), func(b []byte) (any, error) { return readKeyOrder(bytes.NewReader(b)) }, order},
		{"key_answer", report.append(nil), func(b []byte) (any, error) { return readKeyAnswer(bytes.NewReader(b)) }, report},
		{"who", appendAnswer(nil, who, holders), func(b []byte) (any, error) {
			id, all, err := readAnswer(bytes.NewReader(b))
			return []any{id, all}, err
		}, []any{who, holders}},
	}
}

// What 0.2.0 says to other nodes all later releases read, and say in the same bytes to it.
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
	all := goldens()
	for _, g := range all {
		b := kept[g.name]
		if !bytes.Equal(g.encoded, b) {
			t.Errorf("nodes of 0.2.0 do not read this: leave the file as it is, and write the new form to nodes that know it only:\n"+
				"what is new in metadata under a tag of its own, what is new in sessions under a new sessionVersion\n got %s %x\nwant %s %x", g.name, g.encoded, g.name, b)
		}
		if len(b) == 0 {
			continue
		}
		if got, err := g.decode(b); err != nil || !reflect.DeepEqual(got, g.want) {
			t.Errorf("%s of 0.2.0 is not understood any more, and has to be: %v\n got %+v\nwant %+v", g.name, err, got, g.want)
		}
	}
	if len(kept) != len(all) {
		t.Errorf("%d forms are kept, %d are tried", len(kept), len(all))
	}
	// What a later release adds to its metadata is skipped by this one.
	later := bytes.Clone(kept["meta"])
	later[1]++
	later = append(later, 200, 3, 'n', 'e', 'w')
	if got, err := decodeMeta(later); err != nil || !reflect.DeepEqual(got, all[0].want) {
		t.Errorf("metadata with a field more: %v\n got %+v\nwant %+v", err, got, all[0].want)
	}
}
