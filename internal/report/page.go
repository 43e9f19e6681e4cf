// Package report renders reports: as text for a terminal, as Markdown, as an HTML
// page that needs nothing else, and as PDF. Each renders the same [Page], so that
// they never disagree, and the same page gives the same bytes.
package report

import "github.com/whodid/whodid/internal/ask"

// Page is a report as its renderers see it: words, numbers as they are shown, and
// where they come from. Text in it is not yet safe to show; each renderer makes
// it so for its own format.
type Page struct {
	// Title and Subtitle head the page, Author says who made it.
	Title, Subtitle string
	// Lead are sentences that must be read before the numbers.
	Lead   []Remark
	Tiles  []Tile
	Charts []Chart
	// Sections follow each other.
	Sections []Section
	// Notes end the page: how its numbers are meant.
	Notes []string
	// Created is the date that a file of the page bears, as seconds since 1970: of
	// what it is about, and not of when it was made.
	Created int64
}

// Tone is how something is meant.
type Tone int

// The tones.
const (
	Plain Tone = iota
	Good
	Bad
	Warning
	Quiet
)

// Remark is a sentence with a tone.
type Remark struct {
	Text string
	Tone Tone
}

// Tile is one of the numbers that matter most.
type Tile struct {
	Label, Value string
	// Change says how it was before.
	Change string
	Tone   Tone
	// Note says what the number is not.
	Note string
	// Trace is where it comes from; Over is where what it is divided by comes from.
	Trace, Over *ask.Trace
}

// Chart shows numbers side by side.
type Chart struct {
	Title string
	// Summary says in a sentence what it shows, for who can't see it.
	Summary string
	Bars    []Bar
	// Lying bars are for names, standing ones for times.
	Lying bool
}

// Bar is a number of a chart.
type Bar struct {
	Label string
	Value int64
	// Text is the value as it is shown; Floor tells that it may be more.
	Text  string
	Floor bool
	Trace *ask.Trace
}

// Section is a table with a title.
type Section struct {
	Title string
	// Lead says what is in it; it stands alone where there is no table.
	Lead  string
	Table *Table
}

// Table has rows of cells.
type Table struct {
	Columns []Column
	Rows    [][]Cell
	// More says what is not shown; empty if all is.
	More string
}

// Column is a column of a table.
type Column struct {
	Title string
	// Right aligns numbers.
	Right bool
	// Wide columns get what place there is.
	Wide bool
}

// Cell is one cell.
type Cell struct {
	Text string
	// Sub is said in small letters below or behind it.
	Sub         string
	Tone        Tone
	Trace, Over *ask.Trace
}

// mostName is how many characters of a name are shown.
const mostName = 60

// mostText is how many characters of a text that somebody else wrote are shown.
const mostText = 160

// shorten keeps a text within so many characters, as people count them nearly.
func shorten(s string, most int) string {
	n := 0
	for i := range s {
		if n++; n > most {
			return s[:i] + "…"
		}
	}
	return s
}
