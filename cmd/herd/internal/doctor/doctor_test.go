package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
	"maps"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"herd/config"
	"herd/gossip/location"
	"herd/node"
)

var now = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// well are the facts of a node that runs, with one seed and one other member.
func well() *Facts {
	c := config.Default()
	c.Name = "Clark"
	c.Gossip.Addr = "10.0.0.1:4132"
	leaf := &x509.Certificate{DNSNames: []string{"herd.example.com"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(60 * 24 * time.Hour)}
	seed := node.Probe{Addr: "10.0.0.2:4132", Peer: "Bona", Origin: 2, Timed: true}
	c.Gossip.Join = []string{seed.Addr}
	return &Facts{
		Now: now, Config: c,
		Loaded: &config.Loaded{
			Config: c, Keys: [][]byte{{1}},
			ReadTokens: []config.Secret{"one"}, WriteTokens: []config.Secret{"two"},
			TLS: &tls.Config{Certificates: []tls.Certificate{{Leaf: leaf}}},
		},
		Folders:    []Folder{{"gossip.key_file", "/etc/herd", fs.ModeDir | 0o755}},
		Advertised: netip.MustParseAddrPort("10.0.0.1:4132"),
		Own:        []netip.Addr{netip.MustParseAddr("10.0.0.1")},
		MaxFiles:   1 << 20, SpareFiles: 512,
		Memory:  Memory{Limit: 8 << 30},
		Disk:    Disk{Dir: "/var/lib/herd", Free: 10 << 30},
		Seeds:   []Seed{{Text: seed.Addr, Probes: []node.Probe{seed}}},
		Members: []node.Probe{seed},
		Ports:   []Port{{Setting: "client.addr", Network: "tcp", Addr: "127.0.0.1:4131", Err: syscall.EADDRINUSE}},
		Node: &Running{
			Addr: "127.0.0.1:4133", Verdict: "ready", Certificate: leaf,
			Self:    Self{Name: "Clark", Origin: "0000000000000001", Client: "127.0.0.1:4131", Gossip: "10.0.0.1:4132"},
			Members: []Member{{Name: "Clark", Origin: "0000000000000001", State: "alive"}, {Name: "Bona", Origin: "0000000000000002", State: "alive", Gossip: seed.Addr, InSync: true}},
		},
	}
}

func TestHealthy(t *testing.T) {
	for _, f := range well().Judge() {
		if f.Status != OK || f.Advice != "" {
			t.Errorf("got %+v", f)
		}
	}
	bounded := well()
	bounded.Config.Herd.MaxClients, bounded.Config.Herd.MemoryLimit, bounded.Disk.Free = 0, 1<<30, -1
	if text, _ := Summary(bounded.Judge()); text != "Nothing is wrong." {
		t.Errorf("%s: %+v", text, bounded.Judge())
	}
	stopped := well()
	stopped.Node, stopped.Members = nil, nil
	stopped.Ports[0].Err = nil
	if text, faulty := Summary(stopped.Judge()); faulty || text != "Nothing is wrong." {
		t.Errorf("%s: %+v", text, stopped.Judge())
	}
}

// A key that stays as it is may be meant, and is told.
func TestKeyKept(t *testing.T) {
	f := well()
	f.Config.Gossip.KeyFile, f.KeyKept = "/etc/herd/gossip.key", true
	if g := f.key()[0]; g.Status != OK || !strings.Contains(g.Found, "1 in /etc/herd/gossip.key, a folder that can't be written to") {
		t.Errorf("got %+v", g)
	}
	if dir := t.TempDir(); !writable(dir) || runtime.GOOS == "linux" && writable(filepath.Join(dir, "missing")) {
		t.Error("which folders can be written to is not known")
	}
}

// What root lends to nobody the node can't read, and root is told.
func TestRootsKey(t *testing.T) {
	f := well()
	f.Root = &Root{User: "herd", Setting: "storage.data_dir", Name: "/var/lib/herd", Closed: []Folder{{"gossip.key_file", "/etc/herd/gossip.key", 0o600}}}
	all := f.Judge()
	g := all[len(all)-1]
	if g.Status != Warning || !strings.Contains(g.Found, "/etc/herd/gossip.key, the gossip.key_file, is root's with mode 0600, and herd can't read it") || g.Advice != "Run chown herd on /etc/herd/gossip.key." {
		t.Errorf("got %+v", g)
	}
	f.Root = &Root{} // all is root's
	if text, _ := Summary(f.Judge()); text != "Nothing is wrong." {
		t.Errorf("got %s", text)
	}
}

// One thing is wrong each time, and is found with words that name it, and with advice.
func TestChecks(t *testing.T) {
	leaf := func(f *Facts) *x509.Certificate { return f.Loaded.TLS.Certificates[0].Leaf }
	seed := func(f *Facts) *node.Probe { f.Members = nil; f.Node = nil; f.Ports = nil; return &f.Seeds[0].Probes[0] }
	bona := func(f *Facts) *Member { return &f.Node.Members[1] }
	for _, c := range []struct {
		what    string
		change  func(f *Facts)
		status  Status
		check   string
		found   string
		advised string
	}{
		{"no key", func(f *Facts) { f.Loaded.Keys = nil }, Warning, "config", "open to everyone", "herd keygen"},
		{"no token", func(f *Facts) { f.Config.HTTP.Addr = ":4133"; f.Loaded.ReadTokens, f.Loaded.WriteTokens = nil, nil }, Warning, "config", "sees all clients", "write_token_file"},
		{"chaos", func(f *Facts) { f.Config.Chaos = true }, Warning, "config", "chaos", "off"},
		{"one token for all", func(f *Facts) { f.Loaded.ReadTokens = f.Loaded.WriteTokens }, Warning, "tokens", "may do all", "another"},
		{"folder", func(f *Facts) { f.Folders[0].Mode = fs.ModeDir | 0o777 }, Warning, "files", "0777", "chmod go-w"},
		{"root", func(f *Facts) { f.Root = &Root{User: "herd", Setting: "storage.data_dir", Name: "/var/lib/herd"} }, Warning, "user", "/var/lib/herd, the node's storage.data_dir, is herd's", "as the node runs"},
		{"expired", func(f *Facts) { leaf(f).NotAfter = now.Add(-49 * time.Hour) }, Fault, "certificate", "expired 2 days ago", "SIGHUP"},
		{"expires", func(f *Facts) { leaf(f).NotAfter = now.Add(9 * 24 * time.Hour) }, Warning, "certificate", "expires in 9 days", "SIGHUP"},
		{"not yet", func(f *Facts) { leaf(f).NotBefore = now.Add(time.Hour) }, Fault, "certificate", "not valid before", "clock"},
		{"no server", func(f *Facts) { leaf(f).ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }, Fault, "certificate", "not for servers", "serverAuth"},
		{"other name", func(f *Facts) {
			leaf(f).DNSNames, leaf(f).IPAddresses, f.Config.Client.Addr = nil, []net.IP{net.IPv4(9, 9, 9, 9)}, "10.0.0.1:4131"
		}, Warning, "certificate", "not for 10.0.0.1", "signed"},
		{"held", func(f *Facts) { f.Node, f.Ports[0].Holder = nil, `pid 12, "nginx"` }, Fault, "ports", `held by pid 12, "nginx"`, "--client-addr"},
		{"privileged", func(f *Facts) { f.Ports[0].Err = syscall.EACCES }, Fault, "ports", "may not be bound", "1023"},
		{"no address of ours", func(f *Facts) { f.Ports[0].Err = syscall.EADDRNOTAVAIL }, Fault, "ports", "not an address of this machine", "0.0.0.0"},
		{"told loopback", func(f *Facts) { f.Advertised = netip.MustParseAddrPort("127.0.0.1:4132") }, Fault, "address", "own machine", "--advertise-addr"},
		{"nothing to tell", func(f *Facts) { f.AdvertiseErr = errors.New("none is up") }, Fault, "address", "none is up", "--advertise-addr"},
		{"seed elsewhere", func(f *Facts) { f.Config.Gossip.Addr = "127.0.0.1:4132" }, Fault, "address", "can't dial back", "--gossip-addr"},
		{"NAT", func(f *Facts) { f.Own = nil }, Warning, "address", "no interface", "NAT"},
		{"files by default", func(f *Facts) { f.MaxFiles = 1024 }, Warning, "open files", "there will be fewer", "ulimit"},
		{"files as asked", func(f *Facts) {
			f.MaxFiles = 1024
			f.Loaded.Settings = []config.Setting{{Field: config.Field{Name: "client.max_conns"}, Origin: "--client-max-conns"}}
		}, Fault, "open files", "1024 are allowed", "lower"},
		{"memory", func(f *Facts) { f.Memory.Limit = 1 << 29 }, Warning, "memory", "953.7 MiB", "Lower herd.max_clients"},
		{"all clients", func(f *Facts) { f.Config.Herd.MaxClients = 0 }, Warning, "memory", "grows", "max_clients"},
		{"goal", func(f *Facts) { f.Memory.Goal = 16 << 30 }, Warning, "memory", "GOMEMLIMIT is 16.0 GiB", "7.2 GiB"},
		{"memory limit", func(f *Facts) { f.Config.Herd.MemoryLimit = 16 << 30 }, Warning, "memory", "memory_limit is 16.0 GiB", "7.2 GiB"},
		{"disk", func(f *Facts) { f.Disk.Err = errors.New("read-only") }, Fault, "disk", "read-only", "--data-dir"},
		{"no room at all", func(f *Facts) { f.Disk.Free = 0 }, Fault, "disk", "0 B are free", "room"},
		{"full disk", func(f *Facts) { f.Disk.Free = 1 << 20 }, Fault, "disk", "1.0 MiB are free", "room"},
		{"filling disk", func(f *Facts) { f.Disk.Free = 1 << 29 }, Warning, "disk", "512.0 MiB are free", "room"},
		{"journal", func(f *Facts) { f.Node.Journal = "behind: no space left" }, Fault, "disk", "behind: no space left", "Make room"},
		{"year", func(f *Facts) { f.Now = time.Unix(0, 0); f.Loaded.TLS = nil }, Fault, "clock", "1970", "NTP"},
		{"astray", func(f *Facts) { f.Seeds[0].Probes[0].Ahead = -3 * time.Minute }, Fault, "clock", "3m0s ahead of that of 1 node", "NTP"},
		{"a little astray", func(f *Facts) { f.Seeds[0].Probes[0].Ahead = 2 * time.Second }, Warning, "clock", "2s behind", "NTP"},
		{"unresolved", func(f *Facts) { seed(f); f.Seeds[0].Err = errors.New("no such host") }, Fault, "seeds", "no such host", "--join"},
		{"refused", func(f *Facts) {
			*seed(f) = node.Probe{Addr: "10.0.0.2:4132", Stream: syscall.ECONNREFUSED, Packet: errors.New("no answer")}
		}, Fault, "seeds", "nobody listens", "4132"},
		{"silent", func(f *Facts) {
			*seed(f) = node.Probe{Addr: "10.0.0.2:4132", Stream: context.DeadlineExceeded, Packet: errors.New("no answer")}
		}, Fault, "seeds", "no answer in time", "TCP and UDP"},
		{"wrong key", func(f *Facts) { seed(f).Stream = &node.KeyError{Reason: "no gossip key in common"} }, Fault, "seeds", "no gossip key in common", "Copy its key file"},
		{"other label", func(f *Facts) { *seed(f) = node.Probe{Stream: &node.KeyError{}, OtherLabel: true} }, Fault, "seeds", "no label", "gossip.label"},
		{"no UDP", func(f *Facts) { seed(f).Packet = errors.New("no answer") }, Fault, "seeds", "by TCP and not by UDP", "Let UDP through"},
		{"no TCP", func(f *Facts) { seed(f).Stream = errors.New("no route") }, Fault, "seeds", "by UDP and does not answer by TCP", "Let TCP through"},
		{"name taken", func(f *Facts) { seed(f).Holders = []node.Holder{{Origin: 9, Gossip: "10.0.0.9:4132"}} }, Fault, "name", "live node at 10.0.0.9:4132", "--name"},
		{"not ready", func(f *Facts) { f.Node.Verdict = "not ready: catching up with Bona" }, Fault, "node", "catching up with Bona", "reached"},
		{"clock of the node", func(f *Facts) { f.Node.Verdict = "not ready: its clock is 3h behind" }, Fault, "node", "3h behind", "NTP"},
		{"refusal", func(f *Facts) { f.Node.Refusal = "status 401" }, Warning, "node", "status 401", "--token-file"},
		{"another node of another herd", func(f *Facts) { f.Node.Self.Name = "Jaquez"; f.Members[0].Stream = &node.KeyError{} }, Warning, "node", `"Jaquez" runs`, "--config"},
		{"another node", func(f *Facts) { f.Node.Self.Name = "Jaquez" }, Warning, "node", `"Jaquez" runs`, "restart"},
		{"old certificate", func(f *Facts) { f.Node.Certificate = &x509.Certificate{Raw: []byte{1}} }, Warning, "node", "another certificate", "SIGHUP"},
		{"limits", func(f *Facts) { f.Node.OtherLimits = 2 }, Warning, "node", "2 members with another ttl", "same"},
		{"failed", func(f *Facts) { bona(f).State, bona(f).Since = "failed", now.Add(-time.Minute) }, Warning, "members", "failed 1m0s ago", "Start it"},
		{"suspect", func(f *Facts) { bona(f).State = "suspect" }, Warning, "members", "did not answer", "network"},
		{"unseen", func(f *Facts) { bona(f).Unseen = true }, Fault, "members", "does not see this node", "UDP"},
		{"lagging", func(f *Facts) { bona(f).Lagging = true }, Warning, "members", "too slow", "processors"},
		{"out of sync", func(f *Facts) { bona(f).InSync = false }, Warning, "members", "out of sync", "lasts"},
		{"member without UDP", func(f *Facts) { f.Seeds = nil; f.Members[0].Packet = errors.New("no answer") }, Fault, "members", "by TCP and not by UDP", "UDP"},
	} {
		t.Run(c.what, func(t *testing.T) {
			f := well()
			c.change(f)
			all := f.Judge()
			var wrong []Finding
			for i, g := range all {
				if g.Status != OK {
					wrong = append(wrong, g)
				}
				if i > 0 && all[i-1].Status > g.Status {
					t.Errorf("%v before %v", all[i-1], g)
				}
			}
			if len(wrong) != 1 {
				t.Fatalf("found %d things: %+v", len(wrong), wrong)
			}
			g := wrong[0]
			if g.Status != c.status || g.Check != c.check || !strings.Contains(g.Found, c.found) || !strings.Contains(g.Advice, c.advised) {
				t.Errorf("got %v %+v", g.Status, g)
			}
			if _, faulty := Summary(all); faulty != (c.status == Fault) {
				t.Error("the summary says another thing")
			}
		})
	}
}

// Who is alone is not told that others are reached.
func TestAlone(t *testing.T) {
	f := well()
	f.Node.Members, f.Members = f.Node.Members[:1], nil
	var found []string
	for _, g := range f.Judge() {
		if g.Check == "members" {
			found = append(found, g.Found)
		}
	}
	if len(found) != 1 || found[0] != "no other node is alive" {
		t.Errorf("got %q", found)
	}
}

// A seed that does not answer is a fault only if no other does.
func TestOneSeedIsEnough(t *testing.T) {
	f := well()
	f.Seeds = append(f.Seeds,
		Seed{Text: "x:1", Err: errors.New("no such host")},
		Seed{Text: "10.0.0.3:1", Probes: []node.Probe{{Addr: "10.0.0.3:1", Stream: syscall.ECONNREFUSED, Packet: errors.New("no answer")}}},
		Seed{Text: "10.0.0.1:4132", Probes: []node.Probe{{Addr: "10.0.0.1:4132", Origin: location.Origin(1)}}}) // itself
	text, faulty := Summary(f.Judge())
	if faulty || text != "2 warnings." {
		t.Errorf("%s: %+v", text, f.Judge())
	}
}

// Of many members that are not well a few are named.
func TestManyMembers(t *testing.T) {
	f := well()
	for range 100 {
		f.Node.Members = append(f.Node.Members, Member{Name: "x", Origin: "f", State: "failed", Since: now})
	}
	var found []string
	for _, g := range f.Judge() {
		if g.Check == "members" {
			found = append(found, g.Found)
		}
	}
	if len(found) != lacks+1 || found[lacks] != "92 more are not well" {
		t.Errorf("got %q", found)
	}
}

// What Linux says of ports and memory, and what it says in no form that is known.
func TestProc(t *testing.T) {
	root := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		name = filepath.Join(root, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	if m := memoryOf(root); m.Limit != 0 || holder(root, "tcp", "1.2.3.4:4131") != "" {
		t.Errorf("of nothing: %+v", m)
	}
	write("proc/meminfo", "MemTotal:  2048 kB\nMemFree: 1 kB\n")
	write("proc/self/cgroup", "0::/system.slice/herd.service\nnonsense\n")
	write("sys/fs/cgroup/system.slice/herd.service/memory.max", "max\n")
	if m := memoryOf(root); m.Limit != 2<<20 {
		t.Errorf("no group limit: %+v", m)
	}
	write("sys/fs/cgroup/system.slice/memory.max", "1048576\n")
	if m := memoryOf(root); m.Limit != 1<<20 {
		t.Errorf("a limit above: %+v", m)
	}
	write("proc/net/tcp", "  sl  local_address\n   0: 0100007F:1023 00000000:0000 0A 0:0 0:0 0 0 0 77 1\n   1: 0100007F:1023 00000000:0000 01 0:0 0:0 0 0 0 78 1\nshort\n")
	write("proc/12/comm", "nginx\n")
	write("proc/12/fd/dummy", "")
	if err := os.Symlink("socket:[77]", filepath.Join(root, "proc/12/fd/3")); err != nil {
		if runtime.GOOS == "windows" {
			return // links are for administrators
		}
		t.Fatal(err)
	}
	if got := holder(root, "tcp", "127.0.0.1:4131"); got != `pid 12, "nginx"` {
		t.Errorf("held by %q", got)
	}
	for _, bad := range []string{"127.0.0.1:4130", "nonsense", "1:x"} {
		if got := holder(root, "tcp", bad); got != "" {
			t.Errorf("%s is held by %q", bad, got)
		}
	}
}

func TestDisk(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if d := lookAtDisk(filepath.Join(dir, "yet/to/be/made"), false); d.Err != nil {
		t.Error(d.Err)
	}
	if d := lookAtDisk(filepath.Join(file, "x"), false); d.Err == nil {
		t.Error("a folder in a file: no error")
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// fakeAPI answers what the map says, 404 where that is empty; all else is refused.
type fakeAPI map[string]string

func (fakeAPI) Addr() string { return "127.0.0.1:4133" }

func (a fakeAPI) Get(_ context.Context, path string) (Answer, error) {
	if body, ok := a[path]; ok && body == "" {
		return Answer{Status: 404, Body: []byte("404 page not found\n")}, nil
	} else if ok {
		return Answer{Status: 200, Body: []byte(body)}, nil
	}
	return Answer{Status: 401, Body: []byte(`{"detail":"A token is needed."}`)}, nil
}

func TestAskNode(t *testing.T) {
	if r := askNode(t.Context(), fakeAPI{"/livez": "<html>"}); r != nil {
		t.Errorf("another program is taken for a node: %+v", r)
	}
	r := askNode(t.Context(), fakeAPI{"/livez": "alive\n", "/readyz": "ready\n"})
	if r == nil || r.Verdict != "ready" || r.Refusal != "status 401: A token is needed" {
		t.Errorf("got %+v", r)
	}
	old := fakeAPI{
		"/livez": "alive\n", "/readyz": "ready\n", "/v1/self": `{"name":"Clark"}`, "/v1/members": `{"members":[{"name":"Clark"}]}`,
		"/v1/stats": "", "/metrics": "# x\nherd_members_with_other_limits 3\n",
	}
	r = askNode(t.Context(), old)
	if r.Refusal != "" || r.Self.Name != "Clark" || len(r.Members) != 1 || r.OtherLimits != 3 || r.Journal != "" {
		t.Errorf("0.1.0: got %+v", r)
	}
	for stats, want := range map[string]string{
		`{"clients":1}`:                          "",
		`{"journal":{"trouble":"","why":"EIO"}}`: "",
		`{"journal":{"trouble":"behind: EIO"}}`:  "behind: EIO",
	} {
		now := maps.Clone(old)
		now["/v1/stats"] = stats
		if r = askNode(t.Context(), now); r.Refusal != "" || r.OtherLimits != 3 || r.Journal != want {
			t.Errorf("%s: got %+v", stats, r)
		}
	}
	if r = askNode(t.Context(), fakeAPI{"/livez": "alive\n", "/v1/self": "nonsense"}); r.Refusal == "" {
		t.Errorf("nonsense is taken for an answer: %+v", r)
	}
}
