package node_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"herd/config"
	"herd/node"
	"herd/node/nodetest"
	"herd/places"
	"herd/places/google/fakegoogle"
)

// placesOf is a configuration of which the places alone matter.
func placesOf(p config.Places) *config.Loaded {
	c := config.Default()
	c.Name, c.Places = "Clark", p
	return &config.Loaded{Config: c}
}

// billed is a provider that counts its calls.
type billed struct{ calls atomic.Int64 }

func (*billed) Name() string { return "billed" }

func (b *billed) Near(ctx context.Context, _ places.Query) (places.Answer, error) {
	b.calls.Add(1)
	select {
	case <-time.After(20 * time.Millisecond):
		return places.Answer{Places: []places.Place{{Name: "Westwood", ID: "test:1"}}}, nil
	case <-ctx.Done():
		return places.Answer{}, ctx.Err()
	}
}

// free answers from memory, with nothing.
type free struct{}

func (free) Name() string { return "free" }
func (free) Prompt()      {}

func (free) Near(context.Context, places.Query) (places.Answer, error) { return places.Answer{}, nil }

// hung never answers.
type hung struct{}

func (hung) Name() string { return "hung" }

func (hung) Near(ctx context.Context, _ places.Query) (places.Answer, error) {
	<-ctx.Done()
	return places.Answer{}, ctx.Err()
}

// TestHerdBudget: all nodes together spend a budget once. While the herd is cut in
// two each side spends what it believes is left. Afterwards all know what was spent,
// a node that has just started too.
func TestHerdBudget(t *testing.T) {
	nodetest.Bubble(t, func(t *testing.T) {
		b := &billed{}
		h := nodetest.Start(t, 3, func(_ int, c *node.Config) {
			c.Links = []places.Link{{Provider: b, Budget: places.Budget{Day: 100}}, {Provider: free{}}}
		})
		h.Send(0, report("kiwi", 34, 946684800))
		asked := 0
		ask := func(i, n int) (fallbacks int) {
			var lines []string
			for range n {
				asked++
				lines = append(lines, fmt.Sprintf("WHATSAT kiwi 1.%03d 1", asked))
			}
			for _, reply := range h.Send(i, lines...) {
				if strings.Contains(reply, "in place of billed (budget_spent)") {
					fallbacks++
				}
			}
			return fallbacks
		}
		spent := func() []uint64 {
			var all []uint64
			for i := range h.Len() {
				all = append(all, h.Node(i).Stats().Places.Providers[0].SpentToday)
			}
			return all
		}
		for i := range 3 {
			if n := ask(i, 10); n != 0 {
				t.Errorf("%d of %s's first questions were not paid for", n, h.Name(i))
			}
		}
		time.Sleep(time.Second)
		if got := fmt.Sprint(spent()); got != "[30 30 30]" {
			t.Errorf("the nodes know of %s, want 30 each", got)
		}

		h.Partition([]int{0, 1}, []int{2})
		if n := ask(0, 100); n != 30 {
			t.Errorf("in its part Bailey was refused %d of 100 questions, want 30", n)
		}
		time.Sleep(time.Second)
		if n := ask(1, 10); n != 10 {
			t.Errorf("its neighbour was refused %d of 10, want all", n)
		}
		if n := ask(2, 100); n != 30 {
			t.Errorf("on the other side 30 of 100 questions should be refused, %d were", n)
		}
		h.Heal()
		h.Settle()
		time.Sleep(5 * time.Second)
		if got := fmt.Sprint(spent()); got != "[170 170 170]" || b.calls.Load() != 170 {
			t.Errorf("after the heal the nodes know of %s of %d calls, want 170", got, b.calls.Load())
		}
		h.Kill(1)
		h.Restart(1)
		h.Settle()
		time.Sleep(time.Second)
		if n := ask(1, 10); n != 10 {
			t.Errorf("a node that started anew spends: %d of 10 questions refused", n)
		}
	})
}

