package places

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
	_ "time/tzdata" // budgets are by the days of California, on machines too that know no zones
)

// Budget bounds the calls of a provider that all nodes of a herd make together.
// Zero is no bound.
type Budget struct {
	Day, Month int // calls a Pacific day and month, as Google counts its quotas
}

// Ledger counts the calls of every node of a herd, for budgets: for each boot of a
// node a counter that only that node raises (a grow-only counter; Shapiro et al.,
// "Conflict-free Replicated Data Types", 2011), merged by maximum. The nodes pass
// it around by Local and Merge: it is a state as the gossip package carries them.
//
// What another node has spent counts here once it has been heard of: a herd can
// overspend by the calls that begin within that delay. While a network is cut,
// each side goes by what it knows. The herd forgets what was spent when its last
// node ends. The provider's own quota is the hard bound.
//
// Its methods may be called by many goroutines.
type Ledger struct {
	boot    uint64
	changed func()
	now     func() time.Time
	pacific *time.Location

	mu      sync.Mutex // guards what follows
	entries map[account]spent
	refused uint64 // states of accounts of others that were not taken in, for their number or their day
}

// account is who spends with whom.
type account struct {
	provider string
	boot     uint64
}

func (a account) compare(b account) int {
	return cmp.Or(cmp.Compare(a.provider, b.provider), cmp.Compare(a.boot, b.boot))
}

// spent is what an account has spent. The greater day is the newer state; of equal
// days it is the greater count: month grows with it.
type spent struct {
	day        int64 // of the calendar, counted from 1970-01-01
	today      uint64
	month      uint64 // in the month of day, day included
	civilMonth int64  // day's month; follows from it
}

// maxAccounts bounds what peers can have a node keep. Each start of a node that
// asks a provider is one, until its month is over. The node's own come on top.
const maxAccounts = 1000

// maxProviderName is in bytes. A full ledger of such names has less than 64 KiB, the
// most that goes between nodes.
const maxProviderName = 16

// NewLedger makes the ledger of a node. boot tells this start of this node from
// all others. changed, if not nil, is called after each call that was counted; it
// must not wait.
func NewLedger(boot uint64, changed func()) *Ledger {
	pacific, err := time.LoadLocation("America/Los_Angeles")
	if err != nil {
		panic(fmt.Sprintf("places: %v", err)) // the zones are built in
	}
	if changed == nil {
		changed = func() {}
	}
	return &Ledger{boot: boot, changed: changed, now: time.Now, pacific: pacific, entries: make(map[account]spent)}
}

// Name is "places": what the state is called between nodes.
func (l *Ledger) Name() string { return "places" }

// date is today's day and month in California, as counts.
func (l *Ledger) date() (day, month int64) {
	y, m, d := l.now().In(l.pacific).Date()
	day = time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / 86_400
	return day, monthOf(day)
}

func monthOf(day int64) int64 {
	y, m, _ := time.Unix(day*86_400, 0).UTC().Date()
	return int64(y)*12 + int64(m)
}

// spend counts a call, or tells that the budget has none left. Without a budget
// nothing is counted, and the herd not bothered.
func (l *Ledger) spend(provider string, b Budget) error {
	if b == (Budget{}) {
		return nil
	}
	err := l.count(provider, b)
	if err == nil {
		l.changed()
	}
	return err
}

func (l *Ledger) count(provider string, b Budget) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	day, month := l.date()
	if err := l.over(provider, b, day, month); err != nil {
		return err
	}
	a := account{provider, l.boot}
	own := l.entries[a]
	if own.day > day+1 { // counted by a clock that was wrong by days; nobody took it in
		own.day, own.civilMonth = day, month
	}
	if day > own.day { // a clock that is set back goes on with the day it had
		own.today = 0
		if month > own.civilMonth {
			own.month = 0
		}
		own.day, own.civilMonth = day, month
	}
	own.today++
	own.month++
	l.entries[a] = own
	return nil
}

