//go:build unix

package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"herd/node/web/webtest"
)

var pictures = flag.String("pictures", "", "leave pictures of the page in this `folder`")

// The page of a real node shows a herd that lives: a client that comes and is chosen, a
// member that is killed and comes back, a partition and its end.
func TestE2EPage(t *testing.T) {
	b := webtest.Start(t)
	d := startDevHerd(t)
	d.oneHerd()
	p := b.Open(t, "http://"+d.first+"/", webtest.Look{Width: 1440, Height: 860})
	picture := func(name string) {
		if *pictures == "" {
			return
		}
		if err := os.WriteFile(filepath.Join(*pictures, name+".png"), p.Picture(t), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	member := func(name, state string) string {
		return fmt.Sprintf(`[...document.querySelectorAll("#member-rows .%s th")].some((th) => th.textContent === %q)`, state, name)
	}
	webtest.Eval[bool](t, p, `import("/web/main.js").then((m) => { globalThis.page = m.page; return true; })`)
	p.Wait(t, `document.title === "Herd as seen by Bailey" && document.querySelectorAll("#member-rows .alive").length === 5`)

	d.send("Clark", "IAMAT kiwi.cs.ucla.edu +34.068930-118.445127 1621464827.959498503")
	p.Wait(t, `page.stage.opacity(-118.445127, 34.06893) > 100`)
	webtest.Eval[bool](t, p, `page.stage.view.go(-118.4, 34, 300) || page.stage.moved() || true`)
	at := webtest.Eval[[]float64](t, p, `(() => { const r = page.stage.box.getBoundingClientRect(), [x, y] = page.stage.view.at(-118.445127, 34.06893); return [r.left + x, r.top + y]; })()`)
	p.Click(t, at[0], at[1])
	p.Wait(t, `/^AT Clark \+\d+\.\d{9} kiwi\.cs\.ucla\.edu \+34\.068930-118\.445127 1621464827\.959498503$/.test(document.getElementById("client-at").textContent)`)
	p.Wait(t, `document.getElementById("client-places").textContent.includes("Beverly Hills") && page.stage.places.length > 0`)
	p.Wait(t, `document.getElementById("client-credit").textContent.includes("GeoNames")`)
	p.Wait(t, `document.querySelectorAll("#matrix tbody tr").length === 5 && document.getElementById("p99").textContent !== "–"`)
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
	if webtest.Eval[bool](t, p, `page.stage.opacity(20, 10) > 100`) {
		t.Error("news crosses the partition")
	}
	d.chaos("heal")
	p.Wait(t, `document.querySelectorAll("#member-rows .alive").length === 5`)
	p.Wait(t, `page.stage.opacity(20, 10) > 100`)
	picture("healed")
}
