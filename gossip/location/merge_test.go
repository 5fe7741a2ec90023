package location

import (
	"go/parser"
	"go/token"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// row is a line of the table in the package comment.
type row struct{ have, offered, holds string }

// at makes a fix field by field, without the clamp.
func at(t *testing.T, order int64, when, node string, received int64, where string) Fix {
	t.Helper()
	return Fix{Order: order, Received: received, Time: mustTime(t, when), Position: mustPosition(t, where), Node: node}
}

// mergeCase is a row and two fixes that it is about. Whatever comes after the
// line that decides speaks for the other fix.
type mergeCase struct {
	row
	have, offered Entry // the zero Entry in have: nothing
	result        Result
}

func mergeTable(t *testing.T) []mergeCase {
	d1, d2 := Dot{0, 1, 1}, Dot{0, 1, 2}
	entry := func(d Dot, order int64, when, node string, received int64, where string) Entry {
		return Entry{at(t, order, when, node, received, where), d}
	}
	return []mergeCase{
		{
			row{"nothing", "any fix", "offered    (Added)"},
			Entry{},
			entry(d1, 0, "0", "", 0, "+0+0"), Added,
		},
		{
			row{"order time 1", "order time 2, later", "offered    (Replaced)"},
			entry(d2, 1, "9", "Clark", 2, "+9+9"), entry(d1, 2, "2", "Bona", 1, "+0+0"), Replaced,
		},
		{
			row{"order time 2", "order time 1", "have       (Stale)"},
			entry(d1, 2, "2", "Bona", 1, "+0+0"), entry(d2, 1, "9", "Clark", 2, "+9+9"), Stale,
		},
		{
			row{"equal", "later client's time", "offered    (Replaced)"},
			entry(d2, 1, "8", "Clark", 2, "+9+9"), entry(d1, 1, "9", "Bona", 1, "+0+0"), Replaced,
		},
		{
			row{"equal", "earlier client's time", "have       (Stale)"},
			entry(d1, 1, "9", "Bona", 1, "+0+0"), entry(d2, 1, "8", "Clark", 2, "+9+9"), Stale,
		},
		{
			row{"equal", "node name that sorts after", "offered    (Replaced)"},
			entry(d2, 1, "9.0", "Bona", 2, "+9+9"), entry(d1, 1, "9", "Clark", 1, "+0+0"), Replaced,
		},
		{
			row{"equal", "node name that sorts before", "have       (Stale)"},
			entry(d1, 1, "9", "Clark", 1, "+0+0"), entry(d2, 1, "9.0", "Bona", 2, "+9+9"), Stale,
		},
		{
			row{"equal", "greater clock difference", "offered    (Replaced)"},
			entry(d2, 1, "9.0", "Clark", 1, "+9+9"), entry(d1, 1, "9", "Clark", 2, "+0+0"), Replaced,
		},
		{
			row{"equal", "smaller clock difference", "have       (Stale)"},
			entry(d1, 1, "9", "Clark", 2, "+0+0"), entry(d2, 1, "9.0", "Clark", 1, "+9+9"), Stale,
		},
		{
			row{"equal", "position text that sorts after", "offered    (Replaced)"},
			entry(d2, 1, "9.0", "Clark", 2, "+0+0"), entry(d1, 1, "9", "Clark", 2, "+0+0/"), Replaced,
		},
		{
			row{"equal", "position text that sorts before", "have       (Stale)"},
			entry(d1, 1, "9", "Clark", 2, "+0+0/"), entry(d2, 1, "9.0", "Clark", 2, "+0+0"), Stale,
		},
		{
			row{"equal", "time text that sorts after", "offered    (Replaced)"},
			entry(d2, 1, "9", "Clark", 2, "+0+0"), entry(d1, 1, "9.0", "Clark", 2, "+0+0"), Replaced,
		},
		{
			row{"equal", "time text that sorts before", "have       (Stale)"},
			entry(d1, 1, "9.0", "Clark", 2, "+0+0"), entry(d2, 1, "9", "Clark", 2, "+0+0"), Stale,
		},
		{
			row{"equal", "the same, with a greater dot", "the greater dot (Retagged)"},
			entry(d1, 1, "9", "Clark", 2, "+0+0"), entry(d2, 1, "9", "Clark", 2, "+0+0"), Retagged,
		},
		{
			row{"equal", "the same, dot not greater", "have       (Duplicate)"},
			entry(d2, 1, "9", "Clark", 2, "+0+0"), entry(d1, 1, "9", "Clark", 2, "+0+0"), Duplicate,
		},
	}
}

var resultNames = [...]string{Added: "(Added)", Replaced: "(Replaced)", Stale: "(Stale)", Retagged: "(Retagged)", Duplicate: "(Duplicate)", Refused: "(Refused)"}

func TestMergeTable(t *testing.T) {
	id := []byte("kiwi")
	for _, tt := range mergeTable(t) {
		name := tt.row.have + " / " + tt.row.offered
		if !strings.HasSuffix(tt.holds, resultNames[tt.result]) {
			t.Errorf("%s: the row says %q, its case %s", name, tt.holds, resultNames[tt.result])
		}
		table := NewTable(1, 0)
		if tt.have != (Entry{}) {
			table.Merge(id, tt.have)
		}
		want := tt.offered
		if strings.HasPrefix(tt.holds, "have") {
			want = tt.have
		}
		was, r := table.Merge(id, tt.offered)
		if was != tt.have || r != tt.result {
			t.Errorf("%s: merge gives %+v, %s; want %+v, %s", name, was, resultNames[r], tt.have, resultNames[tt.result])
		}
		if got, ok := table.Get(id); !ok || got != want {
			t.Errorf("%s: the table holds %+v, want %+v", name, got, want)
		}
		if r.Won() != (tt.result == Added || tt.result == Replaced) {
			t.Errorf("%s: won is %t", name, r.Won())
		}
	}
}

// The table in the package comment and the one above are the same table.
func TestMergeTableIsTheOneInTheComment(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "doc.go", nil, parser.PackageClauseOnly|parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	var documented []row
	offered, holds := -1, -1 // columns, once the header was seen
	for line := range strings.Lines(file.Doc.Text()) {
		line, indented := strings.CutPrefix(strings.TrimRight(line, "\n"), "\t")
		switch {
		case !indented:
		case holds < 0:
			offered, holds = strings.Index(line, "offered"), strings.Index(line, "the table then holds")
		default:
			documented = append(documented, row{strings.TrimSpace(line[:offered]), strings.TrimSpace(line[offered:holds]), line[holds:]})
		}
	}
	var tested []row
	for _, tt := range mergeTable(t) {
		tested = append(tested, tt.row)
	}
	if !slices.Equal(documented, tested) {
		t.Errorf("the comment has\n%q\nthe test\n%q", documented, tested)
	}
}

// join merges entries of one client, in this order, into an empty table.
func join(entries ...Entry) Entry {
	t := NewTable(1, 0)
	for _, e := range entries {
		t.Merge(nil, e)
	}
	e, _ := t.Get(nil)
	return e
}

func TestMergeLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := entry().Draw(t, "a"), entry().Draw(t, "b"), entry().Draw(t, "c")
		if ab, ba := join(a, b), join(b, a); ab != ba {
			t.Fatalf("not commutative: %+v, %+v", ab, ba)
		}
		if l, r := join(join(a, b), c), join(a, join(b, c)); l != r {
			t.Fatalf("not associative: %+v, %+v", l, r)
		}
		if aa, ab := join(a, a), join(a, b); aa != a || join(ab, a) != ab || join(ab, b) != ab {
			t.Fatalf("not idempotent: %+v", aa)
		}
	})
}

