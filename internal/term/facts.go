package term

import (
	"fmt"
	"strings"

	"github.com/clipperhouse/displaywidth"
)

// Fact is one thing about the subject of a page: "Started", "2h ago".
type Fact struct {
	Name string
	// NameStyle is how the name stands out; dim unless it is told.
	NameStyle Style
	Cell
}

// Facts writes what is known about one subject, a line for each fact. At a
// terminal the values are aligned and broken between words where they are too
// long; behind a pipe each line is a name, a tab and a value.
func (o *Output) Facts(facts ...Fact) {
	widest := 0
	for _, f := range facts {
		widest = max(widest, displaywidth.String(f.Name))
	}
	for _, f := range facts {
		text := Clean(f.Text)
		if !o.Terminal() {
			fmt.Fprintf(o.w, "%s\t%s\n", strings.ToLower(f.Name), o.Paint(f.Style, text))
			continue
		}
		indent := 2 + widest + gutter
		style := f.NameStyle
		if style == Plain {
			style = Dim
		}
		name := f.Name + strings.Repeat(" ", widest-displaywidth.String(f.Name))
		for i, line := range wrap(text, max(o.width-indent, minCut)) {
			if i == 0 {
				fmt.Fprintf(o.w, "  %s%s%s\n", o.Paint(style, name), strings.Repeat(" ", gutter), o.Paint(f.Style, line))
			} else {
				fmt.Fprintf(o.w, "%s%s\n", strings.Repeat(" ", indent), o.Paint(f.Style, line))
			}
		}
	}
}

// wrap breaks text between words into lines of at most width columns. A word that
// is longer stays whole on a line of its own, so that a path can be copied: the
// terminal breaks it.
func wrap(text string, width int) []string {
	var lines []string
	line, used := "", 0
	flush := func() {
		lines = append(lines, line)
		line, used = "", 0
	}
	for word := range strings.FieldsSeq(text) {
		wide := displaywidth.String(word)
		if used > 0 && used+1+wide > width {
			flush()
		}
		if used > 0 {
			line, used = line+" ", used+1
		}
		line, used = line+word, used+wide
	}
	if used > 0 || len(lines) == 0 {
		flush()
	}
	return lines
}
