// Package gitlog reads a repository's history from git: its commits, who made
// each of them and what that rests on, and the lines of its files. It knows git
// alone; what the trail knows of the same commits is for others to add.
//
// Messages, names and paths were written by anybody. They are read by lengths
// and separators that nobody can forge, and time and memory are bounded by what
// git prints.
package gitlog

import (
	"strings"
	"time"
)

// Commit is one commit as git tells of it. It holds the words and the names of
// people: what is kept of it is an [Attribution].
type Commit struct {
	ID      string // object name, 40 or 64 hexadecimal digits
	Parents []string
	// AuthoredAt and CommittedAt are zero if the commit has no sound time.
	AuthoredAt, CommittedAt       time.Time
	AuthorName, AuthorEmail       string
	CommitterName, CommitterEmail string
	// Message is the commit's message, cut at maxMessage; Cut says that it was.
	Message string
	Cut     bool
	// Files are what the commit changed, if they were asked for. A merge
	// changes nothing here.
	Files []File
}

// File is one file that a commit changed.
type File struct {
	// Path is the file's name in the commit, From its former one if it moved.
	Path, From string
	// Added and Removed count lines; both are zero for a binary file.
	Added, Removed int
	Binary         bool
}

// maxMessage is the longest message that is read, in bytes. A longer one is cut
// at its head, because trailers are at its end.
const maxMessage = 32 << 20

// Subject is the first line of the message.
func (c *Commit) Subject() string {
	for i := range len(c.Message) {
		if c.Message[i] == '\n' || c.Message[i] == '\r' {
			return c.Message[:i]
		}
	}
	return c.Message
}

// IdentityOf is what the pseudonym of a commit's author is made of: the address,
// for the name is written now so, now so.
func IdentityOf(name, email string) string {
	if email = strings.ToLower(strings.TrimSpace(email)); email != "" {
		return "git:" + email
	}
	if name = strings.ToLower(strings.TrimSpace(name)); name != "" {
		return "git:" + name
	}
	return ""
}
