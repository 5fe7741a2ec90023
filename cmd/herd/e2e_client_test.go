//go:build unix

package main

import (
	"bufio"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// session is a client's connection to a node.
type session struct {
	conn net.Conn
	r    *bufio.Reader
}

func (p *process) open() (*session, error) {
	conn, err := p.dial(p.Ready.Client)
	if err != nil {
		return nil, err
	}
	conn.SetDeadline(time.Now().Add(10 * hang))
	return &session{conn, bufio.NewReaderSize(conn, 64<<10)}, nil
}

// session opens a connection for the time of the test.
func (p *process) session() *session {
	p.t.Helper()
	s, err := p.open()
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { s.conn.Close() })
	return s
}

// sessions are one to each node.
func sessions(herd []*process) []*session {
	var all []*session
	for _, p := range herd {
		all = append(all, p.session())
	}
	return all
}

func (s *session) line() (string, error) {
	line, err := s.r.ReadString('\n')
	return strings.TrimSuffix(line, "\n"), err
}

// body reads a Places reply, up to the empty line that ends it.
func (s *session) body() (string, error) {
	var b strings.Builder
	for {
		line, err := s.line()
		if line == "" || err != nil {
			return b.String(), err
		}
		b.WriteString(line + "\n")
	}
}

// report sends a fix and gives the AT line.
func (s *session) report(f fix) (string, error) {
	if _, err := fmt.Fprintf(s.conn, "IAMAT %s\n", f); err != nil {
		return "", err
	}
	at, err := s.line()
	if err == nil && !f.in(at) {
		err = fmt.Errorf("IAMAT %s is answered by %q", f, at)
	}
	return at, err
}

// locate gives the AT line of a client, or "? …" if the node knows none.
func (s *session) locate(id string) (string, error) {
	lines, err := s.locateAll([]string{id})
	if err != nil {
		return "", err
	}
	return lines[0], nil
}

// locateAll asks for many clients at once.
func (s *session) locateAll(ids []string) ([]string, error) {
	sent := make(chan error, 1)
	go func() { // more than both sides can buffer
		w := bufio.NewWriter(s.conn)
		for _, id := range ids {
			fmt.Fprintf(w, "WHATSAT %s 0 0\n", id)
		}
		sent <- w.Flush()
	}()
	lines := make([]string, 0, len(ids))
	for range ids {
		at, err := s.line()
		if err == nil && strings.HasPrefix(at, "AT ") {
			_, err = s.body()
		}
		if err != nil {
			s.conn.Close() // ends the writer
			<-sent
			return lines, err
		}
		lines = append(lines, at)
	}
	return lines, <-sent
}

// fix is what a client reports.
type fix struct{ id, position, time string }

func (f fix) String() string { return f.id + " " + f.position + " " + f.time }

// in tells whether an AT line shows the fix.
func (f fix) in(at string) bool {
	return strings.HasPrefix(at, "AT ") && strings.HasSuffix(at, " "+f.String())
}

// shown is the fix in an AT line.
func shown(at string) (f fix, ok bool) {
	fields := strings.Fields(at)
	if len(fields) != 6 || fields[0] != "AT" {
		return fix{}, false
	}
	return fix{fields[3], fields[4], fields[5]}, true
}

// fixNow is somewhere, now.
func fixNow(id string) fix {
	now := time.Now()
	return fix{
		id, fmt.Sprintf("%+010.6f%+011.6f", rand.Float64()*180-90, rand.Float64()*360-180),
		fmt.Sprintf("%d.%09d", now.Unix(), now.Nanosecond()),
	}
}

// book is the newest fix that a node has acknowledged, by client.
type book map[string]fix

// missing counts the clients that a node does not know or knows an older fix of.
// A newer one may be there: sent, taken, and not yet acknowledged.
func (p *process) missing(want book) (int, error) {
	s, err := p.open()
	if err != nil {
		return 0, err
	}
	defer s.conn.Close()
	ids := make([]string, 0, len(want))
	for id := range want {
		ids = append(ids, id)
	}
	lines, err := s.locateAll(ids)
	n := 0
	for i, at := range lines {
		got, ok := shown(at)
		if !ok || got.id != ids[i] || got.time < want[ids[i]].time { // all have as many digits
			n++
		}
	}
	return n, err
}

// checkAll fails the test if a node lacks any of the fixes.
func checkAll(t *testing.T, herd []*process, want book) {
	t.Helper()
	each(herd, func(p *process) {
		n, err := p.missing(want)
		if n > 0 || err != nil {
			t.Errorf("%s lacks %d of %d fixes, %v", p.spec.name, n, len(want), err)
		}
	})
}

