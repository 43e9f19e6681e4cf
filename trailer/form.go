package trailer

import "strings"

// Form is a set of marks that say in which shape a block was found, and so how
// far it can be trusted: only [Git] is seen by git's own tools.
type Form uint16

const (
	// Git: git reads every line of the block as a trailer of the commit.
	Git Form = 1 << iota
	// Buried: lines as git wants them, where git does not look: not in the last
	// paragraph, or in one that does not pass for trailers.
	Buried
	// Divider: below a line that ends the message for `git interpret-trailers`
	// or `git am`: "---", or what looks like the head of a patch.
	Divider
	// Table: rows or columns of a Markdown table.
	Table
	// List: items of a Markdown list.
	List
	// Bold: keys or values in bold, italics or back quotes.
	Bold
	// Indented: behind white space, as `git merge --squash` writes it.
	Indented
	// Quoted: behind "> ". The words of another message.
	Quoted
	// Fenced: inside a Markdown code fence. Maybe an example.
	Fenced
)

var formNames = [...]string{"git", "buried", "divider", "table", "list", "bold", "indented", "quoted", "fenced"}

// String returns the names of the marks, such as "divider+list".
func (f Form) String() string {
	var names []string
	for i, name := range formNames {
		if f&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, "+")
}

// Has reports whether f contains all the marks of other.
func (f Form) Has(other Form) bool { return f&other == other }

// decorated are the marks of lines that git cannot read for their own shape.
const decorated = Table | List | Bold | Indented | Quoted | Fenced

// hearsay are the marks of blocks that may speak of another message. They are
// reported, but never moved.
const hearsay = Quoted | Fenced
