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
			title := "Outside of blocks"
			if block != "" {
				typ, label, labelled := strings.Cut(block, ".")
				title = "`" + typ
				if labelled {
					title += fmt.Sprintf(" %q", label)
				}
				title += "`"
			}
			fmt.Fprintf(&b, "\n## %s\n\n| key | default | must be | flag, variable | what |\n|---|---|---|---|---|\n", title)
		}
		dflt := "`" + f.Default + "`"
		if f.Default == "" {
			dflt = "–"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | `--%s` `%s` | %s |\n", key, dflt, strings.ReplaceAll(f.Allowed, "|", `\|`), f.Flag, f.Env, f.Help)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
