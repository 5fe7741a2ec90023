package replica

import (
	"flag"
	"fmt"
	"os"
	"reflect"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
)

var (
	flagRuns = flag.Int("runs", 0, "how many schedules the model plays; 0: 8000, or fewer in a hurry")
	flagSeed = flag.Uint64("seed", 0, "the first of them; with -runs 1 the only one")
	flagOnly = flag.String("only", "", "play the mutants only whose names hold this")
)

func TestMain(m *testing.M) {
	flag.Parse()
	debug.SetGCPercent(400) // worlds are small and many
	os.Exit(m.Run())
}

// runs is how many schedules to play, unless asked for otherwise.
func runs() int {
	switch {
	case *flagRuns > 0:
		return *flagRuns
	case raceEnabled, testing.Short():
		return 200
	}
	return 8000
}

// TestModel plays schedules of everything that can go wrong and checks the promises.
//
//	go test ./gossip/replica -run Model -runs 100000 -timeout 1h
//	go test ./gossip/replica -run Model -v -runs 1 -seed 4711
func TestModel(t *testing.T) {
	const chunks = 16
	var (
		mu  sync.Mutex // guards sum
		sum coverage
	)
	first, n := *flagSeed, uint64(runs())
	t.Run("schedules", func(t *testing.T) {
		for chunk := range uint64(chunks) {
			t.Run(fmt.Sprint(chunk), func(t *testing.T) {
				t.Parallel()
				var part coverage
				for seed := first + chunk*n/chunks; seed < first+(chunk+1)*n/chunks && !t.Failed(); seed++ {
					broken, c := simulate(seed, mutant{})
					if broken != "" {
						t.Errorf("%s\nreplay: go test ./gossip/replica -run Model -runs 1 -seed %d", broken, seed)
					}
					part.add(&c)
				}
				mu.Lock()
				defer mu.Unlock()
				sum.add(&part)
			})
		}
	})
	t.Logf("%+v", sum)
	if n >= 200 {
		for _, name := range sum.zeros() {
			t.Errorf("no schedule had any %s", name)
		}
	}
}

// TestReplay: a seed is a history, to the last byte sent.
func TestReplay(t *testing.T) {
	t.Parallel()
	seen := map[uint64]bool{}
	for seed := range uint64(20) {
		a, b := history(seed), history(seed)
		if a != b {
			t.Errorf("seed %d has two histories", seed)
		}
		if seen[a] {
			t.Errorf("seed %d has the history of another", seed)
		}
		seen[a] = true
	}
}

// TestMutants: whoever breaks a rule breaks a promise, and the model notices.
func TestMutants(t *testing.T) {
	const most = 4000 // schedules until a mutant counts as a survivor
	promises := map[string]string{
		"dotAtSeal":      "HELD EQUAL QUIET",
		"otherNumber":    "HELD READ EQUAL",
		"commitOpen":     "HELD EQUAL",
		"ownOnly":        "HELD READY EQUAL",
		"neverCompare":   "EQUAL",
		"jumpGaps":       "HELD READY EQUAL",
		"vectorAtEnd":    "HELD READY EQUAL",
		"unheardChunks":  "EQUAL HELD QUIET",
		"dropSuperseded": "HELD READ EQUAL",
		"coalesceQueued": "HELD READ EQUAL",
		"losersFree":     "HELD READ",
		"ownLosersFree":  "HELD READ",
		"ownLosersHere":  "HELD READ",
		"firstWins":      "OWN HELD EQUAL",
		"firstDot":       "QUIET",
		"noTakeover":     "QUIET",
		"forgetCarried":  "QUIET",
		"enterOnCommit":  "HELD",
		"endlessLease":   "READ READY",
		"ownLease":       "READ",
		"outOnOverflow":  "READ",
		"noHold":         "READ",
		"grantAlways":    "READ",
		"wallTimeouts":   "FAIR",
		"oneAckLess":     "MANY LIVES",
		"readyOnFirst":   "READY",
		"readyAlone":     "READY",
		"dotlessLookups": "EQUAL HELD READY",
		"forgetEvicted":  "BACK HELD EQUAL READ ALIKE",
		"floorUntold":    "ALIKE HELD READ READY EQUAL",
		"floorAtBegin":   "HELD READ READY EQUAL ALIKE",
		"astrayAnswers":  "HELD READ READY EQUAL LIVES",
		"lossyVector":    "HELD READ READY EQUAL",
		"noGrace":        "HELD READ READY EQUAL",
	}
	if testing.Short() || raceEnabled {
		return // worlds are the same in every build; the full run has seen these
	}
	rules := reflect.TypeFor[mutant]()
	for i := range rules.NumField() {
		name := rules.Field(i).Name
		want, ok := promises[name]
		if !ok {
			t.Errorf("%s breaks no promise that is known", name)
		}
		if !strings.Contains(name, *flagOnly) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := only(i)
			for seed := *flagSeed; seed < *flagSeed+most; seed++ {
				broken, _ := simulate(seed, m)
				if broken == "" {
					continue
				}
				if p := promiseOf(broken); !strings.Contains(want, p) {
					t.Errorf("broke %s, want one of %s", p, want)
				}
				t.Logf("%d schedules: %s", seed-*flagSeed+1, broken)
				return
			}
			t.Errorf("nobody notices in %d schedules", most)
		})
	}
}

// only is the mutant that breaks the rule of field i.
func only(i int) (m mutant) {
	flags := [...]*bool{
		&m.dotAtSeal, &m.otherNumber, &m.commitOpen, &m.ownOnly, &m.neverCompare, &m.jumpGaps, &m.vectorAtEnd, &m.unheardChunks, &m.dropSuperseded,
		&m.coalesceQueued, &m.losersFree, &m.ownLosersFree, &m.ownLosersHere, &m.firstWins, &m.firstDot, &m.noTakeover,
		&m.forgetCarried, &m.enterOnCommit, &m.endlessLease, &m.ownLease, &m.outOnOverflow, &m.noHold, &m.grantAlways,
		&m.wallTimeouts, &m.oneAckLess, &m.readyOnFirst, &m.readyAlone, &m.dotlessLookups,
		&m.forgetEvicted, &m.floorUntold, &m.floorAtBegin, &m.astrayAnswers, &m.lossyVector, &m.noGrace,
	}
	*flags[i] = true
	return m
}
