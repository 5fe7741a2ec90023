package nodetest

import (
	"strings"
	"testing"
	"time"

	"herd/gossip/location"
)

// table makes a table of clients and their times.
func table(t *testing.T, fixes map[string]string) *location.Table {
	t.Helper()
	tab := location.NewTable(4, 0)
	for id, text := range fixes {
		position, err := location.ParsePosition([]byte("+1-1"))
		if err != nil {
			t.Fatal(err)
		}
		at, err := location.ParseTime([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		tab.Merge([]byte(id), location.Entry{Fix: location.NewFix("Clark", int64(time.Minute), 0, position, at)})
	}
	return tab
}

func TestDifference(t *testing.T) {
	one := table(t, map[string]string{"a": "1", "b": "2"})
	for _, c := range []struct {
		other map[string]string
		want  string
	}{
		{map[string]string{"a": "1", "b": "2"}, ""},
		{map[string]string{"a": "1"}, "b is missing in the second"},
		{map[string]string{"a": "1", "b": "2", "c": "2"}, "c is missing in the first"},
		{map[string]string{"a": "1", "c": "2"}, "b is missing in the second; c is missing in the first"},
		{map[string]string{"a": "1", "b": "3"}, "b is {"},
		{map[string]string{"a": "1", "b": "1.5"}, "b is {"},
	} {
		if got := difference(one, table(t, c.other)); !strings.HasPrefix(got, c.want) || got != "" && c.want == "" {
			t.Errorf("%v: got %q, want %q", c.other, got, c.want)
		}
	}
}

// What a table hides it must hold all the same, until it refuses that as well: then it has
// expired there for good. What is refused for want of room is to go everywhere.
func TestDifferenceOfClocks(t *testing.T) {
	two := map[string]string{"a": "1", "b": "2"}
	second := int64(time.Second)
	for _, c := range []struct {
		name          string
		other         map[string]string
		hide, refuse  int64
		first, second string // what is said with it in either place
	}{
		{"all hidden, all held", two, 2 * second, 0, "", ""},
		{"hidden and not held", map[string]string{"b": "2"}, 2 * second, 0, "a is missing in the first", "a is missing in the second"},
		{"hidden and held alone", map[string]string{"a": "1", "b": "2", "c": "1"}, 2 * second, 0, "c is missing in the second", "c is missing in the first"},
		{"refused and shown", map[string]string{"b": "2"}, 0, second + 1, "a is missing in the first", "a is missing in the second"},
		{"hidden and refused", map[string]string{"b": "2"}, 2 * second, second + 1, "", ""},
		{"hidden, of a newer one", map[string]string{"a": "1", "b": "1.5"}, 2 * second, second + 1, "b is {", "b is {"},
		{"refused, and there yet", map[string]string{"a": "0.5", "b": "2"}, 2 * second, second + 1, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			one, other := table(t, two), table(t, c.other)
			other.Hide(c.hide)
			other.Refuse(location.Floor{Order: c.refuse})
			if got := difference(other, one); !strings.HasPrefix(got, c.first) || got != "" && c.first == "" {
				t.Errorf("as the first: got %q, want %q", got, c.first)
			}
			if got := difference(one, other); !strings.HasPrefix(got, c.second) || got != "" && c.second == "" {
				t.Errorf("as the second: got %q, want %q", got, c.second)
			}
		})
	}
}

// A herd is settled when nothing is missing, and not before.
func TestUnsettled(t *testing.T) {
	Bubble(t, func(t *testing.T) {
		h := Start(t, 3)
		if why := h.Unsettled(); why != "" {
			t.Errorf("right after the start: %s", why)
		}
		h.Kill(2)
		if why := h.Unsettled(); !strings.Contains(why, "Campbell") {
			t.Errorf("right after a kill: %q", why)
		}
		h.Settle()
		h.Partition([]int{0})
		h.Send(0, "IAMAT kiwi +34-118 1")
		h.Send(1, "IAMAT kiwi +34-118 2")
		if h.Unsettled() == "" {
			t.Error("in a partition it is settled")
		}
		time.Sleep(time.Minute)
		h.Heal()
		h.Settle()
		if got := h.Send(0, "WHATSAT kiwi 10 5")[0]; !strings.HasPrefix(got, "AT Bona ") {
			t.Errorf("got %q", got)
		}
		h.Add()
		h.Settle()
	})
}

// A kill is no leave: the others find out by themselves.
func TestKill(t *testing.T) {
	Bubble(t, func(t *testing.T) {
		h := Start(t, 3)
		h.Kill(0)
		h.Settle()
		for _, m := range h.Node(1).Members() {
			if m.Name == h.Name(0) && m.State.String() != "failed" {
				t.Errorf("it is %s", m.State)
			}
		}
		if strings.Contains(h.Log(0), "leaving") {
			t.Errorf("a dead node speaks:\n%s", h.Log(0))
		}
		if _, err := h.Ask(0, "IAMAT kiwi +34-118 1"); err == nil {
			t.Error("a dead node answers")
		}
	})
}

// Outside of a bubble time is real.
func TestRealTime(t *testing.T) {
	h := Start(t, 2)
	h.Send(0, "IAMAT kiwi +34-118 1")
	h.Settle()
	if code, body := h.HTTP(1, "GET", "/readyz"); code != 200 {
		t.Errorf("got %d %s", code, body)
	}
	if err := h.Stop(0); err != nil {
		t.Error(err)
	}
}

// A node that has moved is found at its new address, by clients and by the herd.
func TestMove(t *testing.T) {
	Bubble(t, func(t *testing.T) {
		h := Start(t, 3)
		h.Send(1, "IAMAT kiwi +34-118 1")
		was := h.IP(1)
		h.Kill(1)
		h.Move(1)
		h.Restart(1)
		h.Settle()
		if h.IP(1) == was {
			t.Errorf("it is still at %s", was)
		}
		if got := h.Send(1, "WHATSAT kiwi 10 0")[0]; !strings.HasPrefix(got, "AT Bona ") {
			t.Errorf("got %q", got)
		}
	})
}

// A node is told to leave, and is seen to have ended when it has.
func TestLeaveAside(t *testing.T) {
	Bubble(t, func(t *testing.T) {
		h := Start(t, 2)
		h.Leave(0)
		if ended, _ := h.Ended(0); ended {
			t.Error("it has ended at once")
		}
		time.Sleep(10 * time.Second)
		if ended, err := h.Ended(0); !ended || err != nil {
			t.Errorf("ended %t, %v", ended, err)
		}
		if err := h.Wait(0); err != nil {
			t.Error(err)
		}
		if _, err := h.Dial(0); err == nil {
			t.Error("it is dialed after its end")
		}
		h.Settle()
	})
}