// placesNode runs a node alone, on loopback, with these settings of places.
func placesNode(t *testing.T, change func(*config.Config), key string) *node.Node {
	t.Helper()
	s := config.Default()
	s.Name, s.Client.Addr, s.Gossip.Addr, s.HTTP.Addr = "Clark", "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
	change(&s)
	n, err := node.New(node.Config{Settings: s, PlacesKey: config.Secret(key), Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		n.Close()
	})
	<-n.Ready()
	return n
}

// TestReload: what can't be made ready changes nothing; questions go on meanwhile.
func TestReload(t *testing.T) {
	file := filepath.Join(t.TempDir(), "campus.csv")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	campus := func(reading int) {
		text := "name,lat,lon\n"
		for i := range 20 {
			text += fmt.Sprintf("%d %d,34.0689%02d,-118.4451\n", reading, i, i)
		}
		write(text)
	}
	campus(0)
	var settings config.Places
	n := placesNode(t, func(c *config.Config) {
		c.Places.Files = []config.File{{Name: "campus", Path: file, Format: "auto", Rank: "distance"}}
		c.Places.Order = []string{"file.campus", "embedded"}
		settings = c.Places
	}, "")

	if err := n.ReloadTo(placesOf(settings)); err != nil { // which ends with the file read; a start does not wait for that
		t.Fatal(err)
	}

	// Each answer is of one reading, and none of one before a reload that is done.
	var done atomic.Int64
	stop := make(chan struct{})
	var asking sync.WaitGroup
	for range 4 {
		client := dialNode(t, n)
		fmt.Fprintf(client, "IAMAT kiwi +34.0689-118.4451 1621464827\n")
		replies := bufio.NewReader(client)
		if _, err := replies.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		asking.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				least := done.Load()
				fmt.Fprintf(client, "WHATSAT kiwi 1 20\n")
				var names []string
				for line := "AT"; line != "\n"; {
					var err error
					if line, err = replies.ReadString('\n'); err != nil {
						t.Error(err)
						return
					}
					if name, ok := strings.CutPrefix(strings.TrimSpace(line), `"name" : "`); ok {
						names = append(names, name)
					}
				}
				if len(names) != 20 {
					t.Errorf("%d places", len(names))
					return
				}
				first, _, _ := strings.Cut(names[0], " ")
				if reading, err := strconv.ParseInt(first, 10, 64); err != nil || reading < least {
					t.Errorf("an answer of reading %s after %d was done", first, least)
				}
				for _, name := range names {
					if !strings.HasPrefix(name, first+" ") {
						t.Errorf("%q and %q in one answer", names[0], name)
					}
				}
			}
		})
	}
	for i := range 20 {
		campus(i + 1)
		if err := n.ReloadTo(placesOf(settings)); err != nil {
			t.Fatal(err)
		}
		done.Store(int64(i + 1))
		write("no,such,columns\n1,2,3\n")
		if err := n.ReloadTo(placesOf(settings)); err == nil || !strings.Contains(err.Error(), file) {
			t.Fatalf("reload %d of a file that is none: %v", i, err)
		}
	}
	close(stop)
	asking.Wait()
	if s := n.Stats(); s.Reloads.Good != 21 || s.Reloads.Failed != 20 || !s.Reloads.LastFailed {
		t.Errorf("%d reloads, %d failed; want 21, 20", s.Reloads.Good, s.Reloads.Failed)
	}
	bad := settings
	bad.Order = []string{"file.other"}
	if err := n.ReloadTo(placesOf(bad)); err == nil {
		t.Error("a chain with a file that there is not was taken")
	}
	if got := n.Stats().Places.Providers[0].Name; got != "file.campus" {
		t.Errorf("first in the chain is %s", got)
	}
}

