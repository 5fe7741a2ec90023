package node

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"herd/config"
	"herd/places"
)

// upstream is a provider that takes a second.
type upstream struct {
	name string
	err  error
}

func (u upstream) Name() string { return u.name }

func (u upstream) Near(ctx context.Context, _ places.Query) (places.Answer, error) {
	select {
	case <-time.After(time.Second):
		return places.Answer{Places: []places.Place{{Name: "Westwood", ID: "test:1"}}}, u.err
	case <-ctx.Done():
		return places.Answer{}, ctx.Err()
	}
}

// TestReplacedChainAnswers: whoever asked before has the old chain's answer, of
// whichever of its providers, and its calls have ended when it is gone.
func TestReplacedChainAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		failing := upstream{"google", &places.Error{Kind: places.Unavailable, Err: errors.New("500")}}
		n := newNearbyChain(places.Config{Links: places.Links(failing, upstream{name: "overpass"})})
		reply := make(chan string, 1)
		go func() {
			reply <- string(n.Near(t.Context(), places.Query{Radius: 1000, Limit: 1}))
		}()
		synctest.Wait()
		n.set(nil)
		if got := string(n.Near(t.Context(), places.Query{Radius: 1000, Limit: 1})); !strings.Contains(got, "UNKNOWN_ERROR") {
			t.Errorf("the new chain, which is empty, answers %s", got)
		}
		if got := <-reply; !strings.Contains(got, "This answer is from overpass") {
			t.Errorf("the old chain answers %s", got)
		}
		n.retired.Wait()
		if err := n.close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestEndOfReplacedChains: the end of the node does not wait for their questions.
func TestEndOfReplacedChains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNearbyChain(places.Config{Links: places.Links(upstream{name: "google"})})
		go n.Near(context.Background(), places.Query{Radius: 1000, Limit: 1})
		synctest.Wait()
		n.set(nil)
		start := time.Now()
		if err := n.close(t.Context()); err != nil || time.Since(start) != 0 {
			t.Errorf("close = %v after %s", err, time.Since(start))
		}
		n.set(places.Links(upstream{name: "late"}))
		if got := len(n.Stats().Providers); got != 0 {
			t.Error("a chain was set after the end")
		}
	})
}

// TestReloadFreesFiles: the table of a file that was read anew is gone.
func TestReloadFreesFiles(t *testing.T) {
	file := filepath.Join(t.TempDir(), "campus.csv")
	if err := os.WriteFile(file, []byte("name,lat,lon\nWestwood,34,-118\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var settings config.Places
	n := newTestNode(t, func(c *Config) {
		c.Settings.Places.Files = []config.File{{Name: "campus", Path: file, Format: "auto", Rank: "distance"}}
		c.Settings.Places.Order = []string{"file.campus"}
		c.Links = nil
		settings = c.Settings.Places
	})
	first := weak.Make(n.config.Sources.file(settings.Files[0]))
	if other := n.config.Sources.file(settings.Files[0]); other != first.Value() {
		t.Error("a second node of the process would read the file again")
	}
	to := n.config.Settings
	to.HTTP.Insecure = true // its address is not of loopback
	to.Places = settings
	if err := n.ReloadTo(&config.Loaded{Config: to}); err != nil {
		t.Fatal(err)
	}
	n.places.retired.Wait()
	runtime.GC()
	if first.Value() != nil {
		t.Error("the old table is still there")
	}
}

// TestReloadDrain: a node that is asked to leave takes the time that holds now.
func TestReloadDrain(t *testing.T) {
	n := newTestNode(t)
	to := n.config.Settings
	to.HTTP.Insecure = true // its address is not of loopback
	to.Client.Drain = 42 * time.Minute
	if err := n.ReloadTo(&config.Loaded{Config: to}); err != nil {
		t.Fatal(err)
	}
	w := n.ask("POST", "/v1/leave", "", "192.0.2.1:1000")
	if w.Code != 202 || !strings.Contains(w.Body.String(), `"drain":"42m0s"`) {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}
