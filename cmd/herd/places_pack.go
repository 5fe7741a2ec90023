package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"herd/cmd/herd/internal/human"
	"herd/gossip/durable"
	"herd/places/dataset"
	"herd/places/geofile"
)

// packVerb is herd places pack and its flags.
type packVerb struct {
	app                            *app
	out, format, name, attribution string
	force, json                    bool
}

func (a *app) placesPack() *cobra.Command {
	p := &packVerb{app: a}
	cmd := &cobra.Command{
		Use:   "pack FILE… --out FILE",
		Short: "Pack files of places into a smaller one that loads faster",
		Long: "Pack reads files of places as a node would and writes what it has kept of them as one\n" +
			"packed file, for a places \"file\" block. A place that is in several files is kept once.\n" +
			"What was dropped is told with its reason and the line of the first.",
		Example: "  herd places pack paris.geojsonseq.gz --out paris.places\n" +
			"  herd places pack north.csv south.csv --out campus.places --name campus --attribution 'Campus maps'",
		Args: cobra.MinimumNArgs(1),
	}
	cmd.RunE = verb(p.run)
	cmd.Flags().StringVar(&p.out, "out", "", "file to write")
	formatFlag(cmd, &p.format)
	cmd.Flags().StringVar(&p.name, "name", "", "what place_ids begin with; default each file's name up to its first dot")
	cmd.Flags().StringVar(&p.attribution, "attribution", "", "HTML to show with every answer; default as the project demands whose file it is")
	cmd.Flags().BoolVar(&p.force, "force", false, "replace the file if it is there")
	jsonFlag(cmd, &p.json)
	if err := cmd.MarkFlagRequired("out"); err != nil {
		panic("herd: " + err.Error()) // the flag is there
	}
	return cmd
}

