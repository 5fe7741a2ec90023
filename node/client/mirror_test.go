package client_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"herd/node"
	"herd/node/client"
	"herd/node/nodetest"
)

// mirror keeps a copy of the clients that a herd shows.
type mirror struct {
	mu    sync.Mutex // guards the fields below
	known map[string]client.Seconds
	lists int // how often all clients were listed
	gone  int // clients that were told of
}

// follow is how the documentation has it. It returns with ctx.
func (m *mirror) follow(ctx context.Context, t *testing.T, api *client.API, every time.Duration) {
	f := client.Filter{Kinds: []client.Kind{client.Fixed, client.Gone}, Every: every}
	for e, err := range api.Events(ctx, f) {
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			t.Error(err)
			return
		}
		switch e.Kind {
		case client.Hello, client.Reset:
			m.list(t, api)
		case client.Fixed:
			m.mu.Lock()
			m.known[e.Client.ID] = e.Client.Time
			m.mu.Unlock()
		case client.Gone:
			m.mu.Lock()
			delete(m.known, e.Gone.ID)
			m.gone++
			m.mu.Unlock()
		}
	}
}

func (m *mirror) list(t *testing.T, api *client.API) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.known = shown(t, api)
	m.lists++
}

// shown is what the herd shows.
func shown(t *testing.T, api *client.API) map[string]client.Seconds {
	all := map[string]client.Seconds{}
	for c, err := range api.Clients(t.Context(), client.Which{}) {
		if err != nil {
			t.Error(err)
			break
		}
		all[c.ID] = c.Time
	}
	return all
}

// Who lists all clients and follows what happens knows whom the herd shows: after some have
// expired, were too many, and came back, and after its node was killed.
func TestMirror(t *testing.T) {
	for seed := range uint64(2) {
		nodetest.Bubble(t, func(t *testing.T) { testMirror(t, rand.New(rand.NewPCG(seed, 1))) })
	}
}

func testMirror(t *testing.T, rand *rand.Rand) {
	const ttl, most = 16 * time.Second, 20
	h := nodetest.Start(t, 2, func(_ int, c *node.Config) {
		c.Settings.Herd.TTL, c.Settings.Herd.MaxClients = ttl, most
	})
	api, err := client.NewAPI(herdConfig(h, "4133"))
	if err != nil {
		t.Fatal(err)
	}
	defer api.Close()
	ctx, cancel := context.WithCancel(t.Context())
	var following sync.WaitGroup
	mirrors := []*mirror{{}, {}}
	for i, m := range mirrors {
		following.Go(func() { m.follow(ctx, t, api, time.Duration(i)*time.Second) })
	}
	report := func(client int) {
		h.Send(rand.IntN(2), fmt.Sprintf("IAMAT client-%d +1+1 %d.%09d", client, time.Now().Unix(), time.Now().Nanosecond()))
	}
	lives := func(n int) { // about every other of n clients is silent for longer than ttl, now and then
		for range 90 {
			report(rand.IntN(n))
			time.Sleep(time.Duration(rand.IntN(1200)) * time.Millisecond)
		}
	}
	lives(3 * most)
	h.Kill(0)
	time.Sleep(5 * time.Second)
	h.Restart(0)
	lives(most)
	time.Sleep(ttl / 2) // whoever is told of late, is told of by the end
	for client := range 5 {
		report(client)
	}
	time.Sleep(ttl * 3 / 4)
	want := shown(t, api)
	if len(want) != 5 {
		t.Errorf("%d clients are shown", len(want))
	}
	for i, m := range mirrors {
		m.mu.Lock()
		if !maps.Equal(m.known, want) {
			t.Errorf("mirror %d has %v, the herd shows %v", i, m.known, want)
		}
		t.Logf("mirror %d: %d lists, %d gone", i, m.lists, m.gone)
		if m.gone < 20 {
			t.Errorf("%d were gone", m.gone)
		}
		m.mu.Unlock()
	}
	cancel()
	following.Wait()
}