// refusal is what spend would refuse a call with; nil if it would not.
func (l *Ledger) refusal(provider string, b Budget) error {
	if b == (Budget{}) {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	day, month := l.date()
	return l.over(provider, b, day, month)
}

func (l *Ledger) over(provider string, b Budget, day, month int64) error {
	today, thisMonth := l.sum(provider, day, month)
	switch {
	case b.Day > 0 && today >= uint64(b.Day):
		return &Error{Kind: Spent, Err: fmt.Errorf("the herd's budget of %d calls a day is used up", b.Day)}
	case b.Month > 0 && thisMonth >= uint64(b.Month):
		return &Error{Kind: Spent, Err: fmt.Errorf("the herd's budget of %d calls a month is used up", b.Month)}
	}
	return nil
}

// spent is how many calls of a provider the herd has made this Pacific day and
// month, as far as this node knows.
func (l *Ledger) spent(provider string) (today, month uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	day, thisMonth := l.date()
	return l.sum(provider, day, thisMonth)
}

func (l *Ledger) sum(provider string, day, month int64) (today, thisMonth uint64) {
	for a, s := range l.entries {
		if a.provider != provider || s.civilMonth < month {
			continue
		}
		thisMonth += s.month // that of a clock ahead of ours too, or of ours before it was set back
		if s.day >= day {
			today += s.today
		}
	}
	return today, thisMonth
}

// refusals is how often the state of an account was not taken in.
func (l *Ledger) refusals() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.refused
}

// The form of a ledger between nodes: 0x01, the number of entries, then for each
// the provider's name (its length first), the boot (8 bytes, big-endian), day,
// today, month; numbers are unsigned varints.
const ledgerVersion = 1

// Local is all that this node knows, for the others' Merge.
func (l *Ledger) Local() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.forget()
	b := binary.AppendUvarint([]byte{ledgerVersion}, uint64(len(l.entries)))
	for _, a := range slices.SortedFunc(maps.Keys(l.entries), account.compare) { // equal knowledge, equal bytes
		s := l.entries[a]
		b = binary.AppendUvarint(b, uint64(len(a.provider)))
		b = append(b, a.provider...)
		b = binary.BigEndian.AppendUint64(b, a.boot)
		b = binary.AppendUvarint(b, uint64(s.day))
		b = binary.AppendUvarint(b, s.today)
		b = binary.AppendUvarint(b, s.month)
	}
	return b
}

// forget drops what was spent before last month.
func (l *Ledger) forget() {
	_, month := l.date()
	for a, s := range l.entries {
		if s.civilMonth < month-1 {
			delete(l.entries, a)
		}
	}
}

var errLedger = errors.New("places: not a ledger")

// Merge takes in what another node knows, and tells whether any of it was news.
// An error means that b is no ledger: then nothing of it counts. A ledger of a
// later version is no error, and no news.
func (l *Ledger) Merge(b []byte) (news bool, err error) {
	if len(b) > 0 && b[0] > ledgerVersion {
		return false, nil
	}
	theirs, err := parseLedger(b)
	if err != nil {
		return false, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	day, month := l.date()
	for a, s := range theirs {
		have, known := l.entries[a]
		newer := s.day > have.day || s.day == have.day && s.today > have.today
		switch {
		case !newer, a.boot == l.boot: // nobody knows better what this node has spent
			continue
		case s.civilMonth < month-1: // past
			continue
		case s.day > day+1, !known && len(l.entries) >= maxAccounts: // by a clock that is wrong by days; too many
			l.refused++
			continue
		}
		l.entries[a] = s
		news = true
	}
	return news, nil
}

func parseLedger(b []byte) (map[account]spent, error) {
	if len(b) == 0 || b[0] != ledgerVersion {
		return nil, errLedger
	}
	r := ledgerReader{b: b[1:]}
	entries := make(map[account]spent)
	for range r.uvarint() { // as many as there are bytes for
		var a account
		a.provider = string(r.bytes(r.uvarint(), maxProviderName))
		if boot := r.bytes(8, 8); len(boot) == 8 {
			a.boot = binary.BigEndian.Uint64(boot)
		}
		s := spent{day: int64(r.uvarint()), today: r.uvarint(), month: r.uvarint()}
		if r.bad || s.day > 1<<24 || s.day < 0 || s.today > s.month || s.month > 1<<48 { // sums stay sums
			return nil, errLedger
		}
		s.civilMonth = monthOf(s.day)
		entries[a] = s
	}
	if len(r.b) > 0 {
		return nil, errLedger
	}
	return entries, nil
}

// ledgerReader reads from the front. Once it is bad it reads zeros.
type ledgerReader struct {
	b   []byte
	bad bool
}

func (r *ledgerReader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *ledgerReader) bytes(n, most uint64) []byte {
	if n > most || n > uint64(len(r.b)) {
		r.bad, r.b = true, nil
		return nil
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}
