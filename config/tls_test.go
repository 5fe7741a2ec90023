package config

import (
	"bytes"
	"crypto/tls"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"herd/config/certtest"
)

func TestCertificate(t *testing.T) {
	ca := certtest.New(t)
	cert, key := ca.Sign(time.Hour, "herd.test")
	l, err := Load(nil, []string{"HERD_TLS_CERT_FILE=" + cert, "HERD_TLS_KEY_FILE=" + key, "HERD_TLS_CLIENT_CA_FILE=" + ca.File, "HERD_TLS_MIN_VERSION=1.2"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if c := l.TLS; c == nil || len(c.Certificates) != 1 || c.Certificates[0].Leaf.Subject.CommonName != "herd.test" || c.ClientCAs == nil || c.MinVersion != tls.VersionTLS12 {
		t.Errorf("got %+v", c)
	}
	if l, err := Load(nil, nil, nil); err != nil || l.TLS != nil {
		t.Errorf("without files: %v, %v", l.TLS, err)
	}
	if l, err := Load(nil, []string{"HERD_TLS_CERT_FILE=" + cert, "HERD_TLS_KEY_FILE=" + key}, nil); err != nil || l.TLS.MinVersion != tls.VersionTLS13 || l.TLS.ClientCAs != nil {
		t.Errorf("with a certificate alone: %v, %v", l.TLS, err)
	}
}

func TestBadCertificates(t *testing.T) {
	ca := certtest.New(t)
	cert, key := ca.Sign(time.Hour, "herd.test")
	_, other := ca.Sign(time.Hour, "herd.test")
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, []byte("canary"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ cert, key, ca, says string }{
		{cert, "", "", "no private key"},
		{"", key, "", "no certificate to go with"},
		{"", "", ca.File, "no certificate to go with"},
		{cert, other, "", "don't go together: private key does not match"},
		{empty, key, "", "don't go together: failed to find any PEM data"},
		{cert, empty, "", "don't go together: failed to find any PEM data"},
		{cert + "-not", key, "", "no such file"},
		{cert, key + "-not", "", "no such file"},
		{cert, key, empty, "there is no certificate in it"},
	} {
		var environ []string
		for name, value := range map[string]string{"CERT_FILE": c.cert, "KEY_FILE": c.key, "CLIENT_CA_FILE": c.ca} {
			if value != "" {
				environ = append(environ, "HERD_TLS_"+name+"="+value)
			}
		}
		if _, err := Load(nil, environ, nil); err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%v: got %v, want %q", environ, err, c.says)
		}
	}
	if err := os.Chmod(key, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(nil, []string{"HERD_TLS_CERT_FILE=" + cert, "HERD_TLS_KEY_FILE=" + key}, nil); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a key for others to read: %v", err)
	}
}

func TestClientTLS(t *testing.T) {
	ca := certtest.New(t)
	cert, key := ca.Sign(time.Hour, "Jane")
	if c, err := ClientTLS(ca.File, cert, key); err != nil || c.RootCAs == nil || len(c.Certificates) != 1 {
		t.Errorf("got %+v, %v", c, err)
	}
	if c, err := ClientTLS("", "", ""); err != nil || c.RootCAs != nil {
		t.Errorf("whom the system trusts: %+v, %v", c, err)
	}
	for _, files := range [][3]string{{key, "", ""}, {"", cert, ""}, {"", "", key}, {"", key, cert}, {ca.File + "-not", "", ""}} {
		if _, err := ClientTLS(files[0], files[1], files[2]); err == nil {
			t.Errorf("%q are taken", files)
		}
	}
}

// All whom a system trusts are read from one file; more than there can be is not.
func TestLargeBundle(t *testing.T) {
	ca := certtest.New(t)
	text, err := os.ReadFile(ca.File)
	if err != nil {
		t.Fatal(err)
	}
	cert, key := ca.Sign(time.Hour, "127.0.0.1")
	for size, want := range map[int]bool{230_000: true, maxBundle: true, maxBundle + 1: false} {
		name := filepath.Join(t.TempDir(), "ca.pem")
		if err := os.WriteFile(name, append(bytes.Repeat([]byte("#"), size-len(text)-1), "\n"+string(text)...), 0o600); err != nil {
			t.Fatal(err)
		}
		_, verb := ClientTLS(name, "", "")
		_, node := Load(nil, []string{"HERD_NAME=Clark", "HERD_TLS_CERT_FILE=" + cert, "HERD_TLS_KEY_FILE=" + key, "HERD_TLS_CLIENT_CA_FILE=" + name}, nil)
		for _, err := range []error{verb, node} {
			if (err == nil) != want || err != nil && !strings.Contains(err.Error(), "more than 1MiB") {
				t.Errorf("%d bytes: %v", size, err)
			}
		}
	}
}
