package shell

import "strings"

// A line is a command line, read: its simple commands in the order of the
// text, and the tree that says how their exit statuses make up its own.
type line struct {
	root  *node
	calls []*call
	count int // simple commands in all, those beyond maxCalls included
	// incomplete says that part of the text wasn't read, because it was too
	// long, nested too deeply or no shell syntax, or that a trap may have
	// changed the exit status. It then tells nothing about a single command.
	incomplete bool
	first      string // first word of the text, for when nothing could be parsed
}

// A call is one simple command, without the wrappers around it.
type call struct {
	args    []string // program and arguments; dynamic parts as in wordText
	program string   // base name, "" if it isn't known or can't be told
	env     []string // NAME=value assignments before it
	sudo    bool
	// dir is the directory, relative to that of the line, in which it runs.
	// elsewhere says that this isn't known.
	dir       string
	elsewhere bool
	piped     bool // standard input is what another command of the line prints
	hidden    bool // standard output goes to a file or into a word
	replaces  bool // exec: nothing of the shell's script runs after it
	scriptDoc bool // a here-document or here-string is its standard input
	node      *node

	status status // what is known of its exit status
	proved bool   // its output proved that it succeeded
}

// A nodeOp says how the status of a node comes from those of its kids.
type nodeOp uint8

const (
	opCall       nodeOp = iota // a simple command; kids are substitutions in its words
	opAnd                      // kid && kid …
	opOr                       // kid || kid …
	opSeq                      // kid; kid …: the last decides
	opStrict                   // the same under set -e: all must be zero
	opPipe                     // kid | kid …: the last decides
	opPipeStrict               // the same under set -o pipefail
	opNot                      // ! kid
	opLoose                    // loops, conditions, background jobs: tells nothing
)

type node struct {
	op     nodeOp
	kids   []*node
	parent *node
	index  int   // place among the kids of parent
	call   *call // for opCall, unless it only assigns
}

func (n *node) add(kid *node) {
	if kid != nil {
		kid.parent, kid.index = n, len(n.kids)
		n.kids = append(n.kids, kid)
	}
}

// parse reads a command line. What can't be read leaves a line without calls,
// or with the calls before that point.
func parse(command string) *line {
	l := &line{root: &node{op: opSeq}}
	if len(command) > maxCommand {
		command, l.incomplete = command[:maxCommand], true
	}
	l.first = firstWord(command)
	b := &builder{line: l}
	l.root = b.script(command)
	return l
}

// firstWord is the first blank-separated word that is no assignment.
func firstWord(s string) string {
	for range 16 {
		s = strings.TrimLeft(s, " \t\r\n(")
		i := strings.IndexAny(s, " \t\r\n;&|()<>")
		if i < 0 {
			i = len(s)
		}
		if w := s[:min(i, 100)]; !strings.Contains(w, "=") {
			return w
		}
		s = s[i:]
	}
	return ""
}
