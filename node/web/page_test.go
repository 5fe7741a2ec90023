package web

import (
	"bytes"
	"fmt"
	"image/png"
	"slices"
	"strings"
	"testing"
	"time"

	"herd/node/web/webtest"
)

// state is how tests see into the page.
const state = `(await import("/web/main.js")).page`

// async makes an expression that may wait.
func async(body string) string { return "(async () => {" + body + "})()" }

// One browser shows all: each test has a page of its own.
func TestPage(t *testing.T) {
	b := webtest.Start(t)
	for _, test := range []struct {
		name string
		run  func(*testing.T, *webtest.Browser, *fakeNode)
	}{
		{"units", units},
		{"a fix appears", fixAppears},
		{"a client is gone", clientGone},
		{"many clients are gone", manyGone},
		{"a hidden page", hidden},
		{"a refused stream", refused},
		{"nobody", nobody},
		{"a member fails", memberFails},
		{"keys", keys},
		{"a client", client},
		{"a client that can't be told", untold},
		{"colours", colours},
		{"words", words},
		{"short pages", shortPages},
		{"many clients", manyClients},
		{"a sample", sample},
		{"who leaves the view", leavesView},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, b, newFakeNode(t)) })
	}
}

// ready opens the page and waits until it has all that the node has.
func ready(t testing.TB, b *webtest.Browser, f *fakeNode, look webtest.Look) *webtest.Page {
	t.Helper()
	p := b.Open(t, f.URL+"/", look)
	p.Wait(t, `document.querySelectorAll("#member-rows tr").length === 3`)
	webtest.Eval[bool](t, p, async(`globalThis.page = `+state+`; return true`))
	p.Wait(t, `page.drawings > 0 && page.stage.base.world && page.stage.frames > 0`)
	return p
}

func units(t *testing.T, b *webtest.Browser, f *fakeNode) {
	p := b.Open(t, f.URL+"/", webtest.Look{})
	got := webtest.Eval[struct {
		Ran    int
		Failed []string
	}](t, p, `import("/test/unit.js").then((m) => m.run())`)
	if got.Ran < 10 || len(got.Failed) > 0 {
		t.Errorf("%d ran; failed:\n%s", got.Ran, strings.Join(got.Failed, "\n"))
	}
}

// lit tells whether the pixel of the dots at a place is drawn.
func lit(lat, lon float64) string {
	return fmt.Sprintf(`(page.stage.opacity(%v, %v) > 100)`, lon, lat)
}

func fixAppears(t *testing.T, b *webtest.Browser, f *fakeNode) {
	f.report("there", "Bona", 10, 20)
	p := ready(t, b, f, webtest.Look{})
	p.Wait(t, lit(10, 20))
	if webtest.Eval[bool](t, p, lit(34, -118)) {
		t.Error("there is a dot where nobody is")
	}
	f.report("kiwi", "Bailey", 34, -118)
	p.Wait(t, lit(34, -118))
	f.report("kiwi", "Bailey", 40, -100)
	p.Wait(t, lit(40, -100)+" && !"+lit(34, -118))
	if n := len(f.questions("/v1/map?since=")); n == 0 {
		t.Error("the page asks for all each time")
	}
	picture, err := png.Decode(bytes.NewReader(p.Picture(t)))
	if err != nil || picture.Bounds().Dx() != 1280 {
		t.Errorf("picture: %v", err)
	}
}

// logged is the newest line of the log, without its time.
const logged = `(document.querySelector("#log li:first-child")?.textContent.slice(9) ?? "")`

