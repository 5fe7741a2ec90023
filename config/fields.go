package config

import (
	"strings"
)

// Field is what can be said about a setting without a node: its names and what
// it accepts.
type Field struct {
	Name    string // place in HCL and JSON, in messages: "client.max_line"
	Flag    string // without its dashes: "client-max-line"
	Env     string // "HERD_CLIENT_MAX_LINE"
	Help    string // one line, lower case, no full stop
	Allowed string // what the value must be: "a size from 64B to 1MiB, …"
	Switch  bool   // true or false: its flag needs no value
	List    bool   // may be given several times, or with commas
	Default string // as text; empty if there is none
}

// Fields lists every setting, in the order of the reference.
func Fields() []Field {
	c := Default()
	var fields []Field
	for _, r := range table(&c) {
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

// table is the one list of settings, bound to c.
func table(c *Config) []row {
	return []row{
		{"name", false, word(&c.Name, 1, 64), "what the herd and clients call this node; default the host name"},
		{"ready_file", false, path(&c.ReadyFile), "file to write when ready: name, addresses and process ID as JSON"},

		{"client.addr", false, address(&c.Client.Addr), "where clients connect; port 0 takes any free one"},
		{"client.max_conns", false, whole(&c.Client.MaxConns, 1, 1_000_000), "connections open at once; further ones are closed and counted"},
		{"client.max_line", false, size(&c.Client.MaxLine, 64, 1<<20), "longest command line; a longer one closes its connection"},
		{"client.idle_timeout", false, span(&c.Client.IdleTimeout, "0s", "24h", "5m"), "how long a connection may be silent; 0s is for ever"},
		{"client.max_id", false, whole(&c.Client.MaxID, 1, Default().Client.MaxID), "longest client ID in bytes"},

		{"gossip.addr", false, address(&c.Gossip.Addr), "where other nodes connect, TCP and UDP; port 0 takes any free one"},
		{"gossip.advertise_addr", true, host(&c.Gossip.AdvertiseAddr), "what other nodes dial, if not gossip.addr; without a port, the bound one"},
		{"gossip.join", true, seeds(&c.Gossip.Join), "any nodes of the herd to join; tried for ever"},
		{"gossip.label", false, word(&c.Gossip.Label, 0, 64), "nodes with another label are refused"},
		{"gossip.key_file", true, path(&c.Gossip.KeyFile), "file with the gossip key: base64, one key a line, the first one sends; or HERD_GOSSIP_KEY"},
		{"gossip.insecure_gossip", true, toggle(&c.Gossip.Insecure), "allow gossip beyond loopback without a key"},
		{"gossip.profile", false, choice(&c.Gossip.Profile, "local", "lan", "wan"), "times of failure detection"},

		{"herd.acks", true, choice(&c.Herd.Acks, "in-sync", "none"), "whom the answer to a report waits for: all members in sync, or nobody"},
		{"herd.ack_timeout", true, span(&c.Herd.AckTimeout, "10ms", "1m", "250ms"), "silence after which a member is out of sync; default 1s with the profile wan"},
		{"herd.max_client_ahead", true, span(&c.Herd.MaxClientAhead, "1s", "24h", "5m"), "how far ahead of the node a client's clock still counts"},
		{"herd.ready_timeout", true, span(&c.Herd.ReadyTimeout, "100ms", "1h", "30s"), "how long to try to catch up before being ready regardless"},

		{"places.embedded.rank", false, choice(&c.Places.Embedded.Rank, "prominence", "distance"), "order of the places of the built-in data"},

		{"http.addr", false, address(&c.HTTP.Addr), "where health, metrics and herd's own verbs connect; port 0 takes any free one"},

		{"log.level", false, choice(&c.Log.Level, "trace", "debug", "info", "warn", "error", "off"), "the least that is logged"},
		{"log.format", false, choice(&c.Log.Format, "text", "json"), "how it is logged"},
		{"log.file", false, path(&c.Log.File), "file to log to besides standard error; opened anew on SIGHUP"},
	}
}

// block and key are the two parts of a name: "client" and "max_line".
func (r row) block() string { b, _ := split(r.name); return b }
func (r row) key() string   { _, k := split(r.name); return k }

func (r row) flag() string {
	name := r.name
	if r.short {
		name = r.key()
	}
	return strings.NewReplacer(".", "-", "_", "-").Replace(name)
}

func (r row) env() string {
	return "HERD_" + strings.ToUpper(strings.ReplaceAll(r.flag(), "-", "_"))
}

func (r row) field() Field {
	return Field{
		Name: r.name, Flag: r.flag(), Env: r.env(), Help: r.help,
		Allowed: r.value.allowed, Switch: r.value.toggle, List: r.value.list,
		Default: text(r.value.get()),
	}
}

func split(name string) (block, key string) {
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		return name[:i], name[i+1:]
	}
	return "", name
}
