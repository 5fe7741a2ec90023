package geofile

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"

	"herd/places/dataset"
)

// repeated gives text times times, without ever holding it all.
func repeated(text string, times int) io.Reader {
	return io.MultiReader(func() []io.Reader {
		var list []io.Reader
		block := strings.Repeat(text, 1000)
		for range times / 1000 {
			list = append(list, strings.NewReader(block))
		}
		return append(list, strings.NewReader(strings.Repeat(text, times%1000)))
	}()...)
}

const (
	header1  = "name,lat,lng\n"
	feature1 = `{"type":"Feature","geometry":{"type":"Point","coordinates":[1,2]},"properties":{"name":"A"}}`
	opening  = `{"type":"FeatureCollection","features":[`
)

// TestBounds: what has no end in a file is dropped or an error, in a few
// megabytes of memory.
func TestBounds(t *testing.T) {
	const large = 24 << 20
	filler := func(s string) io.Reader { return repeated(s, large/len(s)) }
	for _, tt := range []struct {
		name   string
		in     io.Reader
		want   string // in the error or in the report
		format Format
	}{
		{"a long line", io.MultiReader(strings.NewReader(feature1+"\n"), filler("x"), strings.NewReader("\n"+feature1)), "2 places kept, 1 dropped (1 longer than 1 MiB, first at line 2)", Auto},
		{"a long feature", io.MultiReader(strings.NewReader(opening+feature1+`,{"a":[`), filler("1,"), strings.NewReader("1]},"+feature1+"]}")), "2 places kept, 1 dropped (1 longer than 1 MiB", Auto},
		{"a long member", io.MultiReader(strings.NewReader(`{"type":"FeatureCollection","more":"`), filler("x"), strings.NewReader(`","features":[`+feature1+"]}")), "1 place kept", Auto},
		{"a long name of a member", io.MultiReader(strings.NewReader(`{"type":"FeatureCollection","`), filler("x")), "the file ends in the middle", Auto},
		{"a deep feature", io.MultiReader(strings.NewReader(opening), filler("[")), "the file ends in the middle", Auto},
		{"a feature of brackets", strings.NewReader(opening + strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + "," + feature1 + "]}"), "1 nested too deeply", Auto},
		{"a long row", io.MultiReader(strings.NewReader(header1), filler("x")), "longer than 1048576 bytes", Auto},
		{"a quote without end", io.MultiReader(strings.NewReader(header1+"A,1,2\nB,1,\""), filler("x\n")), "the record after that of line 2 is longer than 1048576 bytes: is a quote missing?", Auto},
		{"a long header", filler("the_name_of_a_column,"), "line 1: longer than 1048576 bytes", CSV},
		{"a long row of tabs", io.MultiReader(strings.NewReader("name\tlat\tlng\nA\t1\t2\n"), filler("\t")), "1 longer than 1 MiB, first at line 3", Auto},
		{"a long line of GeoNames", filler("\t"), "no place could be kept: 1 longer than 1 MiB", GeoNames},
		{"lines of nothing", filler("\n"), "line 1: longer than", CSV},
		{"spaces", io.MultiReader(strings.NewReader(opening), filler(" "), strings.NewReader("]}")), "no place in it", Auto},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, report, err := readTable(t.Context(), "file", tt.in, Options{Format: tt.format})
			runtime.ReadMemStats(&after)
			said := report.String()
			if err != nil {
				said = err.Error()
			}
			if !strings.Contains(said, tt.want) {
				t.Errorf("says %q, want %q", said, tt.want)
			}
			if got := after.TotalAlloc - before.TotalAlloc; got > 20<<20 {
				t.Errorf("%d bytes of memory", got)
			}
		})
	}
}

func TestTooMany(t *testing.T) {
	text := strings.Repeat(feature1+"\n", 11)
	if _, report, err := readTable(t.Context(), "file", strings.NewReader(text), Options{MaxPlaces: 11}); err != nil || report.Kept != 11 {
		t.Errorf("as many as may be: %v, %v", report, err)
	}
	_, _, err := readTable(t.Context(), "file", strings.NewReader(text), Options{MaxPlaces: 10})
	if err == nil || err.Error() != "file: line 11: more than 10 places" {
		t.Errorf("one more: %v", err)
	}
	_, _, err = readTable(t.Context(), "file", strings.NewReader(text), Options{MaxBytes: int64(len(text) - 1)})
	if err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("too many bytes: %v", err)
	}
}

// TestBomb: a gzip that unpacks to a thousand times its size.
func TestBomb(t *testing.T) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := io.Copy(z, io.MultiReader(strings.NewReader(opening), repeated(strings.Repeat(" ", 1000), 2*freeBytes/1000))); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	_, _, err := readTable(t.Context(), "file.gz", &b, Options{})
	if err == nil || !strings.Contains(err.Error(), "a gzip bomb") {
		t.Errorf("err = %v", err)
	}
}

func TestCutGzip(t *testing.T) {
	whole := zipped([]byte(strings.Repeat(feature1+"\n", 1000)))
	for _, n := range []int{3, 20, len(whole) / 2, len(whole) - 1} {
		_, _, err := readTable(t.Context(), "file.gz", bytes.NewReader(whole[:n]), Options{})
		if err == nil || !errors.Is(err, io.ErrUnexpectedEOF) || !strings.Contains(err.Error(), "unpack") {
			t.Errorf("cut to %d of %d bytes: %v", n, len(whole), err)
		}
	}
}

// TestCancel: whoever asked may stop it, and the cause is told.
func TestCancel(t *testing.T) {
	reason := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := readerFunc(func([]byte) (int, error) { cancel(reason); return 0, nil })
	text := strings.Repeat(feature1+"\n", 10)
	_, _, err := readTable(ctx, "file", io.MultiReader(strings.NewReader(text), stop, strings.NewReader(text)), Options{})
	if !errors.Is(err, reason) {
		t.Errorf("err = %v, want %v", err, reason)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// FuzzRead: whatever a file says, reading it comes back, with memory in
// proportion, and what it gives is a table.
func FuzzRead(f *testing.F) {
	for i := range append(Formats(), Auto) {
		for _, s := range []string{
			feature1, opening + feature1 + "," + feature1 + "]}", "\x1e" + feature1 + "\n\x1e" + feature1,
			header1 + "A,1,2\n\"B\n\",3,4\n", "name\tlat\tlng\n\"A\"\t1\t2\n", "name;y;x\nA;1,5;2\n",
			"1\tA\tA\t\t1\t2\tP\tPPL\tUS\t\tCA\t\t\t\t5\t\t\t\t2024-01-01\n", string(zipped([]byte(feature1))), "herd.places\x02",
		} {
			f.Add(uint8(i), []byte(s))
		}
	}
	f.Fuzz(func(t *testing.T, format uint8, text []byte) {
		formats := append(Formats(), Auto)
		o := Options{Format: formats[int(format)%len(formats)], Source: "fuzz", MaxPlaces: 1000}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		table, report, err := readTable(context.Background(), "fuzz", bytes.NewReader(text), o)
		runtime.ReadMemStats(&after)
		if got, most := after.TotalAlloc-before.TotalAlloc, uint64(32<<20+512*len(text)); got > most {
			t.Fatalf("%d bytes took %d of memory", len(text), got)
		}
		_ = report.String()
		if err != nil {
			return
		}
		if report.Kept != len(table.Places) || report.Kept == 0 {
			t.Fatalf("%d places, and the report says %s", len(table.Places), report)
		}
		if _, err := dataset.NewSet(table); err != nil {
			t.Fatal(err)
		}
	})
}
