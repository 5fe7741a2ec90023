package web

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

func get(t *testing.T, method, path string, header ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, "http://127.0.0.1:4133"+path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	Handler(http.NotFoundHandler()).ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestHandler(t *testing.T) {
	index := get(t, "GET", "/")
	if got := index.Header.Get("Content-Security-Policy"); !strings.Contains(got, "default-src 'none'") || strings.Contains(got, "unsafe") {
		t.Errorf("policy %q", got)
	}
	if index.Header.Get("X-Content-Type-Options") != "nosniff" || index.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("header %v", index.Header)
	}
	page := body(t, index)
	for _, link := range regexp.MustCompile(`(?:src|href)="(/[^"]*)"`).FindAllStringSubmatch(page, -1) {
		if r := get(t, "GET", link[1]); r.StatusCode != 200 || r.Header.Get("Content-Type") == "" {
			t.Errorf("%s: %s, %v", link[1], r.Status, r.Header)
		}
	}
	packed := get(t, "GET", "/", "Accept-Encoding", "br, gzip;q=0.5")
	z, err := gzip.NewReader(packed.Body)
	if err != nil || packed.Header.Get("Content-Encoding") != "gzip" {
		t.Fatalf("%v, %v", packed.Header, err)
	}
	var plain bytes.Buffer
	if _, err := plain.ReadFrom(z); err != nil || plain.String() != page {
		t.Errorf("what is packed differs: %v", err)
	}
	for _, refused := range []string{"gzip;q=0", "gzip;q=0.0", "identity", "x-gzip"} {
		if r := get(t, "GET", "/", "Accept-Encoding", refused); r.Header.Get("Content-Encoding") != "" {
			t.Errorf("%s: got %s", refused, r.Header.Get("Content-Encoding"))
		}
	}
	if r := get(t, "GET", "/", "If-None-Match", index.Header.Get("ETag")); r.StatusCode != http.StatusNotModified {
		t.Errorf("the page as it was: %s", r.Status)
	}
	if r := get(t, "HEAD", "/web/main.js"); r.StatusCode != 200 || body(t, r) != "" {
		t.Errorf("HEAD: %s", r.Status)
	}
	for _, path := range []string{"/web/", "/web/nothing.js", "/web/../web.go", "/web/index.html", "/web/page/main.js"} {
		if r := get(t, "GET", path); r.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %s", path, r.Status)
		}
	}
}

// Nothing of the page is in its own HTML, where the policy forbids it, and all modules
// that are named are there.
func TestFiles(t *testing.T) {
	entries, err := files.ReadDir("page")
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, e := range entries {
		f, err := read(e.Name())
		if err != nil {
			t.Fatal(err)
		}
		if f.kind == "" {
			t.Errorf("%s has no media type", e.Name())
		}
		if f.small != nil {
			total += len(f.small())
		} else {
			total += len(f.plain)
		}
		text := string(f.plain)
		switch {
		case strings.HasSuffix(e.Name(), ".html"):
			if m := regexp.MustCompile(`(?i)<style|style=|\son\w+=|<script[^>]*>[^<]|javascript:`).FindString(text); m != "" {
				t.Errorf("%s has %q", e.Name(), m)
			}
		case strings.HasSuffix(e.Name(), ".js"):
			if !strings.HasPrefix(text, "// @ts-check\n") {
				t.Errorf("%s is not checked", e.Name())
			}
			if m := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|https?://`).FindString(text); m != "" && e.Name() != "members.js" && e.Name() != "throughput.js" {
				t.Errorf("%s has %q", e.Name(), m)
			}
			for _, m := range regexp.MustCompile(`from "\./([^"]+)"`).FindAllStringSubmatch(text, -1) {
				if _, err := files.Open("page/" + m[1]); err != nil {
					t.Errorf("%s: %v", e.Name(), err)
				}
			}
		}
	}
	t.Logf("the page has %d bytes on the wire", total)
	if total > 500_000 {
		t.Errorf("the page has %d bytes on the wire, more than 500,000", total)
	}
}
