package gossip

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"time"

	"herd/gossip/durable"
)

// The address book on disk lets a node that starts again find its herd without a seed.
// It is a convenience: one that can't be read is ignored, and said.
const (
	bookVersion  = 1
	maxBookFile  = 256 << 10       // bytes; a full book takes less than half
	bookEvery    = 2 * time.Second // between two looks whether it has changed
	bookRefresh  = time.Hour       // it is written again, though nothing has changed, for the times in it
	maxBookSeeds = 32              // addresses asked at the start; the others are tried one by one
)

// bookFile is what is in the file.
type bookFile struct {
	Version int         `json:"version"`
	Members []bookEntry `json:"members"` // the one seen last is the first
}

// bookEntry is where a member was.
type bookEntry struct {
	Addr string    `json:"addr"` // IP and port
	Seen time.Time `json:"seen"` // for the last time, by this node's wall clock
}

// readBook reads a file of addresses. None is no error.
func readBook(name string) ([]bookEntry, error) {
	if info, err := os.Stat(name); errors.Is(err, os.ErrNotExist) {
		return nil, nil
	} else if err == nil && !info.Mode().IsRegular() { // a pipe could be waited for for ever
		return nil, fmt.Errorf("%s is not a regular file", name)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxBookFile+1))
	if err != nil {
		return nil, err
	}
	entries, err := parseBook(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return entries, nil
}

// parseBook checks all that is in a file.
func parseBook(text []byte) ([]bookEntry, error) {
	if len(text) > maxBookFile {
		return nil, fmt.Errorf("more than %d bytes", maxBookFile)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	var b bookFile
	if err := d.Decode(&b); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows after the addresses")
	}
	if b.Version != bookVersion {
		return nil, fmt.Errorf("version %d, this node reads version %d", b.Version, bookVersion)
	}
	if len(b.Members) > maxMembers {
		return nil, fmt.Errorf("%d addresses, at most %d are allowed", len(b.Members), maxMembers)
	}
	for _, e := range b.Members {
		if at, err := netip.ParseAddrPort(e.Addr); err != nil {
			return nil, err
		} else if at.Port() == 0 || at.Addr().IsUnspecified() || at.String() != e.Addr {
			return nil, fmt.Errorf("address %q", e.Addr)
		}
	}
	return b.Members, nil
}

// writeBook takes the place of the file, in one step.
func writeBook(name string, entries []bookEntry) error {
	text, err := json.MarshalIndent(bookFile{bookVersion, entries}, "", " ")
	if err != nil {
		return err
	}
	return durable.Replace(name, 0o600, func(f *os.File) error {
		_, err := f.Write(append(text, '\n'))
		return err
	})
}

// recall takes in what was in the file. What is too old, or of a time to come, is not tried
// for longer than others are.
func (b *book) recall(entries []bookEntry, wall time.Time) {
	now := time.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range entries {
		age := max(wall.Sub(e.Seen), 0)
		if age > remember || e.Addr == b.own {
			continue
		}
		b.seen[e.Addr] = now.Add(-age)
		if len(b.recalled) < maxBookSeeds {
			b.recalled = append(b.recalled, e.Addr)
		}
	}
}

// entries is what belongs into the file, the one seen last first.
func (b *book) entries(wall time.Time) []bookEntry {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := make([]bookEntry, 0, len(b.seen))
	for addr, at := range b.seen {
		if _, err := netip.ParseAddrPort(addr); err == nil {
			all = append(all, bookEntry{addr, wall.Add(-time.Since(at)).UTC().Truncate(time.Second)})
		}
	}
	slices.SortFunc(all, func(x, y bookEntry) int {
		return cmp.Or(y.Seen.Compare(x.Seen), cmp.Compare(x.Addr, y.Addr))
	})
	return all
}

// openBook takes in the file, if there is to be one.
func (c *Cluster) openBook() {
	if c.config.AddressBook == "" {
		return
	}
	entries, err := readBook(c.config.AddressBook)
	if err != nil {
		c.bookErrors.Add(1)
		c.log.Warn("the address book can't be read: this node finds its herd by its seeds alone", "error", err)
	}
	c.book.recall(entries, c.wall())
}

// keepBook has the file follow the book until ctx is done, and once more then.
func (c *Cluster) keepBook(ctx context.Context) {
	tick := time.NewTicker(bookEvery)
	defer tick.Stop()
	var last []string // addresses, as written
	var written time.Time
	for end := false; !end; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			end = true
		}
		entries := c.book.entries(c.wall())
		addrs := make([]string, len(entries))
		for i, e := range entries {
			addrs[i] = e.Addr
		}
		slices.Sort(addrs)
		if slices.Equal(addrs, last) && time.Since(written) < bookRefresh {
			continue
		}
		if err := writeBook(c.config.AddressBook, entries); err != nil {
			c.bookErrors.Add(1)
			c.warn("the address book can't be written: this node may need a seed when it starts again", "error", err)
			continue
		}
		last, written = addrs, time.Now()
	}
}
