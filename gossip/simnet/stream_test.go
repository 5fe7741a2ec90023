package simnet

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// want fails the test unless err is target; a nil target is no error at all.
func want(t testing.TB, what string, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Errorf("%s: %v, want %v", what, err, target)
	}
}

func read(t testing.TB, r io.Reader, n int) string {
	t.Helper()
	b := make([]byte, n)
	k, err := io.ReadFull(r, b)
	if err != nil {
		t.Fatalf("read %d bytes: %q, %v", n, b[:k], err)
	}
	return string(b)
}

func readError(c net.Conn) error {
	_, err := c.Read(make([]byte, 1))
	return err
}

func writeError(c net.Conn) error {
	_, err := c.Write([]byte("x"))
	return err
}

// inBubble gives a test a network of its own with two hosts and a stream from
// one to the other.
func inBubble(t *testing.T, l Link, test func(t *testing.T, sim *Net, near, far net.Conn)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		sim := New(1)
		near, far := connect(t, sim.Host(ipA), sim.Host(ipB))
		sim.SetLinks(l)
		test(t, sim, near, far)
	})
}

func TestStream(t *testing.T) {
	inBubble(t, lan, func(t *testing.T, sim *Net, near, far net.Conn) {
		if near.LocalAddr().String() != far.RemoteAddr().String() || near.RemoteAddr().String() != far.LocalAddr().String() {
			t.Errorf("addresses: %v to %v, and %v to %v", near.LocalAddr(), near.RemoteAddr(), far.LocalAddr(), far.RemoteAddr())
		}
		begin := time.Now()
		sent := []byte("to and ")
		near.Write(sent)
		copy(sent, "-------") // the network has its own copy
		write(t, near, "fro")
		if got := read(t, far, 10); got != "to and fro" {
			t.Errorf("read %q", got)
		}
		write(t, far, "back")
		read(t, near, 4)
		if d := time.Since(begin); d != 2*lan.Latency {
			t.Errorf("a round trip took %v, want %v", d, 2*lan.Latency)
		}
		for what, c := range map[string]net.Conn{"near": near, "far": far} {
			n, err := c.Read(nil)
			if n != 0 || err != nil {
				t.Errorf("%s: an empty read: %d, %v", what, n, err)
			}
			if n, err = c.Write(nil); n != 0 || err != nil {
				t.Errorf("%s: an empty write: %d, %v", what, n, err)
			}
		}
	})
}

func TestStreamWindow(t *testing.T) {
	inBubble(t, lan, func(t *testing.T, sim *Net, near, far net.Conn) {
		begin := time.Now()
		if n, err := near.Write(make([]byte, window)); n != window || err != nil || time.Since(begin) != 0 {
			t.Fatalf("filling the window took %v: %d, %v", time.Since(begin), n, err)
		}
		done := make(chan time.Time)
		go func() {
			near.Write(make([]byte, 3))
			done <- time.Now()
		}()
		time.Sleep(time.Hour)
		select {
		case <-done:
			t.Fatal("the window has no bound")
		default:
		}
		for i := range 3 {
			read(t, far, 1) // room for one byte more
			synctest.Wait()
			select {
			case <-done:
				if i != 2 {
					t.Errorf("the writer had room for 3 bytes after %d were read", i+1)
				}
				return
			default:
			}
		}
		t.Error("the writer was not woken")
	})
}

func TestStreamDeadlines(t *testing.T) {
	inBubble(t, Link{}, func(t *testing.T, sim *Net, near, far net.Conn) {
		begin := time.Now()
		near.SetReadDeadline(begin.Add(time.Second))
		want(t, "a read", readError(near), os.ErrDeadlineExceeded)
		if d := time.Since(begin); d != time.Second {
			t.Errorf("the read ended after %v, want 1 s", d)
		}
		write(t, near, "the writer has no deadline")
		write(t, far, "x")
		synctest.Wait()
		want(t, "a read past its deadline", readError(near), os.ErrDeadlineExceeded)
		var timeout net.Error
		if err := readError(near); !errors.As(err, &timeout) || !timeout.Timeout() {
			t.Errorf("%v is no timeout", err)
		}
		near.SetReadDeadline(time.Time{})
		want(t, "a read without one", readError(near), nil)

		near.SetWriteDeadline(time.Now().Add(time.Second))
		n, err := near.Write(make([]byte, 2*window))
		if room := window - len("the writer has no deadline"); n != room || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a write into a full window: %d, %v; want %d and a timeout", n, err, room)
		}
		near.SetDeadline(time.Time{})

		ended := make(chan error)
		go func() { ended <- readError(near) }()
		go func() { ended <- writeError(near) }()
		synctest.Wait()
		near.SetDeadline(time.Now().Add(-time.Second)) // whoever waits already sees it
		want(t, "the first under way", <-ended, os.ErrDeadlineExceeded)
		want(t, "the second under way", <-ended, os.ErrDeadlineExceeded)
	})
}

