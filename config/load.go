package config

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	sockaddr "github.com/hashicorp/go-sockaddr/template"
	"github.com/hashicorp/hcl/v2"
)

// Loaded is a checked configuration and where it came from.
type Loaded struct {
	Config   Config
	Keys     [][]byte  // the gossip keys, the primary first; empty: none. Never printed.
	KeyFile  *KeyFile  `json:"-"` // where they were read; nil: there are none
	Settings []Setting // every value with its origin, in the order of the reference, but for the chain of places

	// PlacesKey is the key for Google; empty: none, or Google is not in the chain.
	PlacesKey Secret

	// ReadTokens and WriteTokens are those of the HTTP port. No tokens at all: nobody is
	// asked for one.
	ReadTokens, WriteTokens []Secret

	// TLS is what the files of [TLS] make: the certificate, the least version, and who
	// signs for clients; whether they are asked is up to the port. Nil: there is none.
	TLS *tls.Config `json:"-"`
}

// Setting is the value of a field and what set it.
type Setting struct {
	Field
	Value  any    // string, int, bool or []string, as it is written in HCL
	Origin string // "default", "herd.hcl:3", "HERD_CLIENT_ADDR", "--client-addr", …
}

// Load reads files and folders, then the environment ("NAME=value", as
// os.Environ gives it), then flags (texts by [Field.Name]), resolves address
// templates, reads the keys and checks everything. Problems with what was
// written come as one [*Error].
func Load(paths, environ []string, flags map[string][]string) (*Loaded, error) {
	l := newLoader(environ)
	l.readFiles(paths)
	l.readEnvironment()
	l.readFlags(flags)
	l.deriveName()
	l.deriveAckTimeout()
	l.deriveOrder()
	l.resolveAddresses()
	l.check()
	keys, keyFile := l.gossipKeys()
	placesKey := l.placesKey()
	read, write := l.tokens()
	cert := l.certificate()
	if err := l.errs.orNil(); err != nil {
		return nil, err
	}
	loaded := &Loaded{Config: l.config, Keys: keys, KeyFile: keyFile, PlacesKey: placesKey, ReadTokens: read, WriteTokens: write, TLS: cert}
	l.noteVariable("gossip.key_file", l.config.Gossip.KeyFile, keyVariable, len(keys) > 0)
	l.noteVariable("places.google.key_file", l.config.Places.Google.KeyFile, placesKeyVariable, placesKey != "")
	for _, r := range l.rows {
		loaded.Settings = append(loaded.Settings, Setting{r.field(), written(r), l.origin(r.name).String()})
	}
	return loaded, nil
}

// loader is one run of Load. Its steps go on after a mistake.
type loader struct {
	config  Config
	rows    []row // bound to config
	environ map[string]string
	origins map[string]origin    // by name of the row; what is missing is a default
	failed  map[string]bool      // rows with a problem told already
	blocks  map[string]hcl.Range // headers, by name: "places.file.campus"
	chain   []string             // providers of places in the order of their blocks
	errs    Error
}

// origin is what set a value.
type origin struct {
	kind kind
	name string     // of the variable or flag, or a remark
	at   *hcl.Range // in a file
}

// kind orders origins: the greater wins.
type kind int

const (
	fromDefault kind = iota
	fromFile
	fromEnvironment
	fromFlag
)

func (o origin) String() string {
	if o.at != nil {
		return fmt.Sprintf("%s:%d", o.at.Filename, o.at.Start.Line)
	}
	return cmp.Or(o.name, "default")
}

func newLoader(environ []string) *loader {
	l := &loader{
		config:  Default(),
		environ: map[string]string{},
		origins: map[string]origin{},
		failed:  map[string]bool{},
		blocks:  map[string]hcl.Range{},
	}
	l.rows = table(&l.config)
	for _, e := range environ {
		if name, value, ok := strings.Cut(e, "="); ok {
			l.environ[name] = value
		}
	}
	return l
}

// noteVariable keeps with the file of a key, if there is one, that it is a variable's: that wins
// over all but a flag's file.
func (l *loader) noteVariable(field, file, variable string, key bool) {
	if from := l.origin(field); key && l.environ[variable] != "" && (file == "" || from.kind != fromFlag) {
		l.origins[field] = origin{kind: from.kind, name: fmt.Sprintf("%s; the key is that of %s", from, variable)}
	}
}

func (l *loader) origin(name string) origin { return l.origins[name] }

// set gives a field what a layer says. Each layer is checked by itself: a file
// with a mistake is a mistake even where a flag says otherwise.
func (l *loader) set(r row, texts []string, from origin) {
	l.origins[r.name] = from
	if !r.value.parse(texts) || !isTemplate(r) && !r.value.valid() {
		if r.value.secret && from.at != nil {
			l.errs.conceal(*from.at)
		}
		l.fail(r.name, mustBe(r))
	}
}

// fail reports a problem with the value of a field where it was set.
func (l *loader) fail(field, detail string) {
	l.failed[field] = true
	d := problem{field: field, detail: detail}.diagnostic()
	block, _ := split(field)
	header, inBlock := l.blocks[block]
	switch from := l.origin(field); {
	case from.at != nil:
		d.Subject = from.at
	case from.name != "":
		d.Detail += " It was set by " + from.name + "."
	case inBlock: // which lacks it
		d.Subject = &header
	}
	l.errs.add(d)
}

