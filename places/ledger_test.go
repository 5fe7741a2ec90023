package places

import (
	"bytes"
	"fmt"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// entries is what a ledger knows, without the order.
func (l *Ledger) all() map[account]spent {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.entries)
}

// TestHerdSharesABudget: three nodes that hear of each other spend no more than the
// budget; then each answers from what comes next, and says so.
func TestHerdSharesABudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := slow(0)
		budget := Budget{Day: 100}
		var ledgers []*Ledger
		var chains []*Chain
		for i := range 3 {
			l := NewLedger(uint64(i+1), func() {
				for j, other := range ledgers {
					if _, err := other.Merge(ledgers[i].Local()); i != j && err != nil {
						t.Error(err)
					}
				}
			})
			ledgers = append(ledgers, l)
			chains = append(chains, New(Config{Ledger: l, Links: []Link{{Provider: u, Budget: budget}, {Provider: embedded}}}))
		}
		for i := range 300 {
			p := parse(t, chains[i%3].Near(t.Context(), number(i)))
			if p.Status != "OK" {
				t.Fatalf("question %d: %+v", i, p)
			}
			if in := i < 100; in != (p.Messages == nil) || !in && !strings.Contains(p.Messages[0], "google (budget_spent)") {
				t.Fatalf("question %d: messages %q", i, p.Messages)
			}
		}
		if u.calls.Load() != 100 {
			t.Errorf("%d calls, want 100", u.calls.Load())
		}
		for i, c := range chains {
			if s := c.Stats().Providers[0]; s.SpentToday != 100 || s.SpentMonth != 100 {
				t.Errorf("node %d knows of %d calls today, %d in the month", i, s.SpentToday, s.SpentMonth)
			}
			if _, ok := c.AppendPrompt(nil, campus); !ok {
				t.Errorf("node %d would have a question wait", i)
			}
		}
	})
}

// TestPacificDays: a bubble begins on 1999-12-31 at 16:00 in California.
func TestPacificDays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLedger(1, nil)
		b := Budget{Day: 2, Month: 5}
		spend := func(want ...bool) {
			t.Helper()
			for i, want := range want {
				if err := l.spend("google", b); (err == nil) != want {
					t.Errorf("call %d at %s: %v", i, time.Now().In(l.pacific), err)
				}
			}
		}
		spend(true, true, false)
		time.Sleep(8*time.Hour - 1)
		spend(false)
		time.Sleep(time.Nanosecond) // a new day, and a new month
		spend(true, true, false)
		time.Sleep(24 * time.Hour)
		spend(true, true, false)
		time.Sleep(24 * time.Hour)
		spend(true, false) // the month's last
		if today, month := l.spent("google"); today != 1 || month != 5 {
			t.Errorf("spent %d, %d; want 1, 5", today, month)
		}
		if err := l.spend("overpass", b); err != nil {
			t.Errorf("another provider's budget: %v", err)
		}
		if got := len(l.all()); got != 2 {
			t.Errorf("%d entries, want one for each provider", got)
		}
		time.Sleep(62 * 24 * time.Hour)
		if l.Local(); len(l.all()) != 0 {
			t.Errorf("months later there is %v", l.all())
		}
	})
}

// TestClockSetBack: what was spent stays spent.
func TestClockSetBack(t *testing.T) {
	l := NewLedger(1, nil)
	now := time.Date(2026, 3, 10, 20, 0, 0, 0, time.UTC)
	l.now = func() time.Time { return now }
	b := Budget{Day: 3}
	l.spend("google", b)
	l.spend("google", b)
	now = now.Add(-48 * time.Hour)
	if err := l.spend("google", b); err != nil {
		t.Error(err)
	}
	if err := l.spend("google", b); err == nil {
		t.Error("a fourth call of three")
	}
	now = now.Add(24 * time.Hour)
	if err := l.spend("google", b); err != nil {
		t.Errorf("on the next day: %v", err)
	}
}

// TestMergeRefuses: wrong clocks, strangers' words about this node, too many.
func TestMergeRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLedger(7, nil)
		day, _ := l.date()
		merge := func(a account, s spent) bool {
			other := NewLedger(0, nil)
			s.civilMonth = monthOf(s.day)
			other.entries[a] = s
			news, err := l.Merge(other.Local())
			if err != nil {
				t.Error(err)
			}
			return news
		}
		if merge(account{"google", 7}, spent{day: day, today: 9, month: 9}) {
			t.Error("another node tells this one what it has spent")
		}
		if merge(account{"google", 8}, spent{day: day + 2, today: 9, month: 9}) {
			t.Error("the day after tomorrow counts")
		}
		if !merge(account{"google", 8}, spent{day: day + 1, today: 9, month: 9}) {
			t.Error("a clock that is ahead by hours counts for nothing")
		}
		if merge(account{"google", 8}, spent{day: day, today: 10, month: 10}) {
			t.Error("yesterday is news")
		}
		for i := range maxAccounts + 10 {
			merge(account{strings.Repeat("x", maxProviderName), uint64(i) << 32}, spent{day: day, today: 1 << 40, month: 1 << 45})
		}
		if got := len(l.all()); got != maxAccounts {
			t.Errorf("%d entries, want %d", got, maxAccounts)
		}
		if got := l.refusals(); got != 1+11 { // the day after tomorrow; and one account is there already
			t.Errorf("%d refused, want 12", got)
		}
		if n := len(l.Local()); n > 64<<10 {
			t.Errorf("a full ledger has %d bytes", n)
		}
		if news, err := l.Merge([]byte{ledgerVersion + 1, 1, 2, 3}); news || err != nil {
			t.Errorf("a later version: %v, %v", news, err)
		}
	})
}

