//go:build unix

package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

var (
	flagKills = flag.Int("kills", 0, "how many nodes are killed right after an AT line; 0: as HERD_E2E says")
	flagReads = flag.Int64("reads", 0, "how many reads follow right after AT lines; 0: as HERD_E2E says")
)

// What has been acknowledged any other node in sync shows, by the next command, while nodes are
// paused, killed and started again. One that is paused or started is not asked before it is in
// sync again, but told all as soon as it is ready: then it has taken the others in.
//
//	go test ./cmd/herd -run ReadsAfterAT -v -reads 1000000 -timeout 1h
func TestE2EReadsAfterAT(t *testing.T) {
	const readers, batch = 4, 50
	want := int64(10 * sizes().pairs)
	if *flagReads > 0 {
		want = *flagReads
	}
	var mu sync.RWMutex // guards herd and faults
	herd := startHerd(t, 5)
	var faults [5]int // of each node; odd while it has one
	at := func(i int) (*process, int) {
		mu.RLock()
		defer mu.RUnlock()
		return herd[i], faults[i]
	}
	fault := func(i int) { mu.Lock(); faults[i]++; mu.Unlock() }
	var reads, misses, others atomic.Int64
	var wg sync.WaitGroup
	done := make(chan struct{})
	for r := range readers {
		wg.Go(func() {
			for round := 0; reads.Load() < want; round++ {
				a := rand.IntN(5)
				b := (a + 1 + rand.IntN(4)) % 5
				origin, _ := at(a)
				reader, before := at(b)
				if before%2 == 1 {
					continue
				}
				began := time.Now()
				n, missed := readAfter(origin, reader, fmt.Sprint("reader-", r), batch)
				if _, after := at(b); after != before || len(missed) > 0 && origin.putOut(reader, began) {
					others.Add(int64(n))
					continue
				}
				reads.Add(int64(n))
				for _, m := range missed {
					if misses.Add(1) <= 5 {
						t.Errorf("after %d reads: %s", reads.Load(), m)
					}
				}
			}
		})
	}
	go func() { wg.Wait(); close(done) }()
	var pauses, kills int
	for over := false; !over; {
		i := rand.IntN(5)
		p, _ := at(i)
		fault(i)
		if rand.IntN(2) == 0 {
			pauses++
			p.cmd.Process.Signal(syscall.SIGSTOP)
			select {
			case <-time.After(time.Duration(rand.IntN(1500)) * time.Millisecond):
			case <-done:
			}
			p.cmd.Process.Signal(syscall.SIGCONT)
		} else {
			kills++
			p.kill()
			next := launch(t, again(herd, i, true))
			next.waitReady()
			mu.Lock()
			herd[i] = next
			mu.Unlock()
		}
		settle(t, herd)
		fault(i)
		select {
		case <-done:
			over = true
		default:
		}
	}
	t.Logf("%d of %d reads right after AT lines found the fix, with %d pauses and %d kills meanwhile; %d more were of nodes out of sync",
		reads.Load()-misses.Load(), reads.Load(), pauses, kills, others.Load())
	if reads.Load() < want {
		t.Errorf("only %d reads, want %d", reads.Load(), want)
	}
}

// readAfter reports n clients at a in one write, and asks b for them when the AT lines have come. It
// tells how many answers there were, of those that were acknowledged, and which are wrong.
// A node that is killed answers nothing, and is no miss.
func readAfter(a, b *process, who string, n int) (reads int, missed []string) {
	from, err := a.open()
	if err != nil {
		return 0, nil
	}
	defer from.conn.Close()
	to, err := b.open()
	if err != nil {
		return 0, nil
	}
	defer to.conn.Close()
	var ids, lines []string
	var text strings.Builder
	fixes := make([]fix, n)
	for i := range fixes {
		fixes[i] = fixNow(fmt.Sprint(who, "-", i))
		fmt.Fprintf(&text, "IAMAT %s\n", fixes[i])
	}
	if _, err := from.conn.Write([]byte(text.String())); err != nil {
		return 0, nil
	}
	for _, f := range fixes {
		line, err := from.line()
		if err != nil {
			break
		}
		ids, lines = append(ids, f.id), append(lines, line)
	}
	got, err := to.locateAll(ids)
	if err != nil {
		return 0, nil
	}
	for i, line := range got {
		if reads++; line != lines[i] {
			missed = append(missed, fmt.Sprintf("%s said %q, then %s said %q", a.spec.name, lines[i], b.spec.name, line))
		}
	}
	return reads, missed
}

// putOut tells whether p has put another node out of sync since, or a little before: by a batch that was
// left unacknowledged, or since the session and then the lease ended while p stood still. The log
// may come after the acknowledgement.
func (p *process) putOut(other *process, since time.Time) bool {
	ctx, cancel := context.WithTimeout(p.t.Context(), time.Second)
	defer cancel()
	for range ticks(ctx, 50*time.Millisecond) {
		for line := range strings.Lines(p.logText()) {
			when, rest, _ := strings.Cut(line, " ")
			at, err := time.Parse("2006-01-02T15:04:05.000Z", when)
			if err == nil && at.After(since.Add(-5*time.Second)) && strings.Contains(rest, "peer="+other.spec.name+" ") &&
				(strings.Contains(rest, "peer is out of sync") || strings.Contains(rest, "peer disconnected")) {
				return true
			}
		}
	}
	return false
}