func TestStreamClose(t *testing.T) {
	inBubble(t, lan, func(t *testing.T, sim *Net, near, far net.Conn) {
		write(t, near, "last words")
		ended := make(chan error)
		go func() { ended <- readError(near) }()
		synctest.Wait()
		want(t, "Close", near.Close(), nil)
		want(t, "a read under way", <-ended, net.ErrClosed)
		want(t, "a second Close", near.Close(), net.ErrClosed)
		want(t, "Read after Close", readError(near), net.ErrClosed)
		want(t, "Write after Close", writeError(near), net.ErrClosed)
		want(t, "SetDeadline after Close", near.SetDeadline(time.Now()), net.ErrClosed)

		if got, err := io.ReadAll(far); string(got) != "last words" || err != nil {
			t.Errorf("the peer read %q, %v; want all, and the end", got, err)
		}
		want(t, "a second read of the end", readError(far), io.EOF)
		// TCP has no word for "I read no more": the peer learns it by writing.
		want(t, "the peer's first write", writeError(far), nil)
		time.Sleep(3 * lan.Latency)
		want(t, "its next write", writeError(far), syscall.ECONNRESET)
		want(t, "the peer's Close", far.Close(), nil)
	})
}

func TestStreamCloseUnread(t *testing.T) {
	inBubble(t, lan, func(t *testing.T, sim *Net, near, far net.Conn) {
		write(t, far, "unheard")
		time.Sleep(2 * lan.Latency)
		write(t, near, "said")
		near.Close()
		if got := read(t, far, 4); got != "said" {
			t.Errorf("read %q", got)
		}
		want(t, "then", readError(far), syscall.ECONNRESET)
		want(t, "a write", writeError(far), syscall.ECONNRESET)
	})
}

// A writer that waits for room must learn that the reader has gone.
func TestStreamCloseWakesWriter(t *testing.T) {
	inBubble(t, lan, func(t *testing.T, sim *Net, near, far net.Conn) {
		ended := make(chan error)
		go func() {
			_, err := near.Write(make([]byte, 2*window))
			ended <- err
		}()
		time.Sleep(time.Second)
		far.Close()
		want(t, "the write", <-ended, syscall.ECONNRESET)
	})
	inBubble(t, lan, func(t *testing.T, sim *Net, near, far net.Conn) {
		ended := make(chan error)
		go func() {
			_, err := near.Write(make([]byte, 2*window))
			ended <- err
		}()
		synctest.Wait()
		near.Close()
		want(t, "the write", <-ended, net.ErrClosed)
	})
}

func TestStreamBothClose(t *testing.T) {
	inBubble(t, lan, func(t *testing.T, sim *Net, near, far net.Conn) {
		write(t, near, "a")
		write(t, far, "b")
		near.Close()
		far.Close()
		time.Sleep(time.Hour)
		if got := sim.Stats().StreamBytes; got != 2 {
			t.Errorf("%d bytes arrived", got)
		}
		for _, ip := range []string{ipA, ipB} {
			if n := len(sim.Host(ip).conns); n != 0 {
				t.Errorf("%s still has %d streams", ip, n)
			}
		}
	})
}

func TestCutHoldsStreams(t *testing.T) {
	inBubble(t, lan, func(t *testing.T, sim *Net, near, far net.Conn) {
		write(t, near, "before ")
		time.Sleep(lan.Latency / 2)
		sim.Cut(ipA, ipB) // under way
		write(t, near, "during ")
		write(t, far, "the other way") // flows
		if got := read(t, near, 13); got != "the other way" {
			t.Errorf("read %q", got)
		}
		far.SetReadDeadline(time.Now().Add(time.Hour))
		want(t, "a read during the cut", readError(far), os.ErrDeadlineExceeded)
		far.SetReadDeadline(time.Time{})
		write(t, near, "end")
		near.Close() // is held too
		time.Sleep(lan.Latency)
		begin := time.Now()
		sim.Heal()
		got, err := io.ReadAll(far)
		if string(got) != "before during end" || err != nil || time.Since(begin) != 0 {
			t.Errorf("%v after the cut: %q, %v", time.Since(begin), got, err)
		}
	})
}

// What has arrived can be read, and what is written fills the window, cut or not.
func TestPartitionedStream(t *testing.T) {
	inBubble(t, Link{}, func(t *testing.T, sim *Net, near, far net.Conn) {
		write(t, near, "arrived")
		synctest.Wait()
		sim.Partition([]string{ipA}, []string{ipB})
		if got := read(t, far, 7); got != "arrived" {
			t.Errorf("read %q", got)
		}
		near.SetWriteDeadline(time.Now().Add(time.Second))
		if n, err := near.Write(make([]byte, window+1)); n != window || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("wrote %d, %v", n, err)
		}
		sim.Partition([]string{ipA}, []string{ipB, ipC}) // still apart
		synctest.Wait()
		far.SetReadDeadline(time.Now().Add(time.Second))
		want(t, "a read", readError(far), os.ErrDeadlineExceeded)
		far.SetReadDeadline(time.Time{})
		sim.Partition([]string{ipA, ipB}) // on one side again
		read(t, far, window)
	})
}

