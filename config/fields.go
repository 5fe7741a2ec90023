package config

import (
	"fmt"
	"slices"
	"strings"
)

// Field is what can be said about a setting without a node: its names and what
// it accepts.
type Field struct {
	Name    string // place in HCL and JSON, in messages: "client.max_line"
	Flag    string // without its dashes: "client-max-line"; empty if only files say it
	Env     string // "HERD_CLIENT_MAX_LINE"; empty as Flag
	Help    string // one line, lower case, no full stop
	Allowed string // what the value must be: "a size from 64B to 1MiB, …"
	Switch  bool   // true or false: its flag needs no value
	List    bool   // may be given several times, or with commas
	Live    bool   // a node that runs takes it over at a reload; else it needs a restart
	Default string // as text; empty if there is none
}

// Fields lists every setting, in the order of the reference. A file of places is
// called NAME there; its settings have no flags, for which the names are not known
// before the files are read.
func Fields() []Field {
	c := Default()
	chain := c.Places.Order
	c.Places.Files = []File{newFile("NAME")}
	c.Places.Order = []string{"google", "file.NAME", "overpass"}
	rows := table(&c)
	c.Places.Order = chain
	var fields []Field
	for _, r := range rows {
		fields = append(fields, r.field())
	}
	return fields
}

// row binds a name to a place in one Config.
type row struct {
	name  string
	short bool // the flag is the bare key: --join, not --gossip-join
	value value
	help  string
}

