package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"
	"pgregory.net/rapid"

	"herd/node/protocol"
	"herd/places"
)

// lasting is a provider that takes a second for each kilometre of the radius, and
// says which it was.
func lasting(ctx context.Context, q places.Query) []byte {
	select {
	case <-time.After(time.Duration(q.Radius) * time.Millisecond):
	case <-ctx.Done():
	}
	return radius(q.Radius / 1000)
}

// radius is the answer of lasting.
func radius(km float64) []byte { return fmt.Appendf(nil, "{\"radius\" : %g}", km) }

// hung is a provider that never answers.
func hung(ctx context.Context, _ places.Query) []byte {
	<-ctx.Done()
	return []byte(body)
}

// Fixes of client k, as they are reported and answered.
const (
	reportK, atK       = "IAMAT k +1-1 5\n", "AT Clark +1621464823.223371889 k +1-1 5\n"
	newerK, atNewerK   = "IAMAT k +2-2 6\n", "AT Clark +1621464822.223371889 k +2-2 6\n"
	questionK, answerK = "WHATSAT k 1 1\n", atK + "{\"radius\" : 1}\n\n"
)

// asked is a client of a port whose provider has to be waited for, and whose fix
// is known.
func asked(t *testing.T, near func(context.Context, places.Query) []byte, change ...func(*clientConfig)) (*port, net.Conn) {
	t.Helper()
	l := newPipes()
	p := newPort(t, l, change...)
	p.places.near = near
	conn := l.dial(t)
	send(t, conn, reportK)
	receive(t, conn, atK)
	return p, conn
}

// silent fails if anything comes within d.
func silent(t *testing.T, conn net.Conn, d time.Duration) {
	t.Helper()
	conn.SetReadDeadline(time.Now().Add(d))
	defer conn.SetReadDeadline(time.Time{})
	b := make([]byte, 1000)
	if n, err := conn.Read(b); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("received %q, %v; want nothing", b[:n], err)
	}
}

// unread fails if the server reads anything within a second.
func unread(t *testing.T, conn net.Conn) {
	t.Helper()
	conn.SetWriteDeadline(time.Now().Add(time.Second))
	defer conn.SetWriteDeadline(time.Time{})
	if n, err := conn.Write([]byte("HELLO\n")); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("%d bytes are read, %v; want none", n, err)
	}
}

// Questions are asked at the same time, replies keep the order of the commands,
// and each question sees the reports before it and none after.
func TestQuestionsAreAskedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, conn := asked(t, lasting)
		began := time.Now()
		send(t, conn, "HELLO\nWHATSAT k 3 1\n"+newerK+"WHATSAT k 1 1\nWHATSAT nobody 1 1\nWHATSAT k 5 1\nBYE\nWHATSAT k 4 1\n")
		for _, tt := range []struct {
			want  string
			after time.Duration
		}{
			{"? HELLO\n", 0},
			{atK + "{\"radius\" : 3}\n\n" + atNewerK + atNewerK + "{\"radius\" : 1}\n\n? WHATSAT nobody 1 1\n", 3 * time.Second},
			{atNewerK + "{\"radius\" : 5}\n\n? BYE\n" + atNewerK + "{\"radius\" : 4}\n\n", 5 * time.Second},
		} {
			buf := make([]byte, 1000)
			n, err := conn.Read(buf) // one write
			if err != nil || string(buf[:n]) != tt.want {
				t.Errorf("received %q, %v; want %q", buf[:n], err, tt.want)
			}
			if took := time.Since(began); took != tt.after {
				t.Errorf("%q came after %s, want %s", buf[:n], took, tt.after)
			}
		}
	})
}