// A lost segment delays its stream by the time to send it again, and what comes
// after it as well.
func TestLossDelaysStreams(t *testing.T) {
	inBubble(t, Link{Latency: lan.Latency, Loss: 0.5}, func(t *testing.T, sim *Net, near, far net.Conn) {
		slow, once := 0, 0
		for i := range 100 {
			begin := time.Now()
			write(t, near, "x")
			read(t, far, 1)
			late := time.Since(begin) - lan.Latency
			if tries := late/retransmit + 1; late%retransmit != 0 || tries&(tries-1) != 0 {
				t.Fatalf("segment %d came %v late: not 200 ms, then twice as long each time", i, late)
			}
			if late > 0 {
				slow++
			}
			if late == retransmit {
				once++
			}
		}
		if slow < 35 || slow > 65 || once < slow/3 || once > slow*2/3 {
			t.Errorf("at loss 0.5, %d of 100 segments were sent again, %d of them once", slow, once)
		}
	})
}

// Whatever the links do and whenever they are cut, each end reads what the other
// wrote, in order, and then the end.
func TestStreamsAreReliable(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		seed := rapid.Uint64().Draw(rt, "seed")
		link := Link{
			Latency: time.Duration(rapid.IntRange(0, 50).Draw(rt, "latency ms")) * time.Millisecond,
			Jitter:  time.Duration(rapid.IntRange(0, 50).Draw(rt, "jitter ms")) * time.Millisecond,
			Loss:    rapid.Float64Range(0, 0.9).Draw(rt, "loss"),
			Reorder: 0.5, Duplicate: 0.5, // for packets only
		}
		writes := rapid.SliceOfN(rapid.IntRange(0, 5*window/4), 1, 3).Draw(rt, "writes")
		cuts := rapid.SliceOfN(rapid.IntRange(0, 4), 0, 6).Draw(rt, "cuts")
		var problem error
		synctest.Test(t, func(t *testing.T) {
			sim := New(seed)
			near, far := connect(t, sim.Host(ipA), sim.Host(ipB))
			sim.SetLinks(link)
			problems := make(chan error, 4)
			var wg sync.WaitGroup
			half := func(from, to net.Conn, seed uint64) {
				wg.Go(func() {
					source := rand.NewChaCha8([32]byte{byte(seed)})
					for _, n := range writes {
						b := make([]byte, n)
						source.Read(b)
						if _, err := from.Write(b); err != nil {
							problems <- err
						}
						time.Sleep(time.Millisecond)
					}
				})
				wg.Go(func() {
					source := rand.NewChaCha8([32]byte{byte(seed)})
					for i, n := range writes {
						sent, got := make([]byte, n), make([]byte, n)
						source.Read(sent)
						if _, err := io.ReadFull(to, got); err != nil || !bytes.Equal(sent, got) {
							problems <- fmt.Errorf("write %d: %w", i, errors.Join(err, errors.New("other bytes")))
							return
						}
					}
				})
			}
			half(near, far, 1)
			half(far, near, 2)
			for _, c := range cuts {
				time.Sleep(20 * time.Millisecond)
				switch c {
				case 0:
					sim.Heal()
				case 1:
					sim.Cut(ipA, ipB)
				case 2:
					sim.Cut(ipB, ipA)
				case 3:
					sim.Partition([]string{ipA})
				case 4:
					sim.SetLinks(Link{})
				}
			}
			time.Sleep(20 * time.Millisecond)
			sim.Heal()
			wg.Wait()
			near.Close()
			if _, err := far.Read(make([]byte, 1)); err != io.EOF {
				problems <- fmt.Errorf("at the end: %w", err)
			}
			close(problems)
			problem = <-problems
		})
		if problem != nil {
			rt.Fatal(problem)
		}
	})
}

// All methods of both ends at once, for the race detector.
func TestStreamConcurrency(t *testing.T) {
	sim := New(1) // real time
	near, far := connect(t, sim.Host(ipA), sim.Host(ipB))
	var wg sync.WaitGroup
	for _, c := range []net.Conn{near, far} {
		for _, use := range []func(){
			func() { c.Read(make([]byte, 100)) },
			func() { c.Write(make([]byte, 100)) },
			func() { c.SetDeadline(time.Now().Add(10 * time.Millisecond)) },
			func() { c.SetReadDeadline(time.Now().Add(10 * time.Millisecond)) },
			func() { c.SetWriteDeadline(time.Now().Add(10 * time.Millisecond)) },
			func() { c.LocalAddr() },
			func() { c.RemoteAddr() },
			func() { sim.Stats() },
			func() { sim.SetLinks(Link{Jitter: time.Millisecond}) },
		} {
			for range 3 {
				wg.Go(func() {
					for range 20 {
						use()
					}
				})
			}
		}
	}
	wg.Wait()
	near.Close()
	far.Close()
}
