package export

import (
	"context"
	"errors"
	"sync"

	"github.com/whodid/whodid/internal/export/parquet"
	"github.com/whodid/whodid/proof/population"
)

// batchRows is how many rows go down the pipeline together.
const batchRows = 512

// batch is rows of any tables in their order. Workers only read it.
type batch struct {
	tables []int
	values []population.Value // of all rows, one after the other
	ends   []int              // where each row ends
	// entries are lines that account for the log.
	entries []byte
}

// row is a place for the next row of a table, whose every cell is to be set.
func (b *batch) row(table, width int) []population.Value {
	n := len(b.values)
	if cap(b.values)-n < width {
		grown := make([]population.Value, n, 2*cap(b.values)+width)
		copy(grown, b.values)
		b.values = grown
	}
	b.values = b.values[:n+width]
	b.tables, b.ends = append(b.tables, table), append(b.ends, n+width)
	return b.values[n : n+width]
}

// each calls do with each row.
func (b *batch) each(do func(table int, row []population.Value) error) error {
	first := 0
	for i, end := range b.ends {
		if err := do(b.tables[i], b.values[first:end]); err != nil {
			return err
		}
		first = end
	}
	return nil
}

// format writes all tables in one format.
type format interface {
	take(b *batch) error
	close() error
	abandon()
}

// pipeline hands batches to the formats, each of which works for itself.
type pipeline struct {
	ctx   context.Context //nolint:containedctx // it lives as long as the call that made it
	stop  context.CancelCauseFunc
	lines []chan *batch
	group sync.WaitGroup
	open  *batch
}

// newPipeline makes the files of all tables.
func (w *writer) newPipeline(ctx context.Context) (*pipeline, error) {
	var formats []format
	abandon := func() {
		for _, f := range formats {
			f.abandon()
		}
	}
	for _, name := range w.Formats {
		f, err := w.newFormat(name)
		if err != nil {
			abandon()
			return nil, err
		}
		formats = append(formats, f)
	}
	if w.span.First < w.span.End {
		f, err := newEntries(&w.folder)
		if err != nil {
			abandon()
			return nil, err
		}
		formats = append(formats, f)
	}
	p := &pipeline{open: &batch{}}
	p.ctx, p.stop = context.WithCancelCause(ctx)
	for _, f := range formats {
		line := make(chan *batch, 4)
		p.lines = append(p.lines, line)
		p.group.Go(func() {
			var err error
			for b := range line {
				if err == nil {
					err = f.take(b)
				}
				if err != nil {
					p.stop(err) // and read on, for whoever sends waits
				}
			}
			if err == nil && context.Cause(p.ctx) == nil {
				err = f.close()
			} else {
				f.abandon()
			}
			if err != nil {
				p.stop(err)
			}
		})
	}
	return p, nil
}

// flushFull sends the batch that is open on when it is full.
func (p *pipeline) flushFull() error {
	if len(p.open.ends) < batchRows && len(p.open.entries) < 1<<20 {
		return nil
	}
	return p.flush()
}

func (p *pipeline) flush() error {
	b := p.open
	p.open = &batch{values: make([]population.Value, 0, cap(b.values)), entries: make([]byte, 0, cap(b.entries))}
	for _, line := range p.lines {
		select {
		case line <- b:
		case <-p.ctx.Done():
			return context.Cause(p.ctx)
		}
	}
	return nil
}

// fail ends the pipeline without completing its files.
func (p *pipeline) fail(err error) { p.stop(err) }

// close sends what is left, and waits until all is written.
func (p *pipeline) close() error {
	err := p.flush()
	for _, line := range p.lines {
		close(line)
	}
	p.group.Wait()
	if cause := context.Cause(p.ctx); cause != nil && !errors.Is(err, cause) {
		err = cause
	}
	p.stop(nil)
	return err
}

// texts is CSV or JSON lines.
type texts struct {
	files  []*output
	tables []population.Table
	append func(b []byte, columns []population.Column, row []population.Value) []byte
	buffer []byte
}

func (w *writer) newFormat(name string) (format, error) {
	switch name {
	case "csv":
		t, err := w.newTexts(name, population.AppendCSV)
		for i := range t.files {
			_, _ = t.files[i].Write(population.AppendHeader(nil, w.tables[i].Columns)) // an error stays until the flush
		}
		return t, err
	case "jsonl":
		return w.newTexts(name, population.AppendJSON)
	default:
		return w.newParquet()
	}
}

func (w *writer) newTexts(name string, line func([]byte, []population.Column, []population.Value) []byte) (*texts, error) {
	t := &texts{tables: w.tables, append: line}
	for i := range w.tables {
		f, err := w.folder.create(population.FileOf(w.tables[i].Name, name))
		if err != nil {
			t.abandon()
			return t, err
		}
		t.files = append(t.files, f)
	}
	return t, nil
}

func (t *texts) take(b *batch) error {
	return b.each(func(table int, row []population.Value) error {
		t.buffer = t.append(t.buffer[:0], t.tables[table].Columns, row)
		_, err := t.files[table].Write(t.buffer)
		return err
	})
}

func (t *texts) close() error {
	var err error
	for _, f := range t.files {
		err = errors.Join(err, f.close())
	}
	return err
}

func (t *texts) abandon() {
	for _, f := range t.files {
		f.abandon()
	}
}

// parquets are the files of Parquet.
type parquets struct {
	files   []*output
	writers []*parquet.Writer
}

func (w *writer) newParquet() (*parquets, error) {
	p := &parquets{}
	for i := range w.tables {
		f, err := w.folder.create(population.FileOf(w.tables[i].Name, "parquet"))
		if err != nil {
			p.abandon()
			return p, err
		}
		p.files = append(p.files, f)
		table, err := parquet.NewWriter(f, w.tables[i].Columns)
		if err != nil {
			p.abandon()
			return p, err
		}
		p.writers = append(p.writers, table)
	}
	return p, nil
}

func (p *parquets) take(b *batch) error {
	return b.each(func(table int, row []population.Value) error { return p.writers[table].Append(row) })
}

func (p *parquets) close() error {
	var err error
	for i, f := range p.files {
		err = errors.Join(err, p.writers[i].Close(), f.close())
	}
	return err
}

func (p *parquets) abandon() {
	for _, f := range p.files {
		f.abandon()
	}
}

// entries is the account of the log.
type entries struct{ file *output }

func newEntries(f *folder) (*entries, error) {
	file, err := f.create(population.FileEntries)
	return &entries{file}, err
}

func (e *entries) take(b *batch) error {
	_, err := e.file.Write(b.entries)
	return err
}

func (e *entries) close() error { return e.file.close() }
func (e *entries) abandon()     { e.file.abandon() }
