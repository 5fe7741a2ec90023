package geofile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"unicode/utf8"
)

// headSize is how much of a file is looked at to tell its format.
const headSize = 64 << 10

// foreign are files that people take for ones that can be read, by how they begin.
var foreign = []struct{ magic, what string }{
	{"PK\x03\x04", "a zip archive: unpack it first"},
	{"PAR1", "Parquet: convert it to GeoJSON first"},
	{"SQLite format 3\x00", "a SQLite database or a GeoPackage: convert it to GeoJSON first"},
	{"\x00\x00\x00\x0d\x0a\x09OSMHeader", "an OSM PBF: convert it with osmium export"},
	{"\x00\x00\x00\x0e\x0a\x09OSMHeader", "an OSM PBF: convert it with osmium export"},
	{"BZh", "a bzip2: unpack it first"},
	{"\xfd7zXZ", "an xz: unpack it first"},
	{"\x28\xb5\x2f\xfd", "a zstd: unpack it first"},
	{"\x1f\x8b", "a gzip in a gzip: unpack it first"},
	{"\xff\xfe", "UTF-16: save it as UTF-8"},
	{"\xfe\xff", "UTF-16: save it as UTF-8"},
	{"<", "XML or HTML: OSM XML can be converted with osmium export"},
	{"[", "a JSON list: GeoJSON is a FeatureCollection, or a Feature a line"},
}

const (
	bom          = "\xef\xbb\xbf"
	packedMagic  = "herd.places"
	knownFormats = "GeoJSON, GeoJSONSeq, CSV, TSV, a GeoNames dump or a packed file"
)

// sniff tells the format, unless the options do, and passes over a byte order mark.
func (r *reader) sniff() error {
	head, err := r.in.Peek(headSize)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if bytes.HasPrefix(head, []byte(bom)) {
		head = head[len(bom):]
		r.start.byte = int64(len(bom))
		_, _ = r.in.Discard(len(bom)) // they are there
	}
	if len(bytes.TrimSpace(head)) == 0 && len(head) < headSize-len(bom) {
		return errors.New("it is empty")
	}
	if r.report.Format == Auto {
		r.report.Format, err = formatOf(head, r.report.File)
		return err
	}
	return nil
}

// formatOf tells a format by how a file begins.
func formatOf(head []byte, name string) (Format, error) {
	switch trimmed := bytes.TrimLeft(head, " \t\r\n"); {
	case bytes.HasPrefix(head, []byte(packedMagic)):
		return Packed, nil
	case len(trimmed) > 0 && trimmed[0] == recordSeparator:
		return GeoJSONSeq, nil
	case len(trimmed) > 0 && trimmed[0] == '{':
		return jsonFormat(trimmed, name), nil
	}
	for _, f := range foreign {
		if bytes.HasPrefix(head, []byte(f.magic)) {
			return Auto, errors.New("it is " + f.what)
		}
	}
	line, _, _ := bytes.Cut(head, []byte{'\n'})
	tabs, commas := bytes.Count(line, []byte{'\t'}), bytes.Count(line, []byte{','})+bytes.Count(line, []byte{';'})
	switch {
	case isGeoNames(line):
		return GeoNames, nil
	case bytes.IndexByte(head, 0) >= 0:
	case tabs > commas || tabs > 0 && strings.Contains(strings.ToLower(name), ".tsv"):
		return TSV, nil
	case commas > 0:
		return CSV, nil
	}
	if !utf8.Valid(line) {
		line = line[:0]
	}
	return Auto, fmt.Errorf("it is none of %s: it begins with %s", knownFormats, quote(line))
}

// jsonFormat tells a FeatureCollection from a Feature a line, by the first
// members of the first object.
func jsonFormat(head []byte, name string) Format {
	l := lexer{b: head}
	for l.open('{'); l.more('}'); {
		switch key := string(l.key()); key {
		case "features":
			return GeoJSON
		case "geometry", "properties":
			return GeoJSONSeq
		case "type":
			switch string(l.scalar()) {
			case "FeatureCollection":
				return GeoJSON
			case "Feature":
				return GeoJSONSeq
			}
		default:
			l.skip()
		}
	}
	switch filepath.Ext(strings.TrimSuffix(strings.ToLower(name), ".gz")) {
	case ".geojsonl", ".geojsons", ".geojsonseq", ".jsonl", ".ndjson":
		return GeoJSONSeq
	}
	return GeoJSON
}

// isGeoNames tells a line of a dump from a header of as many columns.
func isGeoNames(line []byte) bool {
	columns := bytes.Split(line, []byte{'\t'})
	if len(columns) != geoColumns || !isNumber(columns[geoNumber]) {
		return false
	}
	_, lat := strconv.ParseFloat(string(columns[geoLat]), 64)
	_, lng := strconv.ParseFloat(string(columns[geoLng]), 64)
	return lat == nil && lng == nil
}

// comma is what stands between the columns of a CSV: where semicolons do,
// commas are for decimals.
func (r *reader) comma() rune {
	head, _ := r.in.Peek(headSize)
	line, _, _ := bytes.Cut(head, []byte{'\n'})
	if bytes.Count(line, []byte{';'}) > bytes.Count(line, []byte{','}) {
		return ';'
	}
	return ','
}
