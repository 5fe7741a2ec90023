package history

import (
	"strings"
	"testing"
	"time"
)

func TestFigures(t *testing.T) {
	read := func(at Process, inv int64, line string) Op {
		return Op{Kind: Read, At: at, Client: "kiwi", Line: line, Inv: inv, Ret: inv + 5}
	}
	lost := Op{Kind: Write, Outcome: Unknown, At: p("Bona"), Client: "kiwi", Position: "+1+1", Time: "1", Inv: 130, Ret: 160}
	h := &History{
		Ops: []Op{
			{Kind: Write, At: p("Clark"), Client: "kiwi", Position: "+34-118", Time: "100", Line: first, Inv: 10, Ret: 20},
			read(p("Bona"), 19, ""),  // concurrent with the ack
			read(p("Bona"), 60, ""),  // 40 after it
			read(p("Bona"), 110, ""), // 90 after it, 10 after the end of the fault
			read(p("Bona"), 120, first),
			read(p("Jaquez"), 25, first), // never stale
			lost,
		},
		Faults: []Fault{
			{Name: "cut", Nodes: []string{"Bona"}, Inv: 50, Ret: 100},
			{Name: "kill", Nodes: []string{"Bona"}, Inv: 125},
		},
	}
	r := Check(h)
	if !r.OK() {
		t.Error(r)
	}
	if q := r.Staleness; q.Count != 2 || q.Min != 0 || q.P50 != 0 || q.P95 != 90 || q.Max != 90 || r.Stale != 1 {
		t.Errorf("staleness: %+v, %d stale", q, r.Stale)
	}
	if q := r.Converged; q.Count != 1 || q.Max != 10 {
		t.Errorf("converged: %+v", q)
	}
	if c := r.All; c.OK != 6 || c.Fail != 0 || c.Unknown != 1 || c.Writes.Max != 10 || c.Reads.P99 != 5 {
		t.Errorf("all: %+v", c)
	}
	if c := r.Quiet; c.OK != 5 || c.Unknown != 0 {
		t.Errorf("without a fault: %+v", c)
	}
	if len(r.Windows) != 2 || r.Windows[0].At.OK != 1 || r.Windows[0].Elsewhere.OK != 0 || r.Windows[1].At.Unknown != 1 {
		t.Errorf("windows: %+v", r.Windows)
	}
	if text := r.String(); !strings.Contains(text, "not tested") || !strings.Contains(text, "kill Bona") {
		t.Error(text)
	}
}

func TestQuantiles(t *testing.T) {
	var list []time.Duration
	for i := range 50 {
		list = append(list, time.Duration(50-i))
	}
	if q := quantiles(list, 50); q != (Quantiles{100, 0, 0, 45, 49, 50}) {
		t.Errorf("%+v", q)
	}
	if q := quantiles(nil, 0); q != (Quantiles{}) {
		t.Errorf("%+v", q)
	}
}

// A report has a bounded number of stories, and counts all.
func TestManyViolations(t *testing.T) {
	h := &History{}
	for i := range 100 {
		h.Ops = append(h.Ops, Op{Kind: Read, At: p("Clark"), Client: "kiwi", Line: first, Inv: int64(10 * i), Ret: int64(10*i + 1)})
	}
	r := Check(h)
	if len(r.Violations) != maxViolations || r.Tally(Invention) != (Tally{Invention, 100, 100}) {
		t.Errorf("%d stories, %+v", len(r.Violations), r.Tally(Invention))
	}
}

// A fault is told with the nodes that it was done to, once.
func TestWindowsNameNodes(t *testing.T) {
	r := &Report{Windows: []Window{
		{Fault: "pause Bona,Clark for 1s", Nodes: []string{"Bona", "Clark"}}, {Fault: "kill", Nodes: []string{"Bona"}}, {Fault: "cut"},
	}}
	text := r.String()
	for _, want := range []string{"0s to 0s: pause Bona,Clark for 1s\n", "0s to 0s: kill Bona\n", "0s to 0s: cut\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
}
