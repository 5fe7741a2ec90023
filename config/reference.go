package config

import (
	"fmt"
	"io"
	"strings"
)

// introduction says what holds for every setting.
const introduction = `# Settings

Every setting has one name. In a file it is a key in a block, in HCL or in JSON:

    name = env.HOSTNAME
    gossip {
      addr     = "0.0.0.0:4132"
      join     = ["herd.internal:4132"]
      key_file = "/etc/herd/gossip.key"
    }

Flags win over variables, variables over files, later files over earlier ones, all of them over defaults.
Whoever speaks last sets the whole value; an empty variable says nothing. Files are named by --config, repeated, or by HERD_CONFIG with commas; a folder stands for its *.hcl and *.json files in lexical order.
In files there are env.NAME, env("NAME", "default") and file("path"). On the command line a list is given by repeating its flag, in a variable by commas.
Addresses may be go-sockaddr templates: "{{ GetPrivateIP }}:4132". The gossip key itself can be given in HERD_GOSSIP_KEY, never by a flag.
"herd config print" shows every value and what set it; "herd config check" finds what is wrong.
`

// Reference writes the page about settings, in Markdown.
func Reference(w io.Writer) error {
	var b strings.Builder
	b.WriteString(introduction)
	last := "-"
	for _, f := range Fields() {
		block, key := split(f.Name)
		if block != last {
			last = block
			heading := "Outside of blocks"
			if block != "" {
				heading = "`" + title(block) + "`"
			}
			fmt.Fprintf(&b, "\n## %s\n\n%s| key | default | must be | flag, variable | what |\n|---|---|---|---|---|\n", heading, remarks(block))
		}
		dflt := "`" + f.Default + "`"
		if f.Default == "" {
			dflt = "–"
		}
		names := fmt.Sprintf("`--%s` `%s`", f.Flag, f.Env)
		if f.Flag == "" {
			names = "–"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", key, dflt, strings.ReplaceAll(f.Allowed, "|", `\|`), names, f.Help)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// remarks are what is to be said of a block before its settings, with an empty
// line at the end if there are any.
func remarks(block string) string {
	switch block {
	case "":
		return `The blocks of places make a chain: who is asked what is near, in the order in which the blocks stand, over all files. The first that answers wins.
Without any, the places inside the program answer. places_order overrides the order and who is in it; on a command line it may name files too:

    places "google" { key_file = "/etc/herd/places.key" }
    places "file" "campus" { path = "campus.geojson.gz" }
    places "embedded" { }

    herd node --places-order campus.geojson,embedded

In JSON that is {"places": {"google": {…}, "file": {"campus": {…}}, "embedded": {}}}; where a program sorts the keys, a list of such objects keeps the order.

`
	case "places.google":
		return `The key comes from key_file, which only its owner may have access to, or from HERD_PLACES_GOOGLE_KEY, never from a flag. Google bills each call, by the dearest field in it:
the fields "pro" have names, types, addresses and photos; "enterprise" adds ratings, price level and whether a place is open, and costs more with fewer calls free.
Budgets are for the whole herd; in a partition each side spends what it believes is left. The hard bound is the quota of your project, set at Google.

`
	case "places.file.NAME":
		return `Places of your own, by a NAME of 1 to 32 letters, digits, '.', '_' or '-'. There may be several; in places_order one is "file.NAME". A path in places_order makes one that is named after the file.

`
	case "places.overpass":
		return `OpenStreetMap's data by an Overpass server. The public ones are shared by all: keep the limits low, say who you are, or run your own.

`
	}
	return ""
}