// TestFullLedger: what a node has spent itself counts though its ledger is full, and
// others take that for a ledger.
func TestFullLedger(t *testing.T) {
	l, full, other := NewLedger(1, nil), NewLedger(2, nil), NewLedger(3, nil)
	day, month := l.date()
	for i := range maxAccounts {
		full.entries[account{"google", uint64(i) << 32}] = spent{day: day, today: 1, month: 1, civilMonth: month}
	}
	if _, err := l.Merge(full.Local()); err != nil {
		t.Fatal(err)
	}
	for _, provider := range []string{"google", "overpass"} {
		if err := l.spend(provider, Budget{Day: 1 << 20}); err != nil {
			t.Error(err)
		}
	}
	if today, _ := l.spent("google"); today != maxAccounts+1 {
		t.Errorf("spent %d, want %d", today, maxAccounts+1)
	}
	if _, err := other.Merge(l.Local()); err != nil {
		t.Errorf("others would shun this node: %v", err)
	}
}

// TestLedgersConverge: whatever is spent, in whatever order ledgers are passed on,
// lost and repeated, all know the same in the end, and it is what was spent.
func TestLedgersConverge(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
		var all []*Ledger
		for i := range rapid.IntRange(2, 4).Draw(t, "nodes") {
			l := NewLedger(uint64(i+1), nil)
			l.now = func() time.Time { return now }
			all = append(all, l)
		}
		var days []time.Time
		var old [][]byte
		node := rapid.IntRange(0, len(all)-1)
		b := Budget{Month: 1 << 30}
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			switch rapid.IntRange(0, 4).Draw(t, "step") {
			case 0, 1:
				if err := all[node.Draw(t, "spender")].spend("google", b); err != nil {
					t.Fatal(err)
				}
				days = append(days, now)
			case 2:
				old = append(old, all[node.Draw(t, "from")].Local())
			case 3:
				if len(old) > 0 {
					all[node.Draw(t, "to")].Merge(rapid.SampledFrom(old).Draw(t, "ledger"))
				}
			case 4:
				now = now.Add(time.Duration(rapid.IntRange(0, 30).Draw(t, "hours")) * time.Hour)
			}
		}
		for range 2 {
			for _, from := range all {
				for _, to := range all {
					if _, err := to.Merge(from.Local()); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
		var today, month uint64
		for _, d := range days {
			y, m, dd := now.In(all[0].pacific).Date()
			sy, sm, sd := d.In(all[0].pacific).Date()
			if y == sy && m == sm {
				month++
				if dd == sd {
					today++
				}
			}
		}
		for i, l := range all {
			if gotToday, gotMonth := l.spent("google"); gotToday != today || gotMonth != month {
				t.Errorf("node %d knows of %d, %d; spent were %d, %d", i, gotToday, gotMonth, today, month)
			}
			if !bytes.Equal(l.Local(), all[0].Local()) {
				t.Errorf("node %d says what all know in other bytes", i)
			}
			if news, _ := l.Merge(all[0].Local()); news {
				t.Errorf("node %d hears news once all is known", i)
			}
		}
	})
}

// FuzzMerge: no bytes break a ledger; what it takes it passes on as it was.
func FuzzMerge(f *testing.F) {
	l := NewLedger(1, nil)
	l.spend("google", Budget{Day: 5})
	l.spend("overpass", Budget{Day: 5})
	f.Add(l.Local())
	f.Add([]byte{})
	f.Add([]byte{ledgerVersion, 0})
	f.Add(bytes.Repeat([]byte{0xff}, 40))
	f.Fuzz(func(t *testing.T, b []byte) {
		l := NewLedger(2, nil)
		news, err := l.Merge(b)
		if news != (len(l.all()) > 0) || err != nil && news {
			t.Fatalf("news %v, error %v, %d entries", news, err, len(l.all()))
		}
		again := NewLedger(2, nil)
		if _, err := again.Merge(l.Local()); err != nil || fmt.Sprint(again.all()) != fmt.Sprint(l.all()) {
			t.Fatalf("passed on: %v: %v, was %v", err, again.all(), l.all())
		}
	})
}
