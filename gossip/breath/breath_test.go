package breath

import (
	"net"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestBreath(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var b Breath
		for range 5 {
			b.Take() // it has computed for nothing yet
		}
		if slept := time.Since(began); slept != 0 {
			t.Errorf("slept for %s without need", slept)
		}
		for range 6 {
			time.Sleep(stretch / 2) // computes
			b.Take()
		}
		if slept := time.Since(began) - 3*stretch; slept != 3*Moment {
			t.Errorf("slept for %s in three stretches, want %s", slept, 3*Moment)
		}
	})
}

// What has come from the network is taken while a goroutine computes on the
// only processor.
func TestNetwork(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	in, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	out, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	taken := make(chan struct{}, 1)
	var reader sync.WaitGroup
	defer reader.Wait()
	defer in.Close()
	reader.Go(func() {
		for b := make([]byte, 1); ; taken <- struct{}{} {
			if _, err := out.Read(b); err != nil {
				return
			}
		}
	})
	const all = 100
	soon := 0
	for range all {
		if _, err := in.Write([]byte{0}); err != nil {
			t.Fatal(err)
		}
		b := Breath{last: time.Now().Add(-stretch)}
		b.Take()
		select {
		case <-taken:
			soon++
		default:
			<-taken
		}
	}
	if soon < all/2 { // not always: a busy machine may be slower than a breath
		t.Errorf("%d of %d were taken at once", soon, all)
	}
}
