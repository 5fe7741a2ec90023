package simnet

import (
	"testing"
	"testing/synctest"
	"time"
)

// What goes on at a host that stands still, and what comes of it later.
func TestPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := New(1)
		sim.SetLinks(lan)
		a, b := sim.Host(ipA), sim.Host(ipB)
		at, bt := listenPacket(t, a, ":7"), listenPacket(t, b, ":7")
		near, far := connect(t, a, b)
		l := listen(t, a, ":80")
		sim.Pause(ipA)

		send(t, bt, at.LocalAddr(), "waits")
		send(t, at, bt.LocalAddr(), "is never sent")
		write(t, near, "said")
		write(t, far, "heard")
		if _, err := b.Dial(t.Context(), "10.0.0.1:80"); err != nil {
			t.Errorf("a dial to its kernel: %v", err)
		}
		if _, err := l.Accept(); err != nil {
			t.Error(err)
		}
		dialed := make(chan time.Duration, 1)
		began := time.Now()
		go func() {
			c, err := a.Dial(t.Context(), "10.0.0.2:80")
			if err == nil {
				c.Close()
			}
			dialed <- time.Since(began)
		}()
		heard := make(chan string, 3)
		for name, c := range map[string]interface{ Read([]byte) (int, error) }{"near": near, "far": far} {
			go func() {
				b := make([]byte, 100)
				n, _ := c.Read(b)
				heard <- name + " " + string(b[:n])
			}()
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(heard) > 0 || len(dialed) > 0 {
			t.Errorf("in the pause: %d reads, %d dials", len(heard), len(dialed))
		}
		sim.Resume(ipA)
		synctest.Wait()
		if got := map[string]bool{<-heard: true, <-heard: true}; !got["near heard"] || !got["far said"] {
			t.Errorf("after it: %v", got)
		}
		if got := received(t, at); len(got) != 1 || got[0] != "waits" {
			t.Errorf("packets to it: %q", got)
		}
		if got := received(t, bt); len(got) != 0 {
			t.Errorf("packets from it: %q", got)
		}
		if took := <-dialed; took < time.Minute {
			t.Errorf("its dial took %s", took)
		}
	})
}

// A direction is mended alone, and what it held flows; the others stay as they are.
func TestMend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := New(1)
		a, b := sim.Host(ipA), sim.Host(ipB)
		near, far := connect(t, a, b)
		sim.Cut(ipA, ipB)
		sim.Cut(ipB, ipA)
		write(t, near, "there")
		write(t, far, "back")
		sim.Mend(ipA, ipB)
		if got := read(t, far, len("there")); got != "there" {
			t.Errorf("read %q", got)
		}
		near.SetReadDeadline(time.Now().Add(time.Hour))
		if n, err := near.Read(make([]byte, 1)); err == nil {
			t.Errorf("%d bytes came over a cut", n)
		}
		near.SetReadDeadline(time.Time{})
		sim.Mend(ipB, ipA)
		if got := read(t, near, len("back")); got != "back" {
			t.Errorf("read %q", got)
		}
	})
}
