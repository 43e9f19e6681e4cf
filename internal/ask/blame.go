package ask

import (
	"context"

	"github.com/whodid/whodid/internal/gitindex/gitlog"
)

// Blame is the answer to "whose lines are these?".
type Blame struct {
	Path string `json:"path"`
	// Revision is the commit at which the file was looked at; empty is the
	// working tree.
	Revision string       `json:"revision"`
	Lines    []BlamedLine `json:"lines"`
	// Commits are those that the lines came from.
	Commits []BlamedCommit `json:"commits"`
	// ByKind counts the lines by the kind of their commit, "uncommitted" too.
	ByKind map[string]int `json:"by_kind"`
}

// BlamedLine is one line with the commit that it came from.
type BlamedLine struct {
	Line int `json:"line"`
	// Commit is empty for a line that is not committed yet.
	Commit string `json:"commit"`
	// OriginalPath and OriginalLine are where the line was in that commit.
	OriginalPath string `json:"original_path"`
	OriginalLine int    `json:"original_line"`
	// Kind is whose the line is: that of its commit, or what a note of git-ai
	// says of the line alone.
	Kind string `json:"kind"`
	Who  string `json:"who"`
	Text string `json:"text"`
}

// BlamedCommit is a commit with what the trail knows of its runs.
type BlamedCommit struct {
	Commit
	// Known are those of its runs that the trail holds.
	Known []string `json:"known"`
	// Boundary says that the history at hand ends with it.
	Boundary bool `json:"boundary"`
}

// Uncommitted is the kind of lines that are not committed yet.
const Uncommitted = "uncommitted"

// Blame answers whose the lines of a file are. The path is from the top of the
// repository.
func (g *Git) Blame(ctx context.Context, path string, o gitlog.BlameOptions) (*Blame, error) {
	b := &Blame{Path: path, Revision: o.Revision, Lines: []BlamedLine{}, Commits: []BlamedCommit{}, ByKind: map[string]int{}}
	var ids []string
	boundary, seen := map[string]bool{}, map[string]bool{}
	err := g.Repo.Blame(ctx, path, o, func(l gitlog.Line) error {
		b.Lines = append(b.Lines, BlamedLine{
			Line: l.Number, Commit: l.Commit, OriginalPath: l.Path, OriginalLine: l.OriginalNumber, Kind: Uncommitted, Text: l.Text,
		})
		if l.Commit != "" && !seen[l.Commit] {
			seen[l.Commit] = true
			ids = append(ids, l.Commit)
		}
		boundary[l.Commit] = l.Boundary
		return nil
	})
	if err != nil {
		return nil, err
	}
	found, notes, err := g.commits(ctx, ids)
	if err != nil {
		return nil, err
	}
	known, err := g.known(ctx, found)
	if err != nil {
		return nil, err
	}
	at := map[string]int{}
	for i := range found {
		at[found[i].Commit] = i
		c := BlamedCommit{Commit: found[i], Known: []string{}, Boundary: boundary[found[i].Commit]}
		for _, id := range found[i].Executions() {
			if known[id] {
				c.Known = append(c.Known, id)
			}
		}
		b.Commits = append(b.Commits, c)
	}
	for i := range b.Lines {
		l := &b.Lines[i]
		if j, ok := at[l.Commit]; ok {
			l.Kind, l.Who = lineKind(&found[j], notes[l.Commit], l)
		}
		b.ByKind[l.Kind]++
	}
	return b, nil
}

// lineKind tells whose a line is. git-ai says it of each line; a commit of ours
// that names runs is an agent's as a whole.
func lineKind(c *Commit, notes gitlog.CommitNotes, l *BlamedLine) (kind, who string) {
	kind, who = c.Kind, c.Who()
	if notes.Authorship == nil || len(c.Evidence) == 0 || gitlog.Evidence(c.Evidence[0]) != gitlog.Note {
		return kind, who
	}
	switch agent, byAgent, human := notes.Authorship.Line(l.OriginalPath, l.OriginalLine); {
	case byAgent:
		return string(gitlog.Agent), agent.Tool
	case human && c.Author != "":
		return string(gitlog.Human), c.Author
	case human:
		return string(gitlog.Human), string(gitlog.Human)
	default:
		return kind, who
	}
}

// known tells which of the runs that commits name the trail holds.
func (g *Git) known(ctx context.Context, commits []Commit) (map[string]bool, error) {
	if g.Trail == nil {
		return nil, nil
	}
	var ids []string
	for i := range commits {
		ids = append(ids, commits[i].Executions()...)
	}
	if len(ids) == 0 {
		return nil, nil
	}
	return g.Trail.store.KnownExecutions(ctx, g.Trail.org, ids)
}
