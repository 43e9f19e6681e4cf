package trailer

import "strings"

// maxColumns bounds how much of a table's row is looked at.
const maxColumns = 32

// grid is the table that the scanner is in.
type grid struct {
	open    bool
	lines   span
	other   int // rows without a mention
	rows    int
	first   int // index of its first mention
	columns [maxColumns]key
	wide    int // number of columns if the head names keys, else 0
}

// cell is the inside of one cell of a row.
type cell struct{ span }

const noKey key = keyCount

// readRow takes in a line that begins with "|" and reports whether it is one of
// a table. The five may stand in the first column, or in the head with one
// origin in each row below.
func (s *scanner) readRow(at span, d dress, inGit bool) bool {
	var cells [maxColumns]cell
	n := splitRow(s.text, span{at.start + d.body, at.end}, &cells)
	if n == 0 {
		return false
	}
	g := &s.grid
	if !g.open {
		*g = grid{open: true, lines: at, first: len(s.mentions)}
	}
	g.lines.end = at.end
	g.rows++
	if isRule(s.text, cells[:n]) {
		return true
	}
	form := d.form&^Indented | Table
	if s.fence != "" && !inGit {
		form |= Fenced
	}
	if g.rows == 1 && g.head(s.text, cells[:n]) {
		return true
	}
	found := false
	if g.wide > 0 {
		for i := range min(n, g.wide) {
			if k := g.columns[i]; k != noKey {
				found = true
				s.add(mention{key: k, form: form, value: cells[i].span, lines: at, row: s.line}, d.quote)
			}
		}
	} else if n >= 2 {
		if k, ok := cellKey(s.text[cells[0].start:cells[0].end]); ok {
			found = true
			s.add(mention{key: k, form: form, value: cells[1].span, lines: at}, d.quote)
		}
	}
	if !found && g.rows > 1 {
		g.other++
	}
	return true
}

// head reads the first row; it is a head if it names two of the five.
func (g *grid) head(text string, cells []cell) bool {
	named := 0
	for i, c := range cells {
		g.columns[i] = noKey
		if k, ok := cellKey(text[c.start:c.end]); ok {
			g.columns[i] = k
			named++
		}
	}
	if named < 2 {
		return false
	}
	g.wide = len(cells)
	return true
}

// closeTable keeps the table that ends here if it mentions anything.
func (s *scanner) closeTable() {
	g := &s.grid
	if g.open && len(s.mentions) > g.first {
		s.tables = append(s.tables, table{lines: g.lines, other: g.other})
		for i := g.first; i < len(s.mentions); i++ {
			s.mentions[i].table = len(s.tables)
		}
	}
	g.open = false
}

// splitRow finds the cells of a row, at most maxColumns. A bar behind a
// backslash is no border.
func splitRow(text string, row span, cells *[maxColumns]cell) int {
	line := trimRight(text[row.start:row.end])
	n, start := 0, 1
	for i := 1; i <= len(line) && n < maxColumns; i++ {
		if i < len(line) && (line[i] != '|' || line[i-1] == '\\') {
			continue
		}
		if i < len(line) || start < i { // text after the last bar is a cell too
			cells[n] = cell{span{row.start + start, row.start + i}}
			n++
		}
		start = i + 1
	}
	return n
}

func isRule(text string, cells []cell) bool {
	for _, c := range cells {
		if strings.Trim(text[c.start:c.end], "-: \t") != "" {
			return false
		}
	}
	return true
}

// cellKey reads a cell that holds nothing but one of the five keys.
func cellKey(s string) (key, bool) {
	s = strings.TrimSuffix(clean(s), ":")
	s = clean(s)
	k, ok := keyAt(s)
	return k, ok && len(s) == len(keyNames[k])
}
