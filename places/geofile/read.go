package geofile

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"herd/places/dataset"
)

// Format is how a file is written.
type Format string

// The formats. Each may be gzipped.
const (
	Auto       Format = "auto"       // told by the content, and by the file's name where that leaves a doubt
	GeoJSON    Format = "geojson"    // one FeatureCollection
	GeoJSONSeq Format = "geojsonseq" // a feature a line, or RFC 8142
	CSV        Format = "csv"        // with a header; commas or semicolons
	TSV        Format = "tsv"        // with a header
	GeoNames   Format = "geonames"   // a dump: 19 columns, tabs between them, no header
	Packed     Format = "packed"     // as dataset.Encode writes it
)

// Formats are all formats but Auto.
func Formats() []Format { return []Format{GeoJSON, GeoJSONSeq, CSV, TSV, GeoNames, Packed} }

// Options say how a file is to be read. The zero value reads any.
type Options struct {
	Format Format // "" is Auto

	// Source is the part of a place_id before the colon. By default it is the
	// file's name up to its first dot.
	Source string
	// Attribution is HTML to be shown with every answer that has a place of the
	// file. By default it is that of the project whose file it seems to be:
	// OpenStreetMap, Overture, Foursquare, GeoNames; else empty.
	Attribution string
	License     string // by default that project's
	Date        string // of the data, YYYY-MM-DD; Open takes the file's by default

	MaxPlaces int   // more are an error; 0 is 20 million
	MaxBytes  int64 // of the unpacked text; 0 is 64 GiB
}

const (
	// maxRecord is the most bytes of a line, a row or a feature. The outlines of
	// whole countries may have more.
	maxRecord = 1 << 20

	defaultMaxPlaces = 20_000_000
	defaultMaxBytes  = 64 << 30

	// maxRatio is how much smaller a gzip may be than what is in it, once that has
	// more than freeBytes. Text of places packs to a quarter or a twentieth.
	maxRatio  = 200
	freeBytes = 16 << 20
)

// Open reads the file at path. It must not change meanwhile: that is an error. Its memory
// is in proportion to the places that it keeps, and a record or two.
//
// A record that gives no place is dropped and counted. It is an error if none
// gives one, and if the text is such that where a record ends can't be told.
// Where there is an error there may be a report too, of what was read before.
func Open(ctx context.Context, path string, o Options) (*dataset.Table, *Report, error) {
	r, err := open(ctx, path, o)
	if err != nil {
		return nil, r.result(), err
	}
	return r.table(), r.report, nil
}

// OpenSet is Open for a table to be searched. A packed file is loaded faster so.
func OpenSet(ctx context.Context, path string, o Options) (*dataset.Set, *Report, error) {
	r, err := open(ctx, path, o)
	if err != nil {
		return nil, r.result(), err
	}
	if r.set != nil {
		return r.set, r.report, nil
	}
	set, err := dataset.NewSet(r.builder.table)
	if err != nil {
		return nil, r.report, fmt.Errorf("%s: %w", path, err)
	}
	return set, r.report, nil
}

func open(ctx context.Context, path string, o Options) (*reader, error) {
	before, err := os.Stat(path) // opening something else might wait for ever
	if err != nil {
		return nil, err
	}
	if !before.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: not a regular file", path)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if o.Date == "" {
		o.Date = before.ModTime().UTC().Format(time.DateOnly)
	}
	r, err := read(ctx, path, file, o)
	if err != nil {
		return r, err
	}
	after, err := file.Stat()
	if err != nil {
		return r, err
	}
	if after.Size() != before.Size() || !after.ModTime().Equal(before.ModTime()) {
		return r, fmt.Errorf("%s: it changed while it was read", path)
	}
	return r, nil
}

