package config

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
)

// Print writes the settings as an HCL file that Load reads back, with the origin
// of each as a comment. Keys are not among them.
func (l *Loaded) Print(w io.Writer) error {
	var b strings.Builder
	open := ""
	for _, s := range l.Settings {
		block, key := split(s.Name)
		if block != open {
			if open != "" {
				b.WriteString("}\n")
			}
			b.WriteString("\n")
			if provider, ok := strings.CutPrefix(block, "places."); ok && !slices.Contains(l.Config.Places.Order, provider) {
				b.WriteString("# not in places_order\n")
			}
			fmt.Fprintf(&b, "%s {\n", title(block))
			open = block
		}
		fmt.Fprintf(&b, "%s = %s # %s\n", key, literal(s.Value), s.Origin)
	}
	if open != "" {
		b.WriteString("}\n")
	}
	_, err := w.Write(hclwrite.Format([]byte(b.String())))
	return err
}

func literal(v any) []byte {
	return hclwrite.TokensForValue(ctyValue(v)).Bytes()
}

func ctyValue(v any) cty.Value {
	switch v := v.(type) {
	case string:
		return cty.StringVal(v)
	case int:
		return cty.NumberIntVal(int64(v))
	case bool:
		return cty.BoolVal(v)
	case []string:
		if len(v) == 0 {
			return cty.ListValEmpty(cty.String)
		}
		var all []cty.Value
		for _, s := range v {
			all = append(all, cty.StringVal(s))
		}
		return cty.ListVal(all)
	}
	panic(fmt.Sprintf("config: a setting of type %T", v)) // the constructors of value.go make no other
}
