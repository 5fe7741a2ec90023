package config

import (
	"fmt"
	"io"
	"strings"
)

// introduction says what holds for every setting.
const introduction = `# Settings

Every setting has one name. In a file it is a key in a block, in HCL or in JSON:

    name = "clark"
    gossip {
      addr     = "0.0.0.0:4132"
      join     = ["herd.internal:4132"]
      key_file = "/var/lib/herd/gossip.key"
    }

Flags win over variables, variables over files, later files over earlier ones, all of them over defaults.
Whoever speaks last sets the whole value; an empty variable says nothing, and one that is nearly one of these is an error. Files are named by --config, repeated, or by HERD_CONFIG with commas; a folder stands for its *.hcl and *.json files in lexical order.
In files there are env.NAME, env("NAME", "default") and file("path"). On the command line a list is given by repeating its flag, in a variable by commas.
Addresses may be go-sockaddr templates: "{{ GetPrivateIP }}:4132". The gossip key itself can be given in HERD_GOSSIP_KEY, never by a flag.
"herd config print" shows every value and what set it; "herd config check" finds what is wrong.

SIGHUP, "herd reload" or POST /v1/reload has a node read it all again. Settings with a "yes" under reload are taken over then, all of them or, if anything is wrong, none; the others need a restart.
`

// chain is said before the blocks of places.
const chain = `
## The chain of places

The blocks of places are a chain: who is asked what is near, in the order in which the blocks stand, over all files. The first that answers wins.
Without any block the data inside the program answers.

    places "google" { key_file = "/etc/herd/places.key" }
    places "file" "campus" { path = "campus.geojson.gz" }
    places "embedded" { }

In JSON:

    {"places": {"google": {"key_file": "/etc/herd/places.key"}, "file": {"campus": {"path": "campus.geojson.gz"}}, "embedded": {}}}

Where a program sorts the keys of JSON, write a list: {"places": [{"google": {}}, {"embedded": {}}]}.

places_order overrides the order and who is in it. It may name files by their paths (with a '/' or an extension), which needs no block:

    herd node --places-order campus.geojson,embedded
`

// Reference writes the page about settings, in Markdown.
func Reference(w io.Writer) error {
	var b strings.Builder
	b.WriteString(introduction)
	last := "-"
	for _, f := range Fields() {
		block, key := split(f.Name)
		if block != last {
			if strings.HasPrefix(block, "places.") && !strings.HasPrefix(last, "places.") {
				b.WriteString(chain)
			}
			last = block
			heading := "Outside of blocks"
			if block != "" {
				heading = "`" + title(block) + "`"
			}
			fmt.Fprintf(&b, "\n## %s\n\n%s| key | default | must be | flag, variable | reload | what |\n|---|---|---|---|---|---|\n", heading, remarks(block))
		}
		dflt := "`" + f.Default + "`"
		if f.Default == "" {
			dflt = "–"
		}
		names := fmt.Sprintf("`--%s` `%s`", f.Flag, f.Env)
		if f.Flag == "" {
			names = "–"
		}
		taken := "restart"
		if f.Live {
			taken = "yes"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s |\n", key, dflt, strings.ReplaceAll(f.Allowed, "|", `\|`), names, taken, f.Help)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// remarks are what is to be said of a block before its settings, with an empty
// line at the end if there are any.
func remarks(block string) string {
	switch block {
	case "herd":
		return `These should be the same at all nodes. Of ttl, max_clients and memory_limit each, the middle one of what the nodes are set to holds for all: a node that is set wrongly,
or was forgotten, changes nothing, and of two that differ the one that keeps more is followed. Nodes that are down count, those that have left do not.
To change them, have the nodes reload: the new ones hold when more than half have them. A difference is warned of, and is in
herd_members_with_other_limits. What is given up by a tighter limit does not come back by a looser one.

Every node holds every client, so a memory_limit bounds what all keep, too: set it for the smallest machine, at all nodes. One that has less than
most of the herd says so, and may take more than it was told to. It is the process's: GOMEMLIMIT in the environment overrules it for Go's collector.
A client may write numbers as long as a line, which every node keeps: a memory_limit counts that, max_clients does not.
Whatever is set, a table holds 24 GiB of clients at the most, 300 million with IDs of 20 bytes and 63 million with the longest: those with the oldest reports go.

`
	case "storage":
		return `Without a data_dir nothing is written: a node that starts again has all from the herd. With one it begins with what it knew, and asks for what it
has missed; when all nodes lose power, they are ready from disk without waiting for each other.

sync says what a crash of the machine may take. "always": nothing that was acknowledged, for neither clients nor other nodes are answered before a report is on disk, as
long as that takes no longer than ack_timeout. "interval": the last sync_interval. "none": what the system has not written by itself. All that
is at risk only if every node that has it crashes at once. A process that is killed, on a machine that goes on, loses a tenth of a second at the most, with "always" nothing. "always" without a data_dir is refused.

The folder takes up to twice what the table takes on disk and 64 MiB, and once more while a snapshot is written: about 50 bytes a client. One node at a time can use it. A journal
that is damaged is loaded up to the damage, and the herd has the rest. One that a later release has written is refused: start that release, or
give the node another folder.

`
	case "places.google":
		return `The key comes from key_file, to which only its owner may have access, or from HERD_PLACES_GOOGLE_KEY; never from a flag. A key alone
does not put Google into the chain.

Google bills a call by the dearest field in it. The fields "pro" are names, types, addresses and photos, with 5,000 calls a month free; "enterprise"
adds ratings, price level and whether a place is open, which costs more, with 1,000 free. Look up today's prices before you raise a budget.

Budgets are for the whole herd. In a partition each side spends what it believes is left; the hard bound is the quota of your project, which is set at Google.

`
	case "places.file.NAME":
		return `Places of your own, up to 64 files. NAME tells them apart: 1 to 32 letters, digits, '.', '_' or '-'. In places_order it is "file.NAME".

`
	case "places.overpass":
		return `OpenStreetMap, by an Overpass server. The public ones are shared by all: keep the limits low, say who you are, or run your own.

`
	case "places.embedded":
		return `The towns, districts and airports of the world, inside the program.

`
	}
	return ""
}
