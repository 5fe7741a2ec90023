// Package webtest shows pages to a headless Chromium, for tests. It fails them for what
// no page of a node may do: write an error to the console, break its own policy, or ask
// anybody but its node for anything.
package webtest

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// patience is how long a page may be open unless its Look says otherwise.
const patience = 5 * time.Minute

// Browser is a Chromium that runs. Its methods may be called by the test's goroutine.
type Browser struct{ ctx context.Context }

// Start starts a browser, which ends with the test. Where there is none the test is
// skipped, but in CI it fails. In short mode it is skipped too: a browser says little to
// the race detector.
func Start(t testing.TB) *Browser {
	t.Helper()
	if testing.Short() {
		t.Skip("a browser takes seconds")
	}
	path := find()
	if path == "" {
		if os.Getenv("CI") != "" {
			t.Fatal("there is no Chromium: .ci/run installs it")
		}
		t.Skip("there is no Chromium on this machine")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path))
	if os.Getuid() == 0 {
		options = append(options, chromedp.NoSandbox) // it has none for root
	}
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start %s: %v", path, err)
	}
	return &Browser{ctx}
}

func find() string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// Look is how somebody sees a page.
type Look struct {
	Width, Height int64  // default 1280 by 800
	Scheme        string // dark (the default) or light
	Calm          bool   // wants little to move

	// Absent is how a path ends that the page may ask for though there is nothing: of that
	// alone the console may have an error. Empty: there is none.
	Absent string

	// Patience is how long the page may be open; 0: five minutes. A test that works ends long
	// before.
	Patience time.Duration
}

// Page is a page that is open.
type Page struct {
	ctx  context.Context
	host string

	mu    sync.Mutex // guards wrong
	wrong []string   // what no page may do
}

// Open opens a page in a tab of its own, which is closed with the test.
func (b *Browser) Open(t testing.TB, address string, look Look) *Page {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(b.ctx, cmp.Or(look.Patience, patience))
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	p := &Page{ctx: ctx, host: u.Host}
	var watching sync.WaitGroup
	t.Cleanup(func() {
		cancel()
		watching.Wait()
		for _, wrong := range p.wrong {
			t.Error(wrong)
		}
	})
	requests, console := chromedp.Events(ctx, network.RequestWillBeSent), chromedp.Console(ctx)
	watching.Go(func() {
		for r, err := range requests {
			if err != nil {
				return
			}
			p.requested(r.Request.URL)
		}
	})
	watching.Go(func() {
		for m, err := range console {
			if err != nil {
				return
			}
			if look.Absent != "" && m.Source == "network" && strings.HasSuffix(m.URL, look.Absent) {
				continue
			}
			if kind := string(m.Type); kind == "error" || kind == "warning" || m.IsException() || m.Source == "security" {
				p.note(fmt.Sprintf("console: %s %s", m, m.URL))
			}
		}
	})
	if look.Width == 0 {
		look.Width, look.Height = 1280, 800
	}
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(look.Width, look.Height)); err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Call(ctx, network.Enable, network.EnableParams{}); err != nil {
		t.Fatal(err)
	}
	if err := look.emulate(ctx); err != nil {
		t.Fatal(err)
	}
	if err := chromedp.Do(ctx, chromedp.Navigate(address)); err != nil {
		t.Fatal(err)
	}
	return p
}

func (l Look) emulate(ctx context.Context) error {
	scheme, motion := "dark", "no-preference"
	if l.Scheme != "" {
		scheme = l.Scheme
	}
	if l.Calm {
		motion = "reduce"
	}
	_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: motion},
	}})
	return err
}

func (p *Page) note(wrong string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wrong = append(p.wrong, wrong)
}

func (p *Page) requested(address string) {
	u, err := url.Parse(address)
	if err != nil || u.Host != p.host && u.Scheme != "data" && u.Scheme != "blob" {
		p.note("the page asked for " + address)
	}
}

// Eval is the value of an expression, or of what it promises.
func Eval[T any](t testing.TB, p *Page, expression string) T {
	t.Helper()
	v, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatalf("%s: %v", brief(expression), err)
	}
	return v
}

// Wait waits until an expression is true.
func (p *Page) Wait(t testing.TB, expression string) {
	t.Helper()
	_, err := chromedp.Run(p.ctx, chromedp.Poll[bool]("!!("+expression+")", chromedp.WithPollingInterval(50*time.Millisecond), chromedp.WithPollingTimeout(0)))
	if err != nil {
		t.Fatalf("%s never came true: %v", brief(expression), err)
	}
}

// Press presses keys, one after the other; "\t" is the tabulator, and so on: see package kb
// of chromedp.
func (p *Page) Press(t testing.TB, keys string) {
	t.Helper()
	if err := chromedp.Do(p.ctx, chromedp.KeyEvent(keys)); err != nil {
		t.Fatal(err)
	}
}

// Click clicks on a point, in pixels from the top left of the page.
func (p *Page) Click(t testing.TB, x, y float64) {
	t.Helper()
	if err := chromedp.Do(p.ctx, chromedp.MouseClickXY(x, y)); err != nil {
		t.Fatal(err)
	}
}

// Picture is what there is to see, as a PNG.
func (p *Page) Picture(t testing.TB) []byte {
	t.Helper()
	png, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		t.Fatal(err)
	}
	return png
}

func brief(expression string) string {
	const most = 120
	expression = strings.Join(strings.Fields(expression), " ")
	if len(expression) > most {
		return expression[:most] + " …"
	}
	return expression
}
