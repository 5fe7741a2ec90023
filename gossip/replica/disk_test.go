package replica

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"herd/gossip/location"
)

// written is all that a disk was given, as messages without their lengths.
func written(d *Disk, now time.Duration) (all [][]byte) {
	for more := true; more; {
		var out []byte
		out, more = d.Next(now, nil, 1<<10)
		for m, rest := Split(out); m != nil; m, rest = Split(rest) {
			all = append(all, m)
		}
	}
	return all
}

// replayed is a core that begins from what was written.
func replayed(t *testing.T, self location.Origin, messages [][]byte) (*Core, *Replay) {
	t.Helper()
	c := New(Config{Self: self, Name: "Again", Table: location.NewTable(8, 1)})
	r := c.NewReplay()
	reader := r.Reader()
	for _, m := range messages {
		x, err := reader.Read(m)
		if err != nil {
			t.Fatal(err)
		}
		r.Take(x)
	}
	r.End()
	return c, r
}

func diskFix(t *testing.T, seconds string) location.Fix {
	t.Helper()
	p, err := location.ParsePosition([]byte("+34.0-118.0"))
	if err != nil {
		t.Fatal(err)
	}
	at, err := location.ParseTime([]byte(seconds))
	if err != nil {
		t.Fatal(err)
	}
	return location.NewFix("Clark", 1e18, time.Minute, p, at)
}

// What was dropped for its size comes by a delta, and a vector is given only when it is there.
func TestDiskOverflow(t *testing.T) {
	t.Parallel()
	c := New(Config{Self: 7, Name: "Clark", Table: location.NewTable(8, 1), QueueBytes: 64})
	d := c.OpenDisk(0, false)
	for i := range 40 {
		c.Accept(0, []byte{'a' + byte(i%20)}, diskFix(t, "1000."+string(rune('1'+i%9))))
		c.Flush(0)
	}
	if !d.Behind() || c.Stats().DiskOverflows == 0 {
		t.Fatalf("behind %v, %d overflows", d.Behind(), c.Stats().DiskOverflows)
	}
	all := written(d, time.Second)
	if d.Behind() {
		t.Error("still behind")
	}
	again, _ := replayed(t, 8, all)
	if n := again.table.Len(); n != 20 {
		t.Errorf("%d of 20 clients", n)
	}
	if got, want := again.Vector()[7], c.Sealed(); got != want {
		t.Errorf("the vector says %d, want %d", got, want)
	}
}

// A report that comes while the disk is read is given to it, and no vector covers it before.
func TestReportWhileRead(t *testing.T) {
	t.Parallel()
	for _, clock := range []int64{0, 2000} { // the greatest that was kept, in seconds: set back or not
		c := New(Config{Self: 7, Name: "Clark", Table: location.NewTable(8, 1), Grace: time.Minute, Wall: func() time.Time { return time.Unix(1000, 0) }})
		r := c.NewReplay()
		c.Accept(0, []byte("a"), diskFix(t, "1000"))
		c.Flush(0)
		x, err := r.Reader().Read(appendSaved(nil, clock*1e9, Vector{9: 3})[prefixLen:])
		if err != nil {
			t.Fatal(err)
		}
		r.Take(x)
		want := Vector{7: 1}
		if r.End() {
			want[9] = 3
		}
		if got := c.Vector(); !maps.Equal(got, want) {
			t.Errorf("the vector is %v, want %v", got, want)
		}
		d := c.OpenDisk(0, true)
		again, _ := replayed(t, 8, written(d, time.Second))
		if d.Synced(time.Second); again.table.Len() != 1 || again.Vector()[7] != 1 || d.Lacks() != 0 {
			t.Errorf("%d clients, vector %v, %d batches are lacking", again.table.Len(), again.Vector(), d.Lacks())
		}
	}
}

// Without a message in the middle the vector ends there: it never jumps a gap.
func TestReplayGap(t *testing.T) {
	t.Parallel()
	c := New(Config{Self: 7, Name: "Clark", Table: location.NewTable(8, 1)})
	d := c.OpenDisk(0, false)
	written(d, 0) // the vector that comes first
	for i := range 3 {
		c.Accept(0, []byte{'a' + byte(i)}, diskFix(t, "1000"))
		c.Flush(0)
	}
	all := written(d, 0)
	if len(all) != 3 {
		t.Fatalf("%d messages", len(all))
	}
	again, _ := replayed(t, 8, [][]byte{all[0], all[2]})
	if got := again.Vector()[7]; got != 1 {
		t.Errorf("the vector says %d, want 1", got)
	}
	if again.table.Len() != 2 {
		t.Errorf("%d clients", again.table.Len())
	}
}