// Whatever order reports arrive in, however often, over however many shards, the
// tables end up equal: fixes and dots.
func TestMergeConverges(t *testing.T) {
	type report struct {
		id    string
		entry Entry
	}
	one := rapid.Custom(func(t *rapid.T) report {
		return report{rapid.SampledFrom([]string{"", "kiwi", "emu", "rhea"}).Draw(t, "id"), entry().Draw(t, "entry")}
	})
	fill := func(t *rapid.T, shards int, reports []report) map[string]Entry {
		table := NewTable(shards, 42)
		for _, r := range reports {
			have, known := table.Get([]byte(r.id))
			was, result := table.Merge([]byte(r.id), r.entry)
			if was != have || known != (result != Added) {
				t.Fatalf("Merge says that there was %+v, Get said %+v", was, have)
			}
			want := Duplicate // once more changes nothing
			if result == Stale {
				want = Stale
			}
			if _, again := table.Merge([]byte(r.id), r.entry); again != want {
				t.Fatalf("%s, and then %s", resultNames[result], resultNames[again])
			}
		}
		all := contents(table)
		if len(all) != table.Len() {
			t.Fatalf("Len is %d, there are %d clients", table.Len(), len(all))
		}
		return all
	}
	rapid.Check(t, func(t *rapid.T) {
		reports := rapid.SliceOfN(one, 1, 12).Draw(t, "reports")
		again := rapid.SliceOf(rapid.SampledFrom(reports)).Draw(t, "again")
		shuffled := rapid.Permutation(slices.Concat(reports, again)).Draw(t, "shuffled")
		a, b := fill(t, 1, reports), fill(t, 8, shuffled)
		if len(a) != len(b) {
			t.Fatalf("%d clients and %d", len(a), len(b))
		}
		for id, e := range a {
			if b[id] != e {
				t.Fatalf("%q: %+v and %+v", id, e, b[id])
			}
		}
	})
}

// contents is all that a scan of the table sees.
func contents(t *Table) map[string]Entry {
	all := map[string]Entry{}
	for i := range t.Shards() {
		t.Scan(i, func(id string, e *Entry) { all[id] = *e })
	}
	return all
}
