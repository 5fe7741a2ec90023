package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"
	"pgregory.net/rapid"

	"herd/gossip/location"
	"herd/node/protocol"
	"herd/places"
)

const (
	report   = "IAMAT kiwi.cs.ucla.edu +34.068930-118.445127 1621464827.959498503"
	reported = "AT Clark +0.263873386 kiwi.cs.ucla.edu +34.068930-118.445127 1621464827.959498503"
	question = "WHATSAT kiwi.cs.ucla.edu 10 5"
)

// The examples of PROTOCOL.md, as one conversation.
func TestExamples(t *testing.T) {
	md, err := os.ReadFile("protocol/PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	var examples []string
	for line := range strings.Lines(string(md)) {
		if example, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "    "); ok {
			examples = append(examples, example)
		}
	}
	if len(examples) != 4 {
		t.Fatalf("there are %d examples: %q", len(examples), examples)
	}
	iAmAt, at, whatsAt, echo := examples[0], examples[1], examples[2], examples[3]
	p := onLoopback(t)
	conn := p.dial(t)
	send(t, conn, iAmAt+"\n")
	receive(t, conn, at+"\n")
	send(t, conn, whatsAt+"\n")
	receive(t, conn, at+"\n"+body+"\n\n")
	send(t, conn, strings.TrimPrefix(echo, "? ")+"\n")
	receive(t, conn, echo+"\n")
	conn.CloseWrite()
	ends(t, conn)
}

// conversation is what a client sends until the end of its stream, and all that
// comes back.
type conversation struct{ name, sent, want string }

func conversations() []conversation {
	long := strings.Repeat("x", 4096)
	const at = "AT Clark +1621464823.223371889 k +1-1 5\n"
	return []conversation{
		{"a report", report + "\n", reported + "\n"},
		{"a report, CRLF", report + "\r\n", reported + "\n"},
		{"a report and no newline", report, reported + "\n"},
		{"a report, spread", "\t IAMAT  kiwi.cs.ucla.edu\v+34.068930-118.445127\r1621464827.959498503 \f\n", reported + "\n"},
		{"a question", report + "\n" + question + "\n", reported + "\n" + reported + "\n" + body + "\n\n"},
		{"a question and no newline", report + "\n" + question, reported + "\n" + reported + "\n" + body + "\n\n"},
		{"connect and close", "", ""},
		{"nothing but white space", "\n\r\n \t\v\f\r\n   ", ""},
		{"a question about nobody", question + "\n", "? " + question + "\n"},
		{"IDs are exact", report + "\nWHATSAT Kiwi.cs.ucla.edu 10 5\nWHATSAT kiwi.cs.ucla.ed 10 5\n", reported + "\n? WHATSAT Kiwi.cs.ucla.edu 10 5\n? WHATSAT kiwi.cs.ucla.ed 10 5\n"},
		{"a question, then its report", question + "\n" + report + "\n", "? " + question + "\n" + reported + "\n"},
		{"invalid and on", "HELLO there\n" + report + "\n?\n" + report, "? HELLO there\n" + reported + "\n? ?\n" + reported + "\n"},
		{"echo byte for byte", " \x00\xff\t\r \r\n", "?  \x00\xff\t\r \n"},
		{"lower case", strings.ToLower(report) + "\n", "? " + strings.ToLower(report) + "\n"},
		{"AT from a client", reported + "\n", "? " + reported + "\n"},
		{
			"an older report is answered, changes nothing",
			"IAMAT k +1-1 5\nIAMAT k +2-2 4\nWHATSAT k 1 1\n",
			at + "AT Clark +1621464824.223371889 k +2-2 4\n" + at + body + "\n\n",
		},
		{
			"a newer report replaces",
			"IAMAT k +2-2 4\nIAMAT k +1-1 5\nWHATSAT k 1 1\n",
			"AT Clark +1621464824.223371889 k +2-2 4\n" + at + at + body + "\n\n",
		},
		{"a time far ahead", "IAMAT k +1-1 9223372036.854775807\n", "AT Clark -7601907208.631403918 k +1-1 9223372036.854775807\n"},
		{"the longest line", long + "\r\n" + report, "? " + long + "\n" + reported + "\n"},
		{"the longest line and no newline", long, "? " + long + "\n"},
		{"a line that is too long", report + "\n" + long + "yz\n", reported + "\n? " + long + "\n"},
		{"a line that is too long and no newline", long + "y", "? " + long + "\n"},
		{"nothing is served after it", long + "y\n" + report + "\n", "? " + long + "\n"},
	}
}

