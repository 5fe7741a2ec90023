package config

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// Change is a setting that is read as another one than a node runs with. Values are as
// they are written in HCL; of secrets there are none, for settings only name their files.
type Change struct {
	Name    string `json:"name"`              // see [Field]
	Old     any    `json:"old,omitempty"`     // nil: there was no such setting, or only its file is another
	New     any    `json:"new,omitempty"`     // nil: there is none any more, or only its file is another
	Content bool   `json:"content,omitempty"` // the same file is named, and something else is in it
	Taken   bool   `json:"taken"`             // a node that runs takes it over; else it needs a restart
}

// Take is what a node that runs with l runs with after it has taken over what it can of
// to, and what differs between the two, in the order of the reference. Neither is
// changed. It fails if the parts that are taken over do not go with those that are not:
// then nothing is to be.
func (l *Loaded) Take(to *Loaded) (*Loaded, []Change, error) {
	next := *l
	next.Config.Places, next.PlacesKey = to.Config.Places, to.PlacesKey
	next.ReadTokens, next.WriteTokens = to.ReadTokens, to.WriteTokens
	if l.speaksAs(to) {
		next.TLS = to.TLS
	}
	read := byName(&to.Config)
	for _, r := range table(&next.Config) {
		if from, ok := read[r.name]; ok && l.takes(r, to) && !r.value.parse([]string{text(from.value.get())}) {
			return nil, nil, fmt.Errorf("take over %s: %v can't be read as it is written", r.name, from.value.get())
		}
	}
	if err := next.fits(); err != nil {
		return nil, nil, fmt.Errorf("what can be taken over does not go with the settings that need a restart: %w", err)
	}
	return &next, l.changes(to), nil
}

// speaksAs tells whether ports that speak as l says can speak as to says: a port is
// either in the clear or not.
func (l *Loaded) speaksAs(to *Loaded) bool { return (l.TLS == nil) == (to.TLS == nil) }

// takes tells whether a node that runs with l takes a setting over from to.
func (l *Loaded) takes(r row, to *Loaded) bool {
	return r.value.live && (r.block() != "tls" || l.speaksAs(to))
}

// fits finds what is wrong between settings, each of which is right.
func (l *Loaded) fits() error {
	var e Error
	for _, p := range l.Config.problems() {
		e.add(p.diagnostic())
	}
	if l.Config.HTTP.needsToken() {
		e.add(&hcl.Diagnostic{Severity: hcl.DiagError, Summary: "No token", Detail: fmt.Sprintf("The HTTP port is at %s, where others reach it.", l.Config.HTTP.Addr)})
	}
	return e.orNil()
}

func (l *Loaded) changes(to *Loaded) []Change {
	found := []Change{}
	before, after := byName(&l.Config), byName(&to.Config)
	content := l.otherContent(to)
	rows := table(&to.Config)
	for _, r := range table(&l.Config) {
		if _, still := after[r.name]; !still { // a file of places that has gone
			rows = append(rows, r)
		}
	}
	for _, r := range rows {
		c := Change{Name: r.name, Taken: l.takes(r, to)}
		if was, ok := before[r.name]; ok {
			c.Old = written(was)
		}
		if is, ok := after[r.name]; ok {
			c.New = written(is)
		}
		switch {
		case !reflect.DeepEqual(c.Old, c.New):
			found = append(found, c)
		case slices.Contains(content, r.name):
			c.Old, c.New, c.Content = nil, nil, true
			found = append(found, c)
		}
	}
	return found
}

// written is the value of a setting; an empty list is none that is missing.
func written(r row) any {
	if list, ok := r.value.get().([]string); ok && list == nil {
		return []string{}
	}
	return r.value.get()
}

// otherContent names the settings in whose files there is something else than there was.
// Files of places are not among them: they are read anew in any case.
func (l *Loaded) otherContent(to *Loaded) []string {
	var names []string
	for name, same := range map[string]bool{
		"gossip.key_file":        slices.EqualFunc(l.Keys, to.Keys, bytes.Equal),
		"places.google.key_file": l.PlacesKey == to.PlacesKey || l.PlacesKey == "" || to.PlacesKey == "", // it is read for the chain alone
		"http.read_token_file":   slices.Equal(l.ReadTokens, to.ReadTokens),
		"http.write_token_file":  slices.Equal(l.WriteTokens, to.WriteTokens),
		"tls.cert_file":          slices.EqualFunc(certificatesOf(l.TLS), certificatesOf(to.TLS), bytes.Equal),
		"tls.client_ca_file":     !l.speaksAs(to) || l.TLS == nil || sameRoots(l.TLS, to.TLS),
	} {
		if !same {
			names = append(names, name)
		}
	}
	return names
}

// certificatesOf is the certificate, and those that follow it.
func certificatesOf(c *tls.Config) [][]byte {
	if c == nil {
		return nil
	}
	return c.Certificates[0].Certificate
}

func sameRoots(a, b *tls.Config) bool {
	if a.ClientCAs == nil || b.ClientCAs == nil {
		return a.ClientCAs == b.ClientCAs
	}
	return a.ClientCAs.Equal(b.ClientCAs)
}

func byName(c *Config) map[string]row {
	rows := make(map[string]row)
	for _, r := range table(c) {
		rows[r.name] = r
	}
	return rows
}

// String is the change in a line: "client.max_line: 4KiB, now 8KiB".
func (c Change) String() string {
	if c.Content {
		return c.Name + ": what is in its file"
	}
	return fmt.Sprintf("%s: %s, now %s", c.Name, ValueText(c.Old), ValueText(c.New))
}

// ValueText is the value of a setting for people; of none, of an empty one and of an
// empty list it is "none".
func ValueText(v any) string {
	if list, ok := v.([]any); ok { // it came as JSON
		texts := make([]string, len(list))
		for i, e := range list {
			texts[i] = fmt.Sprint(e)
		}
		v = texts
	}
	if v == nil || text(v) == "" {
		return "none"
	}
	return strings.ReplaceAll(text(v), "\n", " ")
}
