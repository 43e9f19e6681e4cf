package export

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/proof/population"
)

// finish writes what tells of the tables, and signs it.
func (w *writer) finish() (*Summary, error) {
	m := &w.manifest
	m.Log = w.span
	var rows int64
	for i := range w.tables {
		t := &w.tables[i]
		counted := population.Counted{
			Name: t.Name, Meaning: t.Meaning, Rows: w.rows[i], Files: []string{}, Columns: t.Columns,
			Query: store.PopulationQuery(w.Org, t.Name, w.Basis == population.Recorded, w.From, w.To, m.Checkpoint.Size),
		}
		for _, format := range w.Formats {
			counted.Files = append(counted.Files, population.FileOf(t.Name, format))
		}
		m.Tables = append(m.Tables, counted)
		rows += w.rows[i]
	}
	if err := w.sample(); err != nil {
		return nil, err
	}
	manifest, err := population.Encode(m)
	if err != nil {
		return nil, fmt.Errorf("couldn't write the manifest: %w", err)
	}
	for _, file := range []struct {
		name    string
		content []byte
	}{
		{population.FileCheckpoint, []byte(w.snapshot.Head.Checkpoint)},
		{population.FileControls, Controls()},
		{population.FileReadme, readme(m)},
		{population.FileManifest, manifest},
	} {
		if err := w.folder.put(file.name, file.content); err != nil {
			return nil, err
		}
	}
	sums := bytes.NewBufferString(population.SumsHead(m.Origin))
	for _, name := range w.folder.names() {
		fmt.Fprintf(sums, "%s  %s\n", w.folder.sums[name], name)
	}
	signed, err := w.Sign(sums.String())
	if err != nil {
		return nil, err
	}
	if err := w.folder.put(population.FileSums, sums.Bytes()); err != nil {
		return nil, err
	}
	if err := w.folder.put(population.FileSigned, []byte(signed)); err != nil {
		return nil, err
	}
	sum := sha256.Sum256(sums.Bytes())
	return &Summary{Manifest: m, Rows: rows, Bytes: w.folder.bytes, Sums: hex.EncodeToString(sum[:])}, nil
}

// sample writes the sample that was drawn.
func (w *writer) sample() error {
	if w.drawer == nil {
		return nil
	}
	drawn := w.drawer.Rows()
	s := &population.Sample{Table: w.SampleOf, Seed: w.Seed, Size: w.Sample, Rows: int64(len(drawn)), Algorithm: population.Algorithm}
	columns := w.tables[slices.IndexFunc(w.tables, func(t population.Table) bool { return t.Name == w.SampleOf })].Columns
	for _, format := range []string{"csv", "jsonl"} {
		line, text := population.AppendJSON, []byte(nil)
		if format == "csv" {
			line, text = population.AppendCSV, population.AppendHeader(nil, columns)
		}
		for _, row := range drawn {
			text = line(text, columns, row)
		}
		name := population.FileSample(w.SampleOf, format)
		if err := w.folder.put(name, text); err != nil {
			return err
		}
		s.Files = append(s.Files, name)
	}
	w.manifest.Sample = s
	return nil
}
