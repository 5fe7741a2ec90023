package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"herd/places"
)

// A client that half-closes has all its replies, be it by the end of the stream or
// after a line that is too long.
func TestHalfCloseBehindQuestions(t *testing.T) {
	long := strings.Repeat("x", 4097)
	for _, end := range []struct{ sent, want string }{
		{"HELLO", "? HELLO\n"},
		{"WHATSAT k 4 1", atK + "{\"radius\" : 4}\n\n"},
		{long + "\nHELLO", "? " + long[:4096] + "\n"},
	} {
		synctest.Test(t, func(t *testing.T) {
			l := newPipes()
			p := newPort(t, l)
			p.places.near = lasting
			near, far := net.Pipe()
			l.came <- saidAll{far, strings.NewReader(reportK + "WHATSAT k 5 1\n" + questionK + end.sent)}
			receive(t, near, atK+atK+"{\"radius\" : 5}\n\n"+answerK+end.want)
			ends(t, near)
		})
	}
}

// The same on a real connection.
func TestHalfCloseOnLoopback(t *testing.T) {
	p := onLoopback(t)
	p.places.near = func(_ context.Context, q places.Query) []byte { return radius(q.Radius / 1000) }
	want := atK + strings.Repeat(answerK, 200)
	if got := p.exchange(t, reportK+strings.TrimSuffix(strings.Repeat(questionK, 200), "\n")); got != want {
		t.Errorf("received %.1000q, want %.1000q", got, want)
	}
}

// The drain waits for answers, and for those to questions that were read and not
// asked yet.
func TestShutdownAnswersQuestions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, conn := asked(t, lasting)
		send(t, conn, strings.Repeat("WHATSAT k 7 1\n", maxQuestions)+strings.Repeat(questionK, 3)+"WHATSAT half")
		synctest.Wait()
		began := time.Now()
		done := make(chan error, 1)
		go func() { done <- p.shutdown(t.Context()) }()
		receive(t, conn, strings.Repeat(atK+"{\"radius\" : 7}\n\n", maxQuestions)+strings.Repeat(answerK, 3))
		ends(t, conn)
		if err := <-done; err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took != 8*time.Second+lingerTime {
			t.Errorf("it took %s, want 8s and %s", took, lingerTime)
		}
	})
}

// Neither the end of the drain nor a kill waits for a provider.
func TestHungQuestionsEndWithTheServer(t *testing.T) {
	for _, kill := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			p, conn := asked(t, hung)
			send(t, conn, strings.Repeat(questionK, maxQuestions)+newerK) // this one is still read
			send(t, conn, questionK+newerK)                               // and now it waits
			synctest.Wait()
			began, want := time.Now(), time.Duration(0)
			if kill {
				p.end()
			} else {
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
				defer cancel()
				want = 2 * time.Second
				if err := p.shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("shutdown returns %v", err)
				}
			}
			if err := <-p.served; err != nil {
				t.Errorf("serve returns %v", err)
			}
			if took := time.Since(began); took != want {
				t.Errorf("it took %s, want %s", took, want)
			}
			ends(t, conn)
			if n, left := p.count.whatsAt.Load(), p.count.unanswered.Load(); n != 0 || left != 0 {
				t.Errorf("%d questions are answered, %d are not; want neither", n, left)
			}
		})
	}
}

// The server ends after all who ask.
func TestNoQuestionOutlivesTheServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ended atomic.Int64
		p, conn := asked(t, func(ctx context.Context, q places.Query) []byte {
			<-ctx.Done()
			time.Sleep(time.Second) // a provider that is slow to see it
			ended.Add(1)
			return []byte(body)
		})
		send(t, conn, questionK+questionK)
		synctest.Wait()
		p.end()
		<-p.served
		if n := ended.Load(); n != 2 {
			t.Errorf("%d calls have ended, want 2", n)
		}
	})
}

// A client that has gone is asked for no more.
func TestGoneClientCancelsItsQuestions(t *testing.T) {
	t.Run("reset", func(t *testing.T) {
		p := onLoopback(t)
		begun, ended := make(chan struct{}, 2), make(chan struct{}, 2)
		p.places.near = func(ctx context.Context, q places.Query) []byte {
			begun <- struct{}{}
			<-ctx.Done()
			ended <- struct{}{}
			return []byte(body)
		}
		conn := p.dial(t)
		send(t, conn, reportK)
		receive(t, conn, atK)
		send(t, conn, questionK+questionK)
		for range cap(begun) {
			<-begun
		}
		conn.SetLinger(0)
		conn.Close()
		for range cap(ended) {
			<-ended
		}
	})
	t.Run("seen by a write", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			p, conn := asked(t, func(ctx context.Context, q places.Query) []byte {
				if q.Radius == 1000 {
					return lasting(ctx, q)
				}
				return hung(ctx, q)
			})
			send(t, conn, questionK+"WHATSAT k 2 1\n")
			conn.Close() // and a half-close looks the same
			time.Sleep(time.Second)
			synctest.Wait()
			if n, left := p.connections(), p.count.unanswered.Load(); n != 0 || left != 0 {
				t.Errorf("%d connections are left, %d questions", n, left)
			}
		})
	})
	t.Run("takes no reply", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			p, conn := asked(t, lasting)
			send(t, conn, questionK+questionK)
			time.Sleep(time.Second + writeTimeout + writeTimeout/slack)
			synctest.Wait()
			if n, stalled := p.connections(), p.count.stalled.Load(); n != 0 || stalled != 1 {
				t.Errorf("%d connections are left, %d are counted as stalled; want 0, 1", n, stalled)
			}
		})
	})
}

// A client that waits for an answer isn't idle, and has its whole time after it.
func TestWaitingIsNotIdle(t *testing.T) {
	for _, tt := range []struct {
		seconds int // until the answer
		timeout time.Duration
	}{{1, 5 * time.Minute}, {50, time.Second}, {50, 50 * time.Second}, {50, 49 * time.Second}, {50, 2 * time.Minute}} {
		synctest.Test(t, func(t *testing.T) {
			p, conn := asked(t, lasting, func(c *clientConfig) { c.IdleTimeout = tt.timeout })
			for range 3 {
				send(t, conn, fmt.Sprintf("WHATSAT k %d 1\n", tt.seconds))
				receive(t, conn, fmt.Sprintf("%s{\"radius\" : %d}\n\n", atK, tt.seconds))
			}
			last := time.Now()
			ends(t, conn)
			if took := time.Since(last); took < tt.timeout || took > tt.timeout+tt.timeout/slack {
				t.Errorf("closed after %s, want %s and a little", took, tt.timeout)
			}
			if n := p.count.idle.Load(); n != 1 {
				t.Errorf("%d are counted as idle", n)
			}
		})
	}
}