// tables asks every node for all clients and tells whether they agree, with an
// example if not.
func agree(herd []*process, ids []string) (example string, err error) {
	var first []string
	for _, p := range herd {
		s, err := p.open()
		if err != nil {
			return "", err
		}
		lines, err := s.locateAll(ids)
		s.conn.Close()
		if err != nil {
			return "", err
		}
		if first == nil {
			first = lines
		}
		for i := range lines {
			if lines[i] != first[i] {
				return fmt.Sprintf("%s has %q, %s has %q", herd[0].spec.name, first[i], p.spec.name, lines[i]), nil
			}
		}
	}
	return "", nil
}

// traffic is a steady stream of reports, over a few connections to each node.
type traffic struct {
	answered atomic.Int64
	held     atomic.Int64 // not sent in time, since too many were not answered
	from     time.Time
	stop     chan struct{}
	once     sync.Once
	writers  sync.WaitGroup
	readers  sync.WaitGroup

	mu    sync.Mutex // guards the fields below
	acked book
	errs  map[string][]error // by node
}

const (
	loadConns   = 2   // connections to a node
	loadClients = 500 // clients of a connection
	loadBeat    = 10 * time.Millisecond
)

// startLoad sends so many updates a second in all. It ends with end, or with
// the test.
func startLoad(t *testing.T, herd []*process, perSecond int) *traffic {
	t.Helper()
	l := &traffic{from: time.Now(), stop: make(chan struct{}), acked: book{}, errs: map[string][]error{}}
	conns := len(herd) * loadConns
	perConn := max(1, perSecond/conns)
	for _, p := range herd {
		for c := range loadConns {
			s, err := p.open()
			if err != nil {
				t.Fatal(err)
			}
			unanswered := make(chan fix, perConn+loadClients) // a second's worth
			l.writers.Go(func() { l.write(p.spec.name, c, s, perConn, unanswered) })
			l.readers.Go(func() { l.read(p.spec.name, s, unanswered) })
		}
	}
	t.Cleanup(l.end)
	return l
}

// write sends what is due at each beat.
func (l *traffic) write(node string, c int, s *session, perSecond int, unanswered chan<- fix) {
	defer close(unanswered)
	beat := time.NewTicker(loadBeat)
	defer beat.Stop()
	begun, sent := time.Now(), 0
	var b strings.Builder
	for {
		select {
		case <-l.stop:
			return
		case <-beat.C:
		}
		b.Reset()
		for due := int(time.Since(begun).Seconds() * float64(perSecond)); sent < due; sent++ {
			f := fixNow(fmt.Sprintf("%s-%d-%d", node, c, sent%loadClients))
			select {
			case unanswered <- f:
				fmt.Fprintf(&b, "IAMAT %s\n", f)
			default:
				l.held.Add(1)
			}
		}
		if _, err := s.conn.Write([]byte(b.String())); err != nil {
			l.fail(node, err)
			return
		}
	}
}

// read checks the answers and keeps the newest of each client.
func (l *traffic) read(node string, s *session, unanswered <-chan fix) {
	defer s.conn.Close()
	acked := book{}
	for f := range unanswered {
		at, err := s.line()
		if err == nil && !f.in(at) {
			err = fmt.Errorf("IAMAT %s is answered by %q", f, at)
		}
		if err != nil {
			l.fail(node, err)
			s.conn.Close() // ends the writer
			break
		}
		acked[f.id] = f
		l.answered.Add(1)
	}
	for range unanswered { // until the writer has ended
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, f := range acked {
		l.acked[id] = f
	}
}

func (l *traffic) fail(node string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.errs[node] = append(l.errs[node], err)
}

// end stops the load and waits for all answers.
func (l *traffic) end() {
	l.once.Do(func() { close(l.stop) })
	l.writers.Wait()
	l.readers.Wait()
}

// soFar is what has been acknowledged by now.
func (l *traffic) soFar() book {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.acked)
}

// report ends the load, logs what it did and fails the test if a node that was
// not killed has failed it. It gives what was acknowledged.
func (l *traffic) report(t *testing.T, killed ...*process) book {
	t.Helper()
	took := time.Since(l.from)
	l.end()
	n := l.answered.Load()
	t.Logf("load: %d updates answered in %v, %.0f/s; %d held back", n, took.Round(time.Millisecond), float64(n)/took.Seconds(), l.held.Load())
	for _, p := range killed {
		delete(l.errs, p.spec.name)
	}
	for node, errs := range l.errs {
		t.Errorf("load: %s failed %d connections, first by %v", node, len(errs), errs[0])
	}
	if n == 0 {
		t.Error("load: nothing was answered")
	}
	return l.acked
}