// Who is gone has no dot any more, at once, and one again with its next report.
func clientGone(t *testing.T, b *webtest.Browser, f *fakeNode) {
	f.report("emu", "Bona", 10, 20)
	f.report("moa", "Bona", -10, 20)
	f.report("kiwi", "Bailey", 34, -118)
	p := ready(t, b, f, webtest.Look{Absent: "/v1/clients/kiwi"})
	webtest.Eval[bool](t, p, async(`return page.chosen.choose("kiwi")`))
	p.Wait(t, lit(10, 20)+"&&"+lit(34, -118)+"&& page.stage.chosen")
	f.forget("expired", "kiwi", "stranger")
	p.Wait(t, lit(10, 20)+"&& !"+lit(34, -118)+"&&"+logged+` === "kiwi and one more are gone: expired."`)
	p.Wait(t, `document.getElementById("client-at").textContent === "It is gone." && page.stage.chosen === null`)
	f.forget("evicted", "emu")
	p.Wait(t, "!"+lit(10, 20)+"&&"+lit(-10, 20)+"&&"+logged+` === "kiwi and 2 more are gone: expired, evicted."`)
	f.report("kiwi", "Bailey", 34, -118)
	p.Wait(t, lit(34, -118)+`&& page.stage.chosen && document.getElementById("client-at").textContent.startsWith("AT Bailey")`)
	f.become("Bona", "suspect")
	p.Wait(t, logged+` === "Bona is suspect, was alive."`)
	f.forget("evicted", "moa")
	p.Wait(t, "!"+lit(-10, 20)+"&&"+logged+` === "moa is gone: evicted."`)
}

// Of more than the page can well take away one by one, all others are drawn anew.
func manyGone(t *testing.T, b *webtest.Browser, f *fakeNode) {
	var ids []string
	for i := range 1001 {
		ids = append(ids, fmt.Sprint("client-", i))
		f.report(ids[i], "Clark", float64(i)/100, 0)
	}
	f.report("kiwi", "Bailey", 34, -118)
	p := ready(t, b, f, webtest.Look{})
	p.Wait(t, `page.clients.count === 1002`)
	f.forget("expired", ids...)
	p.Wait(t, `page.clients.count === 1 && `+logged+` === "client-0 and 1,000 more are gone: expired."`)
}

// see has the page be hidden, as another tab does, or seen again.
func see(t *testing.T, p *webtest.Page, hidden bool) {
	t.Helper()
	webtest.Eval[bool](t, p, fmt.Sprintf(`Object.defineProperty(document, "hidden", { value: %v, configurable: true }) && document.dispatchEvent(new Event("visibilitychange"))`, hidden))
}

// A page that is not seen keeps no connection, and is right again when it is seen.
func hidden(t *testing.T, b *webtest.Browser, f *fakeNode) {
	f.report("emu", "Bona", 10, 20)
	f.report("kiwi", "Bailey", 34, -118)
	p := ready(t, b, f, webtest.Look{})
	p.Wait(t, lit(34, -118))
	for range 2 {
		see(t, p, true)
		select {
		case <-f.ended:
		case <-time.After(time.Minute): // none of a page that works
			t.Fatal("a hidden page keeps its stream of events")
		}
		f.drop("kiwi")
		see(t, p, false)
		p.Wait(t, "!"+lit(34, -118)+"&&"+lit(10, 20)+"&&"+logged+` === "Events may be missing: the page was hidden."`)
		f.report("kiwi", "Bailey", 34, -118)
		p.Wait(t, lit(34, -118))
	}
	if n := webtest.Eval[int](t, p, `document.querySelectorAll("#log li").length`); n != 1 {
		t.Errorf("the log has %d lines, not one", n)
	}
	f.forget("expired", "kiwi")
	p.Wait(t, "!"+lit(34, -118)+"&&"+logged+` === "kiwi is gone: expired."`)
}

// Where a stream was refused, who is gone by the time there is one goes, too.
func refused(t *testing.T, b *webtest.Browser, f *fakeNode) {
	f.silent = true
	f.report("kiwi", "Bailey", 34, -118)
	p := ready(t, b, f, webtest.Look{Absent: "/v1/events?kinds=gone,member"})
	p.Wait(t, lit(34, -118))
	f.drop("kiwi")
	f.mu.Lock()
	f.silent = false
	f.mu.Unlock()
	p.Wait(t, "!"+lit(34, -118)+"&&"+logged+` === "Events may be missing: the node did not tell them."`)
}

