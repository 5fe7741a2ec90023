//go:build unix

package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"herd/node/web/webtest"
)

var pictures = flag.String("pictures", "", "leave pictures of the page in this `folder`")

// The page of a real node shows a herd that lives: a client that comes and is chosen, a
// member that is killed and comes back, a partition and its end. For pictures 10,000 clients
// walk meanwhile.
func TestE2EPage(t *testing.T) {
	b := webtest.Start(t)
	d := startDevHerd(t)
	d.oneHerd()
	look := webtest.Look{Width: 1440, Height: 860}
	if *pictures != "" {
		look.Patience = 10 * time.Minute // 10,000 clients are a lot to draw without a graphics card
	}
	p := b.Open(t, "http://"+d.first+"/", look)
	picture := func(name string) {
		if *pictures == "" {
			return
		}
		for range 2 { // in dark colours and in light ones
			theme := webtest.Eval[string](t, p, `new Promise((done) => setTimeout(() => done(page.stage.theme), 1000))`)
			if err := os.WriteFile(filepath.Join(*pictures, name+"-"+theme+".png"), p.Picture(t), 0o644); err != nil {
				t.Fatal(err)
			}
			webtest.Eval[bool](t, p, `document.getElementById("theme").click() || true`)
		}
	}
	member := func(name, state string) string {
		return fmt.Sprintf(`[...document.querySelectorAll("#member-rows .%s th")].some((th) => th.textContent === %q)`, state, name)
	}
	webtest.Eval[bool](t, p, `import("/web/main.js").then((m) => { globalThis.page = m.page; return true; })`)
	p.Wait(t, `document.title === "Herd as seen by Bailey" && document.querySelectorAll("#member-rows .alive").length === 5`)

	if *pictures != "" {
		d.walk("--clients", "10000", "--every", "20s", "--speed", "60")
		p.Wait(t, `page.clients.count >= 10000`)
		picture("world")
	}
	d.send("Clark", "IAMAT kiwi.cs.ucla.edu +34.068930-118.445127 1621464827.959498503")
	webtest.Eval[bool](t, p, `page.stage.view.go(-118.445127, 34.06893, 20000) || page.stage.moved() || true`)
	p.Wait(t, `page.stage.opacity(-118.445127, 34.06893) > 100`) // and no other client is so near
	at := webtest.Eval[[]float64](t, p, `(() => { const r = page.stage.box.getBoundingClientRect(), [x, y] = page.stage.view.at(-118.445127, 34.06893); return [r.left + x, r.top + y]; })()`)
	p.Click(t, at[0], at[1])
	p.Wait(t, `/^AT Clark \+\d+\.\d{9} kiwi\.cs\.ucla\.edu \+34\.068930-118\.445127 1621464827\.959498503$/.test(document.getElementById("client-at").textContent)`)
	p.Wait(t, `document.getElementById("client-places").textContent.includes("Beverly Hills") && page.stage.places.length > 0`)
	p.Wait(t, `document.getElementById("client-credit").textContent.includes("GeoNames")`)
	p.Wait(t, `document.querySelectorAll("#matrix tbody tr").length === 5 && document.getElementById("p99").textContent !== "–"`)
	webtest.Eval[bool](t, p, `page.stage.view.go(-118.4, 34, 300) || page.stage.moved() || true`)
	picture("client")
	p.Press(t, "\u001b") // the panel has the focus
	webtest.Eval[bool](t, p, `document.getElementById("whole").click() || true`)

	d.chaos("kill", "Clark")
	p.Wait(t, member("Clark", "failed"))
	p.Wait(t, `[...document.querySelectorAll("#log li")].some((li) => li.textContent.includes("Clark is failed, was"))`)
	picture("killed")
	d.chaos("restart", "Clark")
	p.Wait(t, member("Clark", "alive")+` && !`+member("Clark", "failed"))

	d.chaos("partition", "Bailey,Bona | Campbell,Clark,Jaquez")
	p.Wait(t, member("Campbell", "failed")+"&&"+member("Clark", "failed")+"&&"+member("Jaquez", "failed")+"&&"+member("Bona", "alive"))
	picture("partition")
	d.send("Jaquez", "IAMAT far.away +10.0+20.0 1621464828.5")
	if *pictures == "" && webtest.Eval[bool](t, p, `page.stage.opacity(20, 10) > 100`) {
		t.Error("news crosses the partition")
	}
	d.chaos("heal")
	p.Wait(t, `document.querySelectorAll("#member-rows .alive").length === 5`)
	p.Wait(t, `page.stage.opacity(20, 10) > 100`)
	picture("healed")
}

// walk has clients walk until the test ends.
func (d *devProcess) walk(args ...string) {
	d.t.Helper()
	cmd := exec.Command(herdBinary(d.t), append([]string{"walk", "--http-addr", d.first}, args...)...)
	out := &output{}
	cmd.Env, cmd.Stdout, cmd.Stderr = environ(), out, out
	if err := cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() {
		cmd.Process.Signal(os.Interrupt)
		if err := cmd.Wait(); err != nil {
			d.t.Errorf("herd walk: %v: %s", err, out)
		}
		d.t.Logf("herd walk:\n%s", out)
	})
}