// What comes back does not depend on how a stream is cut.
func TestConversations(t *testing.T) {
	for _, c := range conversations() {
		if got := onLoopback(t).exchange(t, c.sent); got != c.want {
			t.Errorf("%s: received\n%.500q, want\n%.500q", c.name, got, c.want)
		}
		p := onLoopback(t)
		conn := p.dial(t)
		for i := range len(c.sent) { // the server may hang up in the midst of it
			if _, err := conn.Write([]byte{c.sent[i]}); err != nil {
				break
			}
		}
		conn.CloseWrite()
		receive(t, conn, c.want)
		ends(t, conn)
	}
}

func TestAnyCutGivesTheSame(t *testing.T) {
	fragments := rapid.SampledFrom([]string{
		"IAMAT k +1-1 5\n", "IAMAT k +2-2 6\r\n", "IAMAT kiwi +3-3 7\n", "WHATSAT k 1 1\n", "WHATSAT kiwi 0 0\n",
		"HELLO\n", "\n", "\r\n", " ", "\t", "IAMAT", "\x00", "x", strings.Repeat("y", 70), strings.Repeat("z", 700),
	})
	const last = "THE END"
	talk := func(parts ...string) (got string) {
		synctest.Test(t, func(t *testing.T) { // so that lingering takes no time
			l := newPipes()
			newPort(t, l, func(c *clientConfig) { c.MaxLine = 1000 })
			got = talkUntil(l.dial(t), "? "+last+"\n", parts)
		})
		return got
	}
	rapid.Check(t, func(t *rapid.T) {
		stream := strings.Join(rapid.SliceOfN(fragments, 0, 20).Draw(t, "stream"), "") + "\n" + last + "\n"
		var parts []string
		for rest := stream; rest != ""; {
			n := min(rapid.OneOf(rapid.IntRange(1, 5), rapid.IntRange(1, 900)).Draw(t, "n"), len(rest))
			parts, rest = append(parts, rest[:n]), rest[n:]
		}
		if whole, cut := talk(stream), talk(parts...); whole != cut {
			t.Fatalf("at once:\n%q\ncut into %q:\n%q", whole, parts, cut)
		}
	})
}

// talkUntil sends the parts one by one and gives what comes back, until that ends
// with last or the server hangs up.
func talkUntil(conn net.Conn, last string, parts []string) string {
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		for _, part := range parts {
			if _, err := conn.Write([]byte(part)); err != nil {
				return
			}
		}
	}()
	var got strings.Builder
	buf := make([]byte, 4096)
	for !strings.HasSuffix(got.String(), last) {
		n, err := conn.Read(buf)
		got.Write(buf[:n])
		if err != nil {
			break
		}
	}
	conn.Close()
	<-sent
	return got.String()
}

// A reply that fits leaves in one write: a pipe gives a read no more than one.
func TestOneWriteForEachBatch(t *testing.T) {
	l := newPipes()
	newPort(t, l)
	conn := l.dial(t)
	buf := make([]byte, 1<<20)
	for _, c := range []struct{ name, sent, want string }{
		{"IAMAT", report + "\n", reported + "\n"},
		{"WHATSAT", question + "\n", reported + "\n" + body + "\n\n"},
		{"invalid", "HELLO\n", "? HELLO\n"},
		{"a batch", strings.Repeat("WHATSAT k 1 1\nx\n"+question+"\n", 5), strings.Repeat("? WHATSAT k 1 1\n? x\n"+reported+"\n"+body+"\n\n", 5)},
	} {
		send(t, conn, c.sent)
		if n, err := conn.Read(buf); err != nil || string(buf[:n]) != c.want {
			t.Errorf("%s: one read gives %q, %v; want %q", c.name, buf[:n], err, c.want)
		}
	}
}

