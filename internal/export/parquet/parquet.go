// Package parquet writes tables as Apache Parquet files: flat columns of texts,
// whole numbers and times that may be null, in dictionaries where values repeat,
// compressed with Snappy. The same rows give the same bytes.
//
// It is our own because the library of the field, parquet-go, makes the program
// ten megabytes larger and its start almost a millisecond slower, at every call
// of every command, for what is two files here. Other people's readers read what
// it writes in the tests.
//
// The format: https://parquet.apache.org/docs/file-format/.
package parquet

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/klauspost/compress/s2"

	"github.com/whodid/whodid/proof/population"
)

const magic = "PAR1"

// Numbers that the format gives to types, encodings and the like.
const (
	typeInt64     = 2
	typeByteArray = 6

	optional = 1

	convertedUTF8      = 0
	convertedTimestamp = 10
	convertedInt64     = 18
	convertedJSON      = 19

	logicalString    = 1
	logicalTimestamp = 8
	logicalInteger   = 10
	logicalJSON      = 12
	unitMicros       = 2

	encodingPlain      = 0
	encodingRLE        = 3
	encodingDictionary = 8

	codecSnappy = 1

	pageData       = 0
	pageDictionary = 2
)

// The bounds of a group of rows, which is held in memory until it is written.
const (
	maxGroupRows  = 32 << 10
	maxGroupBytes = 16 << 20
)

// Writer writes one file. It is not safe for concurrent use.
type Writer struct {
	out     io.Writer
	written int64
	columns []column
	rows    int // of the group that is open
	bytes   int // of texts in it
	total   int64
	groups  []group
	page    []byte
	packed  []byte
}

type group struct {
	rows   int64
	chunks []chunk
}

// chunk is a column of a group as it lies in the file.
type chunk struct {
	dictionary, data int64 // where its pages are; dictionary is 0 if there is none
	plain, packed    int64 // sizes
}

// NewWriter begins a file with the columns.
func NewWriter(out io.Writer, columns []population.Column) (*Writer, error) {
	w := &Writer{out: out, columns: make([]column, len(columns))}
	for i, c := range columns {
		w.columns[i] = column{Column: c}
		w.columns[i].reset()
	}
	return w, w.write([]byte(magic))
}

func (w *Writer) write(b []byte) error {
	n, err := w.out.Write(b)
	w.written += int64(n)
	if err != nil {
		return fmt.Errorf("couldn't write a Parquet file: %w", err)
	}
	return nil
}

// Append adds a row. Its texts must not change before the writer is closed.
func (w *Writer) Append(row []population.Value) error {
	for i := range w.columns {
		w.bytes += w.columns[i].append(&row[i])
	}
	w.rows++
	if w.rows < maxGroupRows && w.bytes < maxGroupBytes {
		return nil
	}
	return w.flush()
}

// flush writes the group that is open.
func (w *Writer) flush() error {
	if w.rows == 0 {
		return nil
	}
	g := group{rows: int64(w.rows), chunks: make([]chunk, len(w.columns))}
	for i := range w.columns {
		c, at := &w.columns[i], &g.chunks[i]
		if c.dictionary != nil {
			at.dictionary = w.written
			w.page = c.appendDictionary(w.page[:0])
			if err := w.writePage(at, pageDictionary, len(c.words), encodingPlain); err != nil {
				return err
			}
		}
		at.data = w.written
		var encoding int32
		w.page, encoding = c.appendValues(w.page[:0])
		if err := w.writePage(at, pageData, w.rows, encoding); err != nil {
			return err
		}
		c.reset()
	}
	w.groups = append(w.groups, g)
	w.total += g.rows
	w.rows, w.bytes = 0, 0
	return nil
}