// read reads places from in until its end. Errors and the report call the file name.
func read(ctx context.Context, name string, in io.Reader, o Options) (*reader, error) {
	o, err := o.withDefaults(name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	r := &reader{
		options: o,
		report:  &Report{File: name, Format: o.Format},
		builder: newBuilder(o.Source, o.MaxPlaces),
		start:   position{line: 1},
	}
	err = r.read(ctx, in)
	r.finish()
	if err == nil && r.report.Kept == 0 {
		err = errors.New("no place in it")
		if dropped := list(r.report.Dropped); dropped != "" {
			err = fmt.Errorf("no place could be kept: %s", dropped)
		}
	}
	if err != nil {
		return r, fmt.Errorf("%s: %w", name, err)
	}
	return r, nil
}

func (o Options) withDefaults(name string) (Options, error) {
	if o.Format == "" {
		o.Format = Auto
	}
	if o.Format != Auto && !slices.Contains(Formats(), o.Format) {
		return o, fmt.Errorf("no format %q: there are %v", o.Format, Formats())
	}
	if o.Source == "" {
		o.Source, _, _ = strings.Cut(filepath.Base(name), ".")
		o.Source = strings.Map(func(r rune) rune {
			if r <= ' ' || r == ':' || r > '~' {
				return '-'
			}
			return r
		}, o.Source)
	}
	if o.Source == "" {
		o.Source = "file"
	}
	if strings.Contains(o.Source, ":") || !isWord([]byte(o.Source)) || len(o.Source) > maxID {
		return o, fmt.Errorf("no name for a source: %q", o.Source)
	}
	if o.MaxPlaces <= 0 {
		o.MaxPlaces = defaultMaxPlaces
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = defaultMaxBytes
	}
	return o, nil
}

// reader reads one file.
type reader struct {
	options Options
	in      *bufio.Reader // unpacked; its buffer holds maxRecord bytes
	start   position      // of what in gives first
	report  *Report
	builder *builder
	set     *dataset.Set // of a packed file, in place of what builder has
}

// result is the report as far as there is one.
func (r *reader) result() *Report {
	if r == nil {
		return nil
	}
	return r.report
}

func (r *reader) table() *dataset.Table {
	if r.set != nil {
		return r.set.Table()
	}
	return r.builder.table
}

func (r *reader) read(ctx context.Context, file io.Reader) error {
	raw := &meter{ctx: ctx, r: file}
	packed := bufio.NewReaderSize(raw, 64<<10)
	text := &limiter{r: packed, most: r.options.MaxBytes}
	if magic, _ := packed.Peek(2); string(magic) == "\x1f\x8b" {
		z, err := gzip.NewReader(packed)
		if err != nil {
			return fmt.Errorf("unpack: %w", err)
		}
		r.report.Zipped = true
		text.r, text.packed = z, raw
	}
	r.in = bufio.NewReaderSize(text, maxRecord)
	if err := r.sniff(); err != nil {
		return err
	}
	switch r.report.Format {
	case GeoJSON:
		return r.readCollection()
	case GeoJSONSeq:
		return r.readSequence()
	case TSV:
		return r.readTSV()
	case GeoNames:
		return r.readGeoNames()
	case Packed:
		return r.readPacked()
	}
	return r.readCSV(r.comma())
}

func (r *reader) readCollection() error {
	var j jsonReader
	var f feature
	s := stream{r: r.in, at: r.start}
	return s.collection(func(at position, record []byte, bad *fault) error {
		if bad == nil {
			bad = j.read(record, &f)
		}
		return r.builder.add(at, &f, bad)
	})
}

func (r *reader) readSequence() error {
	var j jsonReader
	var f feature
	delim := byte('\n')
	if first, _ := r.in.Peek(1); len(first) > 0 && first[0] == recordSeparator {
		delim = recordSeparator
	}
	return r.eachRecord(delim, func(at position, record []byte, bad *fault) error {
		if bad == nil {
			bad = j.read(record, &f)
		}
		return r.builder.add(at, &f, bad)
	})
}

func (r *reader) readPacked() error {
	file, err := io.ReadAll(r.in)
	if err != nil {
		return err
	}
	set, err := dataset.Decode(file)
	if err != nil {
		return err
	}
	if set.Len() > r.options.MaxPlaces {
		return fmt.Errorf("more than %s", Counted(r.options.MaxPlaces))
	}
	r.set = set
	return nil
}

// finish writes the report, and the source of the table.
func (r *reader) finish() {
	b := r.builder
	b.finish()
	r.report.Kept, r.report.Records = len(b.table.Places), b.records
	r.report.Dropped = b.tallies.list(0, madeID)
	r.report.Noted = b.tallies.list(madeID, reasons)
	if n := r.report.Drops(); n > r.report.Kept {
		r.report.Warning = "More was dropped than kept: is it the right file?"
	}
	if r.set != nil {
		r.report.Kept = r.set.Len()
		return // it has its own sources
	}
	b.credit(r.options)
}

// meter counts what is read, and reads no more once ctx is done.
type meter struct {
	ctx context.Context
	r   io.Reader
	n   int64
}

func (m *meter) Read(p []byte) (int, error) {
	if err := m.ctx.Err(); err != nil {
		return 0, context.Cause(m.ctx)
	}
	n, err := m.r.Read(p)
	m.n += int64(n)
	return n, err
}

// limiter bounds what comes out of a file, packed or not.
type limiter struct {
	r       io.Reader
	packed  *meter // nil if it is not
	n, most int64
}

func (l *limiter) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	l.n += int64(n)
	switch {
	case l.n > l.most:
		return n, fmt.Errorf("larger than %d bytes unpacked", l.most)
	case l.packed == nil:
		return n, err
	case l.n > freeBytes && l.n > maxRatio*l.packed.n:
		return n, fmt.Errorf("a gzip bomb: more than %d bytes in %d", l.n, l.packed.n)
	case err != nil && !errors.Is(err, io.EOF):
		return n, fmt.Errorf("unpack: %w", err)
	}
	return n, err
}