// A batch that has long replies is not held until it has been answered to the
// end, nor are the replies that came before a look-up that took long.
func TestRepliesAreNotHeldForEver(t *testing.T) {
	t.Run("long", func(t *testing.T) {
		l := newPipes()
		p := newPort(t, l)
		big := strings.Repeat("x", maxReplies/2+1)
		p.places.prompt = func(places.Query) ([]byte, bool) { return []byte(big), true }
		conn := l.dial(t)
		reply := "AT Clark +1621464823.223371889 k +1-1 5\n"
		send(t, conn, "IAMAT k +1-1 5\n"+strings.Repeat("WHATSAT k 1 1\n", 5))
		want := reply + strings.Repeat(reply+big+"\n\n", 5)
		buf := make([]byte, 1<<20)
		n, err := conn.Read(buf)
		if most := maxReplies + len(big) + 100; err != nil || n < maxReplies || n > most {
			t.Errorf("the first write has %d bytes, %v; want %d to %d", n, err, maxReplies, most)
		}
		receive(t, conn, want[n:])
		if flushes, waits := p.herd.calls(); flushes != 1 || !slices.Equal(waits, []uint64{1}) {
			t.Errorf("%d flushes, waits for %d; want one each", flushes, waits)
		}
	})
	t.Run("slow", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			l := newPipes()
			p := newPort(t, l)
			p.herd.far = func(id []byte) {
				if seconds, err := strconv.Atoi(string(id)); err == nil {
					time.Sleep(time.Duration(seconds) * time.Second)
				}
			}
			conn := l.dial(t)
			const at = "AT Clark +1621464823.223371889 k +1-1 5\n"
			send(t, conn, "IAMAT k +1-1 5\nWHATSAT 1 1 1\nWHATSAT k 5 1\nWHATSAT 5 5 1\nWHATSAT 5 5 1\n")
			began := time.Now()
			for _, tt := range []struct {
				want  string
				after time.Duration
			}{
				{at + "? WHATSAT 1 1 1\n", time.Second},
				{at + body + "\n\n? WHATSAT 5 5 1\n", 6 * time.Second},
				{"? WHATSAT 5 5 1\n", 11 * time.Second},
			} {
				receive(t, conn, tt.want)
				if took := time.Since(began); took != tt.after {
					t.Errorf("%q came after %s, want %s", tt.want, took, tt.after)
				}
			}
		})
	})
}

// Pipelined reports share one flush and one wait, for the last of them.
func TestBatchSharesOneWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newPipes()
		p := newPort(t, l)
		p.herd.hold = make(chan struct{})
		conn := l.dial(t)
		const at = "AT Clark +1621464823.223371889 k +1-1 5\n"
		send(t, conn, strings.Repeat("IAMAT k +1-1 5\n", 20)+"HELLO\nWHATSAT k 1 1\n")
		got := make(chan byte, 1)
		go func() {
			b := make([]byte, 1)
			conn.Read(b)
			got <- b[0]
		}()
		synctest.Wait()
		if flushes, waits := p.herd.calls(); flushes != 1 || !slices.Equal(waits, []uint64{20}) {
			t.Errorf("%d flushes, waits for %d; want one each, for the 20th", flushes, waits)
		}
		select {
		case <-got:
			t.Error("something is answered before the reports are acknowledged")
		default:
		}
		if n := p.count.iAmAt.Load(); n != 0 {
			t.Errorf("%d reports count as answered", n)
		}
		close(p.herd.hold)
		if <-got != 'A' {
			t.Error("no AT line")
		}
		receive(t, conn, (strings.Repeat(at, 20) + "? HELLO\n" + at + body + "\n\n")[1:])

		send(t, conn, "HELLO\nWHATSAT k 1 1\n")
		receive(t, conn, "? HELLO\n"+at+body+"\n\n")
		if flushes, waits := p.herd.calls(); flushes != 1 || len(waits) != 1 {
			t.Errorf("without reports: %d flushes, %d waits; want none more", flushes-1, len(waits)-1)
		}
	})
}

