//go:build unix

package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"herd/config"
	"herd/config/certtest"
	"herd/node"
	api "herd/node/client"
)

// rotating is a herd whose gossip key and certificate are changed under load.
type rotating struct {
	t              *testing.T
	dir            string
	cert, certKey  string // of all nodes
	before, after  *certtest.Authority
	trust          string      // authorities that verbs know
	either         *tls.Config // of clients that know both
	herd           []*process
	load           *traffic
	pace           int64 // updates between two steps
	orders         int
	calls          atomic.Int64
	lost, suspects atomic.Int64 // changes of members, as all nodes tell them
}

// file is the path of a file of the test.
func (r *rotating) file(name string) string { return filepath.Join(r.dir, name) }

// read is the text of a file of the test.
func (r *rotating) read(name string) string {
	r.t.Helper()
	text, err := os.ReadFile(r.file(name))
	if err != nil {
		r.t.Fatal(err)
	}
	return string(text)
}

// trusting are clients that know some authorities.
func (r *rotating) trusting(authorities ...*certtest.Authority) *tls.Config {
	r.t.Helper()
	roots := x509.NewCertPool()
	for _, a := range authorities {
		text, err := os.ReadFile(a.File)
		if err != nil || !roots.AppendCertsFromPEM(text) {
			r.t.Fatal(a.File, err)
		}
	}
	return &tls.Config{RootCAs: roots, ServerName: "127.0.0.1"}
}

// newKey makes a key of that name, and gives what stands for it.
func (r *rotating) newKey(name string) (fingerprint string) {
	r.t.Helper()
	if code, out := herdVerb(r.t, "keygen", "--out", r.file(name)); code != exitDone {
		r.t.Fatalf("keygen: exit code %d: %s", code, out)
	}
	key, err := config.ReadKey(r.file(name))
	if err != nil {
		r.t.Fatal(err)
	}
	return node.Fingerprint(key)
}

// spec is that of a node with a key file of its own, which holds the keys of these files.
func (r *rotating) spec(name string, keys ...string) spec {
	r.t.Helper()
	ring := ""
	for _, key := range keys {
		ring += r.read(key)
	}
	file := r.file(name + ".key")
	if err := os.WriteFile(file, []byte(ring), 0o600); err != nil {
		r.t.Fatal(err)
	}
	s := spec{name: name, tls: r.trusting(r.before), flags: []string{"--key-file", file, "--tls-cert-file", r.cert, "--tls-key-file", r.certKey}}
	for _, p := range r.herd {
		s.join = append(s.join, p.Ready.Gossip)
	}
	return s
}

// begin begins what is to notice nothing: updates at a rate, programs that connect again
// and again, and watchers of members. It ends with the test.
func (r *rotating) begin(perSecond int) {
	r.t.Helper()
	ctx, cancel := context.WithCancel(r.t.Context())
	var running, watching sync.WaitGroup
	r.t.Cleanup(func() {
		cancel()
		running.Wait()
	})
	for _, p := range r.herd {
		watching.Add(1)
		running.Go(func() { r.watch(ctx, p, sync.OnceFunc(watching.Done)) })
	}
	watching.Wait()
	r.load = startLoad(r.t, r.herd, perSecond)
	for _, p := range r.herd {
		running.Go(func() { r.report(ctx, p) })
	}
}

// watch counts the members that a node loses. It calls ready once when it sees all changes.
func (r *rotating) watch(ctx context.Context, p *process, ready func()) {
	defer ready()
	watcher, err := api.NewAPI(api.Config{Addrs: []string{p.Ready.HTTP}, TLS: r.either})
	if err != nil {
		r.t.Error(err)
		return
	}
	defer watcher.Close()
	for e, err := range watcher.Events(ctx, api.Filter{Kinds: []api.Kind{api.Changed}}) {
		switch {
		case ctx.Err() != nil:
			return
		case err != nil, e.Kind == api.Reset:
			r.t.Errorf("changes at %s: %s, %v", p.spec.name, e.Why, err)
			return
		case e.Kind == api.Hello:
			ready()
		case e.Member.State == api.Suspect:
			r.suspects.Add(1)
		case e.Member.State != api.Alive:
			r.lost.Add(1)
		}
	}
}

// report reports to a node, and to no other one, over one connection after the other.
func (r *rotating) report(ctx context.Context, p *process) {
	id := "user-of-" + p.spec.name
	for range ticks(ctx, 200*time.Millisecond) {
		user, err := api.New(api.Config{Addrs: []string{p.Ready.Client}, Rounds: 1, Silence: hang, TLS: r.either})
		if err != nil {
			r.t.Error(err)
			return
		}
		for range 5 {
			when := api.SecondsOf(time.Now())
			fix, err := user.Report(ctx, id, api.PositionOf(34, -118), when)
			if ctx.Err() != nil {
				break
			}
			if err != nil || fix.Time != when || fix.Node != p.spec.name {
				r.t.Errorf("%s reports: %v, %v", id, fix, err)
			}
			r.calls.Add(1)
		}
		user.Close()
	}
}

// more returns after some more updates, and calls of each.
func (r *rotating) more() {
	r.t.Helper()
	updates, calls := r.load.answered.Load()+r.pace, r.calls.Load()+10
	until(r.t, "updates are answered", func() bool {
		return r.t.Failed() || r.load.answered.Load() > updates && r.calls.Load() > calls
	})
}