// Who looks for a client that there is not is told so where he looks.
func nobody(t *testing.T, b *webtest.Browser, f *fakeNode) {
	f.report("kiwi", "Bailey", 34, -118)
	p := ready(t, b, f, webtest.Look{Width: 390, Height: 844, Absent: "/v1/clients/emu"})
	webtest.Eval[bool](t, p, `document.getElementById("find-id").focus() || true`)
	p.Press(t, "emu\r")
	p.Wait(t, `document.getElementById("find-answer").textContent === "There is no client emu."`)
	if box := webtest.Eval[[]float64](t, p, `(() => { const r = document.getElementById("find-answer").getBoundingClientRect(); return [r.left, r.right, r.height]; })()`); box[0] < 0 || box[1] > 390 || box[2] < 10 {
		t.Errorf("it is shown at %v", box)
	}
	p.Press(t, "\b")
	p.Wait(t, `document.getElementById("find-answer").textContent === "" && getComputedStyle(document.getElementById("find-answer")).display === "none"`)
	webtest.Eval[bool](t, p, `(document.getElementById("find-id").value = "") || true`)
	p.Press(t, "kiwi\r")
	p.Wait(t, `page.chosen.id === "kiwi" && document.getElementById("find-answer").textContent === ""`)
}

func memberFails(t *testing.T, b *webtest.Browser, f *fakeNode) {
	p := ready(t, b, f, webtest.Look{})
	if got := webtest.Eval[string](t, p, `document.querySelector("h1").textContent + "|" + document.title`); got != "As seen by Clark|Herd as seen by Clark" {
		t.Errorf("title %q", got)
	}
	if got := webtest.Eval[string](t, p, `[...document.querySelectorAll("#member-rows a")].map((a) => a.textContent + " " + a.href).join()`); got != "Bailey http://127.0.0.1:16/,Bona http://127.0.0.1:14/" {
		t.Errorf("links %q", got)
	}
	p.Wait(t, `document.querySelector("#matrix .lags")?.textContent === "3" && document.querySelector("#p99").textContent === "13 ms"`)
	p.Wait(t, `/^[1-9]\d* \/s$/.test(document.querySelector("#throughput dd").textContent)`) // though there is no IAMAT
	f.become("Bona", "suspect")
	p.Wait(t, `document.querySelector("#member-rows .suspect .state")?.textContent === "suspect"`)
	f.become("Bona", "failed")
	p.Wait(t, `document.querySelector("#member-rows .failed .state")?.textContent === "failed"`)
	p.Wait(t, `page.herd.spots.find((s) => s.name === "Bona").state === "failed"`)
	log := webtest.Eval[string](t, p, `[...document.querySelectorAll("#log li")].map((li) => li.className + ":" + li.textContent.slice(9)).join("|")`)
	if log != "failed:Bona is failed, was suspect.|suspect:Bona is suspect, was alive." {
		t.Errorf("log %q", log)
	}
	f.become("Bona", "alive")
	p.Wait(t, `document.querySelectorAll("#member-rows .alive").length === 3`)
	f.become("Bona", "leaving")
	p.Wait(t, `document.querySelector("#member-rows .leaving .state")?.textContent === "leaving"`)
}

// The page can be walked through without a mouse, in the order in which it reads.
func keys(t *testing.T, b *webtest.Browser, f *fakeNode) {
	f.report("kiwi", "Bailey", 34, -118)
	p := ready(t, b, f, webtest.Look{Calm: true})
	p.Wait(t, lit(34, -118))
	focus := `(document.activeElement.id || document.activeElement.className || document.activeElement.textContent)`
	var order []string
	for range 12 {
		p.Press(t, "\t")
		order = append(order, webtest.Eval[string](t, p, focus))
	}
	if got, want := strings.Join(order, " "), "skip find-id theme stage zoom-in zoom-out whole by-node by-age GeoNames CC BY 4.0 scroll"; got != want {
		t.Errorf("the tabulator leads to %q, want %q", got, want)
	}
	webtest.Eval[bool](t, p, `document.getElementById("stage").focus() || true`)
	for _, test := range []struct{ keys, then string }{
		{"+++", `page.stage.view.scale > 3 * page.stage.view.furthest`},
		{"\u0303", `page.stage.view.lon > 1`}, // arrow right
		{"\u0302", `page.stage.view.lon < 1`}, // arrow left
		{"\u0304", `page.stage.view.lat > 1`}, // arrow up
		{"---", `page.stage.view.scale < 1.1 * page.stage.view.furthest`},
		{"0", `page.stage.view.lon === 0 && page.stage.crosshair`},
		{"\r", `page.chosen.id === "kiwi" && document.activeElement.id === "client"`},
	} {
		p.Press(t, test.keys)
		p.Wait(t, test.then)
	}
	webtest.Eval[bool](t, p, `document.getElementById("client-close").focus() || true`)
	p.Press(t, "\r")
	p.Wait(t, `page.chosen.id === "" && document.activeElement.id === "stage" && document.getElementById("client").hidden`)
	webtest.Eval[bool](t, p, `document.getElementById("find-id").focus() || true`)
	p.Press(t, "kiwi\r")
	p.Wait(t, `page.chosen.id === "kiwi" && Math.abs(page.stage.view.lon + 118) < 1e-3 && page.stage.view.scale > 100`)
	webtest.Eval[bool](t, p, `document.getElementById("stage").focus() || true`)
	p.Press(t, "\u001b")
	p.Wait(t, `page.chosen.id === ""`)
}

