package events

import (
	"maps"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"herd/gossip/location"
)

// step is one of a schedule.
type step struct {
	Do    int  // see play
	Many  int  // how many fixes come while the reader is away
	Cut   int  // the batch is cut after that many events, if it is as long
	Merge bool // the next reader merges
}

// play follows a schedule and returns what the reader knows at its end, and what the
// table has.
func play(t *testing.T, kept int, steps []step) (known, table map[string]string) {
	l := New(Config{Boot: 1, Fixes: kept, Gone: (kept + 1) / 2, Members: 2})
	table, known = map[string]string{}, map[string]string{}
	var r *Reader
	last := ""
	connect := func(merge bool) {
		if r != nil {
			r.Close()
		}
		var start Start
		r, start = read(t, l, all, last)
		if merge {
			r.Merge(time.Second)
		}
		if last == "" || start.Reset != "" {
			known = maps.Clone(table)
		}
		last = start.ID
	}
	take := func(s step) {
		events, err := r.Next(t.Context(), 100*time.Millisecond)
		if err == ErrSlow {
			connect(s.Merge)
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		for i, e := range events {
			if i == s.Cut {
				connect(s.Merge)
				return
			}
			last = l.id(e.Number)
			switch e.Kind {
			case Fix:
				known[e.Client] = e.Fix.Time.String()
			case Gone:
				delete(known, e.Client)
			}
		}
		if len(events) == 0 {
			last = r.ID()
		}
	}
	connect(false)
	for n, s := range steps {
		switch s.Do {
		case 0:
			connect(s.Merge)
		case 1:
			l.Member([]byte("Bona"))
		case 2, 3:
			take(s)
		case 4:
			time.Sleep(500 * time.Millisecond)
		case 5:
			r.Close()
			for range s.Many {
				table["away"] = strconv.Itoa(n)
				say(l, "away", n)
			}
			connect(s.Merge)
		case 6:
			id := []string{"kiwi", "emu", "away"}[s.Many%3]
			delete(table, id)
			l.Gone([]byte(id), location.Expired)
		default:
			id := []string{"kiwi", "emu", "moa"}[s.Many%3]
			table[id] = strconv.Itoa(n)
			say(l, id, n)
		}
	}
	for range 40 {
		take(step{Cut: -1})
	}
	return known, table
}

// Whatever happens in whatever order, a reader that is cut and comes back knows who is
// there and the newest fix of each, or was told to fetch them.
func TestResumeLosesNothing(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		kept := rapid.IntRange(1, 12).Draw(rt, "kept")
		steps := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) step {
			return step{
				Do: rapid.IntRange(0, 10).Draw(rt, "do"), Many: rapid.IntRange(0, 20).Draw(rt, "many"),
				Cut: rapid.IntRange(0, 9).Draw(rt, "cut"), Merge: rapid.Bool().Draw(rt, "merge"),
			}
		}), 1, 60).Draw(rt, "steps")
		var known, table map[string]string
		synctest.Test(t, func(t *testing.T) { known, table = play(t, kept, steps) })
		if !maps.Equal(known, table) {
			rt.Fatalf("knows %v, the table has %v", known, table)
		}
	})
}