// A report behind a question that hangs is in the table and on its way to the herd
// at once. Its reply comes in its turn, and not before it is acknowledged.
func TestReportBehindQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, conn := asked(t, lasting)
		send(t, conn, questionK)
		p.herd.mu.Lock()
		p.herd.hold = make(chan struct{})
		p.herd.mu.Unlock()
		for _, line := range []string{newerK, "HELLO\n", reportK} {
			send(t, conn, line)
		}
		synctest.Wait()
		if e, _ := p.herd.table.Get([]byte("k")); e.Time.Nanos() != 6e9 {
			t.Errorf("the table has %+v", e)
		}
		if flushes, waits := p.herd.calls(); flushes != 3 || len(waits) != 1 {
			t.Errorf("%d flushes and %d waits, want 3 and 1", flushes, len(waits))
		}
		p.mu.Lock()
		for c := range p.sessions { // what came in three reads costs no more than what comes in one
			c.queue.mu.Lock()
			if n := len(c.queue.queued); n != 2 {
				t.Errorf("%d are queued, want the question and what is behind it", n)
			}
			c.queue.mu.Unlock()
		}
		p.mu.Unlock()
		silent(t, conn, time.Minute) // the question took but a second
		if flushes, waits := p.herd.calls(); flushes != 3 || len(waits) != 2 || waits[1] != 3 {
			t.Errorf("%d flushes, waits for %d; want 3, and one wait more, for the third", flushes, waits)
		}
		if n := p.count.iAmAt.Load(); n != 1 {
			t.Errorf("%d reports count as answered, want 1", n)
		}
		close(p.herd.hold)
		receive(t, conn, answerK+atNewerK+"? HELLO\n"+atK)
	})
}

// Tickets of a batch need not rise: there may be nothing to wait for by the last.
func TestBatchHasTheGreatestTicket(t *testing.T) {
	b := batch{[]byte("a"), 2, 7}
	b.add(batch{[]byte("b"), 1, 0})
	if string(b.replies) != "ab" || b.reports != 3 || b.ticket != 7 {
		t.Errorf("got %+v", b)
	}
}

// Where a promise can't be made the connection ends, whatever is in front of it.
func TestNoAckNoReplyBehindQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, conn := asked(t, lasting)
		p.herd.mu.Lock()
		p.herd.fail = errors.New("the cluster is closed")
		p.herd.mu.Unlock()
		send(t, conn, questionK+"WHATSAT k 50 1\n"+newerK)
		receive(t, conn, answerK)
		began := time.Now()
		send(t, conn, newerK+questionK) // the session reads on
		ends(t, conn)
		if took := time.Since(began); took != 49*time.Second {
			t.Errorf("it ended after %s, want 49s", took)
		}
		synctest.Wait()
		if n := p.connections(); n != 0 {
			t.Errorf("%d connections are left", n)
		}
	})
}

// 64 questions may be unanswered. With one more nothing is read until there are
// less.
func TestQuestionsOfOneConnectionAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, conn := asked(t, nil)
		answers := make(chan struct{})
		p.places.near = func(context.Context, places.Query) []byte {
			<-answers
			return radius(1)
		}
		send(t, conn, strings.Repeat(questionK, maxQuestions)+"HELLO\n")
		send(t, conn, newerK)
		synctest.Wait()
		if n, stopped := p.count.unanswered.Load(), p.count.stopped.Load(); n != maxQuestions || stopped != 0 {
			t.Errorf("%d questions are unanswered, reading stopped %d times; want %d, 0", n, stopped, maxQuestions)
		}
		send(t, conn, questionK)
		unread(t, conn)
		if n, stopped := p.count.unanswered.Load(), p.count.stopped.Load(); n != maxQuestions || stopped != 1 {
			t.Errorf("%d questions are unanswered, reading stopped %d times; want %d, 1", n, stopped, maxQuestions)
		}
		close(answers)
		receive(t, conn, strings.Repeat(answerK, maxQuestions)+"? HELLO\n"+atNewerK+atNewerK+"{\"radius\" : 1}\n\n")
		send(t, conn, "HELLO\n")
		receive(t, conn, "? HELLO\n")
		if n := p.count.unanswered.Load(); n != 0 {
			t.Errorf("%d questions are unanswered, want 0", n)
		}
	})
}

// One connection that has asked all that may be asked leaves one question to each
// of the others.
func TestQuestionsOfAllAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, conn := asked(t, lasting)
		p.count.unanswered.Add(maxWaiting)
		began := time.Now()
		send(t, conn, "WHATSAT k 2 1\n"+questionK)
		unread(t, conn)
		receive(t, conn, atK+"{\"radius\" : 2}\n\n"+answerK)
		if took := time.Since(began); took != 3*time.Second {
			t.Errorf("it took %s, want 3s", took)
		}
		if n := p.count.stopped.Load(); n != 1 {
			t.Errorf("reading stopped %d times, want 1", n)
		}
		synctest.Wait()
		if n := p.count.unanswered.Add(-maxWaiting); n != 0 {
			t.Errorf("%d questions are unanswered, want 0", n)
		}
	})
}

