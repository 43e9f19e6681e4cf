package term

import (
	"bufio"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/clipperhouse/displaywidth"
)

// Column is one column of a table.
type Column struct {
	Title string
	// Right aligns to the right, as numbers want it.
	Right bool
	// Whole is never cut, unless the terminal is too narrow for anything else:
	// a number that lost its end is wrong.
	Whole bool
	// Spare is left out where a terminal has no room for all columns: the first
	// spare one first.
	Spare bool
}

// Cell is one cell of a table. Its text may come from anybody: it is cleaned.
type Cell struct {
	Text  string
	Style Style
}

// Text makes a plain cell.
func Text(s string) Cell { return Cell{Text: s} }

// Int makes a cell of a whole number.
func Int[N ~int | ~int64 | ~uint64](n N) Cell {
	if n < 0 {
		return Cell{Text: strconv.FormatInt(int64(n), 10)}
	}
	return Cell{Text: strconv.FormatUint(uint64(n), 10)}
}

// Table gathers rows and writes them once their widths are known.
type Table struct {
	out     *Output
	columns []Column
	rows    [][]Cell
	widths  []int
}

// Between columns there is so much room, and no column is cut below minCut.
const (
	gutter = 2
	minCut = 8
)

// Table begins a table.
func (o *Output) Table(columns ...Column) *Table {
	t := &Table{out: o, columns: columns, widths: make([]int, len(columns))}
	for i, c := range columns {
		t.widths[i] = displaywidth.String(c.Title)
	}
	return t
}

// Row adds a row. Cells that are missing are empty.
func (t *Table) Row(cells ...Cell) {
	row := make([]Cell, len(t.columns))
	copy(row, cells)
	for i := range row {
		row[i].Text = Clean(row[i].Text)
		if t.out.Terminal() {
			t.widths[i] = max(t.widths[i], displaywidth.String(row[i].Text))
		}
	}
	t.rows = append(t.rows, row)
}

// Write writes the table: with a header and aligned at a terminal, as rows of
// cells separated by tabs behind a pipe.
func (t *Table) Write() error {
	w := bufio.NewWriter(t.out.w)
	if t.out.Terminal() {
		t.fit()
		header := make([]Cell, len(t.columns))
		for i, c := range t.columns {
			header[i] = Cell{Text: c.Title, Style: Dim}
		}
		t.writeLine(w, header)
		for _, row := range t.rows {
			t.writeLine(w, row)
		}
	} else {
		for _, row := range t.rows {
			for i, c := range row {
				if i > 0 {
					_ = w.WriteByte('\t') // Flush tells
				}
				_, _ = w.WriteString(t.out.Paint(c.Style, c.Text))
			}
			_ = w.WriteByte('\n')
		}
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("couldn't print the table: %w", err)
	}
	return nil
}

// fit makes the table fit the terminal: it leaves out spare columns until the
// others can be narrowed enough, and then narrows the widest ones.
func (t *Table) fit() {
	for t.narrowest() > t.out.width {
		spare := slices.IndexFunc(t.columns, func(c Column) bool { return c.Spare })
		if spare < 0 {
			break
		}
		t.columns = slices.Delete(t.columns, spare, spare+1)
		t.widths = slices.Delete(t.widths, spare, spare+1)
		for i := range t.rows {
			t.rows[i] = slices.Delete(t.rows[i], spare, spare+1)
		}
	}
	total := gutter * (len(t.columns) - 1)
	for _, w := range t.widths {
		total += w
	}
	for ; total > t.out.width; total-- {
		widest := -1
		for i, c := range t.columns {
			if !c.Whole && t.widths[i] > minCut && (widest < 0 || t.widths[i] > t.widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			return
		}
		t.widths[widest]--
	}
}

// narrowest is how narrow the table can be made without leaving anything out.
func (t *Table) narrowest() int {
	total := gutter * (len(t.columns) - 1)
	for i, c := range t.columns {
		if c.Whole {
			total += t.widths[i]
		} else {
			total += min(t.widths[i], minCut)
		}
	}
	return total
}

func (t *Table) writeLine(w *bufio.Writer, row []Cell) {
	room := t.out.width
	pending := 0 // spaces are written only before something
	for i, c := range row {
		if room <= 0 {
			break
		}
		width := min(t.widths[i], room)
		text := cut(c.Text, width)
		spare := width - displaywidth.String(text)
		before, after := 0, spare
		if t.columns[i].Right {
			before, after = spare, 0
		}
		if text != "" {
			_, _ = w.WriteString(strings.Repeat(" ", pending+before)) // Flush tells
			_, _ = w.WriteString(t.out.Paint(c.Style, text))
			pending = 0
		} else {
			pending += before
		}
		pending += after + gutter
		room -= width + gutter
	}
	_ = w.WriteByte('\n')
}

// cut cuts text to so many columns of a terminal, with … where something is
// missing.
func cut(s string, width int) string {
	if len(s) <= width || displaywidth.String(s) <= width { // no byte is wider than a column
		return s
	}
	if width <= 0 {
		return ""
	}
	return displaywidth.TruncateString(s, width, "…")
}

// Line writes one line of cells, of which each but the last is at least as wide as
// its column says: a table of which the rows to come are not known. Behind a
// pipe it is a row like any other.
func (o *Output) Line(widths []int, cells ...Cell) {
	if !o.Terminal() {
		t := o.Table(make([]Column, len(cells))...)
		t.Row(cells...)
		_ = t.Write() // a reader who is gone has nobody to tell
		return
	}
	var b strings.Builder
	used := 0
	for i, c := range cells {
		text := Clean(c.Text)
		if i < len(widths) && i < len(cells)-1 {
			text = cut(text, widths[i])
		}
		text = cut(text, o.width-used)
		b.WriteString(o.Paint(c.Style, text))
		if i == len(cells)-1 {
			break
		}
		wide := displaywidth.String(text)
		pad := gutter
		if i < len(widths) {
			pad += widths[i] - wide
		}
		pad = max(min(pad, o.width-used-wide), 0)
		b.WriteString(strings.Repeat(" ", pad))
		used += wide + pad
	}
	fmt.Fprintln(o.w, strings.TrimRight(b.String(), " "))
}