// A client that is clicked is told of, and followed; of places only those that the node
// itself knows are asked for, and names are text.
func client(t *testing.T, b *webtest.Browser, f *fakeNode) {
	f.report("other", "Bona", 34.001, -118)
	f.report("kiwi", "Bailey", 34, -118)
	p := ready(t, b, f, webtest.Look{Absent: "/v1/clients/emu"})
	webtest.Eval[bool](t, p, `page.stage.view.go(-118, 34, 20000) || page.stage.moved() || true`)
	p.Wait(t, lit(34, -118))
	at := webtest.Eval[[]float64](t, p, `(() => { const r = page.stage.box.getBoundingClientRect(), [x, y] = page.stage.view.at(-118, 34); return [r.left + x, r.top + y]; })()`)
	p.Click(t, at[0], at[1])
	p.Wait(t, `document.getElementById("client-at").textContent.startsWith("AT Bailey +0.1 kiwi +34")`)
	p.Wait(t, `document.querySelectorAll("#client-places li").length === 2`)
	if got := webtest.Eval[string](t, p, `document.getElementById("client-places").textContent + document.getElementById("client-credit").textContent`); got !=
		`Beverly Hills <b>x</b><img src=x onerror="throw 1"> <b>x</b>Places by GeoNames, CC BY 4.0` {
		t.Errorf("places %q", got)
	}
	for i := range 3 {
		f.report("kiwi", "Bona", 34+float64(i+1)/1000, -118)
		p.Wait(t, fmt.Sprintf(`page.stage.chosen.track.length === %d`, 2*(i+2)))
	}
	p.Wait(t, `document.getElementById("client-at").textContent.startsWith("AT Bona +0.1 kiwi +34.003")`)
	if webtest.Eval[bool](t, p, async(`return page.chosen.choose("emu")`)) {
		t.Error("there is a client that nobody reported")
	}
	f.report("kiwi", "Bailey", 34.004, -118) // it is followed all the same
	p.Wait(t, `document.getElementById("client-at").textContent.startsWith("AT Bailey +0.1 kiwi +34.004")`)
	for _, q := range f.questions("/places") {
		if !strings.Contains(q, "offline=1") {
			t.Errorf("asked for %s", q)
		}
	}
	p.Click(t, at[0], at[1]+200)
	p.Wait(t, `page.chosen.id === ""`)
}

// Who is clicked and can't be told is nobody, rather than whoever is near.
func untold(t *testing.T, b *webtest.Browser, f *fakeNode) {
	f.report("other", "Bona", 34.001, -118)
	f.report("gr\xfcn", "Bailey", 34, -118) // in the answer its ID is another one
	p := ready(t, b, f, webtest.Look{})
	webtest.Eval[bool](t, p, async(`return page.chosen.choose("other")`))
	p.Wait(t, `page.chosen.id === "other"`)
	webtest.Eval[bool](t, p, `page.stage.view.go(-118, 34, 20000) || page.stage.moved() || true`)
	p.Wait(t, lit(34, -118))
	at := webtest.Eval[[]float64](t, p, `(() => { const r = page.stage.box.getBoundingClientRect(), [x, y] = page.stage.view.at(-118, 34); return [r.left + x, r.top + y]; })()`)
	p.Click(t, at[0], at[1])
	p.Wait(t, logged+`.startsWith("Nobody can tell who that is: ")`)
	p.Wait(t, `page.chosen.id === "" && document.getElementById("client").hidden`)
}

