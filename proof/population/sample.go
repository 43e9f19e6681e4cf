package population

import (
	"bytes"
	"container/heap"
	"crypto/sha256"
	"slices"
	"strconv"
)

// Sample is a sample of a table that anybody who has the table can draw again.
type Sample struct {
	Table string `json:"table"`
	Seed  int64  `json:"seed"`
	// Size is how many rows were asked for, Rows how many there are.
	Size int   `json:"size"`
	Rows int64 `json:"rows"`
	// Algorithm says how it was drawn.
	Algorithm string   `json:"algorithm"`
	Files     []string `json:"files"`
}

// Algorithm is how samples are drawn.
const Algorithm = `The rows of the table with the smallest SHA-256 of "whodid-sample/1 SEED TABLE ID" (single spaces, no line feed; ` +
	`ID is the row's event_id, or execution_id), as lower-case hexadecimal, in that order.`

// FileSample names the file of a sample in a format.
func FileSample(table, format string) string { return "sample/" + table + "." + format }

// IDColumn is the place of the column that identifies a row of a table, and
// whether it has one.
func IDColumn(columns []Column) (int, bool) {
	i := slices.IndexFunc(columns, func(c Column) bool { return c.Name == "event_id" || c.Name == "execution_id" })
	return i, i >= 0
}

// Drawer draws a sample out of rows that come one after the other. It keeps no
// more of them than the sample has.
type Drawer struct {
	prefix  []byte
	size    int
	columns []Column
	id      int
	drawn   drawn
	buffer  []byte
}

type ticket struct {
	hash [sha256.Size]byte
	row  []Value
}

// drawn is a heap with the largest hash on top.
type drawn []ticket

func (d drawn) Len() int           { return len(d) }
func (d drawn) Less(i, j int) bool { return bytes.Compare(d[i].hash[:], d[j].hash[:]) > 0 }
func (d drawn) Swap(i, j int)      { d[i], d[j] = d[j], d[i] }
func (d *drawn) Push(x any)        { *d = append(*d, x.(ticket)) }
func (d *drawn) Pop() any {
	old := *d
	last := old[len(old)-1]
	*d = old[:len(old)-1]
	return last
}

// NewDrawer begins a sample of a table with the columns.
func NewDrawer(table string, columns []Column, seed int64, size int) *Drawer {
	id, _ := IDColumn(columns)
	return &Drawer{prefix: []byte("whodid-sample/1 " + strconv.FormatInt(seed, 10) + " " + table + " "), size: size, columns: columns, id: id}
}

// Offer shows the next row of the table.
func (d *Drawer) Offer(row []Value) {
	d.buffer = append(append(d.buffer[:0], d.prefix...), row[d.id].text...)
	hash := sha256.Sum256(d.buffer)
	if len(d.drawn) == d.size {
		if d.size == 0 || bytes.Compare(hash[:], d.drawn[0].hash[:]) >= 0 {
			return
		}
		heap.Pop(&d.drawn)
	}
	kept := slices.Clone(row)
	for i := range kept {
		kept[i].text = string(append([]byte(nil), kept[i].text...)) // the row's own memory is used again
	}
	heap.Push(&d.drawn, ticket{hash, kept})
}

// Rows are the rows that were drawn, in the order of their hashes.
func (d *Drawer) Rows() [][]Value {
	sorted := slices.Clone(d.drawn)
	slices.SortFunc(sorted, func(a, b ticket) int { return bytes.Compare(a.hash[:], b.hash[:]) })
	out := make([][]Value, len(sorted))
	for i := range sorted {
		out[i] = sorted[i].row
	}
	return out
}