// Replies behind a question that hangs are held up to a bound, be they to questions
// or to other lines.
func TestHeldRepliesAreBounded(t *testing.T) {
	const big = 100 << 10
	line := strings.Repeat("x", 4000) + "\n"
	for name, sent := range map[string]string{"lines": line, "questions": "WHATSAT k 2 1\n", "both": newerK + "WHATSAT k 2 1\n"} {
		synctest.Test(t, func(t *testing.T) {
			p, conn := asked(t, nil)
			hang := make(chan struct{})
			p.places.near = func(_ context.Context, q places.Query) []byte {
				if q.Radius == 1000 {
					<-hang
					return radius(1)
				}
				return []byte(strings.Repeat("x", big))
			}
			send(t, conn, questionK+newerK)
			want := answerK + atNewerK
			reply := strings.NewReplacer(line, "? "+line, newerK, atNewerK, "WHATSAT k 2 1\n", atNewerK+strings.Repeat("x", big)+"\n\n").Replace(sent)
			for {
				conn.SetWriteDeadline(time.Now().Add(time.Second))
				n, err := io.WriteString(conn, sent)
				if n == len(sent) {
					want += reply
				} else if n == 0 && errors.Is(err, os.ErrDeadlineExceeded) {
					break
				} else {
					t.Fatalf("%s: %d bytes are read, %v", name, n, err)
				}
				synctest.Wait()
			}
			if n, most := len(want), maxReplies+4*big; n < maxReplies || n > most {
				t.Errorf("%s: %d bytes are held, want %d to %d", name, n, maxReplies, most)
			}
			if n := p.count.stopped.Load(); n != 1 {
				t.Errorf("%s: reading stopped %d times, want 1", name, n)
			}
			close(hang)
			receive(t, conn, want)
			conn.SetWriteDeadline(time.Time{})
			send(t, conn, "HELLO\n")
			receive(t, conn, "? HELLO\n")
		})
	}
}

// Replies that are long do not all leave together, or a connection would hold them
// twice.
func TestLongAnswersLeaveInPieces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const big = 100 << 10
		first := true
		_, conn := asked(t, func(ctx context.Context, q places.Query) []byte {
			lasting(ctx, q)
			return []byte(strings.Repeat("x", big))
		})
		send(t, conn, "WHATSAT k 2 1\n"+strings.Repeat(questionK, 9))
		want := strings.Repeat(atK+strings.Repeat("x", big)+"\n\n", 10)
		buf := make([]byte, 2<<20)
		for want != "" {
			n, err := conn.Read(buf)
			if err != nil || n > maxReplies+big+100 || n < maxReplies && first || !strings.HasPrefix(want, string(buf[:n])) {
				t.Fatalf("a write has %d bytes: %.100q, %v", n, buf[:n], err)
			}
			want, first = want[n:], false
		}
	})
}

