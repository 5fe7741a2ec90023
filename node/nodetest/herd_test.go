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
		tab.Merge([]byte(id), location.Entry{Fix: location.NewFix("Clark", 0, 0, position, at)})
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
		{map[string]string{"a": "1"}, "2 clients and 1"},
		{map[string]string{"a": "1", "c": "2"}, "b is missing"},
		{map[string]string{"a": "1", "b": "3"}, "b: "},
	} {
		if got := difference(one, table(t, c.other)); !strings.HasPrefix(got, c.want) || got != "" && c.want == "" {
			t.Errorf("%v: got %q, want %q", c.other, got, c.want)
		}
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