func colours(t *testing.T, b *webtest.Browser, f *fakeNode) {
	p := ready(t, b, f, webtest.Look{Scheme: "light", Width: 390, Height: 844})
	if got := webtest.Eval[string](t, p, `document.documentElement.dataset.theme + page.stage.theme`); got != "lightlight" {
		t.Errorf("a system in light colours has %s", got)
	}
	webtest.Eval[bool](t, p, `document.getElementById("theme").click() || true`)
	p.Wait(t, `page.stage.theme === "dark" && document.documentElement.dataset.theme === "dark"`)
	webtest.Eval[bool](t, p, `document.getElementById("by-age").click() || true`)
	p.Wait(t, `page.stage.by === "age" && document.getElementById("by-age").ariaPressed === "true" && document.getElementById("colours").textContent.includes("1 day")`)
	if wide := webtest.Eval[float64](t, p, `document.documentElement.scrollWidth`); wide > 390 {
		t.Errorf("a narrow page is %v wide", wide)
	}
	webtest.Eval[bool](t, p, `document.getElementById("theme").click() || true`)
}

// Who does not see the map is told what it shows.
func words(t *testing.T, b *webtest.Browser, f *fakeNode) {
	for i := range 3 {
		f.report(fmt.Sprint("client-", i), "Clark", float64(i), 0)
	}
	p := ready(t, b, f, webtest.Look{})
	p.Wait(t, `document.getElementById("summary").textContent.startsWith("3 dots in view; 3 clients in all. The map shows the world")`)
	webtest.Eval[bool](t, p, `document.getElementById("list").click() || true`)
	p.Wait(t, `document.querySelectorAll("#listed button").length === 3`)
	webtest.Eval[bool](t, p, `document.querySelector("#listed button").click() || true`)
	p.Wait(t, `page.chosen.id === "client-0"`)
	if got := webtest.Eval[string](t, p, `document.getElementById("ring").ariaLabel`); got != "The herd: 3 alive" {
		t.Errorf("the ring is called %q", got)
	}
	got := webtest.Eval[[]string](t, p, `[...document.querySelectorAll("button, input, [tabindex='0'], canvas:not([aria-hidden]), section, table")]
		.filter((e) => !(e.ariaLabel || e.labels?.length || e.textContent.trim() || e.getAttribute("aria-labelledby"))).map((e) => e.outerHTML)`)
	if len(got) > 0 {
		t.Errorf("without a name: %q", got)
	}
	if n := webtest.Eval[int](t, p, `document.querySelectorAll("th:not([scope])").length`); n > 0 {
		t.Errorf("%d heads of no scope", n)
	}
	for _, selector := range []string{"header", "main", "[role=search]", "[role=log][aria-live=polite]", "h1", "#health[role=status]"} {
		if webtest.Eval[int](t, p, fmt.Sprintf(`document.querySelectorAll(%q).length`, selector)) != 1 {
			t.Errorf("not one %s", selector)
		}
	}
}

// Of a list whose pages are short, or empty, none is the last that has another one after it.
func shortPages(t *testing.T, b *webtest.Browser, f *fakeNode) {
	for i := range 3 {
		f.report(fmt.Sprint("client-", i), "Clark", float64(i), 0)
	}
	p := ready(t, b, f, webtest.Look{})
	for _, test := range []struct {
		pages  []int
		listed int
		note   string
	}{
		{[]int{0, 2, 0, 1}, 3, "All 3."},
		{[]int{0, 0}, 0, "There are none."},
		{append(make([]int, 100), 3), 0, "None in the part of the table that was looked at: the rest would take too long."},
		{append([]int{1}, make([]int, 100)...), 1, "1 in the part of the table that was looked at: the rest would take too long."},
	} {
		f.mu.Lock()
		f.pages = test.pages
		f.mu.Unlock()
		webtest.Eval[bool](t, p, `document.getElementById("list").click() || true`)
		p.Wait(t, fmt.Sprintf(`document.getElementById("list-note").textContent === %q && document.querySelectorAll("#listed button").length === %d`, test.note, test.listed))
	}
}

