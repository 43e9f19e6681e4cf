// Package export writes the whole population of a period for auditors: a folder
// with every execution, action, approval, decision and all else as CSV, JSON
// lines and Parquet, with a control map, the account of the log that proves that
// none is missing, and a signed manifest. The same trail gives the same bytes.
// docs/export.md describes the folder, package population its format.
package export

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/proof"
	"github.com/whodid/whodid/proof/population"
)

// Options say what to export.
type Options struct {
	Org string
	// From is the first moment and To the first one after the period; Zone names
	// the time zone in which it was meant.
	From, To time.Time
	Zone     string
	Basis    population.Basis
	// Formats are of [Formats]; none means all.
	Formats []string
	// Sample draws so many rows of the table SampleOf; 0 draws none.
	Sample   int
	Seed     int64
	SampleOf string
	// Dir is the folder to write, which must not be there yet.
	Dir string
	// Version is that of the program.
	Version string
	// Sign signs the sums of the files with the trail's key.
	Sign func(text string) (string, error)
	// Tell records that the export was made. It is called when all is written and
	// before the folder bears its name: what can't be told of is not handed out.
	Tell func(ctx context.Context, done *Summary) error
	// Progress is told how much of the log was read; nil tells nobody.
	Progress func(done, total uint64)

	shown uint64 // in place of maxOutside, in tests; 0 is that
}

// Formats lists the formats of tables.
func Formats() []string { return []string{"csv", "jsonl", "parquet"} }

// Summary is what was exported.
type Summary struct {
	Manifest *population.Manifest
	Rows     int64 // of all tables
	Bytes    int64 // of all files
	// Sums is the SHA-256 of the file with the sums of all others, hexadecimal.
	Sums string
}

// Told is the metadata of the event that tells of an export.
func Told(done *Summary) whodid.Data {
	m := done.Manifest
	return whodid.Data{
		"period_from": m.Period.From, "period_to": m.Period.To, "basis": string(m.Period.Basis), "formats": slices.Clone(m.Formats),
		"row_count": done.Rows, "size": int64(m.Checkpoint.Size), "sums": done.Sums,
	}
}

// ErrExists means that something has the name of the folder already.
var ErrExists = errors.New("it is there already")

// maxOutside is how many entries of another time are shown by their leaves, so that
// it is proved that they are of another time. Of more only hashes are shown.
const maxOutside = 500_000

// chunk is how many places of the log are asked for at once.
const chunk = 64 << 10

// Write writes the export. The folder is complete when it is there: it is written
// under another name beside it, which is gone if anything fails.
func Write(ctx context.Context, s *store.Store, o Options) (done *Summary, err error) {
	if _, err := os.Lstat(o.Dir); !errors.Is(err, fs.ErrNotExist) {
		if err == nil {
			err = ErrExists
		}
		return nil, fmt.Errorf("couldn't write to %s: %w", o.Dir, err)
	}
	if len(o.Formats) == 0 {
		o.Formats = Formats()
	}
	parent := filepath.Dir(o.Dir)
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return nil, fmt.Errorf("couldn't make the folder of the export: %w", err)
	}
	temporary, err := os.MkdirTemp(parent, "."+filepath.Base(o.Dir)+"-") // of its owner alone
	if err != nil {
		return nil, fmt.Errorf("couldn't make the folder of the export: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(temporary))
		}
	}()
	snapshot, err := s.Snapshot(ctx, o.Org)
	if err != nil {
		return nil, err
	}
	defer snapshot.Close()
	log, err := s.Log(ctx, o.Org)
	if err != nil {
		return nil, err
	}
	w := &writer{Options: o, snapshot: snapshot, folder: folder{dir: temporary}}
	w.manifest = population.Manifest{
		Format: population.Format, Product: "whodid " + o.Version, Organisation: o.Org, Origin: log.Origin, PublicKey: log.PublicKey,
		Period: population.Period{
			From: whodid.FormatTime(o.From), To: whodid.FormatTime(o.To), TimeZone: o.Zone, Basis: o.Basis,
		},
		Checkpoint: population.Head{Size: snapshot.Head.Frontier.Size(), Root: snapshot.Head.Frontier.Root().String()},
		Formats:    slices.Clone(o.Formats),
	}
	if err := w.write(ctx); err != nil {
		return nil, err
	}
	done, err = w.finish()
	if err != nil {
		return nil, err
	}
	if err := o.Tell(ctx, done); err != nil {
		return nil, err
	}
	if err := os.Rename(temporary, o.Dir); err != nil {
		return nil, fmt.Errorf("couldn't give the export its name: %w", err)
	}
	return done, nil
}

// writer writes one export.
type writer struct {
	Options
	snapshot *store.Snapshot
	folder   folder
	manifest population.Manifest
	tables   []population.Table
	rows     []int64
	span     population.Log
	// leaves is whether leaves of entries of another time are shown.
	leaves   bool
	versions versions
	// erased are the fields that events of executions lost, by execution.
	erased map[string][]string
	drawer *population.Drawer
	tiles  proof.TileReader
}

func (w *writer) write(ctx context.Context) error {
	w.tables = population.Tables()
	w.rows = make([]int64, len(w.tables))
	w.erased = map[string][]string{}
	w.tiles = w.snapshot.Tiles(ctx)
	if w.Sample > 0 {
		i := slices.IndexFunc(w.tables, func(t population.Table) bool { return t.Name == w.SampleOf })
		if i < 0 {
			return fmt.Errorf("there is no table %q to draw a sample of", w.SampleOf)
		}
		w.drawer = population.NewDrawer(w.SampleOf, w.tables[i].Columns, w.Seed, w.Sample)
	}
	if err := w.bounds(ctx); err != nil {
		return err
	}
	p, err := w.newPipeline(ctx)
	if err != nil {
		return err
	}
	err = w.read(p)
	if err = errors.Join(err, p.close()); err != nil {
		return err
	}
	return w.account()
}

// read sends all rows down the pipeline.
func (w *writer) read(p *pipeline) error {
	if err := w.events(p); err != nil {
		return err
	}
	if err := w.executions(p); err != nil {
		return err
	}
	return w.policyVersions(p)
}

// bounds decides which part of the log to account for.
func (w *writer) bounds(ctx context.Context) error {
	size := w.snapshot.Head.Frontier.Size()
	first, err := w.snapshot.Before(ctx, w.From)
	if err != nil {
		return err
	}
	w.leaves = true
	// One entry before the period shows that the account does not begin in it.
	w.span = population.Log{First: first - min(first, 1), End: size}
	if w.Basis == population.Recorded {
		end, err := w.snapshot.Before(ctx, w.To)
		w.span.End = min(end+1, size)
		return err
	}
	most := uint64(maxOutside)
	if w.shown > 0 {
		most = w.shown
	}
	count, low, high, err := w.snapshot.Happened(ctx, w.From, w.To)
	switch {
	case err != nil:
		return err
	case size-w.span.First-min(count, size-w.span.First) > most && count > 0:
		w.span, w.leaves = population.Log{First: low, End: high + 1}, false
	case count > 0:
		w.span.First = min(w.span.First, low)
	}
	return nil
}

// account writes what proves where the accounted part of the log lies.
func (w *writer) account() error {
	if w.span.First == w.span.End {
		return nil
	}
	p, err := proof.NewRangeProof(w.manifest.Checkpoint.Size, w.span.First, w.span.End, w.tiles)
	if err != nil {
		return fmt.Errorf("couldn't prove the place of the rows in the log: %w", err)
	}
	text, err := population.Encode(p)
	if err != nil {
		return err
	}
	return w.folder.put(population.FileRange, text)
}