// What no core has written is told, and no vector counts that comes after it.
func TestReplayRefuses(t *testing.T) {
	t.Parallel()
	c := New(Config{Self: 7, Name: "Clark", Table: location.NewTable(8, 1)})
	r := c.NewReplay()
	for _, m := range [][]byte{nil, {0}, {byte(kindAck), 1, 1}, {byte(kindStored), 1}, {byte(kindSaved)}, {byte(kindChunk)}} {
		x, err := r.Reader().Read(m)
		if !errors.Is(err, ErrMessage) {
			t.Errorf("%x: %v", m, err)
		}
		r.Take(x)
	}
	x, err := r.Reader().Read(appendSaved(nil, 0, Vector{9: 3})[prefixLen:])
	if err != nil {
		t.Fatal(err)
	}
	r.Take(x)
	if r.End(); len(c.Vector()) != 0 {
		t.Errorf("the vector is %v", c.Vector())
	}
}

// An error says of which message it is.
func TestReplayErrors(t *testing.T) {
	t.Parallel()
	r := New(Config{Self: 7, Name: "Clark", Table: location.NewTable(8, 1)}).NewReplay()
	for _, k := range []kind{kindStored, kindSaved, kindChunk, kindFloor} {
		if _, err := r.Reader().Read([]byte{byte(k)}); err == nil || !strings.HasPrefix(err.Error(), k.String()+": ") {
			t.Errorf("%s: %v", k, err)
		}
	}
}

// A clock that was set back far has the vector forgotten, not the fixes.
func TestReplayClockSetBack(t *testing.T) {
	t.Parallel()
	c := New(Config{Self: 7, Name: "Clark", Table: location.NewTable(8, 1), Grace: time.Minute, Wall: func() time.Time { return time.Unix(1000, 0) }})
	r := c.NewReplay()
	x, err := r.Reader().Read(appendSaved(nil, int64(1031*time.Second), Vector{9: 3})[prefixLen:])
	if err != nil {
		t.Fatal(err)
	}
	r.Take(x)
	if r.End() || len(c.Vector()) != 0 {
		t.Errorf("the vector counts: %v", c.Vector())
	}
}

// FuzzReplay: whatever a message is, it is read or refused.
func FuzzReplay(f *testing.F) {
	f.Add(Nothing())
	f.Add(appendSaved(nil, 5, Vector{9: 3})[prefixLen:])
	f.Add(appendOrigin([]byte{byte(kindStored)}, 9))
	f.Fuzz(func(t *testing.T, m []byte) {
		c := New(Config{Self: 7, Name: "Clark", Table: location.NewTable(8, 1)})
		r := c.NewReplay()
		x, err := r.Reader().Read(m)
		if err != nil && !errors.Is(err, ErrMessage) {
			t.Error(err)
		}
		r.Take(x)
		r.End()
	})
}

// A disk that failed, and is not tried again in time, is waited for no longer; one that may be there in
// time is.
func TestDiskFailed(t *testing.T) {
	t.Parallel()
	const timeout = 250 * time.Millisecond
	for _, c := range []struct {
		pause time.Duration
		waits bool
	}{{0, true}, {timeout - 10*time.Millisecond, true}, {timeout + time.Millisecond, false}, {time.Second, false}} {
		b := newLab(t)
		x := b.core(1, Config{AckTimeout: timeout})
		d := x.OpenDisk(b.now, true)
		for range 3 { // it comes in
			written(d, b.now)
			d.Synced(b.now)
		}
		ticket := b.report(x, "kiwi", 7)
		written(d, b.now)
		if d.State() != In || x.Released() >= ticket {
			t.Fatalf("%s, %d of %d are acknowledged before they are on the disk", d.State(), x.Released(), ticket)
		}
		d.Failed(b.now, false, c.pause)
		if got := x.Released() < ticket; got != c.waits || got != (d.State() == In) {
			t.Errorf("tried again after %v: waits %v, %s; want %v", c.pause, got, d.State(), c.waits)
		}
		b.pass(2 * timeout)
		if x.Released() < ticket {
			t.Errorf("tried again after %v: it waits for ever", c.pause)
		}
	}
}

