// Package web is the page of a node: a map of its clients, and how the herd is. It is
// files for a browser, which has all else from the node's HTTP API; nothing comes from
// anywhere else.
//
//go:generate go run ./bake -o page/world.bin
package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
)

//go:embed page
var files embed.FS

// Prefix is the path below which the page's parts are. The page itself is at "/".
const Prefix = "/web/"

// policy lets the page load what the node has, and nothing else.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// types are the media types of files by what their names end in. The system's own table
// is not asked: it differs from machine to machine.
var types = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
	".bin":  "application/octet-stream",
}

// file is one file as it is served.
type file struct {
	kind, tag string
	plain     []byte
	small     func() []byte // compressed by gzip, when it is first wanted; nil if plain is
}

// page is all files by their paths, and who answers for others. It is static.
type page struct {
	files  map[string]*file
	others http.Handler
}

// Handler serves the page at "/" and its parts below [Prefix], for GET and HEAD. It has
// others answer for other paths. It sets no cookie. Any number of goroutines may use it.
func Handler(others http.Handler) http.Handler {
	p := page{make(map[string]*file), others}
	entries, err := files.ReadDir("page")
	for _, e := range entries {
		var f *file
		if f, err = read(e.Name()); err != nil {
			break
		}
		if e.Name() == "index.html" {
			p.files["/"] = f
			continue
		}
		p.files[Prefix+e.Name()] = f
	}
	if err != nil {
		panic("the page is a part of the program, and can't be read: " + err.Error())
	}
	return p
}

func read(name string) (*file, error) {
	plain, err := files.ReadFile("page/" + name)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(plain)
	f := &file{kind: types[path.Ext(name)], tag: `"` + hex.EncodeToString(sum[:12]) + `"`, plain: plain}
	if path.Ext(name) == ".bin" { // it has been compressed as it is
		return f, nil
	}
	f.small = sync.OnceValue(func() []byte {
		var b bytes.Buffer // takes all
		z := gzip.NewWriter(&b)
		z.Write(plain)
		z.Close()
		return b.Bytes()
	})
	return f, nil
}

func (p page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f := p.files[r.URL.Path]
	if f == nil {
		p.others.ServeHTTP(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-cache") // ask each time, by tag: another version of the node has other files
	h.Set("ETag", f.tag)
	h.Add("Vary", "Accept-Encoding")
	if r.Header.Get("If-None-Match") == f.tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", f.kind)
	body := f.plain
	if f.small != nil && takesGzip(r.Header.Values("Accept-Encoding")) {
		h.Set("Content-Encoding", "gzip")
		body = f.small()
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method != http.MethodHead {
		w.Write(body) // who does not take it has gone
	}
}

// takesGzip tells whether a header Accept-Encoding allows gzip.
func takesGzip(header []string) bool {
	for part := range strings.SplitSeq(strings.Join(header, ","), ",") {
		name, params, err := mime.ParseMediaType("x/" + strings.TrimSpace(part))
		if err == nil && name == "x/gzip" {
			return strings.Trim(params["q"], "0.") != "" || params["q"] == ""
		}
	}
	return false
}
