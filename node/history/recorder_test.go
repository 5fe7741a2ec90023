package history

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
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
		Settings: Settings{Wall: 5, Ahead: time.Minute, TTL: 0, MaxClients: 3, LeastTTL: time.Minute, LeastClients: 2, Skew: time.Second, Seed: 7, Note: "a sample"},
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

// What is wrong with a file is said, and where.
func TestBadFile(t *testing.T) {
	const (
		header = `{"kind":"history","version":1}` + "\n"
		at     = `"at":{"node":"Clark","boot":"1"}`
	)
	for name, tt := range map[string]struct{ text, want string }{
		"empty":          {"", "line 1"},
		"not JSON":       {header + "kiwi\n", "line 2"},
		"cut off":        {header + `{"kind":"read",`, "line 2"},
		"no header":      {`{"kind":"fault","fault":"cut"}`, "line 1"},
		"two headers":    {header + header, "line 2"},
		"newer":          {`{"kind":"history","version":2}`, "line 1: version 2, want 1"},
		"no such kind":   {header + `{"kind":"poll",` + at + `}`, `line 2: kind "poll"`},
		"no such field":  {header + `{"kind":"read","outcome":"ok",` + at + `,"colour":"red"}`, "line 2"},
		"no outcome":     {header + `{"kind":"read",` + at + `}`, `line 2: outcome ""`},
		"no node":        {header + `{"kind":"read","outcome":"ok"}`, "line 2: no node"},
		"bad boot":       {header + `{"kind":"read","outcome":"ok","at":{"node":"Clark","boot":"x"}}`, "line 2: boot"},
		"bad held":       {header + `{"kind":"write","outcome":"ok",` + at + `,"held":[{}]}`, "line 2: no node"},
		"bad of":         {header + `{"kind":"hold",` + at + `,"of":[{"boot":"1"}]}`, "line 2: no node"},
		"backwards":      {header + `{"kind":"read","outcome":"ok",` + at + `,"inv":2,"ret":1}`, "line 2: it ended at 1"},
		"bad quoting":    {header + `{"kind":"read","outcome":"ok",` + at + `,"client":"\"\\x"}`, "line 2"},
		"more on a line": {header + `{"kind":"fault"} {"kind":"fault"}`, "line 2"},
		"too long":       {header + strings.Repeat(" ", maxLine+1), "line 2"},
		"negative ttl":   {`{"kind":"history","version":1,"ttl":-1}`, "line 1"},
	} {
		_, err := ReadHistory(strings.NewReader(tt.text))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
}

// Whatever a file holds is refused, or can be checked, written and read again.
func FuzzReadHistory(f *testing.F) {
	var b bytes.Buffer
	if err := sample().Write(&b); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte(`{"kind":"history","version":1,"ttl":9223372036854775807,"ahead":-5,"wall":-9223372036854775808}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		h, err := ReadHistory(bytes.NewReader(text))
		if err != nil {
			return
		}
		if r := Check(h); r.String() == "" {
			t.Error("an empty report")
		}
		var b bytes.Buffer
		if err := h.Write(&b); err != nil {
			t.Fatal(err)
		}
		again, err := ReadHistory(&b)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(h, again) {
			t.Errorf("read %+v, wrote and read %+v", h, again)
		}
	})
}

// Instants are unique and in order, also where time stands still.
func TestRecorderClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRecorder(Settings{}, 0)
		last := r.Now()
		for range 100 {
			if now := r.Now(); now <= last {
				t.Fatalf("%d after %d", now, last)
			} else {
				last = now
			}
		}
		time.Sleep(time.Second)
		if now := r.Now(); now != int64(time.Second) {
			t.Errorf("after a second it is %d", now)
		}
	})
}

func TestRecorderFull(t *testing.T) {
	r := NewRecorder(Settings{}, 2)
	for range 2 {
		if _, err := r.Begin(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.Begin(); !errors.Is(err, ErrFull) || !r.Full() {
		t.Errorf("the third of two commands: %v, full: %v", err, r.Full())
	}
	r.End(Op{})
	if _, err := r.History(); err == nil || !strings.Contains(err.Error(), "1 commands are still under way") {
		t.Errorf("a history with a command under way: %v", err)
	}
	r.End(Op{})
	if h, err := r.History(); err != nil || len(h.Ops) != 2 {
		t.Errorf("%+v, %v", h, err)
	}
}

func TestRecorderConcurrent(t *testing.T) {
	const each = 200
	r := NewRecorder(Settings{}, 0)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			end := r.Fault("cut", "Clark")
			for range each {
				inv, err := r.Begin()
				if err != nil {
					t.Error(err)
				}
				r.Hold(Hold{Who: p("Clark"), Inv: r.Now()})
				r.End(Op{Inv: inv})
			}
			end()
			end()
		})
	}
	all.Wait()
	h, err := r.History()
	if err != nil {
		t.Fatal(err)
	}
	if len(h.Ops) != 8*each || len(h.Holds) != 8*each || len(h.Faults) != 8 {
		t.Errorf("%d commands, %d holds, %d faults", len(h.Ops), len(h.Holds), len(h.Faults))
	}
	seen := map[int64]bool{}
	for _, o := range h.Ops {
		if o.Ret <= o.Inv || seen[o.Inv] || seen[o.Ret] {
			t.Fatalf("%+v", o)
		}
		seen[o.Inv], seen[o.Ret] = true, true
	}
}