// TestReloadAtTheEnd: a reload that comes late does no harm.
func TestReloadAtTheEnd(t *testing.T) {
	s := config.Default()
	s.Name, s.Client.Addr, s.Gossip.Addr, s.HTTP.Addr = "Clark", "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
	n, err := node.New(node.Config{Settings: s})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	<-n.Ready()
	cancel()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				if err := n.ReloadTo(placesOf(s.Places)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	n.Close()
}

// TestKeyInNoProfile: profiles show stacks and types, and no memory.
func TestKeyInNoProfile(t *testing.T) {
	const canary = "AIzaSyCanary-0123456789_abcdefghijklmno"
	g, err := fakegoogle.Start(fakegoogle.Options{Key: canary})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	n := placesNode(t, func(c *config.Config) {
		c.Places.Order = []string{"google"}
		c.Places.Google.BaseURL = g.URL
		c.Places.Google.API = "legacy"
	}, canary)
	var profile bytes.Buffer
	if err := pprof.StartCPUProfile(&profile); err != nil {
		t.Fatal(err)
	}
	client := dialNode(t, n)
	fmt.Fprintf(client, "IAMAT kiwi +34.068930-118.445127 1621464827\nWHATSAT kiwi 10 5\n")
	reply := make([]byte, 64<<10)
	for got := 0; !bytes.HasSuffix(reply[:got], []byte("\n\n")); {
		m, err := client.Read(reply[got:])
		if err != nil {
			t.Fatal(err)
		}
		got += m
	}
	pprof.StopCPUProfile()
	for _, name := range []string{"heap", "allocs", "goroutine", "threadcreate", "block", "mutex"} {
		for debug := range 3 {
			if err := pprof.Lookup(name).WriteTo(&profile, debug); err != nil {
				t.Fatal(err)
			}
		}
	}
	if g.Calls("legacy") != 1 {
		t.Errorf("%d calls of google", g.Calls("legacy"))
	}
	if bytes.Contains(profile.Bytes(), []byte(canary)) || bytes.Contains(reply, []byte(canary)) {
		t.Error("the key shows")
	}
}

func dialNode(t *testing.T, n *node.Node) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", n.Addrs().Client)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// TestReadyWithFiles: once a node is ready no question is answered in place of a file
// that has yet to be read.
func TestReadyWithFiles(t *testing.T) {
	file := filepath.Join(t.TempDir(), "campus.csv")
	var text strings.Builder
	text.WriteString("name,lat,lon\nPowell Library,34.0689,-118.4451\n")
	for i := range 100_000 {
		fmt.Fprintf(&text, "Hall %d,%.4f,%.4f\n", i, 10+float64(i%300)/10, float64(i/300)/10)
	}
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	n := placesNode(t, func(c *config.Config) {
		c.Places.Files = []config.File{{Name: "campus", Path: file, Format: "auto", Rank: "distance"}}
		c.Places.Order = []string{"file.campus", "embedded"}
	}, "")
	client := dialNode(t, n)
	fmt.Fprintf(client, "IAMAT kiwi +34.0689-118.4451 1621464827\nWHATSAT kiwi 1 5\n")
	client.(*net.TCPConn).CloseWrite()
	if reply, err := io.ReadAll(client); err != nil || !bytes.Contains(reply, []byte("Powell Library")) || bytes.Contains(reply, []byte("info_messages")) {
		t.Errorf("%v: %s", err, reply)
	}
}

// TestStopAnswers: who waits for an upstream that hangs has an answer from memory
// before the node ends.
func TestStopAnswers(t *testing.T) {
	s := config.Default()
	s.Name, s.Client.Addr, s.Gossip.Addr, s.HTTP.Addr = "Clark", "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
	n, err := node.New(node.Config{Settings: s, Links: []places.Link{{Provider: hung{}, Timeout: time.Minute}, {Provider: free{}}}})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	<-n.Ready()
	client := dialNode(t, n)
	fmt.Fprintf(client, "IAMAT kiwi +34.0689-118.4451 1621464827\nWHATSAT kiwi 10 5\n")
	for n.Stats().Server.Unanswered == 0 {
		runtime.Gosched()
	}
	cancel()
	reply, err := io.ReadAll(client)
	if err != nil || !bytes.Contains(reply, []byte("in place of hung")) || !bytes.HasSuffix(reply, []byte("\n\n")) {
		t.Errorf("%v: %s", err, reply)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}
