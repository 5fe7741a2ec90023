package main

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"herd/config"
	"herd/node"
	"herd/node/metrics"
)

const (
	rulesFile     = "dist/prometheus/herd.rules.yml"
	rulesTestFile = "dist/prometheus/herd.rules.test.yml"
	dashboardFile = "dist/grafana/herd.json"
)

// Each alert fires when it should and not before: Prometheus' own tool plays its tests.
func TestAlerts(t *testing.T) {
	tool := needTool(t, "promtool", "prometheus")
	for _, args := range [][]string{{"check", "rules", rulesFile}, {"test", "rules", rulesTestFile}} {
		if out, err := exec.Command(tool, args...).CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
}

func text(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// allOf is the first group of every match.
func allOf(pattern, text string) (found []string) {
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		found = append(found, m[1])
	}
	return found
}

// Every alert has a test in which it fires, and a line on the page for operators.
func TestAlertsAreTested(t *testing.T) {
	alerts := allOf(`- alert: (\w+)`, text(t, rulesFile))
	fired := allOf(`alertname: (\w+)\n +exp_alerts:\n`, text(t, rulesTestFile))
	if len(alerts) < 10 || !slices.Equal(alerts, fired) {
		t.Errorf("the alerts are %q, those that fire in tests %q", alerts, fired)
	}
	page := text(t, "docs/operating.md")
	for _, alert := range alerts {
		if !strings.Contains(page, "`"+alert+"`") {
			t.Errorf("docs/operating.md says nothing of %s", alert)
		}
	}
	for _, name := range allOf("`(Herd\\w+)`", page) {
		if !slices.Contains(alerts, name) {
			t.Errorf("docs/operating.md names %s, which there is not", name)
		}
	}
}

// dashboard is what these tests look at.
type dashboard struct {
	Panels []struct {
		ID                       int
		Type, Title, Description string
		GridPos                  struct{ X, Y, W, H int }
		Targets                  []struct{ Expr string }
	}
	Templating struct {
		List []struct{ Name string }
	}
}

func readDashboard(t *testing.T) (d dashboard) {
	t.Helper()
	if err := json.Unmarshal([]byte(text(t, dashboardFile)), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// Each panel says what it shows, and no two are at one place.
func TestDashboard(t *testing.T) {
	ids, places := map[int]bool{}, map[[2]int]string{}
	for _, p := range readDashboard(t).Panels {
		if ids[p.ID] || p.Title == "" || p.Type != "row" && (p.Description == "" || len(p.Targets) == 0) {
			t.Errorf("panel %d %q: an ID, a title, a description and queries are needed", p.ID, p.Title)
		}
		ids[p.ID] = true
		if p.GridPos.X+p.GridPos.W > 24 || p.GridPos.W == 0 || p.GridPos.H == 0 {
			t.Errorf("%s is at %+v", p.Title, p.GridPos)
		}
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other := places[[2]int{x, y}]; other != "" {
					t.Fatalf("%s lies over %s", p.Title, other)
				}
				places[[2]int{x, y}] = p.Title
			}
		}
	}
	if len(ids) < 20 {
		t.Errorf("%d panels", len(ids))
	}
}

// freshMetrics is what Prometheus reads of a node that has just been made.
func freshMetrics(t *testing.T) string {
	t.Helper()
	s := config.Default()
	s.Name = "Clark"
	s.Client.Addr, s.Gossip.Addr, s.HTTP.Addr = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
	n, err := node.New(node.Config{Settings: s})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	w := httptest.NewRecorder()
	metrics.Handler(n.Stats).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	return w.Body.String()
}

// Every series that the dashboard and the alerts name is there from the start, with
// the labels that they name.
func TestSeriesExist(t *testing.T) {
	labels := map[string][]string{} // of each name
	for line := range strings.Lines(freshMetrics(t)) {
		if series, _, ok := strings.Cut(line, " "); ok && line[0] != '#' {
			name, rest, _ := strings.Cut(series, "{")
			labels[name] = append(labels[name], rest)
		}
	}
	exprs := allOf(`expr: (.*)\n`, text(t, rulesFile))
	for _, p := range readDashboard(t).Panels {
		for _, target := range p.Targets {
			exprs = append(exprs, target.Expr)
		}
	}
	used := map[string]bool{}
	selector := regexp.MustCompile(`\b((?:herd|process|go)_\w+)(?:\{([^}]*)\})?`)
	for _, expr := range exprs {
		for _, m := range selector.FindAllStringSubmatch(expr, -1) {
			name := m[1]
			used[name] = true
			if len(labels[name]) == 0 {
				t.Errorf("there is no %s: %s", name, expr)
			}
			for _, label := range allOf(`(\w+="[^"]*")`, m[2]) {
				if key, _, _ := strings.Cut(label, "="); key == "job" || key == "instance" {
					continue // Prometheus adds them
				}
				if !slices.ContainsFunc(labels[name], func(s string) bool { return strings.Contains(s, label) }) {
					t.Errorf("no %s has %s: %s", name, label, expr)
				}
			}
		}
		for _, by := range allOf(`by \(([^)]*)\)`, expr) {
			for key := range strings.SplitSeq(by, ", ") {
				found := key == "job" || key == "instance"
				for _, m := range selector.FindAllStringSubmatch(expr, -1) {
					found = found || slices.ContainsFunc(labels[m[1]], func(s string) bool { return strings.Contains(s, key+"=") })
				}
				if !found {
					t.Errorf("nothing has the label %s: %s", key, expr)
				}
			}
		}
	}
	if len(used) < 40 {
		t.Errorf("only %d names are found: %q", len(used), slices.Sorted(maps.Keys(used)))
	}
}

// The page for operators has a table of all figures, made from what a node shows.
func TestOperatingPage(t *testing.T) {
	const page, begin, end = "docs/operating.md", "<!-- figures -->\n", "<!-- end of figures -->\n"
	had := text(t, page)
	before, rest, ok := strings.Cut(had, begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no place for the figures", page)
	}
	var want bytes.Buffer
	want.WriteString(before + begin)
	for line := range strings.Lines(freshMetrics(t)) {
		if help, ok := strings.CutPrefix(line, "# HELP herd_"); ok {
			name, what, _ := strings.Cut(strings.TrimSpace(help), " ")
			want.WriteString("- `herd_" + name + "`: " + strings.ReplaceAll(what, `\n`, " ") + "\n")
		}
	}
	want.WriteString(end + after)
	if *update {
		if err := os.WriteFile(page, want.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if had != want.String() {
		t.Errorf("%s is not what a node shows; run go test ./cmd/herd -run TestOperatingPage -update", page)
	}
}