func (l *loader) readEnvironment() {
	for _, r := range l.rows {
		if v := l.environ[r.env()]; v != "" {
			l.set(r, []string{v}, origin{kind: fromEnvironment, name: r.env()})
		}
	}
	l.findMistyped()
}

// findMistyped reports variables that are nearly a setting's, or named as its key in files is: a
// node that is told of no seed by HERD_GOSSIP_JOIN would begin a herd of its own. Others that begin
// with HERD_ are not ours to judge: Kubernetes makes some for a service that is named herd.
func (l *loader) findMistyped() {
	names := []string{configVariable, keyVariable, placesKeyVariable}
	for _, r := range l.rows {
		if r.env() != "" {
			names = append(names, r.env())
		}
	}
	for _, written := range slices.Sorted(maps.Keys(l.environ)) {
		if !strings.HasPrefix(written, variablePrefix) || l.environ[written] == "" || slices.Contains(names, written) {
			continue
		}
		if meant := l.variableLike(written, names); meant != "" {
			l.errs.add(&hcl.Diagnostic{
				Severity: hcl.DiagError, Summary: "Unknown variable " + written,
				Detail: "No setting has that name. Did you mean " + meant + "?",
			})
		}
	}
}

// variableLike is the one of names that was meant by what is none of them; empty if none was.
func (l *loader) variableLike(written string, names []string) string {
	for _, r := range l.rows {
		if r.env() != "" && written == variablePrefix+strings.ToUpper(strings.ReplaceAll(r.name, ".", "_")) {
			return r.env()
		}
	}
	most := 1 // in a short name two letters make another word
	if len(written) >= len(variablePrefix)+8 {
		most = 2
	}
	for _, n := range names {
		if edits(written, n) <= most {
			return n
		}
	}
	return ""
}

func (l *loader) readFlags(flags map[string][]string) {
	for _, r := range l.rows {
		if texts, ok := flags[r.name]; ok {
			l.set(r, texts, origin{kind: fromFlag, name: "--" + r.flag()})
		}
	}
}

func (l *loader) deriveName() {
	if _, set := l.origins["name"]; set {
		return
	}
	name, err := os.Hostname()
	if err != nil {
		return // the check asks for a name then
	}
	l.config.Name = name
	l.origins["name"] = origin{name: "the host name"}
}

func (l *loader) deriveAckTimeout() {
	if _, set := l.origins["herd.ack_timeout"]; !set && l.config.Gossip.Profile == "wan" {
		l.config.Herd.AckTimeout = time.Second
		l.origins["herd.ack_timeout"] = origin{name: "default with the profile wan"}
	}
}

// isTemplate tells whether an address has yet to be computed.
func isTemplate(r row) bool {
	return r.value.addr != nil && strings.Contains(*r.value.addr, "{{")
}

// resolveAddresses replaces templates by what they say on this machine.
func (l *loader) resolveAddresses() {
	for _, r := range l.rows {
		if !isTemplate(r) {
			continue
		}
		got, err := ResolveAddr(*r.value.addr)
		if err != nil {
			text := err.Error()
			l.fail(r.name, strings.ToUpper(text[:1])+text[1:]+".")
			if errors.Is(err, errNoAddress) {
				l.errs.temporary++
			}
			continue
		}
		r.value.parse([]string{got})
	}
}

// errNoAddress is that a template is right, and what it asks for is not there, or not yet.
var errNoAddress = errors.New("the template finds no address on this machine")

// ResolveAddr is an address as it reads on this machine: what may be templates in it says here.
// An error does not show it, for it may have come from anywhere.
func ResolveAddr(text string) (string, error) {
	if !strings.Contains(text, "{{") {
		return text, nil
	}
	got, err := sockaddr.Parse(text)
	switch got = strings.TrimSpace(got); {
	case err != nil && strings.Contains(err.Error(), "No default interface found"): // it says so in these words
		return "", errNoAddress
	case err != nil:
		return "", fmt.Errorf("the template can't be used%s", templateFault(err))
	case got == "" || got[0] == ':' && !strings.HasPrefix(got, "::"):
		return "", errNoAddress
	case strings.ContainsAny(got, " \t\r\n"):
		return "", errors.New("the template finds more than one address; let it choose one")
	}
	// An IPv6 address with a port after it would be another one, or none.
	port := text[strings.LastIndex(text, "}}")+len("}}"):]
	host, ok := strings.CutSuffix(got, port)
	if ip, err := netip.ParseAddr(host); ok && strings.HasPrefix(port, ":") && err == nil && ip.Is6() {
		got = net.JoinHostPort(host, port[1:])
	}
	return got, nil
}

// templateFault is what is wrong, without the template: that may have come from
// a variable.
func templateFault(err error) string {
	_, fault, found := strings.Cut(err.Error(), ": template: sockaddr.Parse:")
	_, fault, _ = strings.Cut(fault, ": ")
	if !found || strings.Contains(fault, "\n") {
		return ""
	}
	return ": " + fault
}

// check asks what only the whole can answer; each value by itself has been
// looked at, but for defaults and templates.
func (l *loader) check() {
	for _, p := range l.config.problems() {
		if p.other != "" && l.origin(p.field).kind == fromDefault {
			p.field, p.other = p.other, p.field // blame what was written
		}
		if !l.failed[p.field] && !l.failed[p.other] {
			l.fail(p.field, p.detail)
		}
	}
}
