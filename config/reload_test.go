package config

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// loadedWith is a configuration of a node on loopback, but for what is changed.
func loadedWith(change ...func(*Loaded)) *Loaded {
	l := &Loaded{Config: Default()}
	l.Config.Name = "Clark"
	for _, f := range change {
		f(l)
	}
	return l
}

func changed(changes []Change) []string {
	all := []string{}
	for _, c := range changes {
		all = append(all, fmt.Sprintf("%v %t", c, c.Taken))
	}
	return all
}

// TestTake: what is marked is taken over, and nothing else; all that differs is told.
func TestTake(t *testing.T) {
	was := loadedWith(func(l *Loaded) {
		l.Config.Places.Files = []File{newFile("old")}
		l.ReadTokens = []Secret{"canary-canary-canary"}
	})
	to := loadedWith(func(l *Loaded) {
		c := &l.Config
		c.Name, c.Gossip.Label = "Bona", "x"
		c.Client.MaxLine, c.Client.IdleTimeout, c.Client.MaxConns = 64<<10, 90*time.Second, 7
		c.Gossip.Join, c.Herd.TTL, c.Herd.MaxClients = []string{"a:1", "b:2"}, 24*time.Hour, 0
		c.Herd.MemoryLimit = 3_000_000_000
		c.Log.Level, c.Log.Format, c.Log.File = "debug", "json", "a,b"
		c.Places.Files = []File{newFile("new")}
		l.ReadTokens = []Secret{"canary-canary-other"}
		l.Keys = [][]byte{[]byte("0123456789abcdef")}
	})
	next, changes, err := was.Take(to)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"name: Clark, now Bona false",
		"client.max_conns: 10000, now 7 true",
		"client.max_line: 4KiB, now 64KiB true",
		"client.idle_timeout: 5m, now 1m30s true",
		"gossip.join: none, now a:1,b:2 true",
		"gossip.label: none, now x false",
		"gossip.key_file: what is in its file false",
		"herd.ttl: 0s, now 24h true",
		"herd.max_clients: 10000000, now 0 true",
		"herd.memory_limit: 0B, now 3000000000B true",
		"places.file.new.format: none, now auto true",
		"places.file.new.rank: none, now prominence true",
		"http.read_token_file: what is in its file true",
		"log.level: info, now debug true",
		"log.format: text, now json false",
		"log.file: none, now a,b true",
		"places.file.old.format: auto, now none true",
		"places.file.old.rank: prominence, now none true",
	}
	got := slices.DeleteFunc(changed(changes), func(s string) bool { return strings.Contains(s, "none, now none") })
	if !slices.Equal(got, want) {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if strings.Contains(fmt.Sprint(changes), "canary") {
		t.Error("a token is shown")
	}
	// What needs a restart is as it was, and is told again; the rest is not.
	_, again, err := next.Take(to)
	if want := []string{"name: Clark, now Bona false", "gossip.label: none, now x false", "gossip.key_file: what is in its file false", "log.format: text, now json false"}; err != nil || !slices.Equal(changed(again), want) {
		t.Errorf("once more: %v, %v", changed(again), err)
	}
	if next.Config.Herd.MemoryLimit != 3_000_000_000 {
		t.Errorf("the limit on memory is %d", next.Config.Herd.MemoryLimit)
	}
	if was.Config.Client.MaxLine != 4<<10 || len(was.Config.Gossip.Join) != 0 {
		t.Error("what was there has changed")
	}
}

// TestTakeClashes: what can be taken over must go with what can't.
func TestTakeClashes(t *testing.T) {
	open := loadedWith(func(l *Loaded) {
		l.Config.HTTP.Addr, l.Config.HTTP.WriteTokenFile = "0.0.0.0:4133", "tokens"
		l.WriteTokens = []Secret{"canary-canary-canary"}
	})
	_, _, err := open.Take(loadedWith()) // which is on loopback, and needs no token
	if err == nil || !strings.Contains(err.Error(), "does not go with the settings that need a restart") || !strings.Contains(err.Error(), "0.0.0.0:4133") {
		t.Errorf("the port that others reach loses its tokens: %v", err)
	}
	if _, _, err := open.Take(loadedWith(func(l *Loaded) { l.Config.HTTP.Insecure = true })); err != nil {
		t.Errorf("though that is allowed: %v", err)
	}
}

// TestTakeTLS: a port that speaks in the clear goes on so, and one that does not, too.
func TestTakeTLS(t *testing.T) {
	speaks := func(cert string, roots *x509.CertPool) func(*Loaded) {
		return func(l *Loaded) {
			l.Config.TLS.CertFile = "cert.pem"
			l.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{[]byte(cert)}}}, ClientCAs: roots}
		}
	}
	for _, tt := range []struct {
		from, to *Loaded
		want     []string
		speaks   string // the certificate then
	}{
		{loadedWith(speaks("a", nil)), loadedWith(speaks("b", nil)), []string{"tls.cert_file: what is in its file true"}, "b"},
		{loadedWith(speaks("a", nil)), loadedWith(speaks("a", x509.NewCertPool())), []string{"tls.client_ca_file: what is in its file true"}, "a"},
		{loadedWith(), loadedWith(speaks("b", nil)), []string{"tls.cert_file: none, now cert.pem false"}, ""},
		{loadedWith(speaks("a", nil)), loadedWith(), []string{"tls.cert_file: cert.pem, now none false"}, "a"},
	} {
		next, changes, err := tt.from.Take(tt.to)
		if err != nil {
			t.Fatal(err)
		}
		cert := ""
		if next.TLS != nil {
			cert = string(next.TLS.Certificates[0].Certificate[0])
		}
		if !slices.Equal(changed(changes), tt.want) || cert != tt.speaks {
			t.Errorf("got %q and the certificate %q, want %q and %q", changed(changes), cert, tt.want, tt.speaks)
		}
	}
}