// A disk that works again is waited for, though the pause that it was to have is not over by the time in
// which the node ran: the node was stopped meanwhile.
func TestDiskWorksAgain(t *testing.T) {
	t.Parallel()
	b := newLab(t)
	x := b.core(1, Config{})
	d := x.OpenDisk(b.now, true)
	b.report(x, "kiwi", 7)
	written(d, b.now)
	d.Failed(b.now, false, time.Second)
	b.now += 2 * time.Second
	for range 5 { // it catches up and comes in
		written(d, b.now)
		d.Synced(b.now)
	}
	ticket := b.report(x, "kiwi", 8)
	if d.State() != In || x.Released() >= ticket {
		t.Errorf("%s, %d of %d are acknowledged before they are on the disk", d.State(), x.Released(), ticket)
	}
	written(d, b.now)
	if d.Synced(b.now); x.Released() < ticket {
		t.Errorf("%d of %d are acknowledged when they are on the disk", x.Released(), ticket)
	}
}

// What is merged comes to the disk, however it came and whatever becomes of the rest of the message
// and of the link.
func TestDiskGetsWhatIsMerged(t *testing.T) {
	t.Parallel()
	kiwi := []record{{"kiwi", location.Entry{Fix: fixAt(t, "node-2", 10), Dot: location.Dot{Origin: 2, Seq: 1}}}}
	batch := messages(t, appendBatch(nil, "node-2", 0, 1, kiwi))[0]
	var w Chunk
	w.Add("kiwi", &kiwi[0].entry)
	chunk := w.Message()[prefixLen:]
	bad := func(m []byte) []byte { return append(slices.Clone(m[:len(m)-1]), 7) }
	for _, tt := range []struct {
		name    string
		lane    Lane
		message []byte
		closes  bool // the link, before it is received
	}{
		{"batch", Live, batch, false},
		{"batch of a closed link", Live, batch, true},
		{"batch with a fault", Live, bad(batch), false},
		{"chunk", Delta, chunk, false},
		{"chunk of a closed link", Delta, chunk, true},
		{"chunk with a fault", Delta, bad(chunk), false},
		{"answer to a look-up", Live, appendFound(nil, 1, []byte("kiwi"), &kiwi[0].entry, true)[prefixLen:], false},
	} {
		b, x, _, atX, _ := inSync(t, Config{})
		d := x.OpenDisk(b.now, false)
		written(d, b.now) // the vector that comes first
		atX.Prepare(tt.lane, tt.message)
		if tt.closes {
			x.Close(b.now, atX, true)
		}
		x.Receive(b.now, atX, tt.lane, tt.message)
		if _, ok := x.table.Get([]byte("kiwi")); !ok {
			t.Fatalf("%s: it was not merged", tt.name)
		}
		again, _ := replayed(t, 8, written(d, b.now+time.Second))
		if _, ok := again.table.Get([]byte("kiwi")); !ok {
			t.Errorf("%s: it is not on the disk", tt.name)
		}
		if got := again.Vector()[2]; got > x.Vector()[2] {
			t.Errorf("%s: the vector of the disk says %d, that of the core %d", tt.name, got, x.Vector()[2])
		}
	}
}

// What this node has given up, its vector covers, and its disk does not have: so the disk that is
// waited for is told the floor before the vector counts.
func TestDiskHasTheFloor(t *testing.T) {
	b := newLab(t)
	x := b.core(1, Config{Limits: Limits{MaxClients: 1}})
	d := x.OpenDisk(b.now, true)
	b.report(x, "emu", 100)
	all := written(d, b.now) // with the vector
	d.Synced(b.now)
	b.report(x, "kiwi", 200)
	b.trim(x)
	if b.shows(x, "emu", 100) || x.Floor().Order == 0 {
		t.Fatalf("the floor is %+v", x.Floor())
	}
	all = append(all, written(d, b.now)...)
	d.Synced(b.now)
	if again, _ := replayed(t, 2, all); again.Floor() != x.Floor() {
		t.Errorf("the disk has %+v, the vector counts with %+v", again.Floor(), x.Floor())
	}
}