// An AT line is a promise: where none can be made there is no reply, and the
// connection ends.
func TestNoAckNoReply(t *testing.T) {
	l := newPipes()
	p := newPort(t, l)
	p.herd.fail = errors.New("the cluster is closed")
	conn := l.dial(t)
	send(t, conn, "HELLO\nIAMAT k +1-1 5\n")
	ends(t, conn)
	if n := p.count.iAmAt.Load(); n != 0 {
		t.Errorf("%d reports count as answered", n)
	}
}

// What the herd is told and the provider is asked.
func TestWhatIsPassedOn(t *testing.T) {
	l := newPipes()
	p := newPort(t, l)
	var asked []places.Query
	p.places.near = func(_ context.Context, q places.Query) []byte {
		asked = append(asked, q)
		return []byte(body)
	}
	conn := l.dial(t)
	const far = 1621464828_223371889 + 300e9 // ns: the clock and MaxAhead
	for _, tt := range []struct {
		line, time string
		order      int64
	}{
		{report, "1621464827.959498503", 1621464827959498503},
		{"IAMAT kiwi.cs.ucla.edu +34.068930-118.445127 9000000000.5", "9000000000.5", far},
	} {
		send(t, conn, tt.line+"\n")
		conn.Read(make([]byte, 1000))
		position, _ := location.ParsePosition([]byte("+34.068930-118.445127"))
		when, _ := location.ParseTime([]byte(tt.time))
		want := location.Fix{Order: tt.order, Received: received.UnixNano(), Time: when, Position: position, Node: "Clark"}
		if e, ok := p.herd.table.Get([]byte("kiwi.cs.ucla.edu")); !ok || e.Fix != want {
			t.Errorf("%q is reported as %+v, want %+v", tt.line, e.Fix, want)
		}
	}
	for _, sent := range []string{"10.5871263 5", "0 20", "50 0"} {
		send(t, conn, "WHATSAT kiwi.cs.ucla.edu "+sent+"\n")
		conn.Read(make([]byte, 1000))
	}
	at := places.Query{Latitude: 34.06893, Longitude: -118.445127}
	want := []places.Query{at, at, at}
	want[0].Radius, want[0].Limit = 10587.1263, 5
	want[1].Limit = 20
	want[2].Radius = 50_000
	if !slices.Equal(asked, want) {
		t.Errorf("asked %+v, want %+v", asked, want)
	}
}

// The reply to WHATSAT is the origin's: its name, its clock.
func TestWhatsAtIsNotRecomputed(t *testing.T) {
	l := newPipes()
	p := newPort(t, l)
	position, _ := location.ParsePosition([]byte("+1-1"))
	when, _ := location.ParseTime([]byte("5"))
	p.herd.table.Merge([]byte("k"), location.Entry{Fix: location.NewFix("Bona", 4e9, 0, position, when)})
	conn := l.dial(t)
	send(t, conn, "WHATSAT k 1 1\n")
	receive(t, conn, "AT Bona -1.000000000 k +1-1 5\n"+body+"\n\n")
}

// Somebody who waits for a slow provider or for acks is alone in that.
func TestSlowAnswerBlocksNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newPipes()
		p := newPort(t, l)
		release := make(chan struct{})
		p.places.near = func(context.Context, places.Query) []byte {
			<-release
			return []byte(body)
		}
		slow, other := l.dial(t), l.dial(t)
		const at = "AT Clark +1621464823.223371889 k +1-1 5\n"
		send(t, slow, "IAMAT k +1-1 5\n")
		receive(t, slow, at)
		send(t, slow, "WHATSAT k 1 1\n")
		synctest.Wait()
		send(t, other, "IAMAT k +1-1 5\nHELLO\n")
		receive(t, other, at+"? HELLO\n")
		close(release)
		receive(t, slow, at+body+"\n\n")
	})
}