// Of so many clients each has its dot. How fast they are drawn is for BenchmarkPage to say.
func manyClients(t *testing.T, b *webtest.Browser, f *fakeNode) {
	f.crowd()
	p := ready(t, b, f, webtest.Look{})
	p.Wait(t, allDrawn)
}

// Of a sample what is in view is drawn in full, and from then on what changes.
func sample(t *testing.T, b *webtest.Browser, f *fakeNode) {
	f.sampled = true
	f.report("kiwi", "Bailey", 34, -118)
	p := ready(t, b, f, webtest.Look{})
	webtest.Eval[bool](t, p, `page.stage.view.go(-118, 34, 20000) || page.stage.moved() || true`)
	drawn := webtest.Eval[int](t, p, `page.drawings`)
	p.Wait(t, fmt.Sprintf(`page.drawings > %d`, drawn+5))
	asked := f.questions("bbox=")
	if !slices.ContainsFunc(asked, func(q string) bool { return strings.Contains(q, "since=") }) {
		t.Errorf("the page asks for all each time: %q", asked)
	}
}

// Of a sample who leaves the view has no dot where it was.
func leavesView(t *testing.T, b *webtest.Browser, f *fakeNode) {
	f.sampled = true
	f.report("emu", "Bona", 34.001, -118)
	f.report("kiwi", "Bailey", 34, -118)
	p := ready(t, b, f, webtest.Look{})
	webtest.Eval[bool](t, p, `page.stage.view.go(-118, 34, 20000) || page.stage.moved() || true`)
	drawn := webtest.Eval[int](t, p, `page.drawings`)
	p.Wait(t, lit(34, -118)+fmt.Sprintf(`&& page.drawings > %d`, drawn+2))
	f.report("kiwi", "Bailey", -34, 20)
	p.Wait(t, "!"+lit(34, -118)+"&&"+lit(34.001, -118)+"&& page.clients.count === 1")
}

const many = 100_000

// crowd has the herd hear of many clients, all over the world.
func (f *fakeNode) crowd() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range many {
		f.clients = append(f.clients, fakeClient{
			fmt.Sprint("client-", i), float64(i%1700)/10 - 85, float64(i%3590)/10 - 179.5, "Clark", fakeStart, i + 1,
		})
	}
	f.changes = many
}

var allDrawn = fmt.Sprintf(`page.clients.count === %d && page.stage.inView > 0.9 * %d`, many, many)

// BenchmarkPage has the page opened and 100,000 clients drawn, over and over. The fastest
// time says what it takes, the median what it takes beside whatever else the machine does.
func BenchmarkPage(b *testing.B) {
	browser, f := webtest.Start(b), newFakeNode(b)
	report := func(b *testing.B, what string, all []float64) {
		slices.Sort(all)
		b.ReportMetric(all[0], "fastest-ms/"+what)
		b.ReportMetric(all[len(all)/2], "median-ms/"+what)
		b.ReportMetric(0, "ns/op")
	}
	b.Run("paint", func(b *testing.B) {
		var all []float64
		for b.Loop() {
			p := ready(b, browser, f, webtest.Look{Patience: 10 * time.Minute})
			all = append(all, webtest.Eval[float64](b, p, `performance.getEntriesByName("first-contentful-paint")[0].startTime`))
		}
		report(b, "paint", all)
	})
	f.crowd()
	b.Run("frame", func(b *testing.B) {
		p := ready(b, browser, f, webtest.Look{Patience: 10 * time.Minute})
		p.Wait(b, allDrawn)
		var all []float64
		for b.Loop() {
			all = append(all, webtest.Eval[[]float64](b, p, async(`
				const took = [];
				for (let i = 0, last = await new Promise(requestAnimationFrame); i < 20; i++) {
					page.stage.change("dots");
					const now = await new Promise(requestAnimationFrame);
					took.push(now - last);
					last = now;
				}
				return took;`))...)
		}
		report(b, "frame", all)
	})
}