// table is the one list of settings, bound to c as it is: whoever adds a file of
// places makes a new table. A setting that node.Node.Reload takes over is marked by
// [live], which is all that says so: the reference, the answer to a reload and the test
// that demands a case for each read it from here. One without the mark needs a restart.
func table(c *Config) []row {
	rows := []row{
		{"name", false, word(&c.Name, 1, 64), "what the herd and clients call this node; default the host name"},
		{"ready_file", false, path(&c.ReadyFile), "file to write when ready: name, addresses and process ID as JSON"},
		{"chaos", false, toggle(&c.Chaos), "let \"herd chaos\" cut this node off, slow it down, pause it and kill it: for tests and lessons"},
		{"insecure_chaos", false, toggle(&c.InsecureChaos), "allow chaos from beyond loopback: whoever reaches http.addr can do all that"},
		{"places_order", false, live(providers(&c.Places.Order)), "who is asked what is near, in this order; default the order of the places blocks"},

		{"client.addr", false, address(&c.Client.Addr), "where clients connect; port 0 takes any free one"},
		{"client.max_conns", false, live(whole(&c.Client.MaxConns, 1, 1_000_000)), "connections open at once; further ones are closed and counted. With 512 more for all else they must fit into the limit on open files; the default gives way to that"},
		{"client.max_conns_per_addr", false, live(whole(&c.Client.MaxConnsPerAddr, 0, 1_000_000)), "of those, from one address, unless it is of loopback; of IPv6, from one network of 64 bits; 0 is half of max_conns"},
		{"client.max_line", false, live(size(&c.Client.MaxLine, 64, 1<<20)), "longest command line; a longer one closes its connection"},
		{"client.idle_timeout", false, live(span(&c.Client.IdleTimeout, "0s", "24h", "5m")), "how long a client may take for its next whole line, then it is closed; 0s is for ever"},
		{"client.drain", false, live(span(&c.Client.Drain, "0s", "1h", "500ms")), "over how long a node that leaves ends its clients' connections, each when nothing is half answered; \"herd leave --drain\" may say otherwise"},
		{"client.max_id", false, live(whole(&c.Client.MaxID, 1, Default().Client.MaxID)), "longest client ID in bytes"},

		{"gossip.addr", false, address(&c.Gossip.Addr), "where other nodes connect, TCP and UDP; port 0 takes any free one"},
		{"gossip.advertise_addr", true, host(&c.Gossip.AdvertiseAddr), "what other nodes dial, if not gossip.addr; without a port, the bound one"},
		{"gossip.join", true, live(seeds(&c.Gossip.Join)), "any nodes of the herd to join, by address, by name (all its A and AAAA records) or by SRV records; looked up again and again, tried for ever"},
		{"gossip.label", false, word(&c.Gossip.Label, 0, 64), "nodes with another label are refused"},
		{"gossip.key_file", true, keyPath(&c.Gossip.KeyFile), "file with the gossip key: base64, one key a line, the first one sends; or HERD_GOSSIP_KEY"},
		{"gossip.insecure_gossip", true, toggle(&c.Gossip.Insecure), "allow gossip beyond loopback without a key"},
		{"gossip.profile", false, choice(&c.Gossip.Profile, "local", "lan", "wan"), "times of failure detection"},

		{"herd.acks", true, acks(&c.Herd.Acks), "whom the answer to a report waits for: all members in sync; so many others, whichever are first, or all in sync if those are fewer; or nobody"},
		{"herd.ack_timeout", true, span(&c.Herd.AckTimeout, "10ms", "1m", "250ms"), "silence after which a member is out of sync; default 1s with the profile wan"},
		{"herd.max_client_ahead", true, span(&c.Herd.MaxClientAhead, "1s", "24h", "5m"), "how far ahead of the node a client's clock still counts"},
		{"herd.ttl", true, live(span(&c.Herd.TTL, "0s", "87600h", "24h")), "how long after its time a client's position is shown; then it is unknown until it reports again; 0s is for ever. What most of the herd is set to holds"},
		{"herd.max_clients", true, live(whole(&c.Herd.MaxClients, 0, 500_000_000)), "clients that are kept, of all the herd: beyond that those go whose last report is oldest; 0 keeps all that a table holds. What most of the herd is set to holds"},
		{"herd.memory_limit", true, live(memory(&c.Herd.MemoryLimit)), "memory of the process: clients are kept, of all the herd, as many as fit into three quarters of it, as by max_clients; 0 is no limit. What most of the herd is set to holds"},
		{"herd.ready_timeout", true, span(&c.Herd.ReadyTimeout, "100ms", "1h", "30s"), "how long to try to catch up before being ready regardless"},

		{"storage.data_dir", true, path(&c.Storage.DataDir), "folder of this node's own, where it keeps what it knows: it begins with that when it starts again; empty is nowhere"},
		{"storage.sync", true, choice(&c.Storage.Sync, "always", "interval", "none"), "when that is made safe from a crash of the machine: before a report is answered, once in sync_interval, or when the system likes"},
		{"storage.sync_interval", true, span(&c.Storage.SyncInterval, "10ms", "1m", "1s"), "how much a crash of the machine may lose, if all nodes crash"},
	}
	for _, name := range c.Places.all() {
		rows = append(rows, provider(&c.Places, name)...)
	}
	return append(rows, []row{
		{"http.addr", false, address(&c.HTTP.Addr), "where the page for browsers, the API, health and metrics are; port 0 takes any free one"},
		{"http.read_token_file", false, live(keyPath(&c.HTTP.ReadTokenFile)), "file with the tokens of those who may look, one a line; if there are any, nobody is answered without one, but for /livez and /readyz"},
		{"http.write_token_file", false, live(keyPath(&c.HTTP.WriteTokenFile)), "file with the tokens of those who may do all: report, have the node leave, take profiles"},
		{"http.insecure_http", true, live(toggle(&c.HTTP.Insecure)), "allow HTTP beyond loopback without tokens: whoever reaches http.addr sees all clients, and can have the node leave"},

		{"tls.cert_file", false, live(path(&c.TLS.CertFile)), "file with the certificate of the node, PEM, and those up to a root; with it clients and HTTP speak TLS"},
		{"tls.key_file", false, live(keyPath(&c.TLS.KeyFile)), "file with the private key of the certificate, PEM"},
		{"tls.client_ca_file", false, live(path(&c.TLS.ClientCAFile)), "file with the certificates, PEM, of those who sign for clients: then a client needs one, but for /livez and /readyz"},
		{"tls.min_version", false, live(choice(&c.TLS.MinVersion, "1.2", "1.3")), "the least that a client may speak"},
		{"tls.clients", false, toggle(&c.TLS.Clients), "false leaves the port of clients in the clear"},
		{"tls.http", false, toggle(&c.TLS.HTTP), "false leaves the HTTP port in the clear"},

		{"log.level", false, live(choice(&c.Log.Level, "trace", "debug", "info", "warn", "error", "off")), "the least that is logged"},
		{"log.format", false, choice(&c.Log.Format, "text", "json"), "how it is logged"},
		{"log.file", false, live(path(&c.Log.File)), "file to log to besides standard error; opened anew on SIGHUP"},
	}...)
}