// In and out lines are for debug, and cost nothing without.
func TestLog(t *testing.T) {
	sent := report + "\n" + question + "\nIAMAT k +91-1 5\nWHATSAT nobody 1 1\n\nx\x00\xffy\n"
	for _, level := range []hclog.Level{hclog.Info, hclog.Debug} {
		var log *logBuffer
		p := onLoopback(t, func(c *clientConfig) {
			log = &logBuffer{}
			c.Logger = hclog.New(&hclog.LoggerOptions{Output: log, Level: level})
		})
		p.exchange(t, sent)
		p.shutdown(t.Context())
		if level == hclog.Info {
			if log.String() != "" {
				t.Errorf("at info the log has:\n%s", log)
			}
			continue
		}
		lines := strings.Split(strings.TrimSpace(log.String()), "\n")
		want := [][]string{
			{"client connected", "client=127.0.0.1:"},
			{"line answered", "client=127.0.0.1:", "in=", report, "out=", reported},
			{"line answered", "in=", question, "out=", reported},
			{"line answered", "? IAMAT k +91-1 5", "reason=position"},
			{"line answered", "? WHATSAT nobody 1 1", "reason=unknown_client"},
			{"line answered", `x\x00\xffy`, "reason=unknown_command"},
			{"client gone", "client=127.0.0.1:", "the client has ended"},
		}
		if len(lines) != len(want) {
			t.Fatalf("the log has %d lines, want %d:\n%s", len(lines), len(want), log)
		}
		for i, line := range lines {
			for _, part := range want[i] {
				if !strings.Contains(line, part) {
					t.Errorf("no %q in %q", part, line)
				}
			}
		}
	}
}

func TestCounts(t *testing.T) {
	p := onLoopback(t)
	lines := []string{
		"HELLO", "IAMAT k", "IAMAT " + strings.Repeat("k", 256) + " +1-1 5", "IAMAT k x 5", "IAMAT k +1-1 x", "WHATSAT k x 1", "WHATSAT k 1 x",
		"WHATSAT nobody 1 1", report, report, question, "", " ", strings.Repeat("x", 5000),
	}
	sent := strings.Join(lines, "\n")
	got := p.exchange(t, sent)
	for why := range protocol.Reason(protocol.Reasons) {
		want := uint64(1)
		if why == protocol.None {
			want = 0
		}
		if n := p.count.invalid[why].Load(); n != want {
			t.Errorf("%s: %d, want %d", why, n, want)
		}
	}
	c := &p.count
	if c.iAmAt.Load() != 2 || c.whatsAt.Load() != 1 || c.accepted.Load() != 1 {
		t.Errorf("%d IAMAT, %d WHATSAT, %d accepted; want 2, 1, 1", c.iAmAt.Load(), c.whatsAt.Load(), c.accepted.Load())
	}
	if in, out := c.bytesIn.Load(), c.bytesOut.Load(); in < 4097 || in > uint64(len(sent)) || out != uint64(len(got)) {
		t.Errorf("%d bytes in, %d out; %d were sent, %d received", in, out, len(sent), len(got))
	}
}

// Replies come in the order of the commands, at every connection, whether or not
// answers have to be waited for.
func TestManyClients(t *testing.T) {
	for name, near := range map[string]func(context.Context, places.Query) []byte{
		"prompt": nil,
		"aside":  func(context.Context, places.Query) []byte { return []byte(body) },
	} {
		p := onLoopback(t)
		p.places.near = near
		const rounds = 50
		var clients sync.WaitGroup
		for i := range 20 {
			conn := p.dial(t)
			clients.Go(func() {
				var sent, want strings.Builder
				for r := range rounds {
					at := fmt.Sprintf("AT Clark +%d.223371889 client%d +%d-%d %d\n", 1621464828-r, i, r, i, r)
					fmt.Fprintf(&sent, "IAMAT client%d +%d-%d %d\n#%d\nWHATSAT client%d 1 1\n", i, r, i, r, r, i)
					fmt.Fprintf(&want, "%s? #%d\n%s%s\n\n", at, r, at, body)
				}
				if got := talkUntil(conn, fmt.Sprintf("%d\n%s\n\n", rounds-1, body), []string{sent.String()}); got != want.String() {
					t.Errorf("%s: client %d received\n%.1000q, want\n%.1000q", name, i, got, want.String())
				}
			})
		}
		clients.Wait()
		if n, m := p.count.iAmAt.Load(), p.count.whatsAt.Load(); n != 20*rounds || m != 20*rounds {
			t.Errorf("%s: %d reports and %d questions are counted, want %d each", name, n, m, 20*rounds)
		}
	}
}
