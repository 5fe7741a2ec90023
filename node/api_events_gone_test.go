package node

import (
	"testing"

	"herd/gossip/location"
	"herd/node/events"
)

// expire has all clients expire that have last reported at that time or before it.
func (n testNode) expire(seconds int64) {
	n.table.Hide(seconds * 1e9)
	n.sweep(location.Floor{})
}

// sweep has the table tell of who is gone, those included who go by that floor.
func (n testNode) sweep(f location.Floor) {
	n.table.Refuse(f)
	n.table.BeginSweep()
	for i := range n.table.Shards() {
		n.table.TellHidden(i)
		n.table.Sweep(i, f)
	}
}

// Who is gone is told of to all who may have seen it, wherever it was, and is back with its
// next report.
func TestEventsGone(t *testing.T) {
	inBubble(t, func(t *testing.T, n testNode) {
		members := n.stream(t, "?kinds=member", "")
		members.expect(t, "hello Clark")
		n.say(t, "before", "+1+1", 1)
		n.expire(1)
		all, gone := n.stream(t, "", ""), n.stream(t, "?kinds=gone", "")
		area, client := n.stream(t, "?bbox=170,-10,-170,10", ""), n.stream(t, "?client=emu", "")
		for _, s := range []*stream{all, gone, area, client} {
			s.expect(t, "hello Clark")
		}
		n.say(t, "kiwi", "+2+175", 2)
		n.say(t, "kiwi", "+2+2", 3)
		n.say(t, "emu", "+3+3", 4)
		n.expire(3)
		n.say(t, "kiwi", "+2+2", 3) // it is not shown
		n.say(t, "kiwi", "+2+176", 9)
		n.sweep(location.Floor{Order: 4e9, ID: "emu"})
		all.expect(t, "fix kiwi 2", "fix kiwi 3", "fix emu 4", "gone kiwi expired", "fix kiwi 9", "gone emu evicted")
		gone.expect(t, "gone kiwi expired", "gone emu evicted")
		area.expect(t, "fix kiwi 2", "gone kiwi expired", "fix kiwi 9", "gone emu evicted")
		client.expect(t, "fix emu 4", "gone emu evicted")
		again := n.stream(t, "", gone.last)
		again.expect(t, "hello Clark")
		n.expire(9)
		n.say(t, "\xff", "+1+1", 11)
		n.expire(11)
		again.expect(t, "gone kiwi expired", "fix \ufffd 11")
		if name, data, err := again.next(); name != "gone" || data != `{"id":"\ufffd","id_base64":"/w==","reason":"expired"}` || err != nil {
			t.Errorf("got %s %s, %v", name, data, err)
		}
		if s := n.Stats().Events; s.Sent[events.Gone] < 9 {
			t.Errorf("counts %+v", s)
		}
	})
}