// Whatever takes how long, what comes back is what comes back if nothing does.
func TestQueueAgreesWithOneByOne(t *testing.T) {
	const (
		schedules = 10 // of each conversation
		last      = "THE END"
	)
	answer := func(q places.Query) []byte {
		if q.Limit == 20 {
			return []byte(strings.Repeat("y", 90<<10))
		}
		return fmt.Appendf(nil, "{%g %d}", q.Radius, q.Limit)
	}
	milliseconds := rapid.SliceOfN(rapid.OneOf(rapid.Just(0), rapid.IntRange(0, 5), rapid.IntRange(0, 5000)), 1, 20)
	// next gives the pauses of a list in turn.
	next := func(list []int) func() {
		var n atomic.Int64
		return func() { time.Sleep(time.Duration(list[int(n.Add(1))%len(list)]) * time.Millisecond) }
	}
	talk := func(stream []string, set func(*port), pause func()) (got string) {
		synctest.Test(t, func(t *testing.T) {
			l := newPipes()
			p := newPort(t, l)
			set(p)
			got = talkUntil(pausing{l.dial(t), pause}, "? "+last+"\n", stream)
		})
		return got
	}
	lines := rapid.SampledFrom([]string{
		reportK, newerK, "IAMAT kiwi +3-3 7\r\n", "IAMAT kiwi +4-4 6\n", questionK, "WHATSAT k 2 2\n", "WHATSAT kiwi 3 3\n", "WHATSAT kiwi 3 20\n",
		"WHATSAT k 0 5\n", strings.Repeat(questionK, 30), strings.Repeat(newerK, 50), "HELLO\n", "\n", "WHATSAT nobody 1 1\n",
	})
	rapid.Check(t, func(t *rapid.T) {
		sent := strings.Join(rapid.SliceOfN(lines, 0, 30).Draw(t, "lines"), "") + last + "\n"
		want := talk([]string{sent}, func(p *port) {
			p.places.prompt = func(q places.Query) ([]byte, bool) { return answer(q), true }
		}, func() {})
		for range schedules {
			var parts []string
			size := rapid.OneOf(rapid.IntRange(1, 60), rapid.IntRange(1, 5000))
			for rest := sent; rest != ""; {
				n := min(size.Draw(t, "n"), len(rest))
				parts, rest = append(parts, rest[:n]), rest[n:]
			}
			questions, acks, pauses := milliseconds.Draw(t, "questions"), milliseconds.Draw(t, "acks"), milliseconds.Draw(t, "pauses")
			got := talk(parts, func(p *port) {
				wait, ack := next(questions), next(acks)
				p.herd.ack = ack
				p.places.prompt = func(q places.Query) ([]byte, bool) { return answer(q), q.Radius == 0 }
				p.places.near = func(_ context.Context, q places.Query) []byte {
					wait()
					return answer(q)
				}
			}, next(pauses))
			if got != want {
				t.Fatalf("one by one:\n%.2000q\nat once, cut into %.1000q:\n%.2000q", want, parts, got)
			}
		}
	})
}

// pausing is a connection whose writes are put off.
type pausing struct {
	net.Conn
	pause func()
}

func (c pausing) Write(b []byte) (int, error) {
	c.pause()
	return c.Conn.Write(b)
}

// saidAll is a connection on which a client has said so much and that no more
// comes. It reads the replies.
type saidAll struct {
	net.Conn
	said *strings.Reader
}

func (c saidAll) Read(b []byte) (int, error) { return c.said.Read(b) }

// A question is logged when it is answered, though its line is long gone by then.
func TestQuestionsAreLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &logBuffer{}
		_, conn := asked(t, lasting, func(c *clientConfig) {
			c.Logger = hclog.New(&hclog.LoggerOptions{Output: log, Level: hclog.Debug})
		})
		send(t, conn, "WHATSAT  k 2 1\nWHATSAT k\t1 1\n")
		send(t, conn, strings.Repeat("z", 100)+"\n")
		receive(t, conn, atK+"{\"radius\" : 2}\n\n"+answerK+"? "+strings.Repeat("z", 100)+"\n")
		conn.Close()
		synctest.Wait()
		at := strings.TrimSuffix(atK, "\n")
		want := [][]string{
			{"client connected"},
			{"line answered", "in=", strings.TrimSuffix(reportK, "\n"), "out=", at},
			{"line answered", "zzz", "reason=" + protocol.UnknownCommand.String()},
			{"line answered", `WHATSAT k\t1 1`, at},
			{"line answered", "WHATSAT  k 2 1", at},
			{"client gone", errEnded.Error()},
		}
		lines := strings.Split(strings.TrimSpace(log.String()), "\n")
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
	})
}

// Nothing but what has to be waited for goes to the queue.
func TestPromptAnswersNeedNoQueue(t *testing.T) {
	l := newPipes()
	p := newPort(t, l)
	near, far := net.Pipe()
	t.Cleanup(func() { near.Close() })
	c := newSession(p.clientServer, far)
	served := make(chan error, 1)
	go func() { served <- c.serve() }()
	send(t, near, reportK+questionK+"WHATSAT k 0 1\n")
	receive(t, near, atK+atK+body+"\n\n"+atK+body+"\n\n")
	near.Close()
	if err := <-served; err != nil || c.queue != nil {
		t.Errorf("serve returns %v, the queue is %v; want neither", err, c.queue)
	}
}
