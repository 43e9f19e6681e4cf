//go:build bench

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/whodid/whodid/internal/export"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/proof/population"
)

// exportRate is how many rows a second an export of a period must write.
const exportRate = 200_000

// measureExport exports all that a trail holds: every table in each format, with
// the account of the log. A row counts once, in however many formats it is
// written.
func (b *bench) measureExport(ctx context.Context, engine string, t *trail) error {
	for _, formats := range [][]string{export.Formats(), {"csv"}, {"jsonl"}, {"parquet"}} {
		name := "export." + engine
		if len(formats) == 1 {
			name += "." + formats[0]
		}
		f := &figure{name: name, unit: "/s", what: fmt.Sprintf("rows exported a second as %v, with the account of the log; %d", formats, exportRate)}
		if len(formats) > 1 && engine == "postgres" {
			f.aim = -1
		}
		for round := range pick(b, 3, 2) {
			dir := filepath.Join(b.dir, fmt.Sprintf("export-%d", round))
			now := time.Now()
			done, err := export.Write(ctx, t.store, export.Options{
				Org: store.DefaultOrg, From: now.AddDate(-1, 0, 0), To: now.AddDate(0, 0, 1), Zone: "UTC", Basis: population.Happened,
				Formats: formats, Dir: dir, Version: "bench", Sign: t.ledger.SignText,
				Tell: func(context.Context, *export.Summary) error { return nil },
			})
			took := time.Since(now)
			if err != nil {
				return err
			}
			f.add(float64(done.Rows)/took.Seconds(), exportRate)
			if err := os.RemoveAll(dir); err != nil {
				return fmt.Errorf("couldn't remove an export: %w", err)
			}
		}
		b.done(f)
	}
	return nil
}