// provider is the part of the table about one provider of places. All of them are
// in it, those in the chain first: so they are printed.
func provider(p *Places, name string) []row {
	const (
		rank    = "order of the places"
		enabled = "false takes it out of the chain: the kill switch, read anew on SIGHUP"
		timeout = "for one answer, a second try included; then the next provider is asked"
		rate    = "calls that this node begins in a minute; 0 is no bound"
		flight  = "calls of this node open at once"
		day     = "calls of the whole herd in a day, Pacific time; 0 is no bound"
		month   = "calls of the whole herd in a month, Pacific time; 0 is no bound"
	)
	switch name {
	case "google":
		g := &p.Google
		return []row{
			{"places.google.enabled", false, live(toggle(&g.Enabled)), enabled},
			{"places.google.api", false, live(choice(&g.API, "auto", "new", "legacy")), "which Places API; auto takes the legacy one where the project allows only that"},
			{"places.google.fields", false, live(choice(&g.Fields, "pro", "enterprise")), "pro, or enterprise with ratings, prices and opening hours: a call costs more"},
			{"places.google.key_file", false, live(keyPath(&g.KeyFile)), "file with nothing but the API key; or HERD_PLACES_GOOGLE_KEY"},
			{"places.google.base_url", false, live(link(&g.BaseURL, true)), "a compatible server to ask instead of Google"},
			{"places.google.language", false, live(language(&g.Language)), "language of names and addresses; without one the provider chooses"},
			{"places.google.rank", false, live(choice(&g.Rank, "prominence", "distance")), rank + "; the legacy API knows only prominence"},
			{"places.google.timeout", false, live(span(&g.Timeout, "50ms", "1m", "5s")), timeout},
			{"places.google.rate_per_minute", false, live(whole(&g.RatePerMinute, 0, 1_000_000)), rate},
			{"places.google.max_in_flight", false, live(whole(&g.MaxInFlight, 1, 1024)), flight},
			{"places.google.budget_day", false, live(whole(&g.BudgetDay, 0, 1_000_000_000)), day},
			{"places.google.budget_month", false, live(whole(&g.BudgetMonth, 0, 1_000_000_000)), month},
			{"places.google.cache", false, live(span(&g.Cache, "0s", "24h", "1h")), "how long an answer is used again; Google's terms (3.2.3(b)) forbid it, unless yours allow it"},
		}
	case "overpass":
		o := &p.Overpass
		return []row{
			{"places.overpass.enabled", false, live(toggle(&o.Enabled)), enabled},
			{"places.overpass.base_url", false, live(link(&o.BaseURL, false)), "the server's interpreter; the default is public and for small use"},
			{"places.overpass.user_agent", false, live(header(&o.UserAgent, 200)), "how to reach you, for who runs a public server; default herd and its version"},
			{"places.overpass.rank", false, live(choice(&o.Rank, "prominence", "distance")), rank},
			{"places.overpass.timeout", false, live(span(&o.Timeout, "50ms", "1m", "10s")), timeout},
			{"places.overpass.rate_per_minute", false, live(whole(&o.RatePerMinute, 0, 1_000_000)), rate},
			{"places.overpass.max_in_flight", false, live(whole(&o.MaxInFlight, 1, 1024)), flight},
			{"places.overpass.budget_day", false, live(whole(&o.BudgetDay, 0, 1_000_000_000)), day},
			{"places.overpass.budget_month", false, live(whole(&o.BudgetMonth, 0, 1_000_000_000)), month},
			{"places.overpass.cache", false, live(span(&o.Cache, "0s", "24h", "1h")), "how long an answer is used again; 0s is not at all"},
			{"places.overpass.max_radius", false, live(whole(&o.MaxRadius, 1, 50)), "in km; larger circles are asked about as this one"},
		}
	case "embedded":
		return []row{
			{"places.embedded.rank", false, live(choice(&p.Embedded.Rank, "prominence", "distance")), rank},
		}
	}
	f := &p.Files[slices.IndexFunc(p.Files, func(f File) bool { return "file."+f.Name == name })]
	return []row{
		{"places." + name + ".path", false, live(source(&f.Path)), "the file; a relative path starts at the working folder"},
		{"places." + name + ".format", false, live(choice(&f.Format, "auto", "geojson", "geojsonseq", "csv", "tsv", "geonames", "packed")), "what is in it; auto goes by name and content"},
		{"places." + name + ".rank", false, live(choice(&f.Rank, "prominence", "distance")), rank},
		{"places." + name + ".attribution", false, live(html(&f.Attribution, 500)), "shown with every answer; default as the format demands"},
	}
}

// block and key are the two parts of a name: "client" and "max_line".
func (r row) block() string { b, _ := split(r.name); return b }
func (r row) key() string   { _, k := split(r.name); return k }

// flag is empty for the settings of a file of places.
func (r row) flag() string {
	name := r.name
	if strings.HasPrefix(name, "places.file.") {
		return ""
	}
	if r.short {
		name = r.key()
	}
	return strings.NewReplacer(".", "-", "_", "-").Replace(name)
}

// variablePrefix is what the variables of all settings begin with.
const variablePrefix = "HERD_"

// configVariable names files, with commas; who calls [Load] reads it.
const configVariable = "HERD_CONFIG"

func (r row) env() string {
	if r.flag() == "" {
		return ""
	}
	return variablePrefix + strings.ToUpper(strings.ReplaceAll(r.flag(), "-", "_"))
}

func (r row) field() Field {
	return Field{
		Name: r.name, Flag: r.flag(), Env: r.env(), Help: r.help,
		Allowed: r.value.allowed, Switch: r.value.toggle, List: r.value.list, Live: r.value.live,
		Default: text(r.value.get()),
	}
}

func split(name string) (block, key string) {
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		return name[:i], name[i+1:]
	}
	return "", name
}

// title is a block as it is written: "places.file.NAME" is places "file" "NAME".
func title(block string) string {
	parts := strings.SplitN(block, ".", 3) // a file's name may have dots
	for i, label := range parts[1:] {
		parts[i+1] = fmt.Sprintf("%q", label)
	}
	return strings.Join(parts, " ")
}
