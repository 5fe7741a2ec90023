//go:debug tlsmlkem=0

package sim

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
	"time"
)

var (
	flagSeeds  = flag.Uint64("seeds", 5, "how many generated scenarios to play")
	flagSeed   = flag.Uint64("seed", 1, "the first of them")
	flagLength = flag.Duration("length", 30*time.Second, "how long their faults go on")
	flagFile   = flag.String("scenario", "", "play this scenario only")
	flagTimes  = flag.Int("times", 1, "how often to play each scenario that is in a file")
	flagShrink = flag.Int("shrink", 0, "make what fails smaller, playing each candidate so often at the most; 0: don't")
	flagKeep   = flag.String("keep", "", "folder for the scenario, the history and the logs of what fails")
)

func TestMain(m *testing.M) {
	flag.Parse()
	debug.SetGCPercent(400) // herds are small, and their garbage is not
	os.Exit(m.Run())
}

// TestSeeds plays generated scenarios.
//
//	go test ./node/sim -run Seeds -seeds 1000 -length 5m -timeout 10h
//	go test ./node/sim -run Seeds -seeds 1 -seed 4711 -length 5m -v
func TestSeeds(t *testing.T) {
	if *flagFile != "" {
		return
	}
	seeds := *flagSeeds
	if testing.Short() {
		seeds = min(seeds, 2)
	}
	for seed := *flagSeed; seed < *flagSeed+seeds; seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			s := Generate(seed, *flagLength)
			if r := Play(t, s); len(r.Violations) > 0 {
				fail(t, fmt.Sprintf("seed-%d", seed), s, r)
			} else {
				t.Log(r)
			}
		})
	}
}

// TestScenarios plays the scenarios of testdata/scenario: each has found something, or shows
// what should be seen to work.
//
//	go test ./node/sim -run Scenarios -times 20
//	go test ./node/sim -run Scenarios -scenario /tmp/seed-4711.txt -times 20 -v
//	go test ./node/sim -run Scenarios -scenario /tmp/seed-4711.txt -shrink 5 -v
func TestScenarios(t *testing.T) {
	const folder = "../../testdata/scenario"
	files, err := filepath.Glob(filepath.Join(folder, "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios in %s: %v", folder, err)
	}
	if *flagFile != "" {
		files = []string{*flagFile}
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		s, err := Parse(strings.NewReader(string(text)))
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		name := strings.TrimSuffix(filepath.Base(file), ".txt")
		for i := range *flagTimes {
			t.Run(fmt.Sprintf("%s-%d", name, i), func(t *testing.T) {
				t.Parallel()
				if r := Play(t, s); len(r.Violations) > 0 {
					fail(t, name, s, r)
				} else {
					t.Log(r)
				}
			})
		}
	}
}

// fail tells what was wrong and how to see it again.
func fail(t *testing.T, name string, s *Scenario, r Report) {
	t.Helper()
	t.Errorf("%s\n\nin this scenario:\n\n%s\nSave it as %s.txt and play it often, for chance has a part in it:\n\n"+
		"go test ./node/sim -run Scenarios -scenario $PWD/%s.txt -times 20 -keep /tmp/%s", r, s, name, name, name)
	shrink(t, s)
	if *flagKeep == "" {
		return
	}
	if err := keep(*flagKeep, name, s, r); err != nil {
		t.Error(err)
	}
}

// shrink prints what is left of a scenario when all is left out that it does not need to fail.
func shrink(t *testing.T, s *Scenario) {
	t.Helper()
	if *flagShrink <= 0 {
		return
	}
	last := Report{}
	small := Shrink(s, func(c *Scenario) bool {
		for range *flagShrink {
			if r := Play(t, c); len(r.Violations) > 0 {
				last = r
				t.Logf("%d faults are enough", len(c.Faults))
				return true
			}
		}
		return false
	})
	t.Logf("This is left, and had %v:\n\n%s", last.Violations, small)
}

// keep writes all that there is of a play into a folder.
func keep(folder, name string, s *Scenario, r Report) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	base := filepath.Join(folder, name)
	for _, f := range []struct{ name, text string }{
		{base + ".txt", s.String()},
		{base + ".report", r.String()},
		{base + ".log", r.Log},
	} {
		if err := os.WriteFile(f.name, []byte(f.text), 0o644); err != nil {
			return err
		}
	}
	if r.History == nil {
		return nil
	}
	f, err := os.Create(base + ".history")
	if err != nil {
		return err
	}
	if err := r.History.Write(f); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