// sourceName is what a source of places may be called: as in the settings.
var sourceName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,32}$`)

// maxAttribution is in bytes: as in the settings.
const maxAttribution = 500

func (p *packVerb) check() error {
	switch {
	case p.name != "" && !sourceName.MatchString(p.name):
		return usagef("--name must be 1 to 32 letters, digits, '.', '_' or '-'")
	case len(p.attribution) > maxAttribution || strings.ContainsFunc(p.attribution, unicode.IsControl):
		return usagef("--attribution must be one line of HTML, at most %d bytes", maxAttribution)
	}
	if err := p.mayWrite(); err != nil {
		return fmt.Errorf("write the packed file: %w", err)
	}
	return nil
}

// mayWrite is asked before the work, and again after it.
func (p *packVerb) mayWrite() error {
	info, err := os.Stat(p.out)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is not a regular file", p.out)
	case !p.force:
		return fmt.Errorf("%s is there already; --force replaces it", p.out)
	}
	return nil
}

// packed is what pack has done, in JSON.
type packed struct {
	Out    string        `json:"out"`
	Places int           `json:"places"`
	Twice  int           `json:"in_several_files"` // dropped, since they were there already
	Read   int64         `json:"read_bytes"`       // of the files, as they lie on the disk
	Bytes  int           `json:"bytes"`
	Files  []*fileReport `json:"files"`
}

func (p *packVerb) run(ctx context.Context, args []string) error {
	if err := p.check(); err != nil {
		return err
	}
	done := packed{Out: p.out}
	var m merger
	for _, path := range args {
		table, report, err := openPlaces(ctx, p.app, path, geofile.Options{
			Format: geofile.Format(p.format), Source: p.name, Attribution: p.attribution,
		}, geofile.Open)
		if err != nil {
			return err
		}
		if report.Format == geofile.Packed && (p.name != "" || p.attribution != "") {
			fmt.Fprintf(p.app.stderr, "WARNING: %s is packed already and keeps its own name and attribution.\n", path)
		}
		if info, err := os.Stat(path); err == nil {
			done.Read += info.Size()
		}
		done.Files = append(done.Files, newFileReport(path, report))
		m.add(table)
	}
	file, err := dataset.Encode(&m.table)
	if err != nil {
		return err
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err := p.write(file); err != nil {
		return err
	}
	done.Places, done.Twice, done.Bytes = len(m.table.Places), m.twice, len(file)
	return p.print(&done)
}

// write puts the file in its place in one step: a node that reloads meanwhile
// reads the old one or the new one.
func (p *packVerb) write(file []byte) error {
	err := durable.Replace(p.out, 0o644, func(w *os.File) error {
		if _, err := w.Write(file); err != nil {
			return err
		}
		return p.mayWrite()
	})
	if err != nil {
		return fmt.Errorf("write the packed file: %w", err)
	}
	return nil
}

func (p *packVerb) print(done *packed) error {
	if p.json {
		return printJSON(p.app.stdout, done)
	}
	for _, r := range done.Files {
		fmt.Fprintln(p.app.stdout, strings.Join(r.lines(), "\n"))
	}
	if done.Twice > 0 {
		fmt.Fprintf(p.app.stdout, "%s in several files, kept once\n", geofile.Counted(done.Twice))
	}
	_, err := fmt.Fprintf(p.app.stdout, "%s: %s in %s, made of %s\n",
		p.out, geofile.Counted(done.Places), human.Size(uint64(done.Bytes)), human.Size(uint64(done.Read)))
	return err
}

// merger makes one table of several.
type merger struct {
	table   dataset.Table
	sources map[dataset.Source]int
	kinds   map[string]int
	areas   map[string]int
	seen    map[placeKey]struct{} // of the tables before; nil: there was none
	twice   int
}

// placeKey tells places apart. Names of files, and so of sources, may be equal,
// and the numbers of rows in them: an id alone does not.
type placeKey struct {
	source, id, name string
	number           uint64
	lat, lng         int32
}

// add adds the places of a table that are not there yet. Two equal places of the
// same table are its own affair.
func (m *merger) add(t *dataset.Table) {
	if m.sources == nil { // the first one, and mostly the only one
		m.table = *t
		m.sources, m.kinds, m.areas = map[dataset.Source]int{}, map[string]int{}, map[string]int{}
		index(m.sources, t.Sources, func(s dataset.Source) dataset.Source { return s })
		index(m.kinds, t.Kinds, kindKey)
		index(m.areas, t.Areas, func(a string) string { return a })
		return
	}
	m.see()
	sources, kinds, areas := make([]int, len(t.Sources)), make([]int, len(t.Kinds)), make([]int, len(t.Areas))
	for i, s := range t.Sources {
		sources[i] = place(m.sources, &m.table.Sources, s, s)
	}
	for i, k := range t.Kinds {
		k.Source = sources[k.Source]
		kinds[i] = place(m.kinds, &m.table.Kinds, kindKey(k), k)
	}
	for i, a := range t.Areas {
		areas[i] = place(m.areas, &m.table.Areas, a, a)
	}
	for _, p := range t.Places {
		p.Kind, p.Area = kinds[p.Kind], areas[p.Area]
		if _, there := m.seen[m.key(&p)]; there {
			m.twice++
			continue
		}
		m.table.Places = append(m.table.Places, p)
	}
}

// see remembers the places that are not yet remembered.
func (m *merger) see() {
	if m.seen == nil {
		m.seen = make(map[placeKey]struct{}, len(m.table.Places))
	}
	for i := range m.table.Places {
		m.seen[m.key(&m.table.Places[i])] = struct{}{}
	}
}

func (m *merger) key(p *dataset.Place) placeKey {
	source := m.table.Sources[m.table.Kinds[p.Kind].Source].Name
	return placeKey{source, p.ID, p.Name, p.Number, p.Lat, p.Lng}
}

func kindKey(k dataset.Kind) string {
	return fmt.Sprintf("%d %t %q", k.Source, k.ByTown, k.Types)
}

func index[K comparable, V any](at map[K]int, list []V, key func(V) K) {
	for i, v := range list {
		at[key(v)] = i
	}
}

// place is where v is in the list. It is added if it is not there.
func place[K comparable, V any](at map[K]int, list *[]V, key K, v V) int {
	i, there := at[key]
	if !there {
		i = len(*list)
		at[key] = i
		*list = append(*list, v)
	}
	return i
}
