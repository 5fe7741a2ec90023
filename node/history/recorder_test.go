package history

import (
	"bytes"
	"reflect"
	"testing"
	"time"
)

func p(node string) Process { return Process{node, 1} }

const (
	first  = "AT Clark +1.000000000 kiwi +34-118 100"
	second = "AT Bona +1.000000000 kiwi +34-118 101"
)

// sample is a history with everything in it, and nothing wrong.
func sample() *History {
	return &History{
		Settings: Settings{Wall: 5, Ahead: time.Minute, TTL: 0, Skew: time.Second, Seed: 7, Note: "a sample"},
		Ops: []Op{
			{Kind: Write, At: p("Clark"), Client: "kiwi", Position: "+34-118", Time: "100", Line: first, Held: []Process{p("Bona")}, Inv: 1, Ret: 2},
			{Kind: Read, At: p("Bona"), Client: "kiwi", Line: first, Inv: 3, Ret: 4},
			{Kind: Write, At: p("Bona"), Client: "kiwi", Position: "+34-118", Time: "101", Line: second, Inv: 5, Ret: 6},
			{Kind: Write, Outcome: Unknown, At: p("Bona"), Client: "kiwi\xff", Position: "+34-118", Time: "101", Inv: 7, Ret: 8},
			{Kind: Read, Outcome: Fail, At: p("Bona"), Client: "kiwi\xff", Inv: 9, Ret: 10},
		},
		Holds:  []Hold{{Who: p("Clark"), Of: []Process{p("Bona")}, Inv: 11, Ret: 12}},
		Faults: []Fault{{Name: "cut", Nodes: []string{"Clark"}, Inv: 13, Ret: 14}},
		Dumps: []Dump{
			{At: p("Clark"), Lines: []string{second}, Inv: 15, Ret: 16},
			{At: p("Bona"), Lines: []string{second}, Inv: 17, Ret: 18},
		},
	}
}

func TestFile(t *testing.T) {
	want := sample()
	var b bytes.Buffer
	if err := want.Write(&b); err != nil {
		t.Fatal(err)
	}
	got, err := ReadHistory(&b)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestSample(t *testing.T) {
	if r := Check(sample()); !r.OK() {
		t.Error(r)
	}
}