// keyring gives an order through the nodes in turn, and what is printed.
func (r *rotating) keyring(code int, args ...string) string {
	r.t.Helper()
	r.more()
	r.orders++
	through := r.herd[r.orders%len(r.herd)]
	got, out := herdVerb(r.t, append(append([]string{"keyring"}, args...), "--http-addr", through.Ready.HTTP, "--ca-file", r.trust)...)
	if got != code {
		r.t.Fatalf("keyring %s: exit code %d, want %d:\n%s", args, got, code, out)
	}
	return out
}

// step gives an order that all obey; then they send with one key and take others too.
func (r *rotating) step(now, sends, takes string, args ...string) {
	r.t.Helper()
	out := r.keyring(exitDone, args...)
	for _, p := range r.herd {
		if want := []string{p.spec.name, p.Ready.Gossip, sends, takes, now}; !slices.ContainsFunc(strings.Split(out, "\n"), func(line string) bool {
			return slices.Equal(strings.Fields(line), want)
		}) {
			r.t.Errorf("keyring %s: %s should be there:\n%s", args, want, out)
		}
	}
}

// certify has all nodes show a certificate of the other authority.
func (r *rotating) certify() {
	r.t.Helper()
	cert, key := r.after.Sign(30*24*time.Hour, "127.0.0.1")
	copyOver(r.t, cert, r.cert)
	copyOver(r.t, key, r.certKey)
	r.more()
	for i, p := range r.herd {
		if i == 0 {
			code, out := herdVerb(r.t, "reload", "--http-addr", p.Ready.HTTP, "--ca-file", r.before.File)
			if code != exitDone || !strings.Contains(out, "tls.cert_file") || strings.Contains(out, "restart") {
				r.t.Errorf("reload: exit code %d:\n%s", code, out)
			}
		} else {
			p.cmd.Process.Signal(syscall.SIGHUP)
		}
		p.spec.tls = r.trusting(r.after)
		until(r.t, p.spec.name+" shows the new certificate", func() bool {
			_, _, err := p.get("/livez")
			return err == nil
		})
	}
	r.trust = r.after.File
}

// A herd under load changes its gossip key by the verbs and its certificate by reloads, and
// nobody notices: each client is answered, no member is lost, no packet is refused. Then the old
// key lets nobody in, and the new one does.
func TestE2ERotation(t *testing.T) {
	rate, pace := 500, int64(50)
	if sizes().alone {
		rate, pace = 10_000, 30_000
	}
	r := &rotating{t: t, dir: t.TempDir(), before: certtest.New(t), after: certtest.New(t), pace: pace}
	r.cert, r.certKey = r.before.Sign(30*24*time.Hour, "127.0.0.1")
	r.trust, r.either = r.before.File, r.trusting(r.before, r.after)
	old, spare, fresh := r.newKey("old"), r.newKey("spare"), r.newKey("new")
	for i := range 5 {
		keys := []string{"old", "spare"}
		r.herd = append(r.herd, start(t, r.spec(devName(i), keys[:2-i/4]...))) // the last one lacks the spare key
	}
	settle(t, r.herd)
	r.begin(rate)
	before := map[string]map[string]float64{}
	for _, p := range r.herd {
		before[p.spec.name] = p.metrics()
	}

	last := r.herd[4].spec.name
	if out := r.keyring(exitFailed, "use", r.file("spare")); !strings.Contains(out, "installed first: "+last+"\n") {
		t.Errorf("a key that %s lacks is used:\n%s", last, out)
	}
	r.keyring(exitDone, "remove", spare)
	r.step("listed", old, "-", "list")
	r.step("changed", old, fresh, "install", r.file("new"))
	r.step("changed", fresh, old, "use", r.file("new"))
	r.certify()
	r.step("listed", fresh, old, "list")
	r.step("changed", fresh, "-", "remove", old)
	r.more()

	for _, p := range r.herd {
		got, was := p.metrics(), before[p.spec.name]
		for _, series := range []string{
			"herd_sessions_lost_total", `herd_gossip_packets_total{result="junk"}`, `herd_gossip_streams_refused_total{reason="wrong_key"}`,
			"herd_gossip_keys_unsaved",
		} {
			if value, ok := got[series]; !ok || value != was[series] {
				t.Errorf("%s: %s is %v, was %v", p.spec.name, series, value, was[series])
			}
		}
		if got["herd_gossip_keys"] != 1 {
			t.Errorf("%s has %v keys", p.spec.name, got["herd_gossip_keys"])
		}
		if ring := r.read(p.spec.name + ".key"); ring != r.read("new") {
			t.Errorf("the key file of %s has other keys than the new one", p.spec.name)
		}
	}
	r.admits()
	acked := r.load.report(t)
	t.Logf("while keys and certificates changed: %d members lost, %d suspected; programs made %d calls", r.lost.Load(), r.suspects.Load(), r.calls.Load())
	if r.lost.Load() > 0 || sizes().alone && r.suspects.Load() > 0 {
		t.Error("a member was lost")
	}
	checkAll(t, r.herd, acked)
}

// admits has a stranger with the old key try to join in vain, and a sixth node with the key
// file of another one join.
func (r *rotating) admits() {
	r.t.Helper()
	p := launch(r.t, r.spec("Stranger", "old"))
	p.waitLog("wrong key")
	for _, member := range r.herd {
		until(r.t, member.spec.name+" refuses the old key", func() bool {
			return member.metrics()[`herd_gossip_streams_refused_total{reason="wrong_key"}`] > 0
		})
		if seen := member.view(); len(seen) != len(r.herd) {
			r.t.Errorf("%s sees %v", member.spec.name, seen)
		}
	}
	p.kill()
	sixth := r.spec("Sixth", r.herd[0].spec.name+".key")
	sixth.tls = r.trusting(r.after)
	r.herd = append(r.herd, start(r.t, sixth))
	settle(r.t, r.herd)
}