// writePage writes the page that was made, with its header.
func (w *Writer) writePage(at *chunk, kind int32, values int, encoding int32) error {
	w.packed = s2.EncodeSnappy(w.packed[:cap(w.packed)], w.page)
	var t thrift
	t.i32(1, kind)
	t.i32(2, int32(len(w.page)))
	t.i32(3, int32(len(w.packed)))
	if kind == pageDictionary {
		t.begin(7)
		t.i32(1, int32(values))
		t.i32(2, encoding)
	} else {
		t.begin(5)
		t.i32(1, int32(values))
		t.i32(2, encoding)
		t.i32(3, encodingRLE)
		t.i32(4, encodingRLE)
	}
	t.end()
	t.end()
	at.plain += int64(len(t.b) + len(w.page))
	at.packed += int64(len(t.b) + len(w.packed))
	if err := w.write(t.b); err != nil {
		return err
	}
	return w.write(w.packed)
}

// Close writes what is left and the file's footer.
func (w *Writer) Close() error {
	if err := w.flush(); err != nil {
		return err
	}
	footer := w.footer()
	footer = binary.LittleEndian.AppendUint32(footer, uint32(len(footer)))
	return w.write(append(footer, magic...))
}

func (w *Writer) footer() []byte {
	var t thrift
	t.i32(1, 1)
	t.list(2, thriftStruct, 1+len(w.columns))
	t.element()
	t.text(4, "row")
	t.i32(5, int32(len(w.columns)))
	t.end()
	for i := range w.columns {
		w.columns[i].schema(&t)
	}
	t.i64(3, w.total)
	t.list(4, thriftStruct, len(w.groups))
	for i := range w.groups {
		w.group(&t, &w.groups[i])
	}
	t.text(6, "whodid")
	t.end()
	return t.b
}

// schema writes what kind of column it is.
func (c *column) schema(t *thrift) {
	physical, converted, logical := int32(typeByteArray), int32(convertedUTF8), logicalString
	switch c.Type {
	case population.Text:
	case population.JSON:
		converted, logical = convertedJSON, logicalJSON
	case population.Int:
		physical, converted, logical = typeInt64, convertedInt64, logicalInteger
	case population.Time:
		physical, converted, logical = typeInt64, convertedTimestamp, logicalTimestamp
	}
	t.element()
	t.i32(1, physical)
	t.i32(3, optional)
	t.text(4, c.Name)
	t.i32(6, converted)
	t.begin(10)
	t.begin(logical)
	switch logical {
	case logicalTimestamp:
		t.truth(1, true) // of UTC
		t.begin(2)
		t.begin(unitMicros)
		t.end()
		t.end()
	case logicalInteger:
		t.field(1, 3) // one byte
		t.b = append(t.b, 64)
		t.truth(2, true) // signed
	}
	t.end()
	t.end()
	t.end()
}

func (w *Writer) group(t *thrift, g *group) {
	var plain, packed int64
	t.element()
	t.list(1, thriftStruct, len(g.chunks))
	for i := range g.chunks {
		c, at := &w.columns[i], &g.chunks[i]
		plain, packed = plain+at.plain, packed+at.packed
		t.element()
		t.i64(2, 0)
		t.begin(3)
		t.i32(1, c.physical())
		encodings := []int32{encodingPlain, encodingRLE}
		if at.dictionary > 0 {
			encodings = append(encodings, encodingDictionary)
		}
		t.list(2, thriftI32, len(encodings))
		for _, e := range encodings {
			t.b = binary.AppendVarint(t.b, int64(e))
		}
		t.list(3, thriftBinary, 1)
		t.bytes(c.Name)
		t.i32(4, codecSnappy)
		t.i64(5, g.rows)
		t.i64(6, at.plain)
		t.i64(7, at.packed)
		t.i64(9, at.data)
		if at.dictionary > 0 {
			t.i64(11, at.dictionary)
		}
		t.end()
		t.end()
	}
	t.i64(2, plain)
	t.i64(3, g.rows)
	t.i64(6, packed)
	t.end()
}
