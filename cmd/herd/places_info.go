package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"herd/cmd/herd/internal/human"
	"herd/places/dataset"
	"herd/places/geofile"
)

// topTypes is how many types a person is shown.
const topTypes = 15

func (a *app) placesInfo() *cobra.Command {
	var format string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "info [FILE]",
		Short: "Show what is in a file of places, or in the program",
		Long: "Info reads a file as a node would and shows what it has kept of it, what it has\n" +
			"dropped and why, and where the places come from. Without a file it shows the places\n" +
			"inside the program.",
		Example: "  herd places info campus.geojson",
		Args:    cobra.MaximumNArgs(1),
	}
	cmd.RunE = verb(func(ctx context.Context, args []string) error {
		about, err := a.about(ctx, args, geofile.Format(format))
		if err != nil {
			return err
		}
		if asJSON {
			return printJSON(a.stdout, about)
		}
		return about.print(a)
	})
	formatFlag(cmd, &format)
	jsonFlag(cmd, &asJSON)
	return cmd
}

// tableInfo is what there is to say of a table of places.
type tableInfo struct {
	Places  int          `json:"places"`
	Memory  int          `json:"memory_bytes"`
	Seconds float64      `json:"seconds"` // to read and to index it
	Area    area         `json:"area"`
	Sources []sourceInfo `json:"sources"`
	Types   []typeCount  `json:"types"` // the most frequent first
	Report  *fileReport  `json:"report,omitempty"`
}

// area is a box of degrees. If its west is greater than its east it crosses the
// 180th meridian.
type area struct {
	South float64 `json:"south"`
	West  float64 `json:"west"`
	North float64 `json:"north"`
	East  float64 `json:"east"`
}

type sourceInfo struct {
	Name        string `json:"name"`
	Places      int    `json:"places"`
	License     string `json:"license"`
	Date        string `json:"date"`
	URL         string `json:"url"`
	Attribution string `json:"attribution"` // HTML
}

// typeCount counts the places whose first type it is.
type typeCount struct {
	Type   string `json:"type"`
	Places int    `json:"places"`
}

func (a *app) about(ctx context.Context, args []string, format geofile.Format) (*tableInfo, error) {
	start := time.Now()
	var (
		info  tableInfo
		table *dataset.Table
		set   *dataset.Set
		err   error
	)
	if len(args) == 0 {
		if set, err = dataset.Embedded(dataset.Prominence).Set(); err != nil {
			return nil, err
		}
		info.Seconds = time.Since(start).Seconds()
		table = set.Table()
	} else {
		var report *geofile.Report
		if table, report, err = openPlaces(ctx, a, args[0], geofile.Options{Format: format}, geofile.Open); err != nil {
			return nil, err
		}
		if set, err = dataset.NewSet(table); err != nil {
			return nil, err
		}
		info.Seconds = time.Since(start).Seconds()
		info.Report = newFileReport(args[0], report)
	}
	info.Places, info.Memory, info.Area = set.Len(), set.Bytes(), areaOf(table.Places)
	stats := set.Stats()
	for _, s := range stats.Sources {
		info.Sources = append(info.Sources, sourceInfo{s.Name, s.Places, s.License, s.Date, s.URL, s.Attribution})
	}
	info.Types = typesOf(stats.Kinds)
	return &info, nil
}

func typesOf(kinds []dataset.KindStats) []typeCount {
	counts := map[string]int{}
	for _, k := range kinds {
		if k.Places > 0 && len(k.Types) > 0 {
			counts[k.Types[0]] += k.Places
		}
	}
	all := []typeCount{}
	for name, n := range counts {
		all = append(all, typeCount{name, n})
	}
	slices.SortFunc(all, func(a, b typeCount) int {
		return cmp.Or(cmp.Compare(b.Places, a.Places), cmp.Compare(a.Type, b.Type))
	})
	return all
}

// areaOf is a box around places. It crosses the 180th meridian if it is less than half
// as wide then: there is one for places all over the world, too, but nobody wants it.
func areaOf(list []dataset.Place) area {
	const turn = 360 * unit
	south, north := int32(90*unit), int32(-90*unit)
	west, east := int32(180*unit), int32(-180*unit)
	west2, east2 := int32(turn), int32(0) // from 0 to 360 degrees
	for i := range list {
		p := &list[i]
		south, north = min(south, p.Lat), max(north, p.Lat)
		west, east = min(west, p.Lng), max(east, p.Lng)
		lng := p.Lng
		if lng < 0 {
			lng += turn
		}
		west2, east2 = min(west2, lng), max(east2, lng)
	}
	if east2-west2 < (east-west)/2 {
		west, east = west2, east2
		if east > 180*unit {
			east -= turn
		}
		if west > 180*unit {
			west -= turn
		}
	}
	return area{float64(south) / unit, float64(west) / unit, float64(north) / unit, float64(east) / unit}
}

// unit is one degree of a table's coordinates.
const unit = 1e5

func (i *tableInfo) print(a *app) error {
	out := a.stdout
	if i.Report == nil {
		fmt.Fprintf(out, "Inside the program: %s\n", geofile.Counted(i.Places))
	} else {
		fmt.Fprintln(out, strings.Join(i.Report.lines(), "\n"))
	}
	took := time.Duration(i.Seconds * float64(time.Second))
	fmt.Fprintf(out, "Read in %s, %s in memory.\n", tookText(took), human.Size(uint64(i.Memory)))
	across := ""
	if i.Area.West > i.Area.East {
		across = ", across the 180th meridian"
	}
	fmt.Fprintf(out, "From latitude %v to %v, longitude %v to %v%s.\n\n", i.Area.South, i.Area.North, i.Area.West, i.Area.East, across)

	rows := [][]string{{"TYPE", "PLACES"}}
	for _, t := range i.Types[:min(len(i.Types), topTypes)] {
		rows = append(rows, []string{clip(t.Type, 60), geofile.Thousands(t.Places)})
	}
	if err := printTable(out, rows); err != nil {
		return err
	}
	if more := len(i.Types) - topTypes; more > 0 {
		fmt.Fprintf(out, "and %d more types\n", more)
	}

	fmt.Fprintln(out)
	rows = [][]string{{"SOURCE", "PLACES", "DATE", "LICENCE", "ATTRIBUTION"}}
	for _, s := range i.Sources {
		rows = append(rows, []string{clip(s.Name, 40), geofile.Thousands(s.Places), clip(s.Date, 10), orNone(clip(s.License, 60)), orNone(textOf(s.Attribution))})
	}
	return printTable(out, rows)
}

func orNone(s string) string { return cmp.Or(s, "none given") }
